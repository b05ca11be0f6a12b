package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
)

// exportPause bounds the time that a client may take for a piece of an export.
const exportPause = 30 * time.Second

var errNoHistory = approvals.Errorf(approvals.CodeNotFound,
	"history is off: an administrator can turn it on with record.sqlite or record.postgres in the configuration")

// History is the audit log, as far as it is read.
type History interface {
	Search(ctx context.Context, q record.Query) (record.Page, error)
	Each(ctx context.Context, q record.Query, f func(record.Entry) error) error
}

// historyView is one page of the audit log. Its items are record.Entry, each as it is stored.
type historyView struct {
	Items []json.RawMessage `json:"items"`
	Next  string            `json:"next"`
}

// apiHistory gives the history of one namespace, or of all to anyone who may list
// Approvals in all: a page of it as JSON, or the whole as JSON lines or CSV.
func (s *server) apiHistory(w http.ResponseWriter, r *http.Request) {
	id, err := s.authenticate(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	q, format, err := historyQuery(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	if err := s.mayReadHistory(r.Context(), id, q.Namespace); err != nil {
		s.fail(w, err)
		return
	}
	if s.History == nil {
		s.fail(w, errNoHistory)
		return
	}
	if format != "json" {
		s.exportHistory(w, r, q, format, s.fail)
		return
	}
	page, err := s.History.Search(r.Context(), q)
	if err != nil {
		s.fail(w, err)
		return
	}
	items := make([]json.RawMessage, 0, len(page.Entries))
	for _, e := range page.Entries {
		items = append(items, json.RawMessage(e.Text))
	}
	writeJSON(w, http.StatusOK, historyView{items, page.Next})
}

func (s *server) mayReadHistory(ctx context.Context, id approvals.Identity, namespace string) error {
	may, err := s.Auth.MaySee(ctx, id, "list", namespace, "")
	switch {
	case err != nil || may:
		return err
	case namespace == "":
		return approvals.Errorf(approvals.CodeForbidden, "you (%s) may not list approvals in all namespaces: name one with ?namespace=", id.Name)
	default:
		return approvals.Errorf(approvals.CodeForbidden, "you (%s) may not list approvals in namespace %s: ask for the permission to list approvals.countersign.dev there", id.Name, namespace)
	}
}

// exportHistory streams. What fails once it has begun ends the connection, so that
// half an export is not taken for a whole one; refuse answers what fails before.
func (s *server) exportHistory(w http.ResponseWriter, r *http.Request, q record.Query, format string, refuse func(http.ResponseWriter, error)) {
	kind := map[string]string{record.JSONL: "application/jsonl", record.CSV: "text/csv; charset=utf-8"}[format]
	pace, began := http.NewResponseController(w), false
	var out *record.Writer
	begin := func() (err error) {
		began = true
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Disposition", `attachment; filename="countersign-history.`+format+`"`)
		out, err = record.NewWriter(w, format)
		return err
	}
	n := 0
	err := s.History.Each(r.Context(), q, func(e record.Entry) error {
		if !began {
			if err := begin(); err != nil {
				return err
			}
		}
		if n++; n%100 == 1 {
			// A recorder in a test has no deadline to move.
			_ = pace.SetWriteDeadline(time.Now().Add(exportPause)) //nolint:forbidigo // a connection's deadline is in its own time
		}
		return out.Write(e)
	})
	if err != nil && !began {
		refuse(w, err)
		return
	}
	if err == nil && !began {
		err = begin()
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		s.logInternal(err)
		panic(http.ErrAbortHandler)
	}
}

// historyQuery reads the query of the API.
func historyQuery(r *http.Request) (record.Query, string, error) {
	values, err := queryOf(r)
	if err != nil {
		return record.Query{}, "", err
	}
	return searchOf(values, accepted(r.Header.Get("Accept")))
}

func queryOf(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return values, approvals.Errorf(approvals.CodeInvalid, "the query can't be parsed: %v", err)
	}
	return values, nil
}

// historyNames are the names that a query of the audit log may have.
func historyNames() []string {
	return []string{"namespace", "approval", "pipeline", "gate", "person", "kind", "outcome", "from", "to", "cursor", "limit", "format"}
}

// searchOf parses a query of the audit log; otherwise is the default format. An unknown name
// is CodeInvalid: a mistyped filter must not widen the result.
func searchOf(values url.Values, otherwise string) (q record.Query, format string, err error) {
	bad := func(format string, args ...any) (record.Query, string, error) {
		return record.Query{}, "", approvals.Errorf(approvals.CodeInvalid, format, args...)
	}
	known := map[string]*string{
		"namespace": &q.Namespace, "approval": &q.Approval, "pipeline": &q.Pipeline, "gate": &q.Gate, "person": &q.Person,
		"kind": (*string)(&q.Kind), "outcome": (*string)(&q.Outcome), "cursor": &q.Cursor, "format": &format,
	}
	for name, vs := range values {
		if len(vs) != 1 {
			return bad("%s is given %d times: give it once", approvals.Cut(name, approvals.MaxQuoted), len(vs))
		}
		switch p := known[name]; {
		case p != nil:
			*p = vs[0]
		case name == "limit":
			if q.Limit, err = strconv.Atoi(vs[0]); err != nil || q.Limit < 1 {
				return bad("limit is %q: use 1 to %d", approvals.Cut(vs[0], approvals.MaxQuoted), record.MaxPage)
			}
		case name == "from", name == "to":
			at, err := record.ParseTime(vs[0])
			if err != nil {
				return bad("%s is %q: use a date such as 2026-03-01, or one with a time as in RFC 3339", name, approvals.Cut(vs[0], approvals.MaxQuoted))
			}
			if name == "from" {
				q.From = at
			} else {
				q.To = at
			}
		default:
			names := historyNames()
			last := len(names) - 1
			return bad("%q is unknown: use %s or %s", approvals.Cut(name, approvals.MaxQuoted), strings.Join(names[:last], ", "), names[last])
		}
	}
	if format == "" {
		format = otherwise
	}
	if !slices.Contains([]string{"json", record.JSONL, record.CSV}, format) {
		return bad("format is %q: use json, jsonl or csv", approvals.Cut(format, approvals.MaxQuoted))
	}
	if format != "json" && (q.Limit != 0 || q.Cursor != "") {
		return bad("limit and cursor are for pages, format json: %s is everything that matches", format)
	}
	if q, err = q.Normal(); err != nil {
		return record.Query{}, "", err
	}
	return q, format, nil
}

// accepted returns the first known format in an Accept header, "json" when there is none. It ignores
// weights.
func accepted(header string) string {
	for part := range strings.SplitSeq(header, ",") {
		kind, _, _ := strings.Cut(part, ";")
		switch strings.TrimSpace(strings.ToLower(kind)) {
		case "application/json":
			return "json"
		case "application/jsonl", "application/x-ndjson", "application/x-jsonlines":
			return record.JSONL
		case "text/csv":
			return record.CSV
		}
	}
	return "json"
}
