package web

import (
	"container/heap"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
	"github.com/countersign-dev/countersign/templates"
)

// itemsOnPage is the number of Approvals on one page of a list: as many as can be selected for one bulk decision.
const itemsOnPage = maxBulk

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

// lists are entries in several lists, each of which is sorted by the order in which they are read. A page
// of them costs what it shows, and a search in each list.
type lists [][]*overview.Entry

func (l lists) len() (n int) {
	for _, list := range l {
		n += len(list)
	}
	return n
}

// cut returns the page of l behind after, and the number of entries before it. next is the cursor of the
// next page, "" at the end.
func (l lists) cut(o order, after *mark, limit int) (page []*overview.Entry, before int, next string) {
	rest := heads{order: o}
	for _, list := range l {
		at := o.behind(list, after)
		if before += at; at < len(list) {
			rest.of = append(rest.of, list[at:])
		}
	}
	heap.Init(&rest)
	for len(page) < limit && len(rest.of) > 0 {
		page = append(page, rest.take())
	}
	if len(rest.of) > 0 {
		next = o.markOf(page[len(page)-1])
	}
	return page, before, next
}

// behind returns the number of entries of list up to after.
func (o order) behind(list []*overview.Entry, after *mark) int {
	if after == nil {
		return 0
	}
	at, found := slices.BinarySearchFunc(list, *after, func(e *overview.Entry, m mark) int { return o.compare(e, m.at, m.namespace, m.name) })
	if found {
		at++
	}
	return at
}

// heads is a heap of lists that are not empty, by the first entry of each.
type heads struct {
	order
	of lists
}

// Len implements heap.Interface.
func (h *heads) Len() int { return len(h.of) }

// Less implements heap.Interface.
func (h *heads) Less(i, j int) bool {
	y := h.of[j][0]
	return h.compare(h.of[i][0], h.at(y), y.Namespace, y.Name) < 0
}

// Swap implements heap.Interface.
func (h *heads) Swap(i, j int) { h.of[i], h.of[j] = h.of[j], h.of[i] }

// Push implements heap.Interface, for which nothing calls it.
func (h *heads) Push(any) {}

// Pop implements heap.Interface.
func (h *heads) Pop() any {
	h.of = h.of[:len(h.of)-1]
	return nil
}

// take removes the first entry of all.
func (h *heads) take() *overview.Entry {
	e := h.of[0][0]
	if h.of[0] = h.of[0][1:]; len(h.of[0]) == 0 {
		heap.Pop(h)
	} else {
		heap.Fix(h, 0)
	}
	return e
}

// section is the page of l that the query names, and its entries. Its links keep
// the page's filter and no other section's cursor.
func (s *server) section(r *http.Request, path, cursor string, o order, l lists) (templates.Section, []*overview.Entry, error) {
	values := r.URL.Query()
	after, err := parseMark(values.Get(cursor))
	if err != nil {
		return templates.Section{}, nil, err
	}
	page, before, next := l.cut(o, after, itemsOnPage)
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
	sec := templates.Section{Total: l.len(), Before: before}
	if next != "" {
		sec.Next = link(next)
	}
	if before > 0 {
		sec.First = link("")
	}
	return sec, page, nil
}
