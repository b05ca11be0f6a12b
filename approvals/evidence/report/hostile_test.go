package report

import (
	"runtime"
	"strings"
	"testing"
)

// filled is start, then more as often as there is room, then end: a text of half the largest
// size, which is enough where bytes are copied.
func filled(start, more, end string) string { return filledTo(MaxText/2, start, more, end) }

func filledTo(size int, start, more, end string) string {
	return start + strings.Repeat(more, (size-len(start)-len(end))/len(more)) + end
}

type hostileText struct {
	format Format
	text   string
}

// hostile are texts of which one part has to do with all of the others, so that to read them
// without care would take the square of their length.
func hostile() map[string]hostileText {
	long := strings.Repeat("x", MaxText/4)
	spaces := strings.Repeat(" ", MaxText/4)
	const created = "  # a will be created\n"
	return map[string]hostileText{
		"headings":          {Plan, filledTo(MaxText, "", created, "")},
		"remarks":           {Plan, filledTo(MaxText, created, " #b\n", "")},
		"other remarks":     {Plan, filled(created, " (because b\n", "")},
		"remarks of moves":  {Plan, filled(created, " # (moved from b)\n", "")},
		"moves":             {Plan, filled("", "  # a has moved to b\n", "")},
		"an indented text":  {Plan, filled(created+spaces+"x = <<EOT\n", " b\n", "")},
		"an indented key":   {Plan, filled(created+spaces+"password = <<EOT\n", " b\n", "")},
		"many texts":        {Plan, filled(created, " x = <<EOT\n   EOT\n", "")},
		"a long sum":        {Plan, filled("Plan: ", "1 to add, ", "1 to add\n")},
		"many sums":         {Plan, filled("", "Plan: 1 to add. Actions: 1 to invoke.\n", "")},
		"outputs":           {Plan, filled("", "Changes to Outputs:\n", "")},
		"files":             {Diff, filled("", "--- a\n+++ b\n", "@@ -1 +1 @@\n")},
		"names of files":    {Diff, filled("", "diff \n", "@@ -1 +1 @@\n")},
		"old names":         {Diff, filled("diff a\n", "rename from a\n", "")},
		"hunks":             {Diff, filled("--- a\n+++ b\n", "@@ -1 +1 @@\n", "")},
		"no newline":        {Diff, filled("--- a\n+++ b\n@@ -1 +1 @@\n-a\n+a\n", "\\ \n", "")},
		"a long object":     {KubectlDiff, filled("diff LIVE-1/", "v1.", "\n@@ -1 +1 @@\n")},
		"objects":           {KubectlDiff, filled("", "diff LIVE-1/v1.A.b.c\n", "@@ -1 +1 @@\n")},
		"helm's objects":    {HelmDiff, filled("", "a, b, C (d) has changed:\n", "")},
		"failures of one":   {JUnit, filled("<testsuite><testcase>", "<error>x</error>", "</testcase></testsuite>")},
		"one long message":  {JUnit, "<testsuite><testcase><error message='" + long + "'/></testcase></testsuite>"},
		"output of one":     {JUnit, filled("<testsuite><testcase><error/>", "<system-out>x</system-out>", "</testcase></testsuite>")},
		"attributes":        {JUnit, filled("<testsuite><testcase ", "a='' ", "/></testsuite>")},
		"namespaces":        {JUnit, filled("<testsuite ", "xmlns:a='b' ", "/>")},
		"ends of others":    {JUnit, filled("<testsuite>", "<a></b>", "</testsuite>")},
		"entities":          {JUnit, filled("<testsuite><testcase><error>", "&a", "</error></testcase></testsuite>")},
		"comments":          {JUnit, filled("<testsuite>", "<!---->", "</testsuite>")},
		"directives":        {JUnit, filled("<!a ", "<!---->", "><testsuite/>")},
		"one rule of many":  {SARIF, filled(`{"version":"2.1.0","runs":[{"tool":{"driver":{"rules":[{"id":"a","shortDescription":{"text":"`+long+`"}}]}},"results":[`, `{"ruleId":"a"},`, `{}]}]}`)},
		"one index of many": {SARIF, filled(`{"version":"2.1.0","runs":[{"tool":{"driver":{"rules":[{"id":"`+long+`","shortDescription":{"text":"a"}}]}},"results":[`, `{"ruleIndex":0},`, `{}]}]}`)},
		"one score of many": {SARIF, filled(`{"version":"2.1.0","runs":[{"tool":{"driver":{"rules":[{"id":"a","properties":{"security-severity":"`+long+`"}}]}},"results":[`, `{"ruleId":"a"},`, `{}]}]}`)},
		"places of one":     {SARIF, filled(`{"version":"2.1.0","runs":[{"results":[{"locations":[`, `{"physicalLocation":{"artifactLocation":{"uri":"a"}}},`, `{}]}]}]}`)},
		"runs":              {SARIF, filled(`{"version":"2.1.0","runs":[`, `{},`, `{}]}`)},
		"a list in lists":   {JSON, filled(strings.Repeat("[", 63), "1,", "1"+strings.Repeat("]", 63))},
		"unclosed lists":    {JSON, filled("", "[", "")},
		"unknown actions":   {PlanJSON, filled(`{"format_version":"1.2","resource_changes":[`, `{"address":"a","change":{"actions":["x"]}},`, `{}]}`)},
		"invoked actions":   {PlanJSON, filled(`{"format_version":"1.2","action_invocations":[`, `{"address":"a"},`, `{}]}`)},
		"one deep value":    {PlanJSON, filled(`{"format_version":"1.2","resource_changes":[{"address":"a","change":{"actions":["create"],"after":{"a":`+strings.Repeat("[", 60), "1,", "1"+strings.Repeat("]", 60)+`}}}]}`)},
		"many attributes":   {PlanJSON, filled(`{"format_version":"1.2","resource_changes":[{"address":"a","change":{"actions":["update"],"before":{"a":[`, "1,", `2]},"after":{"a":[3]}}}]}`)},
		"replaced paths":    {PlanJSON, filled(`{"format_version":"1.2","resource_changes":[{"address":"a","change":{"actions":["delete","create"],"before":{"a":1},"after":{"a":2},"replace_paths":[`, `["a"],`, `["a"]]}}]}`)},
		"titles":            {Markdown, filled("", "# a\n", "")},
		"fences":            {Markdown, filled("", "```\n", "")},
		"unclosed strings":  {Text, filled("", "\x1b]", "")},
		"long strings":      {Text, filled("", "\x1b]"+strings.Repeat("a", maxSequence), "")},
		"unclosed colours":  {Text, filled("", "\x1b[1", "")},
		"controls":          {Text, filled("", "\u009d", "")},
		"returns":           {Text, filled("", "\r", "")},
		"no characters":     {Text, filled("", "\xff", "")},
	}
}

