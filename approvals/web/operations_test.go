package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestOperations: who may operate a namespace is shown what went wrong there, and
// nobody else is told that anything did.
func TestOperations(t *testing.T) {
	t.Parallel()
	failed := func(a *approvals.Approval) {
		a.Deliveries = []approvals.Delivery{
			{Event: "opened", Channel: "email", Recipient: "alice@example.com", SentAt: ct.T0, Attempts: 1},
			{Event: "opened", Channel: "email", Recipient: "bob@example.com", Attempts: 3, Error: "550 <no> such mailbox"},
			{Event: "opened", Channel: "email", Recipient: "carol@example.com"},
		}
	}
	approved := func(name string) *ct.Builder { return ct.Make(name).Voted("alice", approvals.Approve, "") }
	all := []approvals.Approval{
		ct.Make("untold").With(failed).Obj(), ct.Make("elsewhere").In("dev").With(failed).Obj(), ct.Make("fine").Obj(),
		approved("stuck").With(func(a *approvals.Approval) {
			a.Unreleased = &approvals.Problem{Reason: "NameTaken", Message: "delete it"}
		}).Obj(),
		approved("slow").Obj(),
		approved("soon").With(func(a *approvals.Approval) { a.DecidedAt = ct.T0.Add(30*time.Minute - 5*time.Second) }).Obj(),
		approved("done").With(func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: "done"} }).Obj(),
	}
	for name, c := range map[string]struct {
		who, query string
		status     int
		want       string // names, as they come
		says       string
	}{
		"of one namespace":   {"operator", "", 200, "slow stuck untold", "550 &lt;no&gt; such mailbox"},
		"of all":             {"root", "", 200, "slow stuck elsewhere untold", "3 times"},
		"narrowed":           {"root", "?namespace=dev", 200, "elsewhere", "bob@example.com"},
		"nothing wrong":      {"root", "?namespace=shop", 200, "", "All notifications delivered."},
		"an approver":        {"alice", "", 200, "", "Everything started."},
		"who may look":       {"auditor", "?namespace=prod", 403, "", "not an operator of namespace prod"},
		"another's":          {"operator", "?namespace=dev", 403, "", "not an operator of namespace dev"},
		"rights not known":   {"nobody-knows", "", 200, "", "in 2 namespaces"},
		"a hostile question": {"root", "?namespace=%22%3E%3Cscript%3E", 200, "", "&#34;&gt;&lt;script&gt;"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLoginBench(t, base, all...)
			before := b.state(t)
			w := b.ask(http.MethodGet, "/operations"+c.query, "", as(c.who)...)
			body := w.Body.String()
			var got []string
			for _, part := range strings.Split(body, `<h3><a href="/approvals/`)[1:] {
				name, _, _ := strings.Cut(part, `"`)
				_, name, _ = strings.Cut(name, "/")
				got = append(got, name)
			}
			if w.Code != c.status || strings.Join(got, " ") != c.want || !strings.Contains(unescape(body), unescape(c.says)) || strings.Contains(body, "<script>") || b.state(t) != before {
				t.Errorf("%d with %v, want %d with %s and %q:\n%.3000s", w.Code, got, c.status, c.want, c.says, body)
			}
			wantHeaders(t, name, w.Header())
		})
	}
	b := newLoginBench(t, base, all...)
	if w := b.ask(http.MethodGet, "/operations", "", bearer("root")...); w.Code != http.StatusSeeOther {
		t.Errorf("no session: %d", w.Code)
	}
	if w := b.ask(http.MethodPost, "/operations", "", as("root")...); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	b.store.Fail(approvals.Errorf(approvals.CodeUnavailable, "the cluster did not answer"))
	if w := b.ask(http.MethodGet, "/operations", "", as("root")...); w.Code != http.StatusServiceUnavailable {
		t.Errorf("down: %d", w.Code)
	}
}

// TestOperationsNumbers: how long people wait is shown by Gate, to who operates its namespace and
// to nobody else, where most waits first.
func TestOperationsNumbers(t *testing.T) {
	t.Parallel()
	gate := func(name, gate string, opened time.Duration) *ct.Builder {
		return ct.Make(name).With(func(a *approvals.Approval) { a.Resolved.Policy.Gate, a.OpenedAt = gate, ct.T0.Add(opened) })
	}
	all := []approvals.Approval{
		gate("quick", "staging", 0).Voted("alice", approvals.Approve, "").Obj(), // a minute
		gate("waits", "production", 10*time.Minute).Obj(), gate("waits-more", "production", 0).Obj(),
		gate("elsewhere", "hidden-gate", 0).In("dev").Obj(),
	}
	b := newLoginBench(t, base, all...)
	body := b.ask(http.MethodGet, "/operations", "", as("operator")...).Body.String()
	var got []string
	for _, row := range strings.Split(body, `<tr><th scope="row">`)[1:] {
		_, name, _ := strings.Cut(row, "gate=")
		name, _, _ = strings.Cut(name, "&")
		for _, unit := range []string{"Waiting now", "Half wait up to", "9 in 10 wait up to", "Decided", "Half within", "9 in 10 within"} {
			_, value, _ := strings.Cut(row, `<span class="unit">`+unit+"</span> ")
			value, _, _ = strings.Cut(value, "<")
			name += ", " + value
		}
		got = append(got, name)
	}
	want := []string{"production, 2, 20 minutes, 30 minutes, 0, –, –", "staging, 0, –, –, 1, 1 minute, 1 minute"}
	if !slices.Equal(got, want) || strings.Contains(body, "hidden-gate") {
		t.Errorf("got  %q\nwant %q\n%s", got, want, body)
	}
	if !strings.Contains(body, `aria-label="Half decided within, by week, the oldest first: none decided, none decided, none decided, 1 minute"`) {
		t.Errorf("the plot has no words:\n%s", body)
	}
	for _, facts := range []string{`<dt>Waiting</dt><dd>2 `, `<dt>Decided today (UTC)</dt><dd>1<`, "30 minutes ago"} {
		if !strings.Contains(body, facts) {
			t.Errorf("no %s in\n%s", facts, body)
		}
	}
	if body := b.ask(http.MethodGet, "/operations", "", as("alice")...).Body.String(); strings.Contains(body, "production") || strings.Contains(body, "numbers") {
		t.Errorf("an approver sees the numbers of others:\n%s", body)
	}
	if body := b.ask(http.MethodGet, "/operations?namespace=dev", "", as("root")...).Body.String(); !strings.Contains(body, "hidden-gate") || strings.Contains(body, "production") {
		t.Errorf("narrowed to dev:\n%s", body)
	}
}
