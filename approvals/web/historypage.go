package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/templates"
)

// linesOnPage is the number of entries on one page of the history.
const linesOnPage = 50

// showHistory searches the audit log for somebody who has logged in.
func (s *server) showHistory(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	h := templates.History{Person: id.Name, Base: s.base, Now: s.Now(), Off: s.History == nil, Query: r.URL.Query(), Language: languageOf(w)}
	values, err := pageQuery(r)
	h.Search = fieldsOf(values)
	if err == nil && !h.Off {
		err = s.search(r.Context(), id, values, &h)
	}
	status := http.StatusOK
	if err != nil {
		s.logInternal(err)
		status, h.Trouble = statusOf(approvals.CodeOf(err)), approvals.Message(err)
	}
	s.render(w, status, func(out io.Writer) error { return s.Templates.History(out, h) })
}

// search fills in what values find and id may see, and where to go on.
func (s *server) search(ctx context.Context, id approvals.Identity, values url.Values, h *templates.History) error {
	q, _, err := searchOf(values, "json")
	if err != nil {
		return err
	}
	if q, h.Own, err = s.allowed(ctx, id, q); err != nil {
		return err
	}
	q.Limit = linesOnPage
	page, err := s.History.Search(ctx, q)
	if err != nil {
		return err
	}
	for _, e := range page.Entries {
		h.Lines = append(h.Lines, s.lineOf(e))
	}
	values.Del("cursor")
	h.CSV, h.JSONL = s.base+"/history.csv?"+values.Encode(), s.base+"/history.jsonl?"+values.Encode()
	if q.Cursor != "" {
		h.First = s.base + "/history?" + values.Encode()
	}
	if page.Next != "" {
		values.Set("cursor", page.Next)
		h.Next = s.base + "/history?" + values.Encode()
	}
	return nil
}

// takeHistory gives the whole of a search away as a file.
func (s *server) takeHistory(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := s.person(w, r)
		if !ok {
			return
		}
		values, err := pageQuery(r)
		if err == nil && s.History == nil {
			err = errNoHistory
		}
		var q record.Query
		if err == nil {
			q, _, err = searchOf(values, format)
		}
		if err == nil {
			q, _, err = s.allowed(r.Context(), id, q)
		}
		if err != nil {
			s.fails(w, err)
			return
		}
		s.exportHistory(w, r, q, format, s.fails)
	}
}

// allowed restricts q to the lines that id may see: all of a namespace with the right to list it,
// else the lines with id as their person, and own is true then. The error is CodeForbidden for
// another person's lines, or CodeUnavailable when the right is not known.
func (s *server) allowed(ctx context.Context, id approvals.Identity, q record.Query) (_ record.Query, own bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	err = s.mayReadHistory(ctx, id, q.Namespace)
	if approvals.CodeOf(err) == approvals.CodeForbidden && (q.Person == "" || q.Person == id.Name) {
		q.Person = id.Name
		return q, true, nil
	}
	return q, false, err
}

// pageQuery is the query of a page's form, which sends empty fields too. Format and
// size are the page's own.
func pageQuery(r *http.Request) (url.Values, error) {
	values, err := queryOf(r)
	for name, vs := range values {
		if name == "format" || name == "limit" || len(vs) == 1 && vs[0] == "" {
			delete(values, name)
		}
	}
	return values, err
}

func fieldsOf(v url.Values) templates.Search {
	return templates.Search{
		Namespace: v.Get("namespace"), Approval: v.Get("approval"), Pipeline: v.Get("pipeline"), Gate: v.Get("gate"), Person: v.Get("person"),
		Kind: v.Get("kind"), Outcome: v.Get("outcome"), From: v.Get("from"), To: v.Get("to"),
	}
}

func (s *server) lineOf(e record.Entry) templates.HistoryLine {
	at, _ := time.Parse(record.Layout, e.At) // zero is shown as nothing
	l := templates.HistoryLine{
		At: at, Kind: string(e.Kind), Namespace: e.Namespace, Approval: e.Approval, Trigger: e.Trigger, Pipeline: e.Pipeline, Run: e.Run, Gate: e.Gate,
		Person: s.named(e.Person), For: s.named(e.OnBehalfOf), Verdict: approvals.Verdict(e.Verdict), BreakGlass: e.BreakGlass, Comment: e.Comment,
		Outcome: approvals.Outcome(e.Outcome), SupersededBy: e.SupersededBy, Channel: e.Channel, Error: e.Error, Next: e.SecondRun, RunOutcome: approvals.RunOutcome(e.RunOutcome),
	}
	if l.Task = e.Task; l.Task != "" {
		l.Trigger = e.Pipeline + "/" + e.Task
	}
	for _, p := range e.People {
		l.People = append(l.People, s.named(p))
	}
	for _, in := range e.Inputs {
		l.Inputs = append(l.Inputs, approvals.Param{Name: in.Name, Value: in.Value})
	}
	return l
}

// named returns a proved name, with what the directory calls the person in parentheses behind it.
// Parentheses in that become brackets, so that it can't look like the end of the name.
func (s *server) named(name string) string {
	display := s.People.DisplayNameOf(approvals.Approval{}, name, "")
	if display == "" {
		return name
	}
	return name + " (" + strings.NewReplacer("(", "[", ")", "]").Replace(display) + ")"
}
