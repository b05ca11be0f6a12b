package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/countersign-dev/countersign/approvals"
)

// paint is a colour: the number of an SGR sequence, "" for none.
type paint string

const (
	red    paint = "31"
	green  paint = "32"
	yellow paint = "33"
	faint  paint = "2"
)

// on paints s when colours are wanted.
func (p paint) on(s string, colours bool) string {
	if p == "" || !colours || s == "" {
		return s
	}
	return "\x1b[" + string(p) + "m" + s + "\x1b[0m"
}

func paintOf(o approvals.Outcome) paint {
	switch o {
	case approvals.Approved:
		return green
	case approvals.Rejected:
		return red
	case approvals.Pending:
		return yellow
	default:
		return faint
	}
}

type cell struct {
	text  string
	paint paint
}

// table aligns columns. It can be printed row by row: widths only grow.
type table struct {
	out     io.Writer
	colours bool
	head    []string
	// room bounds the columns of a line; 0: it has no bound. The excess is cut from the cells
	// beneath head[elastic].
	room, elastic int
	width         []int
}

const (
	gap        = 3  // columns between two cells
	minElastic = 16 // columns: less says nothing
)

func (t *table) print(rows [][]cell) {
	first := t.width == nil
	if first {
		t.width = make([]int, len(t.head))
	}
	for i, h := range t.head {
		t.width[i] = max(t.width[i], columns(h))
	}
	for _, row := range rows {
		for i := range row {
			row[i].text = line(row[i].text)
			if row[i].text == "" {
				row[i].text = "-" // as awk and cut need it
			}
			t.width[i] = max(t.width[i], columns(row[i].text))
		}
	}
	t.fit(rows)
	if first {
		head := make([]cell, len(t.head))
		for i, h := range t.head {
			head[i].text = h
		}
		t.row(head)
	}
	for _, row := range rows {
		t.row(row)
	}
}

// fit shortens the elastic cells so that lines do not wrap, where that helps.
func (t *table) fit(rows [][]cell) {
	if t.room == 0 || t.elastic < 0 || t.elastic >= len(t.head) {
		return
	}
	all := gap * (len(t.width) - 1)
	for _, w := range t.width {
		all += w
	}
	most := max(minElastic, t.width[t.elastic]-max(0, all-t.room))
	for _, row := range rows {
		row[t.elastic].text = within(row[t.elastic].text, most)
	}
	t.width[t.elastic] = min(t.width[t.elastic], most)
}

// within is s, or as much of its start as fits into n columns with a mark.
func within(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if n -= columnsOf(r); n < 1 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// columns returns the width of s on a terminal: Chinese, Japanese and Korean characters take
// two.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

func (t *table) row(row []cell) {
	var b strings.Builder
	for i, c := range row {
		b.WriteString(c.paint.on(c.text, t.colours))
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", t.width[i]-columns(c.text)+gap))
		}
	}
	fmt.Fprintln(t.out, b.String())
}
