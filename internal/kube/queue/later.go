package queue

import (
	"container/heap"
	"time"
)

// now is the machine's clock, by which timers run: it decides nothing but when an item's turn is.
func now() time.Time { return time.Now() } //nolint:forbidigo // see above

// delayed are the items that wait for their time, the earliest first.
type delayed[T comparable] []*item[T]

func (d delayed[T]) Len() int           { return len(d) }
func (d delayed[T]) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d delayed[T]) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push implements heap.Interface.
func (d *delayed[T]) Push(x any) {
	it, _ := x.(*item[T]) // heap.Push is called with these alone
	it.index = len(*d)
	*d = append(*d, it)
}

// Pop implements heap.Interface.
func (d *delayed[T]) Pop() any {
	old := *d
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	it.index = -1
	return it
}

// put takes it up, or brings it to the place of its new time.
func (d *delayed[T]) put(it *item[T]) {
	if it.index >= 0 {
		heap.Fix(d, it.index)
		return
	}
	heap.Push(d, it)
}

func (d *delayed[T]) remove(it *item[T]) {
	if it.index >= 0 {
		heap.Remove(d, it.index)
	}
}

// sleep sees to it that somebody wakes when the first of later is due.
func (q *Queue[T]) sleep() {
	if len(q.later) == 0 {
		return
	}
	at := q.later[0].at
	if q.timer != nil && !q.wakeAt.After(at) {
		return
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	q.wakeAt = at
	q.timer = time.AfterFunc(max(at.Sub(now()), 0), q.wake)
}

// wake puts in line what is due.
func (q *Queue[T]) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timer = nil
	if q.shutdown {
		return
	}
	for at := now(); len(q.later) > 0 && !q.later[0].at.After(at); {
		it, _ := heap.Pop(&q.later).(*item[T])
		it.at = time.Time{}
		q.line(it)
	}
	q.sleep()
}
