package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

const votes = "/api/v1/namespaces/prod/approvals/a/votes"

func bearer(name string) []string { return []string{"Authorization", "Bearer token-" + name} }

func TestAPIVote(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const approve = `{"vote":"approve","comment":"ship it"}`
	for name, c := range map[string]struct {
		a       *ct.Builder
		path    string
		body    string
		headers []string
		status  int
		code    string // of the error
		want    string // of another answer
		writes  int
	}{
		"approve":               {body: approve, headers: bearer("alice"), status: 201, want: `"outcome": "Approved"`, writes: 1},
		"reject":                {body: `{"vote":"reject"}`, headers: bearer("alice"), status: 201, want: `"outcome": "Rejected"`, writes: 1},
		"by a group":            {a: ct.Make("a").Groups("sre"), body: approve, headers: bearer("zoe"), status: 201, want: `"voter": "zoe"`, writes: 1},
		"scheme by case":        {body: approve, headers: []string{"Authorization", "bearer token-alice"}, status: 201, writes: 1},
		"the same again":        {a: ct.Make("a").Voted("alice", approvals.Approve, "ship it"), body: approve, headers: bearer("alice"), status: 200, want: `"outcome": "Approved"`},
		"other, after":          {a: ct.Make("a").Users("alice", "bob").Voted("bob", approvals.Approve, ""), body: approve, headers: bearer("alice"), status: 409, code: "conflict"},
		"expired":               {a: ct.Make("a").Lifetime(20 * time.Minute), body: approve, headers: bearer("alice"), status: 410, code: "gone"},
		"not resolved yet":      {a: ct.Make("a").Unresolved(nil), body: approve, headers: bearer("alice"), status: 403, code: "forbidden"},
		"not resolved, may see": {a: ct.Make("a").Unresolved(nil), body: approve, headers: bearer("auditor"), status: 409, code: "not_ready"},
		"the requester":         {a: ct.Make("a").Users("alice", "bob").Requester("alice"), body: approve, headers: bearer("alice"), status: 403, code: "forbidden"},
		"a stranger":            {body: approve, headers: bearer("mallory"), status: 403, code: "forbidden"},
		"who may look":          {body: approve, headers: bearer("auditor"), status: 403, code: "forbidden"},
		"rights not known":      {body: approve, headers: bearer("nobody-knows"), status: 503, code: "unavailable"},
		"no such approval":      {path: "/api/v1/namespaces/prod/approvals/b/votes", body: approve, headers: bearer("alice"), status: 403, code: "forbidden"},
		"none, may get":         {path: "/api/v1/namespaces/prod/approvals/b/votes", body: approve, headers: bearer("auditor"), status: 404, code: "not_found"},
		"no such space":         {path: "/api/v1/namespaces/dev/approvals/a/votes", body: approve, headers: bearer("alice"), status: 403, code: "forbidden"},

		// One body is one vote, and nothing else.
		"two votes":         {body: approve + `{"vote":"reject"}`, headers: bearer("alice"), status: 400, code: "invalid"},
		"words after it":    {body: approve + " and no", headers: bearer("alice"), status: 400, code: "invalid"},
		"a bracket after":   {body: approve + "]", headers: bearer("alice"), status: 400, code: "invalid"},
		"space after it":    {body: approve + " \n", headers: bearer("alice"), status: 201, writes: 1},
		"endless, after it": {body: approve + strings.Repeat(" ", 2<<20), headers: bearer("alice"), status: 413, code: "invalid"},

		// Nothing is not a rejection.
		"nothing":         {body: "", headers: bearer("alice"), status: 400, code: "invalid"},
		"an empty object": {body: "{}", headers: bearer("alice"), status: 400, code: "invalid"},
		"null":            {body: "null", headers: bearer("alice"), status: 400, code: "invalid"},
		"not JSON":        {body: "vote=approve", headers: bearer("alice"), status: 400, code: "invalid"},
		"unknown field":   {body: `{"vote":"approve","voter":"bob"}`, headers: bearer("alice"), status: 400, code: "invalid"},
		"unknown verdict": {body: `{"vote":"APPROVE"}`, headers: bearer("alice"), status: 400, code: "invalid"},
		"a list":          {body: `[{"vote":"approve"}]`, headers: bearer("alice"), status: 400, code: "invalid"},
		"long comment":    {body: `{"vote":"approve","comment":"` + strings.Repeat("x", 100_000) + `"}`, headers: bearer("alice"), status: 400, code: "invalid"},
		"huge":            {body: `{"vote":"approve","comment":"` + strings.Repeat("x", 2<<20) + `"}`, headers: bearer("alice"), status: 413, code: "invalid"},

		// Nobody names himself.
		"no token":          {body: approve, status: 401, code: "unauthenticated"},
		"bare forwarded":    {body: approve, headers: []string{"X-Forwarded-User", "alice", "X-Forwarded-Email", "alice@example.com", "X-Auth-Request-User", "alice", "X-Remote-User", "alice", "Remote-User", "alice", "Impersonate-User", "alice"}, status: 401, code: "unauthenticated"},
		"by the query":      {path: votes + "?user=alice&access_token=token-alice", body: approve, status: 401, code: "unauthenticated"},
		"basic":             {body: approve, headers: []string{"Authorization", "Basic dG9rZW4tYWxpY2U="}, status: 401, code: "unauthenticated"},
		"bearer of nothing": {body: approve, headers: []string{"Authorization", "Bearer "}, status: 401, code: "unauthenticated"},
		"bearer alone":      {body: approve, headers: []string{"Authorization", "Bearer"}, status: 401, code: "unauthenticated"},
		"a bad token":       {body: approve, headers: []string{"Authorization", "Bearer nonsense"}, status: 401, code: "unauthenticated"},
		"forwarded besides": {body: approve, headers: append(bearer("mallory"), "X-Forwarded-User", "alice"), status: 403, code: "forbidden"},
		"cluster is down":   {body: approve, headers: bearer("unsure"), status: 503, code: "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.a == nil {
				c.a = ct.Make("a")
			}
			if c.path == "" {
				c.path = votes
			}
			b := newBench(t, base, c.a.Obj())
			w := b.ask(http.MethodPost, c.path, c.body, c.headers...)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || b.store.Writes() != c.writes {
				t.Errorf("%d with %d writes, want %d with %q and %d:\n%.2000s", w.Code, b.store.Writes(), c.status, c.want, c.writes, w.Body)
			}
			checkError(t, said, name, w)
			var got struct {
				Error struct{ Code, Message string }
				Votes []struct{ Voter, AuthMethod, Comment string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Error.Code != c.code || (got.Error.Message == "") != (c.code == "") {
				t.Errorf("error %+v, %v; want code %q", got.Error, err, c.code)
			}
			if (w.Header().Get("WWW-Authenticate") != "") != (c.status == 401) || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", w.Header())
			}
			wantHeaders(t, name, w.Header())
			if c.writes > 0 && (len(got.Votes) != 1 || got.Votes[0].AuthMethod != "Token") {
				t.Errorf("votes %+v", got.Votes)
			}
		})
	}
}

