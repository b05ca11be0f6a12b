package github

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/notifytest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	theToken = "github_pat_correct-horse-battery"
	theLink  = "https://approve.example.com/approvals/prod/apply-1"
	theSHA   = "8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410"
)

func data(a approvals.Approval, _ string) (templates.Data, error) {
	return templates.Data{Approval: a, Link: theLink, Now: ct.T0}, nil
}

func channel(t *testing.T, address string, timeout time.Duration) *Channel {
	t.Helper()
	c := New(Config{Name: "status", API: address, Token: keyring.Secret(theToken), Context: "countersign", RepositoryParam: "repo-full-name", RevisionParam: "revision", Timeout: timeout}, data, func() time.Time { return ct.T0 })
	t.Cleanup(c.Close)
	return c
}

func TestKit(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, notifytest.Kit{
		New: func(t *testing.T, address string, timeout time.Duration) notify.Channel {
			return channel(t, address, timeout)
		},
		Secrets: []string{theToken}, MaxBody: 4 << 10,
		Safe: func(t *testing.T, body []byte) {
			var s status
			if err := json.Unmarshal(body, &s); err != nil {
				t.Fatal(err)
			}
			if utf8.RuneCountInString(s.Description) > 140 || utf8.RuneCountInString(s.Context) > 255 || strings.ContainsAny(s.Context+s.Description, "\r\n") || s.TargetURL != theLink {
				t.Errorf("%+v", s)
			}
		},
	})
}

// TestStates: success for an approval and for nothing else.
func TestStates(t *testing.T) {
	t.Parallel()
	outcome := func(o approvals.Outcome) *ct.Builder {
		return ct.Make("apply-1").With(func(a *approvals.Approval) { a.Outcome, a.DecidedAt = o, ct.T0 })
	}
	ran := func(o approvals.RunOutcome) *ct.Builder {
		return ct.Make("apply-1").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
			a.SecondRun, a.RunEnd = &approvals.Run{Name: "a"}, &approvals.RunEnd{Outcome: o, EndedAt: ct.T0}
		})
	}
	for name, c := range map[string]struct {
		kind        notify.Kind
		a           *ct.Builder
		state, says string
	}{
		"waits":             {notify.Opened, nil, "pending", "awaiting approval"},
		"one of two":        {notify.Opened, ct.Make("a").Users("alice", "bob").Quorum(2).Voted("alice", approvals.Approve, ""), "pending", "awaiting approval"},
		"approved":          {notify.Decided, nil, "success", "approved"},
		"rejected":          {notify.Decided, ct.Make("a").Voted("alice", approvals.Reject, "no"), "failure", "rejected"},
		"in time":           {notify.Decided, outcome(approvals.Approved), "success", "approved"},
		"expired":           {notify.Decided, outcome(approvals.Expired), "error", "expired"},
		"cancelled":         {notify.Decided, outcome(approvals.Cancelled), "error", "cancelled"},
		"superseded":        {notify.Decided, outcome(approvals.Superseded), "error", "superseded"},
		"its run failed":    {notify.RunEnded, nil, "failure", "approved, and its run failed after 42 s"},
		"its run succeeded": {notify.RunEnded, ran(approvals.RunSucceeded), "success", "approved, and its run succeeded"},
		"its run is gone":   {notify.RunEnded, ran(approvals.RunGone), "error", "approved, and its run was deleted before its end was seen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got status
			var r *http.Request
			s := notifytest.Serve(t, func(w http.ResponseWriter, req *http.Request) {
				r = req
				body, _ := io.ReadAll(req.Body)
				_ = json.Unmarshal(body, &got)
				w.WriteHeader(http.StatusCreated)
			})
			id, err := channel(t, s.URL, 5*time.Second).Send(t.Context(), notifytest.Message(c.kind, c.a))
			if err != nil || id != "acme/shop@"+theSHA {
				t.Fatalf("%q, %v", id, err)
			}
			if want := (status{c.state, theLink, c.says, "countersign/prod/apply"}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			if r.URL.Path != "/repos/acme/shop/statuses/"+theSHA || r.Header.Get("Authorization") != "Bearer "+theToken {
				t.Errorf("%s with %v", r.URL, r.Header)
			}
		})
	}
}

// TestCommit: what is no commit is never asked for, and the error says what to do.
func TestCommit(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	s := notifytest.Serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL) })
	c := channel(t, s.URL, 5*time.Second)
	for name, p := range map[string]struct{ repository, sha string }{
		"no repository":  {"", theSHA},
		"no sha":         {"acme/shop", ""},
		"neither":        {"", ""},
		"a branch":       {"acme/shop", "main"},
		"a short sha":    {"acme/shop", theSHA[:7]},
		"an address":     {"https://github.com/acme/shop", theSHA},
		"another path":   {"acme/..", theSHA},
		"one more path":  {"acme/shop/../../orgs", theSHA},
		"a query":        {"acme/shop?x", theSHA},
		"a path as sha":  {"acme/shop", "../../" + theSHA},
		"lines":          {"acme/shop\n", theSHA},
		"lines, the sha": {"acme/shop", theSHA + "\n"},
	} {
		m := notifytest.Message(notify.Opened, nil)
		m.Approval.Resolved.Params = []approvals.Param{{Name: "repo-full-name", Value: p.repository}, {Name: "revision", Value: p.sha}}
		_, err := c.Send(t.Context(), m)
		if err == nil || !notifytest.Final(err) {
			t.Fatalf("%s: %v, want a final error", name, err)
		}
		said.Check(t, name, err.Error())
	}
	m := notifytest.Message(notify.Opened, nil)
	m.Approval.Resolved = nil
	if _, err := c.Send(t.Context(), m); err == nil || !notifytest.Final(err) {
		t.Errorf("no resolved: %v", err)
	}
	if slices.Contains(c.Route().Kinds, notify.Reminder) {
		t.Error("a status can't remind")
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	good := Config{API: "https://api.github.com", Token: keyring.Secret(theToken), Context: "countersign", RepositoryParam: "r", RevisionParam: "s"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	err := Config{API: "http://github.example.com"}.Validate()
	if err == nil {
		t.Fatal("a configuration of nothing but an address in the clear is taken")
	}
	said.Check(t, "nothing but an address", err.Error())
}
