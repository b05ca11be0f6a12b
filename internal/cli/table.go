package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

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
	width   []int
}

func (t *table) print(rows [][]cell) {
	first := t.width == nil
	if first {
		t.width = make([]int, len(t.head))
	}
	for i, h := range t.head {
		t.width[i] = max(t.width[i], utf8.RuneCountInString(h))
	}
	for _, row := range rows {
		for i := range row {
			row[i].text = line(row[i].text)
			if row[i].text == "" {
				row[i].text = "-" // as awk and cut need it
			}
			t.width[i] = max(t.width[i], utf8.RuneCountInString(row[i].text))
		}
	}
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

func (t *table) row(row []cell) {
	var b strings.Builder
	for i, c := range row {
		b.WriteString(c.paint.on(c.text, t.colours))
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", t.width[i]-utf8.RuneCountInString(c.text)+3))
		}
	}
	fmt.Fprintln(t.out, b.String())
}
