//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/countersign-dev/countersign/approvals/tasks"
)

// said is one vote.
type said struct{ who, verdict, comment string }

// The pipelines of examples/approvaltask/automatiko.yaml, approved and rejected: both
// succeed, and what comes after it reads who decided, and what they said, as strings.
func TestAutomatikoExamples(t *testing.T) {
	t.Parallel()
	e := example(t, "automatiko.yaml")
	for name, c := range map[string]struct {
		votes      []said
		of         int
		approvedBy string
		rejectedBy string
		comment    string
	}{
		"single":             {[]said{{"bob", "approve", `say "go" & $(context.pipelineRun.uid)`}}, 1, "bob", "", `say "go" & $ (context.pipelineRun.uid)`},
		"single-refused":     {[]said{{"alice", "reject", "not on friday"}}, 1, "", "alice", "not on friday"},
		"group":              {[]said{{"bob", "approve", "fine"}}, 1, "bob", "", "fine"},
		"group-refused":      {[]said{{"alice", "reject", "no"}}, 1, "", "alice", "no"},
		"multi":              {[]said{{"alice", "approve", "one"}, {"bob", "approve", "two"}}, 2, "alice|bob", "", "one|two"},
		"multi-refused":      {[]said{{"alice", "approve", "one"}, {"bob", "reject", "two"}}, 2, "alice", "bob", "one|two"},
		"multi-group":        {[]said{{"alice", "approve", "one"}, {"carol", "approve", "two"}}, 2, "alice|carol", "", "one|two"},
		"multi-group-denied": {[]said{{"carol", "reject", "no"}}, 2, "", "carol", "no"},
		"four-eyes":          {[]said{{"bob", "approve", "one"}, {"alice", "approve", "two"}}, 2, "bob|alice", "", "two"},
		"four-eyes-refused":  {[]said{{"alice", "approve", "one"}, {"bob", "reject", "two"}}, 2, "alice", "bob", "two"},
		"timeout":            {[]said{{"alice", "approve", "in time"}}, 1, "alice", "", "in time"},
		"timeout-refused":    {[]said{{"alice", "reject", "never"}}, 1, "", "alice", "never"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pipeline, _, _ := strings.Cut(strings.Replace(name, "-denied", "-refused", 1), "-refused")
			r := start(t, e, "approve-"+pipeline, name, "approval")
			a := r.asked(0)
			want := func(decision string, votes int, url string) {
				t.Helper()
				labels, address := map[string]string{}, ""
				r.Eventually(time.Minute, "the ApprovalTask's labels", func() error {
					o := r.object(tasks.Automatiko)
					labels = o.GetLabels()
					status, _ := o.Object["status"].(map[string]any)
					address, _ = status["approvalUrl"].(string)
					if labels["decision"] != decision || labels["responses"] != fmt.Sprintf("%d_of_%d", votes, c.of) || address != url {
						return fmt.Errorf("%v, approvalUrl %q; want %s after %d votes of %d, at %q", labels, address, decision, votes, c.of, url)
					}
					return nil
				})
			}
			for i, v := range c.votes {
				want("pending", i, "") // nobody could log in at the page's address
				r.says(a.Name, v.who, v.verdict, v.comment)
			}
			r.ends(corev1.ConditionTrue, "Completed")
			approved := c.rejectedBy == ""
			r.results(map[string]string{"decision": fmt.Sprint(approved), "comment": c.comment, "approvedBy": c.approvedBy, "rejectedBy": c.rejectedBy})
			next, other, line, decision := "deploy", "refused", "deploying, approved by "+c.approvedBy, "approved"
			if !approved {
				next, other, line, decision = "refused", "deploy", "refused by "+c.rejectedBy, "rejected"
			}
			if ran := r.ran(); !ran[next] || ran[other] {
				t.Errorf("%v ran, want %s alone", ran, next)
			}
			if got := r.log(next); got != line+": "+c.comment {
				t.Errorf("%s printed %q, want %q", next, got, line+": "+c.comment)
			}
			want(decision, len(c.votes), "")
		})
	}
}

// Nobody decides in time: the run fails, and nothing of it goes on.
func TestAutomatikoExampleTimesOut(t *testing.T) {
	t.Parallel()
	e := example(t, "automatiko.yaml", "timeout: 5m", "timeout: 30s") // long enough to be seen waiting
	r := start(t, e, "approve-timeout", "late", "approval")
	a := r.asked(0)
	r.outcome(a.Name, "Expired")
	r.answered(corev1.ConditionFalse, "CustomRunTimedOut")
	r.ends(corev1.ConditionFalse, "Failed")
	if ran := r.ran(); len(ran) != 0 {
		t.Errorf("%v ran", ran)
	}
	r.Eventually(time.Minute, "the ApprovalTask's label", func() error {
		if got := r.object(tasks.Automatiko).GetLabels()["decision"]; got != "cancelled" {
			return fmt.Errorf("decision %q", got)
		}
		return nil
	})
	if v := r.vote(a.Name, "alice", "approve", "too late"); v.State != "Refused" {
		t.Errorf("a vote after the end: %+v", v)
	}
}
