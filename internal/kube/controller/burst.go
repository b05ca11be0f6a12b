package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// calm is how long nothing may have been decided, nor have waited for its run, before
	// runs that were seen are recorded, and maxYield how long that is put off at most: in a
	// burst the record leaves the API server to the releases.
	calm     = 300 * time.Millisecond
	maxYield = 5 * time.Second
)

// burst knows whether decisions are being released just now. What it forgets when its
// process dies costs some requests at a bad moment and nothing else.
type burst struct {
	mu      sync.Mutex
	last    time.Time                          // the newest decision
	waiting map[types.NamespacedName]time.Time // decided then, and no run seen
}

// waits notes that something was decided and has no run yet.
func (b *burst) waits(key types.NamespacedName, decided time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting = map[types.NamespacedName]time.Time{}
	}
	b.waiting[key] = decided
	b.note(decided)
}

// seen notes that its run was seen.
func (b *burst) seen(key types.NamespacedName, decided time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, key)
	b.note(decided)
}

// gone notes that nothing is to come of it any more.
func (b *burst) gone(key types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, key)
}

func (b *burst) note(decided time.Time) {
	if decided.After(b.last) {
		b.last = decided
	}
}

// quietAt is when it will be quiet, as far as is known at now. What has waited for long
// meets an obstacle, and holds up nobody; nor does what a clock that is far ahead decided.
func (b *burst) quietAt(now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, decided := range b.waiting {
		if now.Sub(decided) > maxYield || ahead(decided, now) {
			delete(b.waiting, key)
			continue
		}
		return now.Add(calm)
	}
	if ahead(b.last, now) {
		return now
	}
	return b.last.Add(calm)
}

// ahead says whether a clock that is far from ours said at.
func ahead(at, now time.Time) bool { return at.Sub(now) > grace }
