package web

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

const (
	// rightsWithin bounds what a board asks the cluster, rightsAtOnce how much of it
	// at a time.
	rightsWithin = 5 * time.Second
	rightsAtOnce = 8
)

// board is what waits and the person may see, the most urgent first.
func (s *server) board(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	who := s.proven(r.Context(), id)
	q := r.URL.Query()
	f := templates.Filter{Namespace: strings.TrimSpace(q.Get("namespace")), Gate: strings.TrimSpace(q.Get("gate")), Mine: q.Get("mine") != ""}
	l := templates.List{Here: "board", Filter: &f}
	list, err := s.Store.List(r.Context(), f.Namespace)
	if err != nil {
		s.fails(w, err)
		return
	}
	pending := slices.DeleteFunc(list, func(a approvals.Approval) bool {
		return a.Decided() || f.Gate != "" && (a.Terms == nil || a.Terms.Policy.Gate != f.Gate) || f.Mine && !s.mayDecide(a, who(a))
	})
	seen, unknown := s.visible(r.Context(), id, who, pending)
	if unknown > 0 {
		l.Trouble = fmt.Sprintf("The cluster did not say what you may see in %d namespaces. Load the page again in a moment.", unknown)
	}
	slices.SortFunc(seen, func(x, y approvals.Approval) int {
		return cmp.Or(urgency(x).Compare(urgency(y)), cmp.Compare(x.Key.String(), y.Key.String()))
	})
	l.Sections = []templates.Section{{Title: "Pending", Empty: "Nothing waits that you may see and that this filter keeps.", Items: s.items(seen, who)}}
	s.list(w, id, l)
}

// mine is what waits for the person, and what the person decided.
func (s *server) mine(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	list, err := s.Store.List(r.Context(), "")
	if err != nil {
		s.fails(w, err)
		return
	}
	who := s.proven(r.Context(), id)
	var waiting, voted []approvals.Approval
	for _, a := range list {
		if voteOf(a, id) != nil {
			voted = append(voted, a)
		} else if s.mayDecide(a, who(a)) {
			waiting = append(waiting, a)
		}
	}
	slices.SortFunc(waiting, func(x, y approvals.Approval) int {
		return cmp.Or(urgency(x).Compare(urgency(y)), cmp.Compare(x.Key.String(), y.Key.String()))
	})
	slices.SortFunc(voted, func(x, y approvals.Approval) int {
		return cmp.Or(voteOf(y, id).At.Compare(voteOf(x, id).At), cmp.Compare(x.Key.String(), y.Key.String()))
	})
	s.list(w, id, templates.List{Here: "mine", Sections: []templates.Section{
		{Title: "Waiting for me", Empty: "Nothing waits for you.", Items: s.items(waiting, who)},
		{Title: "What I decided", Empty: "You have not decided anything that is still kept.", Items: s.items(voted, who)},
	}})
}

// visible keeps what id may see, and says in how many namespaces that could not be
// found out.
func (s *server) visible(ctx context.Context, id approvals.Identity, who proven, list []approvals.Approval) ([]approvals.Approval, int) {
	own := func(a approvals.Approval) bool { return approvals.MayVote(a, who(a)) == nil || asked(a, id) }
	ask := map[string]bool{}
	for _, a := range list {
		if !own(a) {
			ask[a.Namespace] = false
		}
	}
	if len(ask) == 0 {
		return list, 0
	}
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	if all, err := s.Auth.MaySee(ctx, id, "list", "", ""); err == nil && all {
		return list, 0
	}
	may, unknown := each(ask, func(namespace string) (bool, error) { return s.Auth.MaySee(ctx, id, "list", namespace, "") })
	return slices.DeleteFunc(list, func(a approvals.Approval) bool { return !own(a) && !may[a.Namespace] }), unknown
}

// mayDecide says whether a waits for id: the rules allow it and there is time.
func (s *server) mayDecide(a approvals.Approval, id approvals.Identity) bool {
	return !a.Decided() && approvals.MayVote(a, id) == nil && s.Now().Before(a.Deadline())
}

// urgency orders what waits: by deadline, and last what has none yet.
func urgency(a approvals.Approval) time.Time {
	if d := a.Deadline(); !d.IsZero() {
		return d
	}
	return a.OpenedAt.AddDate(100, 0, 0)
}

func voteOf(a approvals.Approval, id approvals.Identity) *approvals.Vote {
	if i := slices.IndexFunc(a.Votes, func(v approvals.Vote) bool { return v.Voter == id.Name }); i >= 0 {
		return &a.Votes[i]
	}
	return nil
}

func (s *server) items(list []approvals.Approval, who proven) []templates.Item {
	out := make([]templates.Item, 0, len(list))
	for _, a := range list {
		id := who(a)
		mine := voteOf(a, id)
		out = append(out, templates.Item{Approval: a, Vote: mine, Mine: mine == nil && s.mayDecide(a, id)})
	}
	return out
}

func (s *server) list(w http.ResponseWriter, id approvals.Identity, l templates.List) {
	l.Person, l.Base, l.Now, l.Live = id.Name, s.base, s.Now(), s.Changes != nil
	if l.Live {
		w.Header().Set("Content-Security-Policy", updating)
	}
	s.render(w, http.StatusOK, func(out io.Writer) error { return s.Templates.List(out, l) })
}

// render renders to memory first: a template that fails half way must not leave
// half a page with a 200.
func (s *server) render(w http.ResponseWriter, status int, page func(io.Writer) error) {
	var buf bytes.Buffer
	if err := page(&buf); err != nil {
		s.Log.Error("render page", "error", err.Error())
		s.problem(w, http.StatusInternalServerError, "Can't be shown", "Internal error. The service's log has the details.")
		return
	}
	if h := w.Header(); h.Get("Content-Security-Policy") == policy {
		h.Set("Content-Security-Policy", scripted)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes())
}

func (s *server) fails(w http.ResponseWriter, err error) {
	s.logInternal(err)
	s.problem(w, statusOf(approvals.CodeOf(err)), "Can't be shown", approvals.Message(err))
}
