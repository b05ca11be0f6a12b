package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/web"
)

// withHistoryPage is withHistory behind a login.
func withHistoryPage(t *testing.T) *bench {
	t.Helper()
	b, _ := withHistory(t)
	b.Login = &fakeLogin{}
	b.handler = web.Handler(b.Deps)
	return b
}

func TestHistoryPage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who, query string
		status     int
		lines      int
		want       string
	}{
		"a namespace":       {"auditor", "namespace=prod", 200, 8, `href="/history.csv?namespace=prod"`},
		"a form as sent":    {"auditor", "namespace=prod&pipeline=&gate=&person=&kind=&outcome=Rejected&from=&to=", 200, 1, `href="/history.jsonl?namespace=prod&amp;outcome=Rejected"`},
		"everything":        {"root", "", 200, 12, `href="/approvals/dev/three"`},
		"of a person":       {"auditor", "namespace=prod&person=alice&kind=voted", 200, 2, `value="alice"`},
		"of a pipeline":     {"auditor", "namespace=prod&pipeline=none", 200, 0, `class="none"`},
		"from a day":        {"auditor", "namespace=prod&from=2026-03-02", 200, 0, `type="date" autocomplete="off" value="2026-03-02"`},
		"size is ours":      {"auditor", "namespace=prod&limit=1&format=csv", 200, 8, ""},
		"mine alone":        {"alice", "", 200, 6, `class="own quiet"`},
		"mine, elsewhere":   {"alice", "namespace=dev", 200, 2, `class="own quiet"`},
		"mine by name":      {"alice", "person=alice", 200, 6, `class="own quiet"`},
		"another's":         {"alice", "person=bob", 403, 0, "may not list approvals in all namespaces"},
		"a stranger":        {"mallory", "namespace=prod", 200, 0, `class="none"`},
		"a stranger's wish": {"mallory", "namespace=prod&person=alice", 403, 0, "may not list approvals in namespace prod"},
		"rights not known":  {"nobody-knows", "namespace=prod", 503, 0, "try again"},
		"a bad time":        {"auditor", "namespace=prod&from=yesterday", 400, 0, `value="yesterday"`},
		"a bad cursor":      {"auditor", "namespace=prod&cursor=x", 400, 0, "without one"},
		"mistyped":          {"auditor", "namespace=prod&outcom=Rejected", 400, 0, "is unknown"},
		"a bad query":       {"auditor", "namespace=prod&x=%zz", 400, 0, "can't be parsed"},
		"hostile":           {"root", "person=%22%3E%3Cscript%3E", 200, 0, "&#34;&gt;&lt;script&gt;"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := withHistoryPage(t)
			w := b.ask(http.MethodGet, "/history?"+c.query, "", as(c.who)...)
			body := w.Body.String()
			if n := strings.Count(body, `<li class="item`); w.Code != c.status || n != c.lines || !strings.Contains(unescape(body), unescape(c.want)) || strings.Contains(body, "<script>") {
				t.Errorf("%d with %d lines, want %d with %d and %q:\n%.4000s", w.Code, n, c.status, c.lines, c.want, body)
			}
			wantHeaders(t, name, w.Header())
			// A file has the same lines, or is refused too.
			w = b.ask(http.MethodGet, "/history.jsonl?"+c.query, "", as(c.who)...)
			if c.want != "without one" && (w.Code != c.status || c.status == 200 && strings.Count(w.Body.String(), "\n") != c.lines) {
				t.Errorf("as a file: %d\n%.2000s", w.Code, w.Body)
			}
		})
	}
}