// checkError compares the code and the message of an answer of the API with the file, when it is an
// error. What is about one request alone is in no file.
func checkError(t *testing.T, said *golden.Sentences, name string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code < 400 {
		return
	}
	var got struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	said.Check(t, name, got.Error.Code+": "+got.Error.Message)
}

func TestAPIGet(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	a := ct.Make("a").Users("alice", "bob").Quorum(2).Voted("alice", approvals.Approve, "ok").With(func(a *approvals.Approval) {
		a.OpenedAt = a.OpenedAt.In(time.FixedZone("JST", 9*3600))
	}).Obj()
	for name, c := range map[string]struct {
		path, as string
		status   int
		want     string
	}{
		"an approver":      {"a", "bob", 200, `"missing": 1`},
		"in UTC":           {"a", "bob", 200, `"openedAt": "2026-03-01T09:00:00Z"`},
		"an auditor":       {"a", "auditor", 200, `"voter": "alice"`},
		"a stranger":       {"a", "mallory", 403, ""},
		"not there":        {"b", "auditor", 404, ""},
		"rights not known": {"a", "nobody-knows", 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, base, a)
			w := b.ask(http.MethodGet, "/api/v1/namespaces/prod/approvals/"+c.path, "", bearer(c.as)...)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d, want %d with %q\n%s", w.Code, c.status, c.want, w.Body)
			}
			checkError(t, said, name, w)
			if c.status != 200 && strings.Contains(w.Body.String(), "alice") {
				t.Errorf("who decides is told to whoever may not see it:\n%s", w.Body)
			}
		})
	}
}

