package templates

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

// Span is text in one style: CSS classes of the page's style sheet.
type Span struct{ Class, Text string }

// style is the state after the SGR sequences so far. Colours are 1 to 16, 0 is none.
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
		lines, cur = append(lines, cur), Line{}
	}
	for len(s) > 0 {
		if seq := report.Sequence(s); seq > 0 {
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
