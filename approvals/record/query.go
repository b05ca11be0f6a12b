package record

import (
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Query picks entries. What is empty does not matter.
type Query struct {
	Namespace, Approval, Pipeline, Gate string
	// Person asked, voted, was told, or is one of those who decided.
	Person   string
	Kind     Kind
	Outcome  approvals.Outcome
	From, To time.Time // From is the first instant, To the first that is too late
	// Cursor is Next of the page before, "" for the first page. Limit is the most entries of a
	// page, from 1 to MaxPage; 0: DefaultPage.
	Cursor string
	Limit  int
}

// Limits of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Page is entries, newest first, and where to go on; Next is "" at the end.
type Page struct {
	Entries []Entry
	Next    string
}

// Normal returns q with its default limit filled in. The error is CodeInvalid, for a limit out of
// bounds, a malformed cursor, or a text that no name can be.
func (q Query) Normal() (Query, error) {
	for name, s := range map[string]string{
		"namespace": q.Namespace, "approval": q.Approval, "pipeline": q.Pipeline, "gate": q.Gate,
		"person": q.Person, "kind": string(q.Kind), "outcome": string(q.Outcome),
	} {
		if clean(s, maxName) != s {
			return q, approvals.Errorf(approvals.CodeInvalid, "%s is longer than %d bytes, or has characters that no name has", name, maxName)
		}
	}
	if _, err := q.After(); err != nil {
		return q, err
	}
	if q.Limit < 0 || q.Limit > MaxPage {
		return q, approvals.Errorf(approvals.CodeInvalid, "limit is %d: use 1 to %d", q.Limit, MaxPage)
	}
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	return q, nil
}

// Place is the position of an entry among all, by time and then by number.
type Place struct {
	At  string
	Seq int64
}

// CursorOf is the cursor of the page that comes after e.
func CursorOf(e Entry) string { return e.At + "_" + strconv.FormatInt(e.Seq, 10) }

// After is the place that the cursor names, nil without one.
func (q Query) After() (*Place, error) {
	if q.Cursor == "" {
		return nil, nil
	}
	at, n, _ := strings.Cut(q.Cursor, "_")
	_, timeErr := time.Parse(Layout, at)
	seq, err := strconv.ParseInt(n, 10, 64)
	if err != nil || timeErr != nil || seq < 1 {
		return nil, approvals.Errorf(approvals.CodeInvalid, "the cursor is not valid: start without one")
	}
	return &Place{at, seq}, nil
}

// ParseTime reads a time as people write it: a date, which is its first instant in
// UTC, or an instant with its zone.
func ParseTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}
