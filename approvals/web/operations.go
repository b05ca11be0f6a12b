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
	"github.com/countersign-dev/countersign/approvals/overview"
	"github.com/countersign-dev/countersign/templates"
)

// releaseWithin is the time after which a run that has not started is a problem.
const releaseWithin = time.Minute

// operations shows what went wrong where the person may put it right. It changes
// nothing.
func (s *server) operations(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	namespace := strings.TrimSpace(r.URL.Query().Get("namespace"))
	all, err := s.Overview.Snapshot(r.Context())
	if err != nil {
		s.fails(w, err)
		return
	}
	ask := map[string]bool{}
	for name := range all.Namespaces {
		if namespace == "" || name == namespace {
			ask[name] = true
		}
	}
	if namespace != "" {
		ask[namespace] = true // without approvals too: anyone who may not is told
	}
	may, unknown := s.operates(r.Context(), id, ask)
	if namespace != "" && !may[namespace] && unknown == 0 {
		s.fails(w, approvals.Errorf(approvals.CodeForbidden, "you (%s) are not an operator of namespace %s: ask for the permission to update approvals.countersign.dev/status there", id.Name, namespace))
		return
	}
	o := templates.Operations{Person: id.Name, Namespace: namespace, Base: s.base, Now: s.Now(), Query: r.URL.Query(), Language: languageOf(w)}
	if unknown > 0 {
		o.Trouble = fmt.Sprintf("We couldn't check your access in %d namespaces. Reload in a moment.", unknown)
	}
	list := keep(all.In(namespace).Troubled, func(e *overview.Entry) bool { return may[e.Namespace] })
	newestFirst.sort(list)
	for _, e := range list {
		a := e.Approval
		for _, d := range undelivered(a) {
			o.Undelivered = append(o.Undelivered, templates.Undelivered{Approval: a, Delivery: d})
		}
		if s.unreleased(a) {
			o.Unreleased = append(o.Unreleased, a)
		}
	}
	if slices.Contains(slices.Collect(maps.Values(may)), true) {
		o.Glance, o.Gates = s.glance(all, may, o), s.gateTimes(all, may)
	}
	s.render(w, http.StatusOK, func(out io.Writer) error { return s.Templates.Operations(out, o) })
}

// glance counts the Approvals of the namespaces that the person operates.
func (s *server) glance(all *overview.Snapshot, may map[string]bool, o templates.Operations) *templates.Glance {
	g := templates.Glance{Unreleased: len(o.Unreleased), Undelivered: len(o.Undelivered)}
	today := s.Now().UTC().Truncate(24 * time.Hour)
	for name, space := range all.Namespaces {
		if !may[name] {
			continue
		}
		for _, gate := range space.Gates {
			g.Today += gate.Since(today)
			g.Pending += len(gate.Waiting)
			if len(gate.Waiting) > 0 && (g.Oldest.IsZero() || gate.Waiting[0].OpenedAt.Before(g.Oldest)) {
				g.Oldest = gate.Waiting[0].OpenedAt
			}
		}
	}
	return &g
}

// gateTimes are how long things wait and people take, by Gate, in the namespaces that the person
// operates. What it costs grows with how many Gates there are, not with their Approvals.
func (s *server) gateTimes(all *overview.Snapshot, may map[string]bool) []templates.GateTimes {
	var out []templates.GateTimes
	now := s.Now()
	for name, space := range all.Namespaces {
		if !may[name] {
			continue
		}
		for gate, g := range space.Gates {
			waits, times := g.Waits(now), g.Times(now)
			if waits.Count+times.Count+times.Missed == 0 {
				continue // nothing of late
			}
			x := templates.GateTimes{
				Namespace: name, Gate: gate, Waiting: spread(waits), Deciding: spread(times.Spread),
				Missed: times.Missed, Trend: string(times.Trend()), Before: times.Before.P50,
			}
			for _, w := range times.Weeks {
				x.Weeks = append(x.Weeks, spread(w))
			}
			out = append(out, x)
		}
	}
	// Where most waits comes first, then where people take longest.
	slices.SortFunc(out, func(x, y templates.GateTimes) int {
		return cmp.Or(cmp.Compare(y.Waiting.Count, x.Waiting.Count), cmp.Compare(y.Deciding.P90, x.Deciding.P90), cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Gate, y.Gate))
	})
	return out
}

func spread(s overview.Spread) templates.Spread {
	return templates.Spread{Count: s.Count, P50: s.P50, P90: s.P90}
}

// operates returns those of namespaces in which id may operate, and the number of namespaces in
// which that is not known because RBAC did not answer. Those count as not allowed.
func (s *server) operates(ctx context.Context, id approvals.Identity, namespaces map[string]bool) (map[string]bool, int) {
	if s.Operators == nil || len(namespaces) == 0 {
		return nil, 0
	}
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	who := personOf(id)
	if all, err := s.rights.mayOperate(ctx, who, id, ""); err == nil && all {
		return namespaces, 0
	}
	may, failed := each(namespaces, func(namespace string) (bool, error) { return s.rights.mayOperate(ctx, who, id, namespace) })
	return may, len(failed)
}

// each asks about many things, rightsAtOnce at a time. A thing whose question failed is in failed,
// and not allowed in may.
func each[K comparable](things map[K]bool, ask func(K) (bool, error)) (may, failed map[K]bool) {
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		turns = make(chan struct{}, rightsAtOnce)
	)
	may, failed = make(map[K]bool, len(things)), map[K]bool{}
	for thing := range things {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			ok, err := ask(thing)
			mu.Lock()
			defer mu.Unlock()
			may[thing] = ok && err == nil
			if err != nil {
				failed[thing] = true
			}
		})
	}
	wg.Wait()
	return may, failed
}

// undelivered are the deliveries of a that failed when they were last tried.
func undelivered(a approvals.Approval) []approvals.Delivery {
	return slices.DeleteFunc(slices.Clone(a.Deliveries), func(d approvals.Delivery) bool { return !d.Failed() })
}

// unreleased reports whether a was decided and its run has not started, for a known reason or
// for longer than it takes.
func (s *server) unreleased(a approvals.Approval) bool {
	return a.ToRelease() && (a.Unreleased != nil || s.Now().Sub(a.ReleaseFrom()) > releaseWithin)
}
