package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/web"
)

// fakeEvidence has the text of each item by name; one that is "changed" is refused.
type fakeEvidence map[string]string

func (f fakeEvidence) Read(_ context.Context, a approvals.Approval, name string) (evidence.Item, []byte, error) {
	item, ok := evidence.Find(a.Resolved.Evidence, name)
	switch {
	case !ok:
		return item, nil, approvals.Errorf(approvals.CodeNotFound, "there is no evidence %q", name)
	case f[name] == "changed":
		return item, nil, approvals.Errorf(approvals.CodeConflict, "evidence %q is not what was put before the approvers", name)
	}
	return item, []byte(f[name]), nil
}

// fakeUploads takes what token "pod" sends, once.
type fakeUploads map[string]string

func (f fakeUploads) Upload(_ context.Context, namespace, run, name, token string, data []byte) (evidence.Item, bool, error) {
	item := evidence.Wanted{Name: name, Kind: evidence.Upload}.Of(data)
	key := namespace + "/" + run + "/" + name
	had, ok := f[key]
	switch {
	case name == "down":
		return item, false, approvals.Errorf(approvals.CodeUnavailable, "evidence %q was not stored: the audit store (SQLite) did not answer", name)
	case token != "pod":
		return item, false, approvals.Errorf(approvals.CodeForbidden, "not a pod of run %s", run)
	case ok && had != string(data):
		return item, false, approvals.Errorf(approvals.CodeConflict, "other bytes")
	}
	f[key] = string(data)
	return item, !ok, nil
}

// counted is an item as it is when it was counted.
func counted(i evidence.Item) evidence.Item {
	i.Summary = evidence.Summary{Name: i.Name, Format: "terraform-plan", Add: 1}
	return i
}

func shown(plan string) approvals.Approval {
	return ct.Make("a").With(func(a *approvals.Approval) {
		a.Resolved.Evidence = []evidence.Item{
			counted(evidence.Wanted{Name: "plan", Kind: evidence.Upload}.Of([]byte(plan))),
			evidence.Wanted{Name: "notes", Kind: evidence.Log, Optional: true}.Without(evidence.Missing, "the pod is gone"),
		}
	}).Obj()
}

// TestUpload: what is taken, and with which status.
func TestUpload(t *testing.T) {
	t.Parallel()
	b := newBench(t, base)
	b.Uploads = fakeUploads{}
	h := web.Handler(b.Deps)
	const path, own = "/api/v1/namespaces/prod/pipelineruns/plan-1/evidence/plan.json", "/api/v1/evidence/plan.json"
	for _, c := range []struct {
		name, path, token, body string
		want                    int
	}{
		{"nobody", path, "", "{}", http.StatusUnauthorized},
		{"no pod of the run", path, "other", "{}", http.StatusForbidden},
		{"new", path, "pod", "{}", http.StatusCreated},
		{"the same", path, "pod", "{}", http.StatusOK},
		{"other bytes", path, "pod", "[]", http.StatusConflict},
		{"too large", path, "pod", strings.Repeat("x", evidence.MaxSize+1), http.StatusRequestEntityTooLarge},
		{"the audit store is down", "/api/v1/evidence/down", "pod", "{}", http.StatusServiceUnavailable},
		{"of its own run", own, "pod", "{}", http.StatusCreated},
		{"of its own run, too large", own, "pod", strings.Repeat("x", evidence.MaxSize+1), http.StatusRequestEntityTooLarge},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, base+c.path, strings.NewReader(c.body))
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: got %d %s, want %d", c.name, w.Code, w.Body, c.want)
		}
		if down := c.want == http.StatusServiceUnavailable; down != (w.Header().Get("Retry-After") == "5") || down && !strings.Contains(w.Body.String(), "audit store") {
			t.Errorf("%s: Retry-After %q, %s", c.name, w.Header().Get("Retry-After"), w.Body)
		}
		if most := web.MaxBodyOf(r, c.token != ""); (most == evidence.MaxSize) != (c.token != "") {
			t.Errorf("%s: up to %d bytes are read", c.name, most)
		}
	}
	vote := httptest.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v1/namespaces/prod/approvals/a/votes", nil)
	if most := web.MaxBodyOf(vote, true); most >= evidence.MaxSize {
		t.Errorf("a vote may have %d bytes", most)
	}
}

