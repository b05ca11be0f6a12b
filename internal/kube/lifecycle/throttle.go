package lifecycle

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// MaxYield bounds the time for which the write of observed runs is postponed while there is no
// outcome.QuietPeriod: in a burst that write leaves the API server to the releases.
const MaxYield = 5 * time.Second

// Throttle knows of each namespace whether decisions are being released there just now. One
// that decides all the time postpones the audit log of its own runs, and nobody else's. What it
// forgets when its process dies costs some requests at a bad moment and nothing else.
type Throttle struct {
	mu sync.Mutex
	in map[string]*releasing
}

// releasing has the releases that are on their way in one namespace.
type releasing struct {
	last    time.Time            // the newest decision
	waiting map[string]time.Time // by name: decided then, and no run seen
}

// Waits notes that something was decided and has no run yet.
func (b *Throttle) Waits(key types.NamespacedName, decided time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.of(key.Namespace)
	in.waiting[key.Name] = decided
	in.note(decided)
}

// Seen notes that its run was seen.
func (b *Throttle) Seen(key types.NamespacedName, decided time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.of(key.Namespace)
	delete(in.waiting, key.Name)
	in.note(decided)
}

// Gone notes that nothing is to come of it any more.
func (b *Throttle) Gone(key types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if in := b.in[key.Namespace]; in != nil {
		delete(in.waiting, key.Name)
	}
}

func (b *Throttle) of(namespace string) *releasing {
	if b.in == nil {
		b.in = map[string]*releasing{}
	}
	in := b.in[namespace]
	if in == nil {
		in = &releasing{waiting: map[string]time.Time{}}
		b.in[namespace] = in
	}
	return in
}

func (r *releasing) note(decided time.Time) {
	if decided.After(r.last) {
		r.last = decided
	}
}

// quietAt returns the time at which a namespace will be quiet, as far as is known at now. A
// release that has waited for long meets an obstacle, and delays nobody; nor does a decision
// by a clock that is far ahead.
func (b *Throttle) quietAt(namespace string, now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.in[namespace]
	if in == nil {
		return now
	}
	for name, decided := range in.waiting {
		if now.Sub(decided) > MaxYield || outcome.Ahead(decided, now) {
			delete(in.waiting, name)
			continue
		}
		return now.Add(outcome.QuietPeriod)
	}
	quiet := in.last.Add(outcome.QuietPeriod)
	if outcome.Ahead(in.last, now) {
		quiet = now
	}
	if !quiet.After(now) {
		delete(b.in, namespace) // nothing is left to know
	}
	return quiet
}

// lastIn returns the time of the newest known decision in a namespace.
func (b *Throttle) lastIn(namespace string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.of(namespace).last
}
