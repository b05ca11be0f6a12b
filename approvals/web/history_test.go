package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/internal/golden"
)

// withHistory has two decided Approvals of prod and one of dev in its record.
func withHistory(t *testing.T) (*bench, *recordtest.Memory) {
	t.Helper()
	b, m := newBench(t, base), &recordtest.Memory{}
	for _, a := range []approvals.Approval{
		ct.Make("one").Voted("alice", approvals.Approve, "=1+1").Obj(),
		ct.Make("two").Voted("alice", approvals.Reject, "no").Obj(),
		ct.Make("three").In("dev").Voted("alice", approvals.Approve, "").Obj(),
	} {
		if _, err := m.Append(t.Context(), record.Lines(a)); err != nil {
			t.Fatal(err)
		}
	}
	b.History = m
	b.handler = web.Handler(b.Deps)
	return b, m
}

func TestHistory(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		query  string
		as     string
		accept string
		status int
		count  int // lines, or items
		want   string
	}{
		"a namespace":        {"namespace=prod", "auditor", "", 200, 8, `"next": ""`},
		"everything":         {"", "root", "*/*", 200, 12, ""},
		"an outcome":         {"namespace=prod&outcome=Rejected", "auditor", "", 200, 1, `"approval": "two"`},
		"a person":           {"namespace=prod&person=alice&kind=voted", "auditor", "", 200, 2, ""},
		"nothing":            {"namespace=prod&gate=none", "auditor", "", 200, 0, `"items": []`},
		"a page":             {"namespace=prod&limit=3", "auditor", "", 200, 3, `"next": "2026-03-01T09:`},
		"until a day":        {"namespace=prod&to=2026-03-01", "auditor", "", 200, 0, ""},
		"from an instant":    {"namespace=prod&from=2026-03-01T18:01:00%2B09:00", "auditor", "", 200, 4, ""},
		"lines":              {"namespace=prod&format=jsonl", "auditor", "", 200, 8, "{\"seq\":1,"},
		"lines by Accept":    {"namespace=prod", "auditor", "text/html, application/x-ndjson;q=0.9", 200, 8, ""},
		"a table":            {"namespace=prod&format=csv", "auditor", "", 200, 9, ",'=1+1,"},
		"a table by Accept":  {"namespace=prod", "auditor", "text/csv", 200, 9, ""},
		"an empty table":     {"namespace=prod&format=csv&gate=none", "auditor", "", 200, 1, "seq,at,kind"},
		"another's space":    {"namespace=dev", "auditor", "", 403, 0, ""},
		"every space":        {"", "auditor", "", 403, 0, ""},
		"an approver":        {"namespace=prod", "alice", "", 403, 0, ""},
		"an empty space":     {"namespace=", "auditor", "", 403, 0, ""},
		"two spaces":         {"namespace=prod&namespace=dev", "auditor", "", 400, 0, ""},
		"rights not known":   {"namespace=prod", "nobody-knows", "", 503, 0, ""},
		"mistyped":           {"namespace=prod&outcom=Rejected", "auditor", "", 400, 0, ""},
		"a bad time":         {"namespace=prod&from=yesterday", "auditor", "", 400, 0, ""},
		"a bad limit":        {"namespace=prod&limit=0", "auditor", "", 400, 0, ""},
		"too many":           {"namespace=prod&limit=1001", "auditor", "", 400, 0, ""},
		"a bad cursor":       {"namespace=prod&cursor=x", "auditor", "", 400, 0, ""},
		"a bad format":       {"namespace=prod&format=xml", "auditor", "", 400, 0, ""},
		"a page of a table":  {"namespace=prod&format=csv&limit=3", "auditor", "", 400, 0, ""},
		"a bad query":        {"namespace=prod&x=%zz", "auditor", "", 400, 0, ""},
		"characters":         {"namespace=prod&person=a%00b", "auditor", "", 400, 0, ""},
		"nobody":             {"namespace=prod", "", "", 401, 0, ""},
		"token in the query": {"namespace=prod&access_token=token-auditor", "", "", 401, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := withHistory(t)
			var headers []string
			if c.as != "" {
				headers = bearer(c.as)
			}
			if c.accept != "" {
				headers = append(headers, "Accept", c.accept)
			}
			w := b.ask(http.MethodGet, "/api/v1/history?"+c.query, "", headers...)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d, want %d with %q:\n%.2000s", w.Code, c.status, c.want, w.Body)
			}
			checkError(t, said, name, w)
			wantHeaders(t, name, w.Header())
			if c.status != 200 {
				return
			}
			count := strings.Count(w.Body.String(), "\n")
			if w.Header().Get("Content-Type") == "application/json" {
				var got struct{ Items []record.Line }
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
					t.Error(err)
				}
				count = len(got.Items)
			}
			if count != c.count {
				t.Errorf("%d, want %d:\n%s", count, c.count, w.Body)
			}
		})
	}
}

// TestHistoryPages: the cursor of each page leads to the next one, until the last.
// TestHistoryQuery: the API takes each name of a query that openapi.yaml has, with its example.
func TestHistoryQuery(t *testing.T) {
	t.Parallel()
	b, _ := withHistory(t)
	query, err := web.QueryOf("/api/v1/history", "get")
	if err != nil {
		t.Fatal(err)
	}
	for name, example := range query {
		values := url.Values{"namespace": {"prod"}}
		values.Set(name, example)
		if name == "namespace" {
			values.Set(name, "prod")
		}
		if w := b.ask(http.MethodGet, "/api/v1/history?"+values.Encode(), "", bearer("auditor")...); w.Code != http.StatusOK {
			t.Errorf("%s=%s: %d %s", name, example, w.Code, w.Body)
		}
	}
}

func TestHistoryPages(t *testing.T) {
	t.Parallel()
	b, _ := withHistory(t)
	seen, next := map[string]bool{}, ""
	for range 4 {
		w := b.ask(http.MethodGet, "/api/v1/history?limit=3&cursor="+next, "", bearer("root")...)
		var got struct {
			Items []struct{ ID string }
			Next  string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for _, i := range got.Items {
			seen[i.ID] = true
		}
		next = got.Next
	}
	if len(seen) != 12 || next != "" {
		t.Errorf("%d lines, next %q", len(seen), next)
	}
}

func TestHistoryWithoutStore(t *testing.T) {
	t.Parallel()
	b, m := withHistory(t)
	m.Fail(approvals.Errorf(approvals.CodeUnavailable, "the record's store did not answer"))
	for _, format := range []string{"json", "jsonl", "csv"} {
		if w := b.ask(http.MethodGet, "/api/v1/history?namespace=prod&format="+format, "", bearer("auditor")...); w.Code != 503 || !strings.Contains(w.Body.String(), `"unavailable"`) {
			t.Errorf("%s, down: %d %s", format, w.Code, w.Body)
		}
	}
	none := newBench(t, base)
	if w := none.ask(http.MethodGet, "/api/v1/history?namespace=prod", "", bearer("auditor")...); w.Code != 404 || !strings.Contains(w.Body.String(), `"not_found"`) {
		t.Errorf("none: %d %s", w.Code, w.Body)
	}
	if w := none.ask(http.MethodGet, "/api/v1/history?namespace=prod", "", bearer("mallory")...); w.Code != 403 {
		t.Errorf("none, to a stranger: %d %s", w.Code, w.Body)
	}
}
