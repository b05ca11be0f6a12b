// Package turns bounds how many of something expensive go on at once, in all and for one
// namespace, so that who asks for it a hundred times waits for themselves. What is done
// in a turn is not known here.
package turns

import (
	"context"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Turns bounds concurrent work, and hands it out by namespace in turn.
type Turns struct {
	all   chan struct{}
	share int
	wait  time.Duration

	mu sync.Mutex
	of map[string]*own
}

// own has the turns of one namespace. users have or want one: without any it is forgotten.
type own struct {
	slots chan struct{}
	users int
}

// New gives all turns, of which one namespace may have share. Who waits for longer than wait
// gets none.
func New(all, share int, wait time.Duration) *Turns {
	return &Turns{all: make(chan struct{}, all), share: share, wait: wait, of: map[string]*own{}}
}

// Enter waits for a turn. leave has to be called once it is over.
//
// Errors: CodeLimited, when there was none in time.
func (t *Turns) Enter(ctx context.Context, namespace string) (leave func(), err error) {
	ctx, stop := context.WithTimeout(ctx, t.wait)
	defer stop()
	o := t.join(namespace)
	for i, slots := range []chan struct{}{o.slots, t.all} {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			if i > 0 {
				<-o.slots
			}
			t.part(namespace)
			return nil, approvals.Errorf(approvals.CodeLimited, "the service is busy with others of this kind; try again in a moment")
		}
	}
	return func() {
		<-t.all
		<-o.slots
		t.part(namespace)
	}, nil
}

func (t *Turns) join(namespace string) *own {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of[namespace]
	if o == nil {
		o = &own{slots: make(chan struct{}, t.share)}
		t.of[namespace] = o
	}
	o.users++
	return o
}

func (t *Turns) part(namespace string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.of[namespace]; o.users > 1 {
		o.users--
	} else {
		delete(t.of, namespace)
	}
}