// TestView is the JSON of an Approval that went all the way.
func TestView(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Requester("zoe").Voted("alice", approvals.Approve, "ok").With(func(a *approvals.Approval) {
		a.SecondRun = &approvals.Run{Name: "a", UID: "run-2", Pipeline: "apply"}
		a.Unreleased = &approvals.Problem{Reason: "NameTaken", Message: "taken"}
	}).Obj()
	w := newBench(t, base, a).ask(http.MethodGet, "/api/v1/namespaces/prod/approvals/a", "", bearer("alice")...)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"namespace": "prod", "name": "a", "uid": "uid-a", "trigger": "apply", "title": "apply", "gate": "production", "outcome": "Approved",
		"openedAt": "2026-03-01T09:00:00Z", "deadline": "2026-03-01T10:00:00Z", "decidedAt": "2026-03-01T09:01:00Z",
		"requester": "zoe", "requesterProof": "Signature", "digest": a.Resolved.Digest, "missing": 0.0,
		"after":     map[string]any{"name": "plan-1", "uid": "run-1", "pipeline": "plan"},
		"params":    map[string]any{"digest": "sha256:abc"},
		"votes":     []any{map[string]any{"voter": "alice", "vote": "approve", "comment": "ok", "at": "2026-03-01T09:01:00Z", "authMethod": "Token"}},
		"rules":     []any{map[string]any{"who": "alice", "required": 1.0, "missing": 0.0, "approved": []any{"alice"}}},
		"you":       map[string]any{"mayVote": false, "code": "conflict", "why": "this was already approved by alice at 2026-03-01T09:01:00Z", "vote": "approve"},
		"results":   map[string]any{"decision": "true", "comment": "ok", "approvedBy": "alice", "rejectedBy": ""},
		"secondRun": map[string]any{"name": "a", "uid": "run-2", "pipeline": "apply"}, "unreleased": map[string]any{"reason": "NameTaken", "message": "taken"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestAPIList(t *testing.T) {
	t.Parallel()
	later := func(a *approvals.Approval) { a.OpenedAt = a.OpenedAt.Add(time.Minute) }
	seed := []approvals.Approval{
		ct.Make("one").Obj(),
		ct.Make("two").With(later).Obj(),
		ct.Make("done").Voted("alice", approvals.Approve, "").Obj(),
		ct.Make("bobs").Users("bob").Groups("sre").Obj(),
		ct.Make("blocked").Unresolved(nil).Obj(),
		ct.Make("else").In("dev").Users("carol").Obj(),
	}
	for name, c := range map[string]struct {
		path, as string
		want     []string
	}{
		"an approver's own":  {"/api/v1/approvals", "alice", []string{"two", "done", "one"}},
		"of a group":         {"/api/v1/approvals", "zoe", []string{"bobs"}},
		"a stranger":         {"/api/v1/approvals", "mallory", nil},
		"all, of one space":  {"/api/v1/namespaces/prod/approvals", "auditor", []string{"two", "blocked", "bobs", "done", "one"}},
		"no right to all":    {"/api/v1/approvals", "auditor", nil},
		"everything":         {"/api/v1/approvals", "root", []string{"two", "else", "blocked", "bobs", "done", "one"}},
		"another's space":    {"/api/v1/namespaces/dev/approvals", "alice", nil},
		"pending ones":       {"/api/v1/approvals?outcome=Pending", "alice", []string{"two", "one"}},
		"approved ones":      {"/api/v1/approvals?outcome=Approved", "alice", []string{"done"}},
		"outcome unheard of": {"/api/v1/approvals?outcome=pending", "alice", nil},
		"user in the query":  {"/api/v1/approvals?user=alice", "mallory", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBench(t, base, seed...).ask(http.MethodGet, c.path, "", bearer(c.as)...)
			var list struct{ Items []struct{ Name string } }
			if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != 200 || !strings.Contains(w.Body.String(), `"items": [`) {
				t.Fatalf("%d %s: %v", w.Code, w.Body, err)
			}
			var got []string
			for _, i := range list.Items {
				got = append(got, i.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		as     string
		down   error
		status int
	}{
		"rights not known": {"nobody-knows", nil, 503},
		"store is down":    {"root", approvals.Errorf(approvals.CodeUnavailable, "down"), 503},
		"no token":         {"", nil, 401},
	} {
		b := newBench(t, base, seed...)
		b.store.Fail(c.down)
		headers := bearer(c.as)
		if c.as == "" {
			headers = nil
		}
		if w := b.ask(http.MethodGet, "/api/v1/approvals", "", headers...); w.Code != c.status {
			t.Errorf("%s: %d, want %d", name, w.Code, c.status)
		}
	}
}
