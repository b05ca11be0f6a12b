package approvals

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
)

// MaxComment is the most bytes that a comment may have.
const MaxComment = 2048

// CleanComment makes a comment safe to keep: control characters other than
// newline and tab are dropped (bidirectional overrides too, which could make
// text read as something else), line ends are \n, and the ends are trimmed. A
// comment that is too long after that is refused, CodeInvalid, never cut: forms
// send each line end as two bytes, which their writer can't see.
func CleanComment(s string) (string, error) {
	s = strings.TrimSpace(Printable(s))
	if len(s) > MaxComment {
		return "", Errorf(CodeInvalid, "the comment has %d bytes and the most is %d: shorten it and send it again; nothing was recorded", len(s), MaxComment)
	}
	return s, nil
}

// Printable drops the control characters that CleanComment drops.
func Printable(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control), r == '\u2028', r == '\u2029', r == '\uFEFF':
			return -1
		}
		return r
	}, s)
}

// Cut is s, or as much of it as fits most bytes with the mark that it was cut: whole
// characters, and never invalid ones.
func Cut(s string, most int) string {
	const mark = "…"
	s = strings.ToValidUTF8(s, "")
	switch {
	case len(s) <= most:
		return s
	case most < len(mark):
		return ""
	}
	return strings.ToValidUTF8(s[:most-len(mark)], "") + mark
}

// MaxQuoted is how many bytes of what somebody sent are said back to them.
const MaxQuoted = 40

// address is the schema's pattern of an e-mail address.
var address = regexp.MustCompile(`^[^@\s<>,;"]+@[^@\s<>,;"]+$`)

// IsAddress says whether s looks like an e-mail address that mail can be sent to.
func IsAddress(s string) bool { return address.MatchString(s) }

// Neutral makes text harmless on its way through Tekton:
//   - "$(" becomes "$ (": Tekton has no escape. Its webhook refuses a run whose
//     param holds $(tasks.a.results.b), Triggers expands $(uid) and $(tt.params.x),
//     the kubelet expands $(ENV).
//   - text that parses as a JSON array gets a zero-width space in front: Tekton
//     turns such a result into an array param, which does not fit a string.
func Neutral(s string) string {
	s = strings.ReplaceAll(s, "$(", "$ (")
	if t := strings.TrimSpace(s); strings.HasPrefix(t, "[") && json.Valid([]byte(t)) {
		s = "\u200b" + s
	}
	return s
}
