package web

import (
	"context"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

const (
	// maxInline is how many bytes of evidence one page, or one list, reads.
	maxInline = 8 << 20
	// Evidence is read for so many requests at once: pages are made of it in memory, several
	// times its size, and a download holds it until it is sent. One namespace has its share,
	// so that who opens its pages a hundred times waits for themselves.
	pagesAtOnce, pagesOfOne         = 4, 1
	downloadsAtOnce, downloadsOfOne = 16, 4
	// readingWait is how long a request waits for its turn.
	readingWait = 5 * time.Second
)

// reading bounds how many requests have evidence in memory, of one namespace and in all.
type reading struct {
	all   chan struct{}
	share int

	mu sync.Mutex
	of map[string]*turns
}

// turns are those of one namespace. users have or want one: without any it is forgotten.
type turns struct {
	slots chan struct{}
	users int
}

func newReading(all, share int) *reading {
	return &reading{all: make(chan struct{}, all), share: share, of: map[string]*turns{}}
}

// enter waits for a turn. leave has to be called once the bytes are not needed any more.
//
// Errors: CodeLimited, when there was none in time.
func (r *reading) enter(ctx context.Context, namespace string) (leave func(), err error) {
	ctx, stop := context.WithTimeout(ctx, readingWait)
	defer stop()
	t := r.join(namespace)
	for i, slots := range []chan struct{}{t.slots, r.all} {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			if i > 0 {
				<-t.slots
			}
			r.part(namespace)
			return nil, approvals.Errorf(approvals.CodeLimited, "much evidence is being read just now: try again in a moment")
		}
	}
	return func() {
		<-r.all
		<-t.slots
		r.part(namespace)
	}, nil
}

func (r *reading) join(namespace string) *turns {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of[namespace]
	if t == nil {
		t = &turns{slots: make(chan struct{}, r.share)}
		r.of[namespace] = t
	}
	t.users++
	return t
}

func (r *reading) part(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.of[namespace]; t.users > 1 {
		t.users--
	} else {
		delete(r.of, namespace)
	}
}
