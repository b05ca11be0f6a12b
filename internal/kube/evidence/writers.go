package evidence

import "sync"

// writers lets one write at a time into each namespace: two that look at what is kept at once
// would both find room for themselves. Each replica has its own, so a namespace may have up to
// one piece of evidence beyond its quota for each other replica. The zero value is ready.
type writers struct {
	mu sync.Mutex
	of map[string]*writer
}

// writer is that of one namespace; without users it is forgotten.
type writer struct {
	sync.Mutex
	users int
}

// enter waits for the turn of a namespace. leave gives it to the next.
func (w *writers) enter(namespace string) (leave func()) {
	w.mu.Lock()
	if w.of == nil {
		w.of = map[string]*writer{}
	}
	mine := w.of[namespace]
	if mine == nil {
		mine = &writer{}
		w.of[namespace] = mine
	}
	mine.users++
	w.mu.Unlock()
	mine.Lock()
	return func() {
		mine.Unlock()
		w.mu.Lock()
		defer w.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(w.of, namespace)
		}
	}
}
