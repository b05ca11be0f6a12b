package kubeutil

import (
	"sync"
	"time"
)

// Memory keeps the answers of the API server for a while, bounded: what is asked for one
// Approval is asked for a thousand of the same Trigger. What it forgets is asked again.
type Memory[T any] struct {
	mu sync.Mutex
	m  map[string]remembered[T]
}

type remembered[T any] struct {
	value T
	until time.Time
}

const (
	// maxRemembered bounds one memory; past it remembering begins again.
	maxRemembered = 4096
	// badKept is for how long an answer is kept that somebody has to fix: they look
	// whether it helped.
	badKept = 5 * time.Second
)

// Get returns the value under key, or asks for it. A value that is not good is kept for a
// moment only, an error not at all.
func (m *Memory[T]) Get(now time.Time, key string, keep time.Duration, ask func() (T, error), good func(T) bool) (T, error) {
	m.mu.Lock()
	hit, ok := m.m[key]
	m.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.value, nil
	}
	value, err := ask()
	if err != nil {
		return value, err
	}
	if !good(value) {
		keep = min(keep, badKept)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil || len(m.m) >= maxRemembered {
		m.m = map[string]remembered[T]{}
	}
	m.m[key] = remembered[T]{value, now.Add(keep)}
	return value, nil
}
