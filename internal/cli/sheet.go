package cli

import (
	"fmt"
	"io"
	"strings"
)

// sheet writes the description of one thing: fields, and headings with what is
// beneath them.
type sheet struct {
	out     io.Writer
	colours bool
}

// field writes "Name:  value", and nothing when there is no value.
func (s sheet) field(name, value string, p paint) {
	if value = line(value); value != "" {
		fmt.Fprintf(s.out, "%-14s%s\n", name+":", p.on(value, s.colours))
	}
}

func (s sheet) heading(format string, args ...any) {
	fmt.Fprintf(s.out, "\n%s\n", line(fmt.Sprintf(format, args...)))
}

func (s sheet) item(format string, args ...any) {
	fmt.Fprintf(s.out, "  %s\n", line(fmt.Sprintf(format, args...)))
}

// pair writes a name and its value, a long one as a block.
func (s sheet) pair(name, value string, width int) {
	value = strings.TrimRight(clean(value), "\n")
	if !strings.Contains(value, "\n") {
		fmt.Fprintf(s.out, "  %-*s   %s\n", width, line(name), value)
		return
	}
	fmt.Fprintf(s.out, "  %s\n", line(name))
	s.block(value)
}

// block writes text as it is, with a margin that no text can pretend to be without.
func (s sheet) block(text string) {
	for l := range strings.SplitSeq(strings.TrimRight(clean(text), "\n"), "\n") {
		fmt.Fprintf(s.out, "    | %s\n", l)
	}
}
