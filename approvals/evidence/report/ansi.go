package report

import (
	"strings"
	"unicode/utf8"
)

// Strip is s without the sequences by which programs steer a terminal, and without stray
// controls. A carriage return ends a line: in a terminal it would let text cover text.
func Strip(s string) string {
	if !strings.ContainsFunc(s, control) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for len(s) > 0 {
		if n := strings.IndexFunc(s, control); n != 0 {
			if n < 0 {
				n = len(s)
			}
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		if n := Sequence(s); n > 0 {
			s = s[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		if s = s[n:]; r == '\r' && !strings.HasPrefix(s, "\n") {
			b.WriteByte('\n')
		}
	}
	return strings.ToValidUTF8(b.String(), "\ufffd")
}

// control reports whether r is a C0 or C1 control or DEL, other than newline and tab.
func control(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 }

// maxSequence bounds a sequence that is dropped with its content: longer ones are
// shown, since a real one is short and this could be text in hiding.
const maxSequence = 2048

// Sequence is the length of the control sequence that s starts with, 0 if it
// starts with none. Of a broken one only the introducer is dropped.
func Sequence(s string) int {
	switch {
	case strings.HasPrefix(s, "\x1b["):
		return csi(s, 2)
	case strings.HasPrefix(s, "\u009b"):
		return csi(s, 2)
	case len(s) > 1 && s[0] == 0x1b && strings.IndexByte("]PX^_", s[1]) >= 0:
		return stringSeq(s, 2)
	case strings.HasPrefix(s, "\u009d"), strings.HasPrefix(s, "\u0090"), strings.HasPrefix(s, "\u0098"), strings.HasPrefix(s, "\u009e"), strings.HasPrefix(s, "\u009f"):
		return stringSeq(s, 2)
	case len(s) > 2 && s[0] == 0x1b && s[1] >= 0x20 && s[1] <= 0x2f: // e.g. ESC ( B
		return 3
	case len(s) > 1 && s[0] == 0x1b && s[1] >= 0x30 && s[1] <= 0x7e:
		return 2
	case s != "" && s[0] == 0x1b:
		return 1
	}
	return 0
}

// csi returns the length of a CSI sequence whose introducer has start bytes. One of more than 64
// further bytes is none, and only its introducer counts.
func csi(s string, start int) int {
	for i := start; i < len(s) && i < start+64; i++ {
		switch {
		case s[i] >= 0x40 && s[i] <= 0x7e:
			return i + 1
		case s[i] < 0x20 || s[i] > 0x3f:
			return i
		}
	}
	if len(s) <= start+64 {
		return len(s)
	}
	return start
}

// stringSeq is the length of an OSC, DCS, SOS, PM or APC sequence. Any control
// character but its end breaks it, so none hides more than a piece of one line.
func stringSeq(s string, start int) int {
	for i := start; i < len(s) && i < maxSequence; i++ {
		switch {
		case s[i] == '\a':
			return i + 1
		case strings.HasPrefix(s[i:], "\x1b\\"), strings.HasPrefix(s[i:], "\u009c"):
			return i + 2
		case s[i] < ' ', s[i] == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0: // C0, C1
			return start
		}
	}
	return start
}
