package release

import (
	"context"
	"log/slog"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Kind is a way in which outcomes take effect: Event, Targets, which are a ConfigMap or a
// pending run, and approvaltask.CustomRuns.
type Kind interface {
	// Release has a's outcome take effect, unless it has already. A nil error says that it was
	// taken, not that anything came of it; other errors name what to fix. eventID is of the
	// event that was posted, if one was.
	Release(ctx context.Context, a approvals.Approval) (eventID string, err error)
}

// Releaser has the outcomes of Approvals take effect, each by its kind. One that came to
// nothing is tried again, at growing intervals.
type Releaser struct {
	Event   Kind
	Targets *Targets
	Task    Kind
	Now     func() time.Time
	Log     *slog.Logger
	Posted  func(ok bool)
	// Trace is called before an outcome is posted or written, and what it returns with what came
	// of that. Nil: nobody wants to know.
	Trace    func(ctx context.Context, a approvals.Approval) (context.Context, func(eventID string, err error))
	Attempts Attempts
}

// kindOf is the way in which a's outcome takes effect.
func (r *Releaser) kindOf(a approvals.Approval) Kind {
	switch {
	case a.Source.Task != nil:
		return r.Task
	case a.Resolved.Target != nil:
		return r.Targets
	default:
		return r.Event
	}
}

// Release has the outcome take effect once. A nil error says that the EventListener took the
// event, or the API server the write, not that anything came of it. The Attempt is recorded
// either way.
func (r *Releaser) Release(ctx context.Context, a approvals.Approval) error {
	if a.ToAnswer() {
		return r.answer(ctx, a)
	}
	if !a.ToRelease() || !r.Attempts.Begin(a.Key, r.Now()) {
		return nil
	}
	traced := func(string, error) {}
	if r.Trace != nil {
		ctx, traced = r.Trace(ctx, a)
	}
	id, err := r.kindOf(a).Release(ctx, a)
	traced(id, err)
	r.Attempts.End(a.Key, id, err, r.Now())
	r.Posted(err == nil)
	if err != nil {
		r.Log.Warn("release not posted", "namespace", a.Namespace, "approval", a.Name, "reason", approvals.Message(err), "error", err.Error())
	} else {
		r.Log.Info("release posted", "namespace", a.Namespace, "approval", a.Name, "eventID", id)
	}
	return err
}

// answer is Release of a task's outcome, which the leader sees to by the task's own state: no
// attempt is to be remembered.
func (r *Releaser) answer(ctx context.Context, a approvals.Approval) error {
	_, err := r.kindOf(a).Release(ctx, a)
	if err != nil {
		r.Log.Warn("task not answered here; the leader answers it", "namespace", a.Namespace, "approval", a.Name, "reason", approvals.Message(err))
	}
	return err
}

// ProblemOf is the problem that an error of Release tells of.
func ProblemOf(err error) approvals.Problem { return kubeutil.ProblemWith("NotPosted", err) }
