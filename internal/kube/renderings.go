package kube

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
)

// renderings remembers, in this process alone, what the runs of decided Approvals are to
// be: a Trigger may be edited after its event was posted and before the run is seen. The
// zero value is ready.
type renderings struct {
	mu    sync.Mutex
	known map[string]rendering // by the Approval's UID
	group singleflight.Group   // of two who want one at once, one makes it
}

// rendering is what the run of one Approval is to be, and the run that was proved to be it.
type rendering struct {
	made   Rendered
	proved types.UID
}

// maxRenderings bounds what is remembered. Past it some are forgotten, which costs
// another rendering and, when the Trigger was edited meanwhile, the proof.
const maxRenderings = 1 << 10

// of is what a's run is to be, remembered or made from the Trigger as it is now.
//
// Errors are those of Resolve, of Render and of interceptor.Unchanged, with the reasons
// of conditions.
func (r *renderings) of(ctx context.Context, t *Triggers, a approvals.Approval) (rendering, error) {
	if known, ok := r.get(a.UID); ok {
		return known, nil
	}
	made, err, _ := r.group.Do(a.UID, func() (any, error) {
		if known, ok := r.get(a.UID); ok {
			return known, nil
		}
		trigger, err := t.Resolve(ctx, a.Namespace, a.Trigger)
		if err == nil {
			err = trigger.Unresolved
		}
		if err != nil {
			return rendering{}, reason("TriggerNotReady", err)
		}
		return r.render(ctx, t, trigger, a)
	})
	return made.(rendering), err
}

// with remembers what a's run is to be by trigger, which is as the API server has it now.
func (r *renderings) with(ctx context.Context, t *Triggers, trigger *Resolved, a approvals.Approval) error {
	if _, ok := r.get(a.UID); ok {
		return nil
	}
	_, err, _ := r.group.Do(a.UID, func() (any, error) { return r.render(ctx, t, trigger, a) })
	return err
}

func (r *renderings) render(ctx context.Context, t *Triggers, trigger *Resolved, a approvals.Approval) (rendering, error) {
	if err := interceptor.Unchanged(a, trigger.Digest); err != nil {
		return rendering{}, reason("ContentChanged", err)
	}
	made, err := t.Render(ctx, trigger, a, string(a.RunName))
	if err != nil {
		return rendering{}, reason(ReasonTemplateError, err)
	}
	if len(made.Problems) > 0 {
		p := made.Problems[0]
		return rendering{}, reason(p.Reason, approvals.Errorf(approvals.CodeInvalid, "%s", p.Message))
	}
	made.Objects = made.Objects[:1] // the others are not compared
	known := rendering{made: made}
	r.put(a.UID, known)
	return known, nil
}

func (r *renderings) get(uid string) (rendering, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.known[uid]
	return known, ok
}

func (r *renderings) put(uid string, known rendering) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]rendering{}
	}
	for other := range r.known {
		if len(r.known) < maxRenderings {
			break
		}
		delete(r.known, other)
	}
	r.known[uid] = known
}

// prove notes that a run was found to be what it is to be.
func (r *renderings) prove(uid string, run types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.known[uid]; ok {
		known.proved = run
		r.known[uid] = known
	}
}

func (r *renderings) forget(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, uid)
}
