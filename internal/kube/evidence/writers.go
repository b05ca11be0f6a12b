package evidence

import (
	"context"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// writeWait is how long a write waits for those before it in its namespace.
const writeWait = 10 * time.Second

// writers lets one write at a time into each namespace: two that look at what is kept at once
// would both find room for themselves. Each replica has its own, so a namespace may have up to
// one piece of evidence beyond its quota for each other replica. The zero value is ready.
type writers struct {
	mu sync.Mutex
	of map[string]*writer
}

// writer is that of one namespace; without users it is forgotten.
type writer struct {
	busy  chan struct{}
	users int
}

// enter waits for the turn of a namespace. leave gives it to the next.
//
// Errors: CodeLimited, when it did not come in time.
func (w *writers) enter(ctx context.Context, namespace string) (leave func(), err error) {
	ctx, stop := context.WithTimeout(ctx, writeWait)
	defer stop()
	mine := w.join(namespace)
	select {
	case mine.busy <- struct{}{}:
		return func() {
			<-mine.busy
			w.part(namespace)
		}, nil
	case <-ctx.Done():
		w.part(namespace)
		return nil, approvals.Errorf(approvals.CodeLimited, "much evidence of namespace %s is being written just now: try again in a moment", namespace)
	}
}

func (w *writers) join(namespace string) *writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[string]*writer{}
	}
	mine := w.of[namespace]
	if mine == nil {
		mine = &writer{busy: make(chan struct{}, 1)}
		w.of[namespace] = mine
	}
	mine.users++
	return mine
}

func (w *writers) part(namespace string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if mine := w.of[namespace]; mine.users > 1 {
		mine.users--
	} else {
		delete(w.of, namespace)
	}
}
