package split

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Refusal is one reason why a pipeline can't be cut, with what to change.
type Refusal struct {
	Line int // of the text, from 1
	Why  string
}

// Refusals has all refusals that were found, by their lines.
type Refusals []Refusal

// Error is one line for each.
func (rs Refusals) Error() string {
	var lines []string
	for _, r := range rs {
		lines = append(lines, fmt.Sprintf("line %d: %s", r.Line, r.Why))
	}
	return strings.Join(lines, "\n")
}

// refuse notes one refusal, once: a reference that is written twice in a line is one
// thing to change.
func (rs *Refusals) refuse(line int, format string, args ...any) {
	r := Refusal{line, fmt.Sprintf(format, args...)}
	if !slices.Contains(*rs, r) {
		*rs = append(*rs, r)
	}
}

// err is nil when there are none.
func (rs Refusals) err() error {
	if len(rs) == 0 {
		return nil
	}
	slices.SortStableFunc(rs, func(a, b Refusal) int { return cmp.Compare(a.Line, b.Line) })
	return rs
}
