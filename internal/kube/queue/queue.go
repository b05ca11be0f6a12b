package queue

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

// Options configures a queue.
type Options[T comparable] struct {
	// Workers is the number of workers that take from the queue at once.
	Workers int
	// Share bounds the workers that one namespace may occupy; 0: half of them. It may occupy
	// fewer while others are busy: never more than there are free, so that somebody who
	// comes later finds a worker. One it may always have.
	Share int
	// Place is the namespace of an item, and the part of it that the item belongs to.
	Place func(T) (namespace, part string)
	// Limiter says after how long what failed is tried again.
	Limiter workqueue.TypedRateLimiter[T]
}

// lowTurn: of so many items that are handed out one is of low priority, if there is any. Low
// is what an informer lists at the start: it waits behind what happens now, and not for ever.
const lowTurn = 8

// Queue is a workqueue with priorities. An item is in it once, and is handed to one worker
// at a time; one that is added meanwhile is handed out again after that.
type Queue[T comparable] struct {
	o Options[T]

	mu       sync.Mutex
	ready    *sync.Cond
	items    map[T]*item[T]   // those that wait, for their time, their turn or their worker
	busy     map[T]*tenant[T] // those that a worker has
	tenants  map[string]*tenant[T]
	levels   [2]ring[*tenant[T]] // namespaces with items to hand out: of normal and of low priority
	later    delayed[T]
	timer    *time.Timer // for the first of later, due at wakeAt
	wakeAt   time.Time
	turns    int
	shutdown bool
}

const (
	normal = iota
	low
)

// item is small: every Approval that waits has one in each queue, for its deadline.
type item[T comparable] struct {
	key T

	at       time.Time // zero: as soon as it is its turn
	turn     *turn     // nil: it is not in a line
	priority int
	index    int // in later
}

// turn is an item's place in a line.
type turn struct {
	namespace, part string
	since           time.Time
}

func (i *item[T]) level() int {
	if i.priority < 0 {
		return low
	}
	return normal
}

// tenant is a namespace with something to do.
type tenant[T comparable] struct {
	name  string
	busy  int // workers that it occupies
	lines [2]lines[T]
}

var _ priorityqueue.PriorityQueue[string] = (*Queue[string])(nil)

// New makes a queue. Items can be added before anybody takes from it.
func New[T comparable](o Options[T]) *Queue[T] {
	o.Workers = max(o.Workers, 1)
	if o.Share <= 0 {
		o.Share = max(o.Workers/2, 1)
	}
	if o.Limiter == nil {
		o.Limiter = workqueue.DefaultTypedControllerRateLimiter[T]()
	}
	q := &Queue[T]{o: o, items: map[T]*item[T]{}, busy: map[T]*tenant[T]{}, tenants: map[string]*tenant[T]{}}
	q.ready = sync.NewCond(&q.mu)
	return q
}

// AddWithOpts adds items, or brings forward what is there: it keeps the higher priority and
// the earlier time.
func (q *Queue[T]) AddWithOpts(o priorityqueue.AddOpts, keys ...T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.shutdown {
		return
	}
	for _, key := range keys {
		after := o.After
		if o.RateLimited {
			if limit := q.o.Limiter.When(key); after == 0 || limit < after {
				after = limit
			}
		}
		priority := 0
		if o.Priority != nil {
			priority = *o.Priority
		}
		q.add(key, after, priority)
	}
}

func (q *Queue[T]) add(key T, after time.Duration, priority int) {
	var at time.Time
	if after > 0 {
		at = now().Add(after)
	}
	it, known := q.items[key]
	if !known {
		it = &item[T]{key: key, priority: priority, at: at, index: -1}
		q.items[key] = it
	} else if priority > it.priority {
		before := it.level()
		it.priority = priority
		if it.turn != nil && it.level() != before {
			q.unline(it, before)
		}
	}
	switch {
	case at.IsZero():
		it.at = at
		q.later.remove(it)
		q.line(it)
	case known && it.at.IsZero(): // it is its turn already
		q.line(it)
	case !known || at.Before(it.at):
		it.at = at
		q.later.put(it)
		q.sleep()
	}
}

// line puts it at the end of its line, unless a worker has the same one just now: then
// Done does. One that is there already keeps its place.
func (q *Queue[T]) line(it *item[T]) {
	if it.turn != nil || q.busy[it.key] != nil {
		return
	}
	namespace, part := q.o.Place(it.key)
	it.turn = &turn{namespace, part, now()}
	t, level := q.tenantOf(namespace), it.level()
	t.lines[level].push(part, it.key)
	q.levels[level].push(t)
	q.ready.Signal()
}

