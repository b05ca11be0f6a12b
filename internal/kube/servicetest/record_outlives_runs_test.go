package servicetest

import (
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
)

// TestRecordOutlivesRuns: who decided, and what they said, is there when both runs are
// gone: on the Approval, which no run owns, and then in the record.
func TestRecordOutlivesRuns(t *testing.T) {
	t.Parallel()
	r := newRecording(t, "48h")
	name := r.opened()
	r.vote(name, "alice", approvals.Approve)
	r.released(name)
	if err := r.DeleteAllOf(t.Context(), &pipelinev1.PipelineRun{}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.wait(time.Hour)
		r.step(r.runs, "plan-1")
		r.step(r.runs, name)
		r.step(r.approvals, name)
	}
	var o v1alpha1.Approval
	if err := r.Get(t.Context(), request(name).NamespacedName, &o); err != nil || len(o.OwnerReferences) != 0 {
		t.Fatalf("%v, owners %v: what is owned is collected with its owner", err, o.OwnerReferences)
	}
	if a := r.get(name); a.Outcome != approvals.Approved || len(a.Votes) != 1 || a.Votes[0].Voter != "alice" || a.Votes[0].Comment != "ok" || a.Source.Run.Name != "plan-1" {
		t.Errorf("%s by %+v after %+v", a.Outcome, a.Votes, a.Source.Run)
	}
	// The record first hears of it now.
	r.step(r.Record, name)
	r.want("its runs are gone", "opened resolved voted decided released")
	r.wait(48 * time.Hour)
	r.step(r.Record, name)
	if err := r.Get(t.Context(), request(name).NamespacedName, &o); err == nil {
		t.Fatal("its time is over, and it is there")
	}
	said := ""
	if err := r.ledger.Each(t.Context(), record.Query{Person: "alice"}, func(e record.Entry) error {
		said += string(e.Text) + "\n"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"alice"`, `"ok"`, `"approve"`, name} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not in what is exported of alice:\n%s", want, said)
		}
	}
}
