package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
)

// TestZone: a line's text, and so its id, does not follow the zone of the process that
// wrote it: another replica would write it twice.
func TestZone(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Requester("zoe").Voted("alice", approvals.Approve, "ok").With(func(a *approvals.Approval) {
		a.SecondRun = &approvals.Run{Name: "a", UID: "run-2", At: ct.T0.Add(time.Hour)}
	}).Obj()
	texts := func(a approvals.Approval) (out []string) {
		for _, l := range record.Lines(a) {
			e, err := record.Head{}.Next(l)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(e.Text))
		}
		return out
	}
	want := texts(a)
	if d := cmp.Diff(want, texts(ct.InZone(a, time.Local))); d != "" || len(want) < 4 {
		t.Errorf("%d lines (-want +got)\n%s", len(want), d)
	}
}
