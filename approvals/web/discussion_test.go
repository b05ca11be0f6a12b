package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// words returns the comments in a's discussion as stored, and the people who want changes.
func (b *bench) words(t *testing.T, a approvals.Approval) (said, wanted []string) {
	t.Helper()
	a, err := b.store.Get(t.Context(), a.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range a.Discussion {
		said = append(said, c.By+": "+c.Text)
	}
	return said, a.NeedsChanges()
}

// TestDiscussByPage: the form of the page saves a comment once, asks for changes, and keeps what
// was not saved; no script takes part.
func TestDiscussByPage(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Quorum(2).Obj()
	b := newBench(t, base, a)
	at := base + "/links/" + b.token(t, a, "alice")
	form := func(vote, say, seen string) url.Values {
		return url.Values{"vote": {vote}, "say": {say}, "seen": {seen}, "comment": {"typed for the vote"}}
	}
	page := b.ask(http.MethodGet, at, "").Body.String()
	for _, want := range []string{`name="say"`, `value="comment"`, `value="needs-changes"`, `name="seen" value="0"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, c := range []struct {
		name   string
		form   url.Values
		status int
		result approvals.Change
		says   string
	}{
		{"a comment", form("comment", "why <now>?", "0"), http.StatusOK, approvals.Commented, "Your comment was saved."},
		{"sent twice", form("comment", "why <now>?", "0"), http.StatusOK, approvals.NoChange, "already saved"},
		{"another", form("needs-changes", "the subnet is wrong", "1"), http.StatusOK, approvals.Commented, "This stays open."},
		{"nothing", form("comment", " ", "2"), http.StatusBadRequest, "", "Your comment was not saved."},
		{"too long", form("comment", strings.Repeat("x", approvals.MaxComment+1), "2"), http.StatusBadRequest, "", strings.Repeat("x", approvals.MaxComment+1)},
	} {
		w := b.post(at, c.form)
		body := w.Body.String()
		if w.Code != c.status || !strings.Contains(body, c.says) || c.result != "" && !strings.Contains(body, `data-result="`+string(c.result)+`"`) {
			t.Errorf("%s: got %d, want %d with %q and %q", c.name, w.Code, c.status, c.says, c.result)
		}
	}
	said, wanted := b.words(t, a)
	if d := cmp.Diff([]string{"alice: why <now>?", "alice: the subnet is wrong"}, said); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"alice"}, wanted); d != "" {
		t.Error(d)
	}
	page = b.ask(http.MethodGet, base+"/links/"+b.token(t, a, "bob"), "").Body.String()
	for _, want := range []string{"why &lt;now&gt;?", "alice</b>", "needs changes", "alice asked for changes."} {
		if !strings.Contains(page, want) {
			t.Errorf("bob's page has no %q", want)
		}
	}
	if w := b.post(base+"/links/"+b.token(t, a, "bob"), url.Values{"vote": {"reject"}}); w.Code != http.StatusOK {
		t.Fatalf("the rejection: %d", w.Code)
	}
	w := b.post(at, form("comment", "too late", "2"))
	if body := w.Body.String(); w.Code != http.StatusConflict || !strings.Contains(body, "too late") || strings.Contains(body, `name="say"`) {
		t.Errorf("after the end: %d; the words are to be kept, and the form is not", w.Code)
	}
}

// TestDiscussByAPI: by a token, with an id that makes it safe to send again.
func TestDiscussByAPI(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Quorum(2).Requester("rita").Obj()
	b := newBench(t, base, a)
	post := func(who, body string) (int, string) {
		w := b.ask(http.MethodPost, base+"/api/v1/namespaces/prod/approvals/a/votes", body, "Authorization", "Bearer token-"+who)
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		who, body string
		want      int
	}{
		{"alice", `{"vote":"comment","comment":"why?","id":"x1"}`, http.StatusCreated},
		{"alice", `{"vote":"comment","comment":"why?","id":"x1"}`, http.StatusOK},
		{"bob", `{"vote":"needs-changes","comment":"the subnet","id":"x1"}`, http.StatusCreated},
		{"rita", `{"vote":"comment","comment":"mended"}`, http.StatusCreated},
		{"rita", `{"vote":"needs-changes","comment":"mended"}`, http.StatusForbidden},
		{"alice", `{"vote":"comment"}`, http.StatusBadRequest},
		{"alice", `{"vote":"comment","comment":"x","inputs":{"a":"b"}}`, http.StatusBadRequest},
		{"mallory", `{"vote":"comment","comment":"hi"}`, http.StatusForbidden},
	} {
		if got, body := post(c.who, c.body); got != c.want {
			t.Errorf("%s %s: got %d %s, want %d", c.who, c.body, got, body, c.want)
		}
	}
	var got struct {
		Discussion []struct {
			By, Text     string
			NeedsChanges bool
			At           time.Time
			AuthMethod   string
		}
		NeedsChanges []string
		You          struct{ MayVote, MayComment bool }
	}
	w := b.ask(http.MethodGet, base+"/api/v1/namespaces/prod/approvals/a", "", "Authorization", "Bearer token-alice")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Discussion) != 3 || got.Discussion[1].By != "bob" || !got.Discussion[1].NeedsChanges || got.Discussion[1].AuthMethod != "Token" || !got.Discussion[1].At.Equal(b.Now()) {
		t.Errorf("the discussion: %+v", got.Discussion)
	}
	if d := cmp.Diff([]string{"bob"}, got.NeedsChanges); d != "" || !got.You.MayComment || !got.You.MayVote {
		t.Errorf("who wants changes, and what alice may: %+v\n%s", got.You, d)
	}
}
