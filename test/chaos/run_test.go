//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// run does and breaks everything, and writes the history.
func run(t *testing.T, s settings) (err error) {
	t.Helper()
	root, stop := signal.NotifyContext(t.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	hard, cancel := context.WithCancel(root)
	defer cancel()
	undone, err := newUndo(root)
	if err != nil {
		return err
	}
	o, err := history.NewWriter(s.dir)
	if err != nil {
		return err
	}
	k, err := connect()
	if err != nil {
		return err
	}
	box, err := openMailbox(root)
	if err != nil {
		return err
	}
	defer box.shut()
	db, err := deployed(hard, s)
	defer db.end(root)
	if err != nil {
		return err
	}
	m := history.Meta{NS: fmt.Sprintf("chaos-%d-%s", s.seed, time.Now().Format("150405")), Seed: s.seed}
	box.keep(o, m.NS)
	w, err := build(hard, k, m.NS)
	if !s.keep {
		defer w.destroy(context.WithoutCancel(root))
	}
	if err != nil {
		return err
	}
	v := watchReplicas(hard, k, o, w.tokens["metrics"])
	approvals := k.follow(hard, o, history.ApprovalsFile, approvalsGVR, m.NS)
	runs := k.follow(hard, o, history.RunsFile, runsGVR, m.NS)
	votes := k.follow(hard, o, history.VotesFile, votesGVR, m.NS)
	l := newLoad(w, o, box, v, approvals)
	l.seed = s.seed

	probe := &history.Plan{ID: 99999, Kind: history.Probe, Trigger: "probe", Gate: "probe", Version: "probe"}
	opening, giveUp := context.WithTimeout(hard, 2*time.Minute)
	l.part1(opening, probe)
	giveUp()
	if probe.Approval == "" {
		return fmt.Errorf("the first approval was not opened: %s", probe.Lost)
	}
	m.Probe = probe.Approval
	l.looks(hard, probe.Approval)
	say("the world is there: namespace %s, leader %s", m.NS, v.leaderName())
	go l.obey(hard)

	m.Began = time.Now()
	soft, done := context.WithCancel(hard)
	defer done()
	plans := s.plans(m.NS)
	var load, broken sync.WaitGroup
	for _, p := range plans {
		load.Go(func() {
			wait(hard, time.Until(m.Began.Add(p.At)))
			if hard.Err() == nil {
				l.do(hard, p)
			}
		})
	}
	var canaries []*history.Plan
	load.Go(func() { canaries = l.canaries(soft, hard, 10000, s.canary) })
	i := &injector{l: l, v: v, k: k, o: o, rng: rand.New(rand.NewPCG(s.seed, 2)), undo: undone, old: s.old, store: db}
	defer undone.all(root)
	switch {
	case s.change != nil:
		m.Least = 1
		broken.Go(func() { i.versions(hard, m.Began, *s.change) })
	case !s.calm:
		order, least := i.faults(s)
		m.Least = least
		broken.Go(func() {
			i.run(hard, order, least, m.Began.Add(s.load-15*time.Second), s.gap)
		})
	}
	go func() {
		wait(hard, time.Until(m.Began.Add(s.load)))
		broken.Wait()
		done()
	}()
	for tick := time.NewTicker(20 * time.Second); soft.Err() == nil; {
		select {
		case <-soft.Done():
			tick.Stop()
		case <-tick.C:
			total, pending := approvals.count()
			say("%d approvals, %d pending; leader %s", total, pending, v.leaderName())
		}
	}
	m.LoadEnd = time.Now()
	broken.Wait()
	undone.all(root)
	m.LastFault = time.Now()
	say("the last fault is over; now it settles")
	l.settle(hard, s, &m, votes, plans)
	say("unsettled: %d %v", len(m.Unsettled), m.Unsettled)
	if root.Err() != nil {
		return fmt.Errorf("it was ended from outside: %w", root.Err())
	}
	if err := finals(root, o, map[string]*follower{history.FinalApprovalsFile: approvals, history.FinalRunsFile: runs, history.FinalVotesFile: votes}); err != nil {
		return err
	}
	cancel()
	load.Wait()
	for _, p := range append(append(plans, canaries...), append(l.bursts.take(), probe)...) {
		o.Add(history.PlansFile, p)
	}
	if err := errors.Join(v.saveLogs(), db.save(root, s.dir)); err != nil {
		return err
	}
	m.Ended, m.Gaps = time.Now(), approvals.gapsSeen()+runs.gapsSeen()+votes.gapsSeen()
	m.Written, m.Refused = v.counted()
	return o.End(m)
}

// settle waits until nothing is to come any more, or its time is over.
func (l *load) settle(ctx context.Context, s settings, m *history.Meta, votes *follower, plans []*history.Plan) {
	end := time.Now().Add(s.drain)
	for quiet := 0; time.Now().Before(end) && quiet < 3 && ctx.Err() == nil; {
		wait(ctx, 2*time.Second)
		m.Unsettled = append(l.unsettled(votes, plans), l.v.unrecorded(ctx)...)
		// A mail's longest first waits, and Votes made at the very end.
		if len(m.Unsettled) == 0 && time.Since(m.LastFault) > 30*time.Second {
			if quiet++; quiet == 1 {
				m.Settled = time.Now()
			}
		} else {
			quiet = 0
		}
	}
}

// unsettled returns a sentence for each thing that is still to come.
func (l *load) unsettled(votes *follower, plans []*history.Plan) (out []string) {
	l.approvals.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(l.approvals.latest)) {
		u := l.approvals.latest[name]
		g := history.Gates[history.GateOf(str(u, "spec", "trigger"))]
		outcome := str(u, "status", "outcome")
		_, cancelled, _ := unstructured.NestedMap(u.Object, "status", "cancellation")
		switch {
		case !decided(u) && g.Life < time.Minute:
			out = append(out, "approval "+name+" is pending")
		case decided(u) && !cancelled && slices.Contains(g.Release, outcome) && str(u, "status", "secondRun", "name") == "":
			out = append(out, "approval "+name+" is "+outcome+" and not released")
		case !decided(u) && l.untold(u, g):
			out = append(out, "approval "+name+" is pending, and not everybody was told")
		}
	}
	l.approvals.mu.Unlock()
	votes.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(votes.latest)) {
		if str(votes.latest[name], "status", "state") == "" {
			out = append(out, "Vote "+name+" has no answer")
		}
	}
	votes.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range plans {
		if p.Approval == "" && !p.Failed && p.Lost == "" {
			out = append(out, fmt.Sprintf("plan %d (%s) has no approval", p.ID, p.Kind))
		}
	}
	return out
}

// untold reports whether somebody with a mailbox is still to be told that u was opened.
func (l *load) untold(u *unstructured.Unstructured, g history.Gate) bool {
	told, _, _ := unstructured.NestedSlice(u.Object, "status", "notifications")
	for _, p := range g.All() {
		if slices.Contains(history.People, p) && !slices.ContainsFunc(told, func(n any) bool {
			m, _ := n.(map[string]any)
			return m["recipient"] == l.w.name(p) && m["sentAt"] != nil
		}) {
			return true
		}
	}
	return false
}

// finals writes what is there at the end, by lists that no watch has a part in.
func finals(ctx context.Context, o *history.Writer, of map[string]*follower) error {
	for file, f := range of {
		if err := persist(ctx, func() error {
			list, err := f.res.List(ctx, metav1.ListOptions{})
			if err != nil {
				return err
			}
			for j := range list.Items {
				list.Items[j].SetManagedFields(nil)
			}
			o.Whole(file, list.Items)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

var began = time.Now()

// say tells how it goes, to anyone who looks on.
func say(format string, args ...any) {
	fmt.Printf("%7.1f  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}
