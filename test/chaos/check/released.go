package check

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// released: exactly one run, with exactly the values that were approved, or none.
func (f *Findings) released(a v1alpha1.Approval, g history.Gate) {
	outcome := string(a.Status.Outcome)
	runs := f.Runs[a.Name]
	wanted := slices.Contains(g.Release, outcome)
	switch {
	case len(runs) > 1:
		f.bad("at most one part 2", a.Name, "%d runs: %v", len(runs), uids(runs))
	case wanted && a.Status.Cancellation == nil && len(runs) == 0:
		f.bad("exactly one part 2", a.Name, "it is %s since %s and has no run; conditions %s", outcome, at(a.Status.DecidedAt), conditions(a))
	case !wanted && len(runs) > 0:
		f.bad("no part 2", a.Name, "it is %q and has run %s", outcome, runs[0].UID)
	case wanted && a.Status.Cancellation != nil && len(runs) == 1 && a.Status.SecondRun == nil:
		f.bad("a run that came is recorded", a.Name, "cancelled, and its run is there but status.secondRun is not")
	}
	if len(runs) == 0 {
		if a.Status.SecondRun != nil {
			f.bad("what is recorded was there", a.Name, "status.secondRun is %+v and no run was seen", a.Status.SecondRun)
		}
		return
	}
	r := runs[0]
	if n := a.Status.SecondRun; n == nil && a.Status.Cancellation == nil {
		f.bad("released is recorded", a.Name, "run %s is there since %s; status.secondRun is not", r.UID, stamp(r.Seen))
	} else if n != nil && (n.UID != r.UID || n.Name != r.Run.Name) {
		f.bad("released is recorded", a.Name, "run %s %s, and status.secondRun says %s %s", r.Run.Name, r.UID, n.Name, n.UID)
	}
	if f.Pruned[a.Name] && slices.ContainsFunc(runs, func(r history.RunObserved) bool { return f.FinalRuns[r.UID].Name != "" }) {
		f.bad("what was pruned stays away", a.Name, "its run is there again")
	}
	if d := a.Status.DecidedAt; d != nil && r.Run.CreationTimestamp.Time.Before(d.Time.Truncate(1e9)) {
		f.bad("nothing starts before the decision", a.Name, "run created %s, decided %s", stamp(r.Run.CreationTimestamp.Time), at(d))
	}
	f.params(a, r)
}

// params are worked out of the plan and the votes that stand.
func (f *Findings) params(a v1alpha1.Approval, r history.RunObserved) {
	p := f.Of[a.Name]
	if p == nil {
		f.bad("the harness knows all", a.Name, "no plan has this approval")
		return
	}
	var comments, yes, no []string
	for _, v := range a.Status.Votes {
		if v.Comment != "" {
			comments = append(comments, v.Comment)
		}
		if v.Verdict == "approve" {
			yes = append(yes, v.Voter)
		} else {
			no = append(no, v.Voter)
		}
	}
	want := map[string]string{
		"version": p.Version, "outcome": string(a.Status.Outcome), "decision": "false", "comment": neutral(strings.Join(comments, "|")),
		"approved-by": strings.Join(yes, "|"), "rejected-by": strings.Join(no, "|"), "extra": "none",
	}
	if a.Status.Outcome == "Approved" {
		want["decision"] = "true"
	}
	if p.Event {
		want["extra"] = "x-" + p.Version
	}
	got := map[string]string{}
	for _, x := range r.Run.Spec.Params {
		got[x.Name] = x.Value.StringVal
	}
	for k, w := range want {
		if got[k] != w {
			f.bad("the params are what was approved", a.Name, "%s is %q, want %q", k, got[k], w)
		}
	}
	if len(got) != len(want) {
		f.bad("the params are what was approved", a.Name, "%d params: %v", len(got), got)
	}
}

// neutral does to text on its way through Tekton what the documentation says.
func neutral(s string) string { return strings.ReplaceAll(s, "$(", "$ (") }

// accuses reports whether a condition says that a run is not the one that was approved.
func accuses(c metav1.Condition) bool {
	return c.Type == v1alpha1.ConditionReleased && c.Status == metav1.ConditionFalse && slices.Contains([]string{"NameTaken", "RunDiffers"}, c.Reason)
}
