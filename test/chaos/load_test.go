//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// load opens and decides.
type load struct {
	w         *world
	o         *history.Writer
	box       *mailbox
	v         *replicaView
	approvals *follower
	seed      uint64
	bursts    bursts

	mu       sync.Mutex
	cond     *sync.Cond
	bySource map[string]seenAt // by part 1's UID, or delivery id
}

type seenAt struct {
	name string
	at   time.Time
}

func newLoad(w *world, o *history.Writer, box *mailbox, v *replicaView, approvals *follower) *load {
	l := &load{w: w, o: o, box: box, v: v, approvals: approvals, bySource: map[string]seenAt{}}
	l.cond = sync.NewCond(&l.mu)
	see := func(at time.Time, u *unstructured.Unstructured) {
		src := str(u, "spec", "source", "pipelineRun", "uid")
		if src == "" {
			src = str(u, "spec", "source", "event", "id")
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if _, ok := l.bySource[src]; !ok {
			l.bySource[src] = seenAt{u.GetName(), at}
			l.cond.Broadcast()
		}
	}
	approvals.mu.Lock()
	defer approvals.mu.Unlock()
	approvals.on = append(approvals.on, see)
	return l
}

// opened waits for the Approval of a source.
func (l *load) opened(ctx context.Context, source string) (seenAt, bool) {
	stop := context.AfterFunc(ctx, func() { l.mu.Lock(); l.cond.Broadcast(); l.mu.Unlock() })
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if s, ok := l.bySource[source]; ok {
			return s, true
		}
		if ctx.Err() != nil {
			return seenAt{}, false
		}
		l.cond.Wait()
	}
}

// know notes of a plan what others look at meanwhile.
func (l *load) know(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// do does one plan from its beginning to its end.
func (l *load) do(ctx context.Context, p *history.Plan) {
	if p.Event {
		l.push(ctx, p)
	} else {
		l.part1(ctx, p)
	}
	if p.Approval == "" {
		return
	}
	var wg sync.WaitGroup
	if p.PruneOne {
		wg.Go(func() {
			wait(ctx, 2*time.Second)
			_ = l.deleteRun(ctx, part1Name(p))
		})
	}
	bySeq := map[int][]history.Step{}
	for _, s := range p.Steps {
		bySeq[s.Seq] = append(bySeq[s.Seq], s)
	}
	for _, steps := range bySeq {
		wg.Go(func() {
			for _, s := range steps {
				if !l.until(ctx, p, s) {
					return
				}
				l.step(ctx, p, s)
			}
		})
	}
	if p.PruneTwo || p.Resend {
		wg.Go(func() { l.after(ctx, p) })
	}
	wg.Wait()
}

// until waits until it is time for a step.
func (l *load) until(ctx context.Context, p *history.Plan, s history.Step) bool {
	at := p.Visible.Add(s.After)
	switch {
	case s.FromDeadline:
		u := l.approvals.get(p.Approval)
		if u == nil {
			return false
		}
		at = u.GetCreationTimestamp().Add(history.Gates[p.Gate].Life + s.After)
	case s.Decided:
		if !l.approvals.until(ctx, p.Approval, func(u *unstructured.Unstructured) bool { return u != nil && decided(u) }) {
			return false
		}
		at = time.Now().Add(s.After)
	}
	wait(ctx, time.Until(at))
	return ctx.Err() == nil
}

// prunedAfter is the time for which part 2 is left alone once it is recorded: an event that was posted
// once more before that may still be on its way through a slow EventListener, and find the name free.
const prunedAfter = 30 * time.Second

// after prunes part 2 and sends the event again, once it is all over.
func (l *load) after(ctx context.Context, p *history.Plan) {
	if !l.approvals.until(ctx, p.Approval, func(u *unstructured.Unstructured) bool {
		return u != nil && decided(u) && (!p.PruneTwo || str(u, "status", "secondRun", "name") != "")
	}) {
		return
	}
	if p.PruneTwo {
		wait(ctx, prunedAfter)
		if l.deleteRun(ctx, str(l.approvals.get(p.Approval), "status", "secondRun", "name")) == nil {
			l.o.Add(history.PrunedFile, history.Pruned{Approval: p.Approval, At: time.Now()})
		}
	}
	if p.Resend {
		for range 3 {
			_, _ = l.send(ctx, p)
			wait(ctx, 300*time.Millisecond)
		}
	}
}

// push sends an event until it is held: what comes while the interceptors are down is
// lost, as the documentation says.
func (l *load) push(ctx context.Context, p *history.Plan) {
	l.know(func() { p.Source = fmt.Sprintf("delivery-%s-%d", l.w.ns, p.ID) })
	for ctx.Err() == nil {
		status, _ := l.send(ctx, p)
		p.Sends++
		if status == 202 && p.Finished.IsZero() {
			p.Finished = time.Now()
		}
		once, cancel := context.WithTimeout(ctx, 4*time.Second)
		s, ok := l.opened(once, p.Source)
		cancel()
		if ok {
			l.know(func() { p.Approval, p.Visible = s.name, s.at })
			return
		}
	}
	l.know(func() { p.Lost = "the event was never held" })
}

func (l *load) send(ctx context.Context, p *history.Plan) (int, string) {
	body, err := json.Marshal(map[string]any{"kind": "push", "version": p.Version, "who": p.Request})
	if err != nil {
		return 0, err.Error()
	}
	return post(ctx, web, l.w.listeners[p.Trigger], map[string]string{"Content-Type": "application/json", "Idempotency-Key": p.Source}, body)
}

// canaries opens an Approval every so often and decides it at once, to see how long that takes.
func (l *load) canaries(ctx, hard context.Context, first int, every time.Duration) []*history.Plan {
	var out []*history.Plan
	var wg sync.WaitGroup
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := first; ; i++ {
		select {
		case <-ctx.Done():
			wg.Wait()
			return out
		case <-tick.C:
		}
		p := &history.Plan{ID: i, Kind: history.Canary, Trigger: "single", Gate: "single", Version: fmt.Sprintf("canary-%d", i), At: time.Since(began)}
		p.Steps = []history.Step{{Who: []string{"ann", "bob"}[i%2], Way: history.Token, Verdict: "approve", Seq: 1}}
		out = append(out, p)
		wg.Go(func() { l.do(hard, p) })
	}
}

// bursts are plans that faults made, to be broken in their middle.
type bursts struct {
	mu    sync.Mutex
	plans []*history.Plan
}

func (b *bursts) add(p *history.Plan) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plans = append(b.plans, p)
	return len(b.plans)
}

func (b *bursts) take() []*history.Plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.plans
}

// burst opens n at once and decides them at once.
func (l *load) burst(ctx context.Context, n int) {
	var wg sync.WaitGroup
	for j := range n {
		p := &history.Plan{Kind: "burst", Trigger: "single", Gate: "single", At: time.Since(began), Request: l.w.name(history.Asker)}
		p.ID = 50000 + l.bursts.add(p)
		p.Version = fmt.Sprintf("burst-%d", p.ID)
		p.Steps = []history.Step{{Who: []string{"ann", "bob"}[j%2], Way: []string{history.Token, history.Object}[j/2%2], Verdict: "approve", Seq: 1, After: 300 * time.Millisecond}}
		wg.Go(func() { l.do(ctx, p) })
	}
	wg.Wait()
}
