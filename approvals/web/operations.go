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
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// releaseWithin is how long a run may take to be there before that is a problem.
const releaseWithin = time.Minute

// operations shows what went wrong where the person may put it right. It changes
// nothing.
func (s *server) operations(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	namespace := strings.TrimSpace(r.URL.Query().Get("namespace"))
	list, err := s.Store.List(r.Context(), namespace)
	if err != nil {
		s.fails(w, err)
		return
	}
	ask := map[string]bool{}
	for _, a := range list {
		ask[a.Namespace] = true
	}
	if namespace != "" {
		ask[namespace] = true // without approvals too: whoever may not is told
	}
	may, unknown := s.operates(r.Context(), id, ask)
	if namespace != "" && !may[namespace] && unknown == 0 {
		s.fails(w, approvals.Errorf(approvals.CodeForbidden, "%s does not operate namespace %s: ask for the right to update approvals.countersign.dev/status there", id.Name, namespace))
		return
	}
	list = slices.DeleteFunc(list, func(a approvals.Approval) bool { return !may[a.Namespace] })
	slices.SortFunc(list, func(x, y approvals.Approval) int {
		return cmp.Or(y.OpenedAt.Compare(x.OpenedAt), cmp.Compare(x.Key.String(), y.Key.String()))
	})
	o := templates.Operations{Person: id.Name, Namespace: namespace, Base: s.base, Now: s.Now()}
	if unknown > 0 {
		o.Trouble = fmt.Sprintf("The cluster did not say what you may see in %d namespaces. Load the page again in a moment.", unknown)
	}
	for _, a := range list {
		for _, d := range undelivered(a) {
			o.Undelivered = append(o.Undelivered, templates.Undelivered{Approval: a, Delivery: d})
		}
		if s.unreleased(a) {
			o.Unreleased = append(o.Unreleased, a)
		}
	}
	if slices.Contains(slices.Collect(maps.Values(may)), true) {
		o.Glance = s.glance(list, o)
	}
	s.render(w, http.StatusOK, func(out io.Writer) error { return s.Templates.Operations(out, o) })
}

// glance is how things stand in list, which is newest first.
func (s *server) glance(list []approvals.Approval, o templates.Operations) *templates.Glance {
	g := templates.Glance{Unreleased: len(o.Unreleased), Undelivered: len(o.Undelivered)}
	today := s.Now().UTC().Truncate(24 * time.Hour)
	for _, a := range list {
		switch {
		case !a.Decided():
			g.Pending, g.Oldest = g.Pending+1, a.OpenedAt
		case !a.DecidedAt.Before(today):
			g.Today++
		}
	}
	return &g
}

// operates says in which of namespaces id does, and in how many that could not be
// found out.
func (s *server) operates(ctx context.Context, id approvals.Identity, namespaces map[string]bool) (map[string]bool, int) {
	if s.Operators == nil || len(namespaces) == 0 {
		return nil, 0
	}
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	if all, err := s.Operators.MayOperate(ctx, id, ""); err == nil && all {
		return namespaces, 0
	}
	return each(namespaces, func(namespace string) (bool, error) { return s.Operators.MayOperate(ctx, id, namespace) })
}

// each asks about many namespaces, some at once, and counts what has no answer.
func each(namespaces map[string]bool, ask func(namespace string) (bool, error)) (map[string]bool, int) {
	var (
		mu      sync.Mutex
		wg      sync.WaitGroup
		unknown int
		turns   = make(chan struct{}, rightsAtOnce)
		may     = make(map[string]bool, len(namespaces))
	)
	for namespace := range namespaces {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			ok, err := ask(namespace)
			mu.Lock()
			defer mu.Unlock()
			may[namespace] = ok && err == nil
			if err != nil {
				unknown++
			}
		})
	}
	wg.Wait()
	return may, unknown
}

// undelivered are the deliveries of a that failed when they were last tried.
func undelivered(a approvals.Approval) []approvals.Delivery {
	return slices.DeleteFunc(slices.Clone(a.Deliveries), func(d approvals.Delivery) bool { return !d.Failed() })
}

// unreleased says whether a was decided and its run is not there, for a known reason
// or for longer than it takes.
func (s *server) unreleased(a approvals.Approval) bool {
	return a.ToRelease() && (a.Unreleased != nil || s.Now().Sub(a.DecidedAt) > releaseWithin)
}
