package evidence

import "sync"

// turns lets one write at a time into each namespace: two that look at what is kept at once
// would both find room for themselves. Each replica has its own, so a namespace may have up to
// one piece of evidence beyond its quota for each other replica. The zero value is ready.
type turns struct {
	mu sync.Mutex
	of map[string]*turn
}

// turn is that of one namespace; without users it is forgotten.
type turn struct {
	sync.Mutex
	users int
}

// take waits for the turn of a namespace. done gives it to the next.
func (t *turns) take(namespace string) (done func()) {
	t.mu.Lock()
	if t.of == nil {
		t.of = map[string]*turn{}
	}
	mine := t.of[namespace]
	if mine == nil {
		mine = &turn{}
		t.of[namespace] = mine
	}
	mine.users++
	t.mu.Unlock()
	mine.Lock()
	return func() {
		mine.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.of, namespace)
		}
	}
}
