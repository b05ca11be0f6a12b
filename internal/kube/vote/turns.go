package vote

import (
	"container/heap"
	"context"
	"strings"
	"sync"
	"unicode"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// Turns knows which Vote of a person on an Approval is taken next: they are taken in the
// order in which they were made. It follows the informer, whose first list is there before
// any Vote is looked at, and whose events come in the order of the writes. Each event costs
// the logarithm of what that person has waiting on that Approval, and no Vote is looked at
// in vain, however many wait.
type Turns struct {
	mu    sync.Mutex
	lines map[voteLine]*voteHeap
	at    map[types.UID]*waitingVote
}

// voteLine is whose Votes wait for each other.
type voteLine struct{ namespace, approval, voter string }

// waitingVote is a Vote of which nothing has become yet. Only what orders it is kept.
type waitingVote struct {
	line  voteLine
	vote  v1alpha1.Vote // its metadata
	index int
}

func lineOfVote(v *v1alpha1.Vote) voteLine {
	return voteLine{v.Namespace, v.Spec.Approval, folded(v.Spec.Voter)}
}

// folded is the same for two names that strings.EqualFold holds for the same.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// Waits is true for a Vote that nobody has looked at yet.
func Waits(v *v1alpha1.Vote) bool { return v.Status.State == "" && v.DeletionTimestamp == nil }

// Join notes v, and says whether it is its turn.
func (t *Turns) Join(v *v1alpha1.Vote) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines == nil {
		t.lines, t.at = map[voteLine]*voteHeap{}, map[types.UID]*waitingVote{}
	}
	w := t.at[v.UID]
	if w == nil {
		w = &waitingVote{line: lineOfVote(v)}
		w.vote.Namespace, w.vote.Name, w.vote.UID = v.Namespace, v.Name, v.UID
		w.vote.CreationTimestamp, w.vote.ResourceVersion = v.CreationTimestamp, v.ResourceVersion
		line := t.lines[w.line]
		if line == nil {
			line = &voteHeap{}
			t.lines[w.line] = line
		}
		heap.Push(line, w)
		t.at[v.UID] = w
	}
	return (*t.lines[w.line])[0] == w
}

// first reports whether it is v's turn: nothing older is known to wait. A Vote that is not
// known itself was deleted since it was read, and must not be noted again: nothing would end
// its turn.
func (t *Turns) first(v *v1alpha1.Vote) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.at[v.UID]
	return w == nil || w.index == 0
}

// Leave notes that v does not wait any more, and returns whose turn it is in its place.
func (t *Turns) Leave(v *v1alpha1.Vote) (next types.NamespacedName, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.at[v.UID]
	if w == nil {
		return next, false
	}
	delete(t.at, v.UID)
	line := t.lines[w.line]
	first := w.index == 0
	heap.Remove(line, w.index)
	if len(*line) == 0 {
		delete(t.lines, w.line)
		return next, false
	}
	return client.ObjectKeyFromObject(&(*line)[0].vote), first
}

// events are the handler by which t follows the informer: it enqueues what can be done.
func (t *Turns) events() handler.Funcs {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	gone := func(o client.Object, q queue) {
		if v, ok := o.(*v1alpha1.Vote); ok {
			if next, ok := t.Leave(v); ok {
				q.Add(reconcile.Request{NamespacedName: next})
			}
		}
	}
	seen := func(o client.Object, q queue) {
		v, ok := o.(*v1alpha1.Vote)
		switch {
		case !ok:
		case !Waits(v):
			gone(v, q)
			q.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(v)}) // its time to be removed may have come
		case t.Join(v):
			q.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(v)})
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { seen(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			// What it says of itself is ours, and no reason to look again; an informer's repeat is one.
			if was, ok := e.ObjectOld.(*v1alpha1.Vote); ok && !Waits(was) {
				return
			}
			seen(e.ObjectNew, q)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { gone(e.Object, q) },
	}
}

// voteHeap is ordered by when the Votes were made.
type voteHeap []*waitingVote

func (h voteHeap) Len() int           { return len(h) }
func (h voteHeap) Less(i, j int) bool { return MadeBefore(&h[i].vote, &h[j].vote) }
func (h voteHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *voteHeap) Push(x any) {
	w, _ := x.(*waitingVote) // heap.Push is called with these alone
	w.index = len(*h)
	*h = append(*h, w)
}

// Pop implements heap.Interface.
func (h *voteHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return w
}