// TestHistoryPageGoesOn: the links lead from page to page, back, and to the files.
func TestHistoryPageGoesOn(t *testing.T) {
	t.Parallel()
	b, m := withHistory(t)
	b.Login = &fakeLogin{}
	b.handler = web.Handler(b.Deps)
	for i := range 14 { // with the eight lines that are there, two pages
		if _, err := m.Append(t.Context(), record.Lines(ct.Make(fmt.Sprint("more-", i)).Voted("alice", approvals.Approve, "").Obj())); err != nil {
			t.Fatal(err)
		}
	}
	follow := func(page, text string) (body, to string) {
		body = b.ask(http.MethodGet, page, "", as("auditor")...).Body.String()
		if found := regexp.MustCompile(`<a href="([^"]+)"[^>]*>` + text + `</a>`).FindStringSubmatch(body); len(found) == 2 {
			to = unescape(found[1])
		}
		return body, to
	}
	one, next := follow("/history?namespace=prod&outcome=", "Older")
	two, first := follow(next, "Newest")
	_, end := follow(next, "Older")
	if n, m := strings.Count(one, `<li class="item`), strings.Count(two, `<li class="item`); n != 50 || m != 14 || first != "/history?namespace=prod" || end != "" {
		t.Errorf("%d lines, then %d after %q; back to %q, on to %q", n, m, next, first, end)
	}
	w := b.ask(http.MethodGet, "/history.csv?namespace=prod", "", as("auditor")...)
	if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="countersign-history.csv"` || strings.Count(w.Body.String(), "\n") != 65 {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// TestHistoryPageNames: behind a proved name stands what the directory calls the person, which
// can't look like more than that. Files have the names of the log.
func TestHistoryPageNames(t *testing.T) {
	t.Parallel()
	b := withHistoryPage(t)
	var err error
	if b.People, err = approvals.NewDirectory([]approvals.Person{{Names: []string{"alice"}, DisplayName: "Alice Liddell) approved by (bob"}}, nil); err != nil {
		t.Fatal(err)
	}
	b.handler = web.Handler(b.Deps)
	body := b.ask(http.MethodGet, "/history?namespace=prod&kind=voted", "", as("auditor")...).Body.String()
	if !strings.Contains(body, "alice (Alice Liddell] approved by [bob) approved") || strings.Contains(body, "(Alice Liddell)") {
		t.Errorf("%.4000s", body)
	}
	if file := b.ask(http.MethodGet, "/history.csv?namespace=prod&kind=voted", "", as("auditor")...).Body.String(); strings.Contains(file, "Liddell") {
		t.Errorf("the file has names that are not in the log: %s", file)
	}
}

func TestHistoryPageNeedsLogin(t *testing.T) {
	t.Parallel()
	b := withHistoryPage(t)
	for _, path := range []string{"/history", "/history.csv?namespace=prod", "/history.jsonl"} {
		for _, headers := range [][]string{nil, bearer("root")} {
			if w := b.ask(http.MethodGet, path, "", headers...); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/login?back=%2Fhistory") {
				t.Errorf("%s: %d to %s", path, w.Code, w.Header().Get("Location"))
			}
		}
		if w := b.ask(http.MethodPost, path, "", as("root")...); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	if w := b.ask(http.MethodGet, "/history?namespace=prod", ""); w.Code != http.StatusUnauthorized || w.Header().Get("Refresh") == "" {
		t.Errorf("its form: %d %v", w.Code, w.Header())
	}
}

func TestHistoryPageWithoutStore(t *testing.T) {
	t.Parallel()
	b := newLoginBench(t, base+"/x")
	w := b.ask(http.MethodGet, "/x/history", "", as("mallory")...)
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "record.postgres") || !strings.Contains(body, `href="/x/history" aria-current="page"`) {
		t.Errorf("%d %s", w.Code, body)
	}
	if w := b.ask(http.MethodGet, "/x/history.csv", "", as("root")...); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "record.sqlite") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	none, m := withHistory(t)
	none.Login = &fakeLogin{}
	none.handler = web.Handler(none.Deps)
	m.Fail(approvals.Errorf(approvals.CodeUnavailable, "the record's store did not answer"))
	for _, path := range []string{"/history", "/history.csv"} {
		if w := none.ask(http.MethodGet, path, "", as("root")...); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s, down: %d %s", path, w.Code, w.Body)
		}
	}
}
