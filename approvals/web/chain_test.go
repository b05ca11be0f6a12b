package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestChain: a page leads to the Approval before and those after, if they are of the
// same delivery and the reader may see them.
func TestChain(t *testing.T) {
	t.Parallel()
	after := func(name, run, uid string, users ...string) approvals.Approval {
		return ct.Make(name).Users(users...).With(func(a *approvals.Approval) {
			a.Source.Run.Name, a.Source.Run.UID = run, uid
		}).Obj()
	}
	started := func(name, uid string) approvals.Approval {
		return ct.Make(name).Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
			a.SecondRun = &approvals.Run{Name: name, UID: uid, Pipeline: "apply"}
		}).Obj()
	}
	this := after("a", "first", "run-first", "alice")
	this.Outcome, this.SecondRun = approvals.Approved, &approvals.Run{Name: "a", UID: "run-a", Pipeline: "apply"}
	b := newLoginBench(t, base,
		this, started("first", "run-first"), after("third", "a", "run-a", "alice"), after("hidden", "a", "run-a", "bob"),
		after("namesake", "a", "another-run", "alice"), after("other", "plan-9", "run-9", "alice"),
		ct.Make("first").In("shop").Obj(),
	)
	for who, want := range map[string]string{"alice": "first third", "auditor": "first hidden third"} {
		w := b.ask(http.MethodGet, page, "", as(who)...)
		_, chain, _ := strings.Cut(w.Body.String(), `<section class="chain"`)
		chain, _, _ = strings.Cut(chain, "</section>")
		var got []string
		for _, part := range strings.Split(chain, `<a href="/approvals/prod/`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			got = append(got, name)
		}
		if strings.Join(got, " ") != want || !strings.Contains(chain, `aria-current="step"`) {
			t.Errorf("%s: %d with %v, want %s:\n%s", who, w.Code, got, want, chain)
		}
	}
	// Behind a mailed link there is nowhere to go.
	if w := b.ask(http.MethodGet, "/links/"+b.token(t, this, "alice"), ""); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `class="chain"`) {
		t.Errorf("by a link: %d", w.Code)
	}
}
