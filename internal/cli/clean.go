package cli

import (
	"regexp"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// sequences match what terminals execute: CSI, the strings of OSC and its like, and the short
// ones; with ESC, or as one C1 character.
var sequences = regexp.MustCompile(
	`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]` +
		`|(?:\x1b[\]PX^_]|[\x{9d}\x{90}\x{98}\x{9e}\x{9f}])[^\x07\x1b\x{9c}]*(?:\x07|\x1b\\|\x{9c})?` +
		`|\x1b[ -/]*[0-~]`)

// clean is text that somebody typed or printed, for a terminal: without commands
// to it, and without characters that make text read as something else.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	// A line end is \r\n to some; alone it would have text written over.
	return approvals.Printable(sequences.ReplaceAllString(s, ""))
}

// line is clean text on one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

func short(s string, n int) string {
	r := []rune(line(s))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}