// TestHostile: what is read of a large text costs some of its length, not the square of
// that. What is copied is counted; where nothing is, a square of five million steps and more
// takes longer than a test may.
func TestHostile(t *testing.T) {
	const most = 700 // bytes are allocated for one of the text; a square takes ten thousands
	for name, h := range hostile() {
		t.Run(name, func(t *testing.T) {
			if len(h.text) > MaxText {
				t.Errorf("%d bytes are over the limit", len(h.text))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := Parse(h.format, name, h.text)
			if r.Format != h.format && h.format != JSON {
				t.Errorf("read as %s, so this tests nothing", r.Format)
			}
			size := 0
			for i := range r.Parts {
				r.Parts[i].Lines(MaxText)
				size += len(r.Parts[i].Title) + len(r.Parts[i].Note) + len(r.Parts[i].Text)
			}
			if !strings.ContainsAny(h.text[:1], "{<") { // what begins so is read as what it begins like
				Summarize(Auto, name, h.text)
			}
			runtime.ReadMemStats(&after)
			if n := (after.TotalAlloc - before.TotalAlloc) / uint64(len(h.text)); n > most {
				t.Errorf("%d bytes are allocated for one of the text, and the limit is %d", n, most)
			}
			if size > 4*MaxText {
				t.Errorf("the parts have %d bytes", size)
			}
			if len(r.Warnings) > 20 {
				t.Errorf("%d warnings", len(r.Warnings))
			}
		})
	}
}

// TestFewRemarks: terraform writes two remarks below a heading at most; where a text has many,
// the first are read and the others are shown.
func TestFewRemarks(t *testing.T) {
	many := strings.Repeat("  # (moved from b)\n", maxRemarks+3)
	r := Parse(Plan, "plan", "  # a will be created\n"+many+"  + resource \"a\" \"b\" {\n    }\n\nPlan: 1 to add.\n")
	p := part(t, r, "a")
	if got := strings.Count(p.Note, "moved from"); got != maxRemarks || r.Summary.Move != maxRemarks {
		t.Errorf("%d remarks are read, %d moves", got, r.Summary.Move)
	}
	if got := strings.Count(p.Text, "moved from"); got != 3 {
		t.Errorf("%d remarks are shown with the resource, and 3 are left: nothing may be lost", got)
	}
}
