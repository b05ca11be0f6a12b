package templates

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Span is text in one style: CSS classes of the page's style sheet.
type Span struct{ Class, Text string }

// style is what SGR sequences have set so far. Colours are 1 to 16, 0 is none.
type style struct {
	bold, dim, italic, under, strike, inverse bool
	fg, bg                                    int
}

// class names a style. A background brings its own text colour and inverse
// video its own pair, so that no sequence can hide text by painting it in the
// colour of what is behind it. Concealed text (SGR 8) is shown for that reason.
func (s style) class() string {
	var c []string
	for _, x := range []struct {
		on   bool
		name string
	}{
		{s.bold, "bold"},
		{s.dim, "dim"},
		{s.italic, "italic"},
		{s.under, "under"},
		{s.strike, "strike"},
		{s.inverse, "inverse"},
		{s.bg > 0, "bg" + strconv.Itoa(s.bg-1)},
		{s.fg > 0 && s.bg == 0 && !s.inverse, "fg" + strconv.Itoa(s.fg-1)},
	} {
		if x.on {
			c = append(c, x.name)
		}
	}
	return strings.Join(c, " ")
}

// parseANSI turns terminal output into lines of styled text. SGR sequences become
// classes; other sequences and stray controls are dropped. A carriage return
// starts a new line: in a terminal it would let text cover text.
func parseANSI(s string) []Line {
	var (
		lines []Line
		cur   Line
		now   style
		text  strings.Builder
	)
	flush := func() {
		if text.Len() > 0 {
			cur.Spans = append(cur.Spans, Span{now.class(), visible(text.String())})
			text.Reset()
		}
	}
	end := func() {
		flush()
		cur.Kind = kindOf(cur.Text())
		lines, cur = append(lines, cur), Line{}
	}
	for len(s) > 0 {
		if seq := escape(s); seq > 0 {
			if next := now.sgr(s[:seq]); next != now {
				flush()
				now = next
			}
			s = s[seq:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		switch {
		case r == '\r' && strings.HasPrefix(s, "\n"):
		case r == '\n' || r == '\r':
			end()
		case r == '\t' || r >= ' ' && r < 0x7f || r >= 0xa0:
			text.WriteRune(r)
		}
	}
	if flush(); len(cur.Spans) > 0 {
		end()
	}
	return lines
}

// maxEscape bounds a sequence that is dropped with its content: longer ones are
// shown, since a real one is short and this could be text in hiding.
const maxEscape = 2048

// escape is the length of the control sequence that s starts with, 0 if it
// starts with none. Of a broken one only the introducer is dropped.
func escape(s string) int {
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
	case s[0] == 0x1b:
		return 1
	}
	return 0
}

// csi is the length of a CSI sequence whose introducer has start bytes.
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
	for i := start; i < len(s) && i < maxEscape; i++ {
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
