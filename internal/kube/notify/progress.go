package notify

import (
	"maps"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
)

// progress has the deliveries of one Approval by this process that its status may not have
// yet.
type progress struct {
	asked      time.Time // the Approval's RetryAt that the tries count from
	tries      map[notify.Slot]notify.Try
	unrecorded []approvals.Delivery
}

func (r *Notify) progressOf(uid string) progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.Known[uid]; p != nil {
		return progress{p.asked, maps.Clone(p.tries), slices.Clone(p.unrecorded)}
	}
	return progress{tries: map[notify.Slot]notify.Try{}}
}

// remember keeps p while there is something in it: what failed for good must not be
// tried again at the next event.
func (r *Notify) remember(uid string, p progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p.tries) == 0 && len(p.unrecorded) == 0 {
		delete(r.Known, uid)
		return
	}
	if r.Known == nil {
		r.Known = map[string]*progress{}
	}
	r.Known[uid] = &p
}

func (r *Notify) forget(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.Known, uid)
}
