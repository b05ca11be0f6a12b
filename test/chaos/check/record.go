package check

import (
	"maps"
	"slices"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// chains: each process's lines follow from each other, and two processes never tell two
// ends of one Approval.
func (f *Findings) chains() {
	ends := map[string]map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(f.Lines)) {
		for _, l := range f.Lines[name] {
			f.Notes["record: lines printed"]++
			if l.Seq == 1 {
				f.Notes["record: chains"]++
			}
			if l.Broken != "" {
				f.bad("the chain holds", "", "%s: %s", name, l.Broken)
			}
			if l.NS != f.NS || l.Kind != "decided" && l.Kind != "released" {
				continue
			}
			key := l.UID + " " + l.Kind
			if ends[key] == nil {
				ends[key] = map[string]bool{}
			}
			end := l.At + " " + l.Outcome + " " + l.Next
			if len(ends[key]) == 1 && !ends[key][end] {
				f.bad("the record says one thing", l.Approval, "%s: %v and %s", l.Kind, ends[key], end)
			}
			ends[key][end] = true
		}
	}
}

// lastLeader returns the log of the process whose chain goes on at the end. Several may have printed at
// the same instant: of those it is the one with the longest chain.
func (f *Findings) lastLeader() string {
	best, when := "", ""
	for _, name := range slices.Sorted(maps.Keys(f.Lines)) {
		lines := f.Lines[name]
		for _, l := range lines {
			if l.NS != f.NS || l.Kind == "opened" {
				continue
			}
			if l.At > when || l.At == when && len(lines) > len(f.Lines[best]) {
				best, when = name, l.At
			}
		}
	}
	return best
}

// record: what the state of an Approval tells was printed by somebody, and by anyone who
// leads at the end.
func (f *Findings) record(a v1alpha1.Approval) {
	if len(f.Lines) == 0 {
		return
	}
	want := []string{"opened", "resolved"}
	for _, v := range a.Status.Votes {
		want = append(want, "voted "+v.Voter+" "+string(v.Verdict)+" "+v.Comment)
	}
	if a.Status.DecidedAt != nil {
		want = append(want, "decided "+string(a.Status.Outcome))
	}
	if a.Status.SecondRun != nil {
		want = append(want, "released "+a.Status.SecondRun.Name)
	}
	anybody, leader := map[string]bool{}, map[string]bool{}
	for name, lines := range f.Lines {
		for _, l := range lines {
			if l.UID != string(a.UID) {
				continue
			}
			said := l.Kind
			switch l.Kind {
			case "voted":
				said = "voted " + l.Person + " " + l.Verdict + " " + l.Comment
			case "decided":
				said = "decided " + l.Outcome
			case "released":
				said = "released " + l.Next
			}
			anybody[said] = true
			leader[said] = leader[said] || name == f.last
		}
	}
	for _, w := range want {
		switch {
		case !anybody[w]:
			f.bad("the record has every line", a.Name, "nobody printed %q", w)
		case !leader[w]:
			f.bad("the last leader's record has every line", a.Name, "%s did not print %q", f.last, w)
		}
	}
}
