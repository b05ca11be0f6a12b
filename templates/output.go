package templates

import (
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// Bounds of one output, and the lines of a long one that are open at once.
const (
	maxOutput = 96 << 10
	maxLines  = 2000
	foldOver  = 40
	headLines = 28
	tailLines = 6
)

// Line is one line of output. Kind is "", or how a plan or diff means it: "add",
// "del", "mod", "rep" (destroyed and created again), "head".
type Line struct {
	Kind  string
	Spans []Span
}

// Text is the line without its style.
func (l Line) Text() string {
	var b strings.Builder
	for _, s := range l.Spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Output is text that a program wrote, put before the approver.
type Output struct {
	Name  string
	Lines []Line
	More  int // bytes that are not shown at all
}

func newOutput(p approvals.Param, room *room) Output {
	s, more := cutLines(p.Value, room.take(len(p.Value), maxOutput), maxLines)
	return Output{Name: line(p.Name), Lines: parseANSI(s), More: more}
}

// Long says that a part is folded.
func (o Output) Long() bool { return len(o.Lines) > foldOver }

// Head is the lines before the fold.
func (o Output) Head() []Line {
	if o.Long() {
		return o.Lines[:headLines]
	}
	return o.Lines
}

// Fold is the lines that are folded away.
func (o Output) Fold() []Line {
	if o.Long() {
		return o.Lines[headLines : len(o.Lines)-tailLines]
	}
	return nil
}

// Tail is the lines after the fold: a plan's last lines sum it up.
func (o Output) Tail() []Line {
	if o.Long() {
		return o.Lines[len(o.Lines)-tailLines:]
	}
	return nil
}

// First is at most n lines.
func (o Output) First(n int) []Line { return o.Lines[:min(n, len(o.Lines))] }

// After is how many lines there are beyond n.
func (o Output) After(n int) int { return max(0, len(o.Lines)-n) }

// Text is the lines without their style.
func (o Output) Text() string {
	var b strings.Builder
	for _, l := range o.Lines {
		b.WriteString(l.Text() + "\n")
	}
	return b.String()
}

// Count is how many lines are of a kind.
func (o Output) Count(kind string) int {
	n := 0
	for _, l := range o.Lines {
		if l.Kind == kind {
			n++
		}
	}
	return n
}

// kindOf reads a line as terraform plans and unified diffs write it.
func kindOf(s string) string {
	t := strings.TrimLeft(s, " \t")
	sign, rest, _ := strings.Cut(t, " ")
	switch sign {
	case "+":
		return "add"
	case "-":
		return "del"
	case "~":
		return "mod"
	case "-/+", "+/-":
		return "rep"
	case "+++", "---", "@@", "Plan:":
		return "head"
	case "#":
		if strings.Contains(rest, " will be ") || strings.Contains(rest, " must be ") {
			return "head"
		}
		return ""
	}
	switch {
	case len(s) < 2:
		return ""
	case s[0] == '+' && s[1] != '+':
		return "add"
	case s[0] == '-' && s[1] != '-':
		return "del"
	}
	return ""
}
