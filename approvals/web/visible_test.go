package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestOneAnswer: who has no rights in a namespace gets one answer at every door, whether
// an Approval of that name is there or not, whatever has become of it.
func TestOneAnswer(t *testing.T) {
	t.Parallel()
	there := map[string]*ct.Builder{
		"absent":        nil,
		"pending":       ct.Make("a"),
		"by RBAC":       ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Approvers, a.Resolved.Policy.RBAC = nil, true }),
		"not resolved":  ct.Make("a").Unresolved(nil),
		"decided":       ct.Make("a").Voted("alice", approvals.Approve, "ship it"),
		"expired":       ct.Make("a").Lifetime(20 * time.Minute),
		"record needed": ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.RecordRequired = true }),
	}
	form := append(as("mallory"), "Content-Type", "application/x-www-form-urlencoded")
	const api = "/api/v1/namespaces/prod/approvals/a"
	for door, ask := range map[string]struct {
		method, path, body string
		headers            []string
	}{
		"API, get":             {http.MethodGet, api, "", bearer("mallory")},
		"API, vote":            {http.MethodPost, api + "/votes", `{"vote":"approve"}`, bearer("mallory")},
		"API, no such verdict": {http.MethodPost, api + "/votes", `{"vote":"perhaps"}`, bearer("mallory")},
		"API, withdraw":        {http.MethodPost, api + "/votes", `{"vote":"withdraw"}`, bearer("mallory")},
		"API, break the glass": {http.MethodPost, api + "/votes", `{"vote":"approve","breakGlass":true}`, bearer("mallory")},
		"API, cancel":          {http.MethodPost, api + "/cancel", `{"reason":"no"}`, bearer("mallory")},
		"API, retry":           {http.MethodPost, api + "/retry", ``, bearer("mallory")},
		"page":                 {http.MethodGet, "/approvals/prod/a", "", as("mallory")},
		"page, HEAD":           {http.MethodHead, "/approvals/prod/a", "", as("mallory")},
		"page, vote":           {http.MethodPost, "/approvals/prod/a?uid=uid-a", "vote=approve", form},
		"page, cancel":         {http.MethodPost, "/approvals/prod/a", "operate=cancel&reason=no", form},
	} {
		t.Run(door, func(t *testing.T) {
			t.Parallel()
			first := ""
			for _, what := range []string{"absent", "pending", "by RBAC", "not resolved", "decided", "expired", "record needed"} {
				var list []approvals.Approval
				if there[what] != nil {
					list = append(list, there[what].Obj())
				}
				b := newLoginBench(t, base, list...)
				w := b.ask(ask.method, ask.path, ask.body, ask.headers...)
				if w.Code != http.StatusForbidden || b.store.Writes() != 0 || strings.Contains(w.Body.String(), "alice") {
					t.Errorf("%s: %d with %d writes\n%.400s", what, w.Code, b.store.Writes(), w.Body)
				}
				got := w.Body.String()
				for _, name := range []string{"Content-Type", "Cache-Control", "Content-Security-Policy", "Www-Authenticate"} {
					got += "\n" + name + ": " + w.Header().Get(name)
				}
				if first == "" {
					first = got
				}
				if d := cmp.Diff(first, got); d != "" {
					t.Errorf("%s is told from absent:\n%s", what, d)
				}
			}
		})
	}
}
