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
	trigger *Resolved // as it was when the run was first expected
	made    Rendered  // of trigger; without objects until somebody needs them
	proved  types.UID
}

// maxRenderings bounds what is remembered. Past it some are forgotten, which costs
// another rendering and, when the Trigger was edited meanwhile, the proof.
const maxRenderings = 1 << 10

// expect remembers a's Trigger as it is now. What it makes of a is rendered when somebody
// needs it: in a burst the processors are for the posts. It shares trigger with the cache.
func (r *renderings) expect(ctx context.Context, t *Triggers, a approvals.Approval) {
	if _, ok := r.get(a.UID); ok {
		return
	}
	// What can't be resolved is reported where it is to be posted.
	if trigger, err := currentTrigger(ctx, t, a); err == nil {
		r.put(a.UID, rendering{trigger: trigger})
	}
}

// of is what a's run is to be, remembered or made from the Trigger as it is now.
//
// Errors are those of Resolve, of Render and of interceptor.Unchanged, with the reasons
// of conditions.
func (r *renderings) of(ctx context.Context, t *Triggers, a approvals.Approval) (rendering, error) {
	known, _ := r.get(a.UID)
	if len(known.made.Objects) > 0 {
		return known, nil
	}
	made, err, _ := r.group.Do(a.UID, func() (any, error) {
		known, _ := r.get(a.UID)
		if len(known.made.Objects) > 0 {
			return known, nil
		}
		if known.trigger != nil {
			if known, err := r.render(ctx, t, known.trigger, a); err == nil {
				return known, nil
			}
			// It was edited before it was expected, and may have been put back since.
		}
		trigger, err := currentTrigger(ctx, t, a)
		if err != nil {
			return rendering{}, err
		}
		return r.render(ctx, t, trigger, a)
	})
	return made.(rendering), err
}

// with remembers what a's run is to be by trigger, which is as the API server has it now.
func (r *renderings) with(ctx context.Context, t *Triggers, trigger *Resolved, a approvals.Approval) error {
	if known, _ := r.get(a.UID); len(known.made.Objects) > 0 {
		return nil
	}
	_, err, _ := r.group.Do(a.UID, func() (any, error) { return r.render(ctx, t, trigger, a) })
	return err
}

func (r *renderings) render(ctx context.Context, t *Triggers, trigger *Resolved, a approvals.Approval) (rendering, error) {
	if err := interceptor.Unchanged(a, trigger.Digest); err != nil {
		return rendering{}, reason("ContentChanged", err)
	}
	made, err := Render(ctx, t, trigger, a, string(a.RunName))
	if err != nil {
		return rendering{}, reason(ReasonTemplateError, err)
	}
	if len(made.Problems) > 0 {
		p := made.Problems[0]
		return rendering{}, reason(p.Reason, approvals.Errorf(approvals.CodeInvalid, "%s", p.Message))
	}
	made.Objects = made.Objects[:1] // the others are not compared
	known := rendering{trigger: trigger, made: made}
	r.put(a.UID, known)
	return known, nil
}

// currentTrigger is a's Trigger as it is now, whole.
func currentTrigger(ctx context.Context, t *Triggers, a approvals.Approval) (*Resolved, error) {
	trigger, err := t.Resolve(ctx, a.Namespace, a.Trigger)
	if err == nil {
		err = trigger.Unresolved
	}
	if err != nil {
		return nil, reason("TriggerNotReady", err)
	}
	return trigger, nil
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