// TestEvidenceAPI: anyone who may see an Approval may read what it is about, as text that no
// browser runs; nobody else may.
func TestEvidenceAPI(t *testing.T) {
	t.Parallel()
	const plan = "<script>alert(1)</script> Plan: 1 to add"
	b := newBench(t, base, shown(plan))
	texts := fakeEvidence{"plan": plan}
	b.Evidence = texts
	h := web.Handler(b.Deps)
	get := func(path, who string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		r.Header.Set("Authorization", "Bearer token-"+who)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	const at = "/api/v1/namespaces/prod/approvals/a/evidence"
	for _, who := range []string{"alice", "auditor"} {
		w := get(at+"/plan", who)
		if w.Code != http.StatusOK || w.Body.String() != plan {
			t.Errorf("%s: got %d %q", who, w.Code, w.Body)
		}
		for header, want := range map[string]string{
			"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
			"X-Evidence-Sha256": evidence.Sum([]byte(plan)), "Content-Disposition": "",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
	}
	if got := get(at+"/plan?download", "alice").Header().Get("Content-Disposition"); got != `attachment; filename="plan"` {
		t.Errorf("a download has Content-Disposition %q", got)
	}
	for _, path := range []string{at, at + "/plan"} {
		if w := get(path, "mallory"); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "alert") {
			t.Errorf("%s for somebody else: got %d %s", path, w.Code, w.Body)
		}
	}
	if w := get(at+"/other", "alice"); w.Code != http.StatusNotFound {
		t.Errorf("what is not there: got %d", w.Code)
	}
	states := func() string {
		var list struct {
			Items []struct {
				Name, State, Message string
				Summary              struct{ Text string }
			}
		}
		if err := json.Unmarshal(get(at, "alice").Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, i := range list.Items {
			out = append(out, strings.TrimSpace(i.Name+" "+i.State+" "+i.Summary.Text))
		}
		return strings.Join(out, ", ")
	}
	if got := states(); got != "plan Present 1 add, notes Missing" {
		t.Errorf("the list: %s", got)
	}
	texts["plan"] = "changed"
	if got := states(); got != "plan Changed 1 add, notes Missing" {
		t.Errorf("the list, of what was changed: %s", got)
	}
	if w := get(at+"/plan", "alice"); w.Code != http.StatusConflict {
		t.Errorf("what was changed: got %d %s", w.Code, w.Body)
	}
}

// TestEvidenceSecrets: what terraform marks, and what has a secret's name, is in a plan neither
// on its page nor in what the page opens, downloads and copies, nor in the API.
func TestEvidenceSecrets(t *testing.T) {
	t.Parallel()
	texts := fakeEvidence{
		"plan":      "Terraform will perform the following actions:\n\n  # a.b will be created\n  + resource \"a\" \"b\" {\n      + password = \"hunter2\"\n      + name     = \"shown\"\n    }\n\nPlan: 1 to add, 0 to change, 0 to destroy.\n",
		"plan.json": `{"format_version":"1.2","resource_changes":[{"address":"a.b","type":"a","name":"b","change":{"actions":["create"],"before":null,"after":{"api_token":"hunter2","user":"hunter3","name":"shown"},"after_sensitive":{"user":true}}}]}`,
		"notes":     "password = \"no plan, so it is shown\"\n",
	}
	a := ct.Make("a").With(func(a *approvals.Approval) {
		for _, name := range []string{"plan", "plan.json", "notes"} {
			a.Resolved.Evidence = append(a.Resolved.Evidence, evidence.Wanted{Name: name, Kind: evidence.Upload}.Of([]byte(texts[name])))
		}
	}).Obj()
	b := newBench(t, base, a)
	b.Evidence = texts
	b.handler = web.Handler(b.Deps)
	path := "/links/" + b.token(t, a, "alice")
	if page := b.ask(http.MethodGet, path, "").Body.String(); strings.Contains(page, "hunter") || strings.Count(page, "shown") < 3 {
		t.Error("the page shows a secret, or not the rest")
	}
	for name, hidden := range map[string]string{"plan": "1", "plan.json": "2", "notes": ""} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v1/namespaces/prod/approvals/a/evidence/"+name, nil)
		r.Header.Set("Authorization", "Bearer token-alice")
		api := httptest.NewRecorder()
		b.handler.ServeHTTP(api, r)
		for where, w := range map[string]*httptest.ResponseRecorder{
			"opened": b.ask(http.MethodGet, path+"/evidence/"+name, ""), "downloaded": b.ask(http.MethodGet, path+"/evidence/"+name+"?download", ""), "by the API": api,
		} {
			if s := w.Body.String(); w.Code != http.StatusOK || strings.Contains(s, "hunter") || !strings.Contains(s, "shown") || w.Header().Get("X-Evidence-Masked") != hidden ||
				w.Header().Get("X-Evidence-Sha256") != evidence.Sum([]byte(texts[name])) || w.Header().Get("Content-Length") != strconv.Itoa(len(s)) {
				t.Errorf("%s %s: %d %v %s", name, where, w.Code, w.Header(), s)
			}
		}
	}
}

// TestEvidencePage: the page behind a mailed link shows the text, what is missing, and a way to
// all of it, which the same link opens.
func TestEvidencePage(t *testing.T) {
	t.Parallel()
	const plan = "<script>alert(1)</script> Plan: 1 to add"
	a := shown(plan)
	b := newBench(t, base, a)
	texts := fakeEvidence{"plan": plan}
	b.Evidence = texts
	b.handler = web.Handler(b.Deps)
	path := "/links/" + b.token(t, a, "alice")
	page := b.ask(http.MethodGet, path, "")
	for _, want := range []string{"&lt;script&gt;alert(1)", "The pod is gone", path + "/evidence/plan", "?download"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if raw := b.ask(http.MethodGet, path+"/evidence/plan", ""); raw.Code != http.StatusOK || raw.Body.String() != plan || raw.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("all of it: got %d %s %q", raw.Code, raw.Header().Get("Content-Type"), raw.Body)
	}
	if raw := b.ask(http.MethodGet, "/links/x/evidence/plan", ""); raw.Code == http.StatusOK {
		t.Errorf("without a link: got %d", raw.Code)
	}
	texts["plan"] = "changed"
	page = b.ask(http.MethodGet, path, "")
	if s := page.Body.String(); !strings.Contains(s, "This is not what the approvers were shown") || strings.Contains(s, "1 to add") {
		t.Errorf("what was changed is shown, or not said: %s", s)
	}
}

// TestLargeEvidence: a page reads so much of what is large, and leads to the rest.
func TestLargeEvidence(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("+ a line of a plan\n", evidence.MaxSize/19)
	texts := fakeEvidence{}
	a := ct.Make("a").With(func(a *approvals.Approval) {
		for _, name := range []string{"one", "two", "three"} {
			texts[name] = large
			a.Resolved.Evidence = append(a.Resolved.Evidence, counted(evidence.Wanted{Name: name, Kind: evidence.Upload}.Of([]byte(large))))
		}
	}).Obj()
	b := newBench(t, base, a)
	read := 0
	b.Evidence = readerFunc(func(ctx context.Context, a approvals.Approval, name string) (evidence.Item, []byte, error) {
		read++
		return texts.Read(ctx, a, name)
	})
	w := httptest.NewRecorder()
	web.Handler(b.Deps).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, base+"/links/"+b.token(t, a, "alice"), nil))
	if w.Code != http.StatusOK || read != 1 {
		t.Errorf("%d, and %d pieces were read; want one, since two are over the limit", w.Code, read)
	}
	if !strings.Contains(w.Body.String(), "2 add") {
		t.Error("the page does not sum up what it does not read")
	}
	for name := range texts {
		if !strings.Contains(w.Body.String(), "/evidence/"+name) {
			t.Errorf("the page does not lead to %s", name)
		}
	}
}

type readerFunc func(ctx context.Context, a approvals.Approval, name string) (evidence.Item, []byte, error)

func (f readerFunc) Read(ctx context.Context, a approvals.Approval, name string) (evidence.Item, []byte, error) {
	return f(ctx, a, name)
}
