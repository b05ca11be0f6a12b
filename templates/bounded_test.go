package templates

import (
	"runtime"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

// Whatever a program wrote, a page and a mail of it stay within their size, and within the
// memory that it takes to make them.
func TestHostileTextIsBounded(t *testing.T) {
	const size = 512 << 10
	s := newSet(t)
	for name, unit := range map[string]string{
		"a style for each character": "\x1b[31ma\x1b[32mb",
		"all styles at once":         "\x1b[1;2;3;4;9;7;31;42ma\x1b[0m",
		"escapes without text":       "\x1b[31m",
		"sequences that never end":   "\x1b]0;aaaa",
		"introducers":                "\x1b",
		"lines":                      "\n",
		"carriage returns":           "a\r",
		"markup":                     "<&\"'>",
		"direction":                  "\u202e",
		"controls":                   "\x01\u0085",
		"no UTF-8":                   "\xff\xfe",
		"a plan":                     "+ resource \"a\" {\n- b\n~ c\n",
		"a diff":                     "@@ -1 +1 @@\n+a\n-b\n",
		"JSON":                       `[[{"a":"\u0000"},`,
		"one word":                   "a",
	} {
		d := preview(t, "hostile")
		huge := strings.Repeat(unit, size/len(unit))
		d.Shown = []approvals.Param{{Name: "plan", Value: huge}, {Name: "diff", Value: huge}, {Name: "log", Value: huge}}
		d.Approval.Resolved.Params = []approvals.Param{{Name: "a", Value: huge}, {Name: "b", Value: huge}}
		for range 20 {
			d.Approval.Votes = append(d.Approval.Votes, approvals.Vote{Voter: "ann", Verdict: approvals.Approve, Comment: strings.ToValidUTF8(huge[:approvals.MaxComment], "")})
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		shown := page(t, s, d)
		runtime.ReadMemStats(&after)
		if len(shown) > 2<<20 {
			t.Errorf("%s: the page has %d KiB", name, len(shown)>>10)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
			t.Errorf("%s: the page took %d MiB", name, took>>20)
		} else {
			t.Logf("%s: page %d KiB, memory %d KiB", name, len(shown)>>10, took>>10)
		}
		m := mail(t, s, d)
		if len(m.HTML) > 512<<10 || len(m.Text) > 128<<10 {
			t.Errorf("%s: the mail has %d KiB of HTML and %d of text", name, len(m.HTML)>>10, len(m.Text)>>10)
		}
	}
}