// unline takes it out of its line, for another one.
func (q *Queue[T]) unline(it *item[T], level int) {
	t := q.tenantOf(it.turn.namespace)
	t.lines[level].remove(it.turn.part, it.key)
	if t.lines[level].n == 0 {
		q.levels[level].remove(t)
	}
	it.turn = nil
}

// Get waits for the next item.
func (q *Queue[T]) Get() (key T, shutdown bool) {
	key, _, shutdown = q.GetWithPriority()
	return key, shutdown
}

// GetWithPriority waits for the next item.
func (q *Queue[T]) GetWithPriority() (key T, priority int, shutdown bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.shutdown {
		if it := q.next(); it != nil {
			q.ready.Signal() // what made this one possible may make two possible
			return it.key, it.priority, false
		}
		q.ready.Wait()
	}
	return key, 0, true
}

// next takes the item whose turn it is, nil when there is none that may be handed out.
func (q *Queue[T]) next() *item[T] {
	first, second := normal, low
	if q.turns++; q.turns%lowTurn == 0 {
		first, second = low, normal
	}
	for _, level := range []int{first, second} {
		t, ok := q.levels[level].take(q.mayHave)
		if !ok {
			continue
		}
		it := q.items[t.lines[level].pop()]
		if t.lines[level].n > 0 {
			q.levels[level].push(t)
		}
		delete(q.items, it.key)
		q.busy[it.key] = t
		t.busy++
		return it
	}
	return nil
}

// mayHave reports whether t may occupy one more worker. Each tenant that may not occupies one
// already, so fewer are skipped than there are workers.
func (q *Queue[T]) mayHave(t *tenant[T]) bool {
	return t.busy == 0 || t.busy < q.o.Share && t.busy < q.o.Workers-len(q.busy)
}

// Done tells q that a worker has done with key.
func (q *Queue[T]) Done(key T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.busy[key]
	if t == nil {
		return
	}
	delete(q.busy, key)
	t.busy--
	if it := q.items[key]; it != nil && it.at.IsZero() {
		q.line(it)
	}
	q.drop(t)
	q.ready.Signal()
}

func (q *Queue[T]) tenantOf(name string) *tenant[T] {
	t := q.tenants[name]
	if t == nil {
		t = &tenant[T]{name: name}
		q.tenants[name] = t
	}
	return t
}

// drop forgets a namespace with nothing to do. What waits for its time finds it by name.
func (q *Queue[T]) drop(t *tenant[T]) {
	if t.busy == 0 && t.lines[normal].n+t.lines[low].n == 0 {
		delete(q.tenants, t.name)
	}
}

// Add adds an item that is due now.
func (q *Queue[T]) Add(key T) { q.AddWithOpts(priorityqueue.AddOpts{}, key) }

// AddAfter adds an item that is due after some time.
func (q *Queue[T]) AddAfter(key T, after time.Duration) {
	q.AddWithOpts(priorityqueue.AddOpts{After: after}, key)
}

// AddRateLimited adds an item that failed.
func (q *Queue[T]) AddRateLimited(key T) {
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, key)
}

// Forget ends the growth of the time after which key is tried again.
func (q *Queue[T]) Forget(key T) { q.o.Limiter.Forget(key) }

// NumRequeues returns the number of failures of key in a row.
func (q *Queue[T]) NumRequeues(key T) int { return q.o.Limiter.NumRequeues(key) }

// ShutDown wakes everybody who waits, with nothing to do.
func (q *Queue[T]) ShutDown() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shutdown = true
	if q.timer != nil {
		q.timer.Stop()
	}
	q.ready.Broadcast()
}

// ShutDownWithDrain is ShutDown: what is left undone is found again by the next process.
func (q *Queue[T]) ShutDownWithDrain() { q.ShutDown() }

// ShuttingDown reports whether ShutDown was called.
func (q *Queue[T]) ShuttingDown() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.shutdown
}

// Len returns the number of items that could be worked on now, if there were a worker for
// each.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for _, t := range q.tenants {
		n += t.lines[normal].n + t.lines[low].n
	}
	return n
}

// Oldest returns the longest time that an item has been waiting for its turn, 0 when none waits.
func (q *Queue[T]) Oldest() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	var oldest time.Time
	for _, it := range q.items {
		if it.turn != nil && (oldest.IsZero() || it.turn.since.Before(oldest)) {
			oldest = it.turn.since
		}
	}
	if oldest.IsZero() {
		return 0
	}
	return now().Sub(oldest)
}
