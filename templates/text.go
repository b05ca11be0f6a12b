package templates

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine bounds what is shown on one line: names, titles, messages' subjects.
const maxLine = 256

// visible makes text show what it holds: characters that are invisible, or that
// make other text read as something else, become markers such as [U+202E].
func visible(s string) string {
	if !strings.ContainsFunc(s, deceptive) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, "\r\n", "\n") {
		if deceptive(r) {
			fmt.Fprintf(&b, "[U+%04X]", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// drop removes what visible marks. It is for a person's own text, put back into
// the form: the markers would become part of it.
func drop(s string) string {
	return strings.Map(func(r rune) rune {
		if deceptive(r) {
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// deceptive reports whether r is a control other than newline and tab, changes the direction of text,
// or is drawn as nothing: with such characters a text can look like another one.
func deceptive(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control):
		return true
	case r == '\u00AD', r == '\u115F', r == '\u1160', r == '\u3164', r == '\uFFA0', r == '\uFEFF':
		return true // soft hyphen, Hangul fillers, byte order mark
	case r == '\u200B', r == '\u2028', r == '\u2029', r >= '\u2060' && r <= '\u2064':
		return true // zero width and separators; joiners stay: scripts and emoji need them
	case r >= '\uFFF9' && r <= '\uFFFB', r >= 0xE0000 && r <= 0xE0FFF:
		return true // annotations, tags and selectors beyond the first 16
	}
	return false
}

// line is s on one line of bounded length.
func line(s string) string {
	s, more := cut(s, maxLine)
	s = oneLine(s)
	if more > 0 {
		s += fmt.Sprintf("… (%d more bytes)", more)
	}
	return s
}

// cut returns at most most bytes of s, in whole characters, and how many bytes
// were left out.
func cut(s string, most int) (string, int) {
	if len(s) <= most {
		return s, 0
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most], len(s) - most
}

// cutLines is cut, and at most most lines.
func cutLines(s string, bytes, most int) (string, int) {
	kept, _ := cut(s, bytes)
	for i := range len(kept) {
		if kept[i] == '\n' || kept[i] == '\r' && !strings.HasPrefix(kept[i+1:], "\n") {
			if most--; most == 0 {
				kept = kept[:i+1]
				break
			}
		}
	}
	return kept, len(s) - len(kept)
}

func oneLine(s string) string { return strings.Join(strings.Fields(visible(s)), " ") }

// brief is s on one line of at most most characters, with an ellipsis if that is
// not all.
func brief(s string, most int) string {
	start, more := cut(s, 8*most)
	s = oneLine(start)
	if more == 0 && utf8.RuneCountInString(s) <= most {
		return s
	}
	if more > 0 && utf8.RuneCountInString(s) < most {
		return s + "…"
	}
	return strings.TrimSpace(string([]rune(s)[:most-1])) + "…"
}
