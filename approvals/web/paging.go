package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
	"github.com/countersign-dev/countersign/templates"
)

// itemsOnPage is the number of Approvals on one page of a list.
const itemsOnPage = 100

// order is one in which a list is read: by a time, and then by name.
type order struct {
	at   func(*overview.Entry) time.Time
	last bool // the latest first
}

// mark is a place in a list: of the last entry of the page before. It stays right
// when that one is gone.
type mark struct {
	at              time.Time
	namespace, name string
}

func (o order) markOf(e *overview.Entry) string {
	return o.at(e).UTC().Format(time.RFC3339Nano) + "_" + e.Namespace + "/" + e.Name
}

// parseMark reads a cursor that markOf wrote, nil for "", which is the first page. The error is
// CodeInvalid.
func parseMark(s string) (*mark, error) {
	if s == "" {
		return nil, nil
	}
	when, rest, _ := strings.Cut(s, "_")
	at, err := time.Parse(time.RFC3339Nano, when)
	namespace, name, ok := strings.Cut(rest, "/")
	if err != nil || !ok || namespace == "" || name == "" {
		return nil, approvals.Errorf(approvals.CodeInvalid, "the cursor is not valid: start without one")
	}
	return &mark{at, namespace, name}, nil
}

func (o order) compare(e *overview.Entry, at time.Time, namespace, name string) int {
	c := o.at(e).Compare(at)
	if o.last {
		c = -c
	}
	if c == 0 {
		c = strings.Compare(e.Namespace, namespace)
	}
	if c == 0 {
		c = strings.Compare(e.Name, name)
	}
	return c
}

func (o order) sort(list []*overview.Entry) {
	slices.SortFunc(list, func(x, y *overview.Entry) int { return o.compare(x, o.at(y), y.Namespace, y.Name) })
}

// cut returns the page of list behind after, and the number of entries before it. list must be
// sorted. next is the cursor of the next page, "" at the end.
func (o order) cut(list []*overview.Entry, after *mark, limit int) (page []*overview.Entry, before int, next string) {
	if after != nil {
		var found bool
		before, found = slices.BinarySearchFunc(list, *after, func(e *overview.Entry, m mark) int { return o.compare(e, m.at, m.namespace, m.name) })
		if found {
			before++
		}
	}
	page = list[before:min(len(list), before+limit)]
	if before+len(page) < len(list) {
		next = o.markOf(page[len(page)-1])
	}
	return page, before, next
}

// section is the page of list that the query names, and its entries. Its links keep
// the page's filter and no other section's cursor.
func (s *server) section(r *http.Request, path, cursor string, o order, list []*overview.Entry) (templates.Section, []*overview.Entry, error) {
	values := r.URL.Query()
	after, err := parseMark(values.Get(cursor))
	if err != nil {
		return templates.Section{}, nil, err
	}
	page, before, next := o.cut(list, after, itemsOnPage)
	link := func(at string) string {
		q := url.Values{}
		for _, name := range []string{"namespace", "gate", "mine", "q", "sort"} {
			if x := values.Get(name); x != "" {
				q.Set(name, x)
			}
		}
		if at != "" {
			q.Set(cursor, at)
		}
		return strings.TrimSuffix(s.base+path+"?"+q.Encode(), "?")
	}
	sec := templates.Section{Total: len(list), Before: before}
	if next != "" {
		sec.Next = link(next)
	}
	if before > 0 {
		sec.First = link("")
	}
	return sec, page, nil
}
