package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestZones: the API and its errors tell times in UTC, in whatever zone the process is.
func TestZones(t *testing.T) {
	t.Parallel()
	decided := ct.Make("a").Users("alice", "bob").Voted("bob", approvals.Approve, "ok").With(func(a *approvals.Approval) {
		a.SecondRun = &approvals.Run{Name: "a", UID: "run-2", At: ct.T0.Add(time.Hour)}
	}).Obj()
	for name, a := range map[string]approvals.Approval{"decided": decided, "pending": ct.Make("a").Obj(), "late": ct.Make("a").Lifetime(20 * time.Minute).Obj()} {
		told := func(a approvals.Approval) (out []string) {
			b := newLoginBench(t, base, a)
			for _, path := range []string{"/api/v1/namespaces/prod/approvals/a", "/api/v1/approvals"} {
				out = append(out, b.ask(http.MethodGet, path, "", bearer("root")...).Body.String())
			}
			out = append(out, b.ask(http.MethodGet, page, "", as("alice")...).Body.String())
			return append(out, b.ask(http.MethodPost, votes, `{"vote":"reject"}`, bearer("alice")...).Body.String())
		}
		want := told(a)
		if d := cmp.Diff(want, told(ct.InZone(a, time.Local))); d != "" || want[0] == "" {
			t.Errorf("%s (-UTC +JST)\n%s", name, d)
		}
	}
}
