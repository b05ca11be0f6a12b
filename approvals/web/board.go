package web

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
	"github.com/countersign-dev/countersign/templates"
)

var (
	mostUrgent  = order{at: func(e *overview.Entry) time.Time { return e.Urgency }}
	newestFirst = order{at: func(e *overview.Entry) time.Time { return e.OpenedAt }, last: true}
)

// emptyBoard returns the text of a board without items.
func emptyBoard(f templates.Filter) string {
	if f == (templates.Filter{}) {
		return "All clear. Nothing is waiting."
	}
	return "Nothing matches this filter."
}

func (s *server) board(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	all, err := s.Overview.Snapshot(r.Context())
	if err != nil {
		s.fails(w, err)
		return
	}
	ctx, v, q := r.Context(), s.viewer(id), r.URL.Query()
	f := templates.Filter{
		Namespace: strings.TrimSpace(q.Get("namespace")), Gate: strings.TrimSpace(q.Get("gate")), Mine: q.Get("mine") != "",
		Text: strings.TrimSpace(q.Get("q")), Sort: q.Get("sort"),
	}
	l := templates.List{Here: "board", Filter: &f, Bulk: true}
	o, ok := sorts[f.Sort]
	if !ok {
		f.Sort, o = "", mostUrgent
	}
	found := s.pending(ctx, v, all, f)
	if found.unknown > 0 {
		l.Trouble = fmt.Sprintf("We couldn't check your access in %d namespaces. Reload in a moment.", found.unknown)
	}
	l.Namespaces, l.Gates = choicesOf(found.lists)
	if f.Sort != "" { // the lists are sorted by urgency
		byOrder := slices.Concat(found.lists...)
		o.sort(byOrder)
		found.lists = lists{byOrder}
	}
	waiting, page, err := s.section(r, "/", "after", o, found.lists)
	if err != nil {
		s.fails(w, err)
		return
	}
	waiting.Title, waiting.Empty, waiting.Items = "Pending", emptyBoard(f), v.items(ctx, page)
	l.Sections = []templates.Section{waiting}
	l.Query = r.URL.Query()
	s.list(w, id, l)
}

// found is what of the pending Approvals a person sees, each list sorted by urgency and of one class.
type found struct {
	lists   lists
	unknown int // the namespaces for which RBAC did not answer
}

// pending returns what v sees of all that is pending and that f does not leave out.
func (s *server) pending(ctx context.Context, v *viewer, all *overview.Snapshot, f templates.Filter) found {
	var classes []*overview.Class
	for c := range all.Classes(f.Namespace) {
		if len(c.Pending) > 0 && (f.Gate == "" || c.All[0].GateName() == f.Gate) {
			classes = append(classes, c)
		}
	}
	var out found
	if f.Mine {
		out.lists = s.waiting(ctx, v, classes)
	} else {
		classes, out.unknown = v.sees(ctx, classes)
		for _, c := range classes {
			out.lists = append(out.lists, c.Pending)
		}
	}
	if f.Text != "" {
		for i, list := range out.lists {
			out.lists[i] = keep(list, func(e *overview.Entry) bool { return finds(e, f.Text) })
		}
	}
	out.lists = slices.DeleteFunc(out.lists, func(list []*overview.Entry) bool { return len(list) == 0 })
	return out
}

// waiting returns what of classes waits for the person: the rules allow it and there is time.
func (s *server) waiting(ctx context.Context, v *viewer, classes []*overview.Class) (l lists) {
	var firsts []*overview.Entry
	for _, c := range classes {
		firsts = append(firsts, c.All[0])
	}
	_ = v.prove(ctx, firsts) // logged; less waits for anyone who is not verified
	now := s.Now()
	for _, c := range classes {
		if c = v.decides(ctx, c); c == nil {
			continue
		}
		// By urgency, what is over comes first. What is not resolved nobody may decide.
		over, _ := slices.BinarySearchFunc(c.Pending, now, func(e *overview.Entry, now time.Time) int { return cmp.Or(e.Urgency.Compare(now), -1) })
		if over < len(c.Pending) {
			l = append(l, c.Pending[over:])
		}
	}
	return l
}

