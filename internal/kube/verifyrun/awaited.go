package verifyrun

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
)

// Awaited knows, in this process alone, by which names runs are awaited, and of which
// Approvals: no object says so before its run is there. It is filled before somebody
// looks for the run, so a run that comes afterwards wakes its Approval, and one that came
// before is found by that look. What a restart forgets is filled in again by the first
// reconcile of everything that is not released.
type Awaited struct {
	mu   sync.RWMutex
	runs map[types.NamespacedName]types.NamespacedName // the run's Approval
	of   map[types.NamespacedName]types.NamespacedName // the Approval's run
	each map[types.NamespacedName]bool                 // runs of which every change is news
}

// Add has a's run awaited.
func (w *Awaited) Add(a approvals.Approval) {
	name := string(a.RunName)
	if a.SecondRun != nil {
		name = a.SecondRun.Name
	}
	if name == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.runs == nil {
		w.runs, w.of, w.each = map[types.NamespacedName]types.NamespacedName{}, map[types.NamespacedName]types.NamespacedName{}, map[types.NamespacedName]bool{}
	}
	key := types.NamespacedName{Namespace: a.Namespace, Name: a.Name}
	run := types.NamespacedName{Namespace: a.Namespace, Name: name}
	if old, ok := w.of[key]; ok && old != run { // of another Approval of that name
		delete(w.runs, old)
		delete(w.each, old)
	}
	w.runs[run], w.of[key] = key, run
	if a.Resolved != nil && a.Resolved.Policy.VerifyBeforeStart {
		w.each[run] = true
	}
}

// Forget ends that of one Approval.
func (w *Awaited) Forget(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.runs, w.of[key])
	delete(w.each, w.of[key])
	delete(w.of, key)
}

// By is the Approval that awaits a run of that name.
func (w *Awaited) By(run types.NamespacedName) (types.NamespacedName, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	key, ok := w.runs[run]
	return key, ok
}

// Follows reports whether somebody waits for every change of a run of that name.
func (w *Awaited) Follows(run types.NamespacedName) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.each[run]
}
