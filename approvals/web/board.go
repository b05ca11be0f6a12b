package web

import (
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
	pending := all.In(f.Namespace).Pending
	if f.Gate != "" {
		pending = keep(pending, func(e *overview.Entry) bool { return e.Resolved != nil && e.Resolved.Policy.Gate == f.Gate })
	}
	if f.Text != "" {
		pending = keep(pending, func(e *overview.Entry) bool { return finds(e, f.Text) })
	}
	if f.Mine {
		_ = v.prove(ctx, pending) // logged; anyone who is not verified decides less
		pending = keep(pending, func(e *overview.Entry) bool { return v.waits(ctx, e) })
	}
	seen, unknown := v.visible(ctx, pending)
	if unknown > 0 {
		l.Trouble = fmt.Sprintf("We couldn't check your access in %d namespaces. Reload in a moment.", unknown)
	}
	l.Namespaces, l.Gates = choicesOf(seen)
	o, ok := sorts[f.Sort]
	if !ok {
		f.Sort, o = "", mostUrgent
	}
	if f.Sort != "" {
		seen = slices.Clone(seen)
		o.sort(seen)
	}
	waiting, page, err := s.section(r, "/", "after", o, seen)
	if err != nil {
		s.fails(w, err)
		return
	}
	waiting.Title, waiting.Empty, waiting.Items = "Pending", emptyBoard(f), v.items(ctx, page)
	l.Sections = []templates.Section{waiting}
	s.list(w, id, l)
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

// choicesOf returns the namespaces and Gates of the Approvals that the person sees, each sorted.
func choicesOf(seen []*overview.Entry) (namespaces, gates []string) {
	of := func(get func(*overview.Entry) string) []string {
		all := map[string]bool{}
		for _, e := range seen {
			if s := get(e); s != "" {
				all[s] = true
			}
		}
		return slices.Sorted(maps.Keys(all))
	}
	return of(func(e *overview.Entry) string { return e.Namespace }), of(func(e *overview.Entry) string {
		if e.Resolved == nil {
			return ""
		}
		return e.Resolved.Policy.Gate
	})
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
	pending := all.In("").Pending
	_ = v.prove(ctx, pending) // logged; less waits for anyone who is not verified
	forMe, page, err := s.section(r, "/mine", "after", mostUrgent, keep(pending, func(e *overview.Entry) bool {
		return e.VoteOf(id) == nil && v.waits(ctx, e)
	}))
	if err != nil {
		s.fails(w, err)
		return
	}
	forMe.Title, forMe.Empty, forMe.Items = "Your turn", "All clear. Nothing is waiting for you.", v.items(ctx, page)
	byVote := order{at: func(e *overview.Entry) time.Time { return e.VoteOf(id).At }, last: true}
	voted := slices.Clone(all.In("").VotedBy(id.Name))
	byVote.sort(voted)
	decided, page, err := s.section(r, "/mine", "voted", byVote, voted)
	if err != nil {
		s.fails(w, err)
		return
	}
	decided.Title, decided.Empty, decided.Items = "Decided by me", "You haven't decided anything recently.", v.items(ctx, page)
	s.list(w, id, templates.List{Here: "mine", Sections: []templates.Section{forMe, decided}, Bulk: true, Turn: forMe.Total})
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
	l.Person, l.Base, l.Now, l.Live = id.Name, s.base, s.Now(), s.Changes != nil
	l.Display = func(name string) string { return s.People.DisplayNameOf(approvals.Approval{}, name, "") }
	if l.Live {
		w.Header().Set("Content-Security-Policy", updating)
	}
	s.render(w, http.StatusOK, func(out io.Writer) error { return s.Templates.List(out, l) })
}
