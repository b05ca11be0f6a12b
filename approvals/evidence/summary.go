package evidence

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Summary counts the contents of a text that people decide on: the resources of a plan, the
// objects or files of a diff, the tests of a report, the findings of a scan. Package report makes
// it from the text, which the pipeline wrote.
type Summary struct {
	// Each field is left out where it is nothing: one that comes later changes no digest of an
	// Approval that has none of it.
	Name   string `json:",omitzero"` // of the result or evidence that has the text
	Format string `json:",omitzero"` // of report.Format

	// Of a plan a replacement is in Add, Destroy and Replace, as the plan itself counts. Of a
	// diff these are its objects or files.
	Add, Change, Destroy, Replace, Import, Forget, Move, Drift int `json:",omitzero"`
	Tests, Failed, Skipped                                     int `json:",omitzero"`
	Critical, High, Medium, Low, Note                          int `json:",omitzero"`
	// Incomplete: parts of the text are missing, so there is more than is counted.
	Incomplete bool `json:",omitzero"`
}

// Counts are the numbers by their names in CEL and in the API.
func (s Summary) Counts() map[string]int {
	return map[string]int{
		"add": s.Add, "change": s.Change, "destroy": s.Destroy, "replace": s.Replace, "import": s.Import, "forget": s.Forget, "move": s.Move, "drift": s.Drift,
		"tests": s.Tests, "failed": s.Failed, "skipped": s.Skipped,
		"critical": s.Critical, "high": s.High, "medium": s.Medium, "low": s.Low, "note": s.Note,
	}
}

// Chip is one number of a Summary as pages and cards show it, beside others.
type Chip struct {
	Kind string // what is counted: "destroy"
	Text string // "5 destroy"
}

// Chips are the numbers that matter, in the order of a plan's own sum.
func (s Summary) Chips() []Chip {
	var out []Chip
	chip := func(kind string, n int, words string) {
		if n > 0 {
			out = append(out, Chip{kind, fmt.Sprintf("%d %s", n, words)})
		}
	}
	add, change, destroy := "add", "change", "destroy"
	if s.Format == formatDiff {
		add, change, destroy = "new", "changed", "deleted"
	}
	chip("import", s.Import, "import")
	chip("add", s.Add, add)
	chip("change", s.Change, change)
	if s.Replace > 0 && s.Destroy > 0 {
		destroy += fmt.Sprintf(" (%d replaced)", s.Replace)
	}
	chip("destroy", s.Destroy, destroy)
	if s.Destroy == 0 {
		chip("replace", s.Replace, "replace")
	}
	chip("forget", s.Forget, "forget")
	chip("move", s.Move, "move")
	chip("drift", s.Drift, "changed outside")
	chip("failed", s.Failed, "failed")
	chip("skipped", s.Skipped, "skipped")
	chip("tests", s.Tests-s.Failed-s.Skipped, "passed")
	chip("critical", s.Critical, "critical")
	chip("high", s.High, "high")
	chip("medium", s.Medium, "medium")
	chip("low", s.Low, "low")
	chip("note", s.Note, "notes")
	return out
}

// The formats that a sum in words is different for; package report has all.
const (
	formatDiff  = "diff"
	formatJUnit = "junit"
	formatSARIF = "sarif"
)

// Counted reports whether the format is one of which something is counted.
func (s Summary) Counted() bool {
	return !slices.Contains([]string{"", "text", "markdown", "json"}, s.Format)
}

// Line is s in a few words, such as "1 import · 9 add · 5 change · 5 destroy"; "" when nothing
// is counted in such a text.
func (s Summary) Line() string {
	if !s.Counted() {
		return ""
	}
	var words []string
	for _, c := range s.Chips() {
		words = append(words, c.Text)
	}
	line := strings.Join(words, " · ")
	switch {
	case line != "":
	case s.Format == formatJUnit:
		line = "no tests"
	case s.Format == formatSARIF:
		line = "no findings"
	default:
		line = "no changes"
	}
	if s.Incomplete {
		line += " · incomplete"
	}
	return line
}

// Alarming reports whether something would be destroyed, has failed, or was found that is
// critical or high.
func (s Summary) Alarming() bool { return s.Destroy+s.Failed+s.Critical+s.High > 0 }

// SumUp adds up all. A plan that is there as text and as JSON is counted once.
func SumUp(all []Summary) Summary {
	var sum Summary
	var asJSON []map[string]int
	for _, s := range all {
		if s.Format == "terraform-plan-json" {
			asJSON = append(asJSON, planned(s))
		}
	}
	for _, s := range all {
		if !s.Counted() {
			continue
		}
		if s.Format == "terraform-plan" {
			if i := slices.IndexFunc(asJSON, func(o map[string]int) bool { return sameCounts(planned(s), o) }); i >= 0 {
				asJSON = slices.Delete(asJSON, i, i+1)
				sum.Incomplete = sum.Incomplete || s.Incomplete
				continue
			}
		}
		if sum.Format == "" {
			sum.Format = s.Format
		} else if sum.Format != s.Format {
			sum.Format = "several"
		}
		sum.add(s)
	}
	return sum
}

func (s *Summary) add(o Summary) {
	s.Add, s.Change, s.Destroy, s.Replace = s.Add+o.Add, s.Change+o.Change, s.Destroy+o.Destroy, s.Replace+o.Replace
	s.Import, s.Forget, s.Move, s.Drift = s.Import+o.Import, s.Forget+o.Forget, s.Move+o.Move, s.Drift+o.Drift
	s.Tests, s.Failed, s.Skipped = s.Tests+o.Tests, s.Failed+o.Failed, s.Skipped+o.Skipped
	s.Critical, s.High, s.Medium, s.Low, s.Note = s.Critical+o.Critical, s.High+o.High, s.Medium+o.Medium, s.Low+o.Low, s.Note+o.Note
	s.Incomplete = s.Incomplete || o.Incomplete
}

// Bounded is s with numbers that an Approval has room for: a text may claim any.
func (s Summary) Bounded() Summary {
	for _, n := range []*int{
		&s.Add, &s.Change, &s.Destroy, &s.Replace, &s.Import, &s.Forget, &s.Move, &s.Drift,
		&s.Tests, &s.Failed, &s.Skipped, &s.Critical, &s.High, &s.Medium, &s.Low, &s.Note,
	} {
		*n = max(0, min(*n, math.MaxInt32))
	}
	return s
}

// planned are the counts that a plan has in its text and in its JSON alike.
func planned(s Summary) map[string]int {
	return map[string]int{"add": s.Add, "change": s.Change, "destroy": s.Destroy, "import": s.Import}
}

func sameCounts(a, b map[string]int) bool {
	for k, n := range a {
		if b[k] != n {
			return false
		}
	}
	return true
}
