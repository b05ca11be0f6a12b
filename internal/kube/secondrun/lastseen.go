package secondrun

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
)

// maxLast bounds how many ends are remembered in all. Beyond it the namespace that has most
// forgets one: of that run no more can be said than that it was deleted.
const maxLast = 1 << 12

// lastSeen are the ends of runs that were seen, and not written yet, by namespace. The zero
// value is ready.
type lastSeen struct {
	mu    sync.Mutex
	runs  map[string]map[types.UID]approvals.RunEnd
	count int
}

// note remembers how a run ended; nil is of one that goes on.
func (l *lastSeen) note(namespace string, uid types.UID, end *approvals.RunEnd) {
	if end == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runs == nil {
		l.runs = map[string]map[types.UID]approvals.RunEnd{}
	}
	of := l.runs[namespace]
	if of == nil {
		of = map[types.UID]approvals.RunEnd{}
		l.runs[namespace] = of
	}
	if _, known := of[uid]; !known {
		l.count++
	}
	of[uid] = *end
	if l.count > maxLast {
		l.dropOne()
	}
}

// dropOne forgets some end of the namespace that has most of them.
func (l *lastSeen) dropOne() {
	most := ""
	for namespace, of := range l.runs {
		if len(of) > len(l.runs[most]) {
			most = namespace
		}
	}
	for uid := range l.runs[most] {
		l.remove(most, uid)
		return
	}
}

// of returns the last state of the run with that UID, which is deleted.
func (l *lastSeen) of(namespace, uid string) approvals.ObservedRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	if end, ok := l.runs[namespace][types.UID(uid)]; ok {
		return approvals.ObservedRun{UID: uid, End: &end}
	}
	return approvals.ObservedRun{}
}

func (l *lastSeen) forget(namespace string, uid types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(namespace, uid)
}

func (l *lastSeen) remove(namespace string, uid types.UID) {
	of := l.runs[namespace]
	if _, ok := of[uid]; !ok {
		return
	}
	delete(of, uid)
	l.count--
	if len(of) == 0 {
		delete(l.runs, namespace)
	}
}
