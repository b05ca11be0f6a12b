package verifyrun

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Renderings remembers, in this process alone, what the runs of decided Approvals are to
// be: a Trigger may be edited after its event was posted and before the run is seen. The
// zero value is ready.
type Renderings struct {
	mu    sync.Mutex
	known map[string]Rendering // by the Approval's UID
	group singleflight.Group   // of two who want one at once, one makes it
}

// Rendering is the expected run of one Approval, and the run that was found equal to it.
type Rendering struct {
	trigger *triggers.Resolved // as it was when the run was first expected
	Made    render.Rendered    // of trigger; without objects until somebody needs them
	proved  types.UID
	run     approvals.Unsaid // its name: of another attempt it is another one
}

// maxRenderings bounds what is remembered. Past it some are forgotten, which costs
// another rendering and, when the Trigger was edited meanwhile, the proof.
const maxRenderings = 1 << 10

// expect remembers a's Trigger as it is now. What it makes of a is rendered when somebody
// needs it: in a burst the processors are for the posts. It shares trigger with the cache.
func (r *Renderings) expect(ctx context.Context, t *triggers.Triggers, a approvals.Approval) {
	if _, ok := r.get(a); ok {
		return
	}
	// What can't be resolved is reported where it is to be posted.
	if trigger, err := CurrentTrigger(ctx, t, a); err == nil {
		r.Put(a.UID, Rendering{trigger: trigger, run: a.RunName})
	}
}

// of returns the expected run of a, remembered or rendered from the Trigger as it is now.
//
// Errors are those of Resolve, of Render and of interceptor.Unchanged, with the reasons of
// conditions.
func (r *Renderings) of(ctx context.Context, t *triggers.Triggers, a approvals.Approval) (Rendering, error) {
	known, _ := r.get(a)
	if len(known.Made.Objects) > 0 {
		return known, nil
	}
	made, err, _ := r.group.Do(a.UID+"/"+string(a.RunName), func() (any, error) {
		known, _ := r.get(a)
		if len(known.Made.Objects) > 0 {
			return known, nil
		}
		if known.trigger != nil && unchanged(a, known.trigger) == nil {
			if known, err := r.render(ctx, t, known.trigger, a); err == nil {
				return known, nil
			}
		} // else it was edited before it was expected, and may have been put back since
		trigger, err := CurrentTrigger(ctx, t, a)
		if err == nil {
			err = unchanged(a, trigger)
		}
		if err != nil {
			return Rendering{}, err
		}
		return r.render(ctx, t, trigger, a)
	})
	return made.(Rendering), err
}

// With remembers what a's run is to be by trigger, which is as the API server has it now. It
// compares trigger with what was approved each time: it may have been edited since it was
// rendered. Errors are those of of.
func (r *Renderings) With(ctx context.Context, t *triggers.Triggers, trigger *triggers.Resolved, a approvals.Approval) error {
	if err := unchanged(a, trigger); err != nil {
		return err
	}
	if known, _ := r.get(a); len(known.Made.Objects) > 0 {
		return nil
	}
	_, err, _ := r.group.Do(a.UID+"/"+string(a.RunName), func() (any, error) { return r.render(ctx, t, trigger, a) })
	return err
}

// render remembers what trigger makes of a, for which the caller has compared the two.
func (r *Renderings) render(ctx context.Context, t *triggers.Triggers, trigger *triggers.Resolved, a approvals.Approval) (Rendering, error) {
	made, err := render.Render(ctx, t, trigger, a, string(a.RunName))
	if err != nil {
		return Rendering{}, kubeutil.Reason(render.ReasonTemplateError, err)
	}
	if len(made.Problems) > 0 {
		p := made.Problems[0]
		return Rendering{}, kubeutil.Reason(p.Reason, approvals.Errorf(approvals.CodeInvalid, "%s", p.Message))
	}
	made.Objects = made.Objects[:1] // the others are not compared
	known := Rendering{trigger: trigger, Made: made, run: a.RunName}
	r.Put(a.UID, known)
	return known, nil
}

// unchanged is the error of a trigger that is not what was approved.
func unchanged(a approvals.Approval, trigger *triggers.Resolved) error {
	if err := interceptor.Unchanged(a, trigger.Digest); err != nil {
		return kubeutil.Reason("ContentChanged", err)
	}
	return nil
}

// CurrentTrigger is a's Trigger as it is now, whole.
func CurrentTrigger(ctx context.Context, t *triggers.Triggers, a approvals.Approval) (*triggers.Resolved, error) {
	trigger, err := t.Resolve(ctx, a.Namespace, a.Trigger)
	if err == nil {
		err = trigger.Unresolved
	}
	if err != nil {
		return nil, kubeutil.Reason("TriggerNotReady", err)
	}
	return trigger, nil
}

func (r *Renderings) get(a approvals.Approval) (Rendering, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.known[a.UID]
	if ok && known.run != "" && known.run != a.RunName {
		return Rendering{}, false
	}
	return known, ok
}

// Put remembers what the run of the Approval with that UID is to be.
func (r *Renderings) Put(uid string, known Rendering) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]Rendering{}
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
func (r *Renderings) prove(uid string, run types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.known[uid]; ok {
		known.proved = run
		r.known[uid] = known
	}
}

func (r *Renderings) forget(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, uid)
}