// sorts are the orders that the board can be read in, by their names in the query.
var sorts = map[string]order{"": mostUrgent, "newest": newestFirst, "oldest": {at: func(e *overview.Entry) time.Time { return e.OpenedAt }}}

// finds reports whether what a list shows of e has text in it, in any case.
func finds(e *overview.Entry, text string) bool {
	has := []string{e.Headline(), e.Title(), e.Namespace, e.Name}
	if e.Resolved != nil {
		has = append(has, e.Resolved.Policy.Gate, e.Resolved.Requester)
	}
	if r := e.Source.Run; r != nil {
		has = append(has, r.Name)
	}
	text = strings.ToLower(text)
	return slices.ContainsFunc(has, func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
}

// choicesOf returns the namespaces and Gates of what the person sees, each sorted. All of a list have
// the same.
func choicesOf(seen lists) (namespaces, gates []string) {
	of := func(get func(*overview.Entry) string) []string {
		all := map[string]bool{}
		for _, list := range seen {
			if s := get(list[0]); s != "" {
				all[s] = true
			}
		}
		return slices.Sorted(maps.Keys(all))
	}
	return of(func(e *overview.Entry) string { return e.Namespace }), of((*overview.Entry).GateName)
}

// mine serves the list of what waits for the person, and of what the person decided.
func (s *server) mine(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	all, err := s.Overview.Snapshot(r.Context())
	if err != nil {
		s.fails(w, err)
		return
	}
	ctx, v := r.Context(), s.viewer(id)
	open := s.waiting(ctx, v, slices.Collect(all.Classes("")))
	for i, list := range open {
		open[i] = keep(list, func(e *overview.Entry) bool { return e.VoteOf(id) == nil })
	}
	forMe, page, err := s.section(r, "/mine", "after", mostUrgent, open)
	if err != nil {
		s.fails(w, err)
		return
	}
	forMe.Title, forMe.Empty, forMe.Items = "Your turn", "All clear. Nothing is waiting for you.", v.items(ctx, page)
	byVote := order{at: func(e *overview.Entry) time.Time { return e.VoteOf(id).At }, last: true}
	voted := slices.Clone(all.In("").VotedBy(id.Name))
	byVote.sort(voted)
	decided, page, err := s.section(r, "/mine", "voted", byVote, lists{voted})
	if err != nil {
		s.fails(w, err)
		return
	}
	decided.Title, decided.Empty, decided.Items = "Decided by me", "You haven't decided anything recently.", v.items(ctx, page)
	s.list(w, id, templates.List{Here: "mine", Sections: []templates.Section{forMe, decided}, Bulk: true, Turn: forMe.Total, Query: r.URL.Query()})
}

func (v *viewer) items(ctx context.Context, page []*overview.Entry) []templates.Item {
	_ = v.prove(ctx, page) // logged; nobody who is not verified is asked to decide
	out := make([]templates.Item, 0, len(page))
	for _, e := range page {
		mine := e.VoteOf(v.id)
		out = append(out, templates.Item{Approval: e.Approval, Vote: mine, Mine: mine == nil && v.waits(ctx, e)})
	}
	return out
}

func (s *server) list(w http.ResponseWriter, id approvals.Identity, l templates.List) {
	l.Person, l.Base, l.Now, l.Live, l.Language = id.Name, s.base, s.Now(), s.Changes != nil, languageOf(w)
	l.Display = func(name string) string { return s.People.DisplayNameOf(approvals.Approval{}, name, "") }
	if l.Live {
		w.Header().Set("Content-Security-Policy", updating)
	}
	s.render(w, http.StatusOK, func(out io.Writer) error { return s.Templates.List(out, l) })
}
