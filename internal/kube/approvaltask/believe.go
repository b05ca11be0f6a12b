package approvaltask

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
)

const (
	// Soon is how soon a task is looked at again whose run does not list it yet.
	Soon   = 250 * time.Millisecond
	seldom = time.Minute
)

// lookAgain returns the time until the next look at a task that its run has not listed for
// age. Tekton lists it within milliseconds, and later when it is busy. No task waits for us
// longer than a quarter of the time that it waited for Tekton.
func lookAgain(age time.Duration) time.Duration { return min(max(age/4, Soon), seldom) }

// leaveForeign leaves alone what another system answers, and what the configuration does not
// name.
func (r *Tasks) leaveForeign(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	if x.service, err = r.Kinds.Of(ctx, x.kind); err != nil || x.service.Serves {
		return res, false, err
	}
	if x.service.Foreign {
		r.Say(x.cr, corev1.EventTypeNormal, "LeftAlone", x.service.Why)
	}
	return ctrl.Result{RequeueAfter: seldom}, true, nil
}

// readWhole reads what the cache leaves out of a CustomRun: it has what is needed again and
// again.
func (r *Tasks) readWhole(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	x.whole, err = r.Runs.Fresh(ctx, x.cr)
	if err != nil || x.whole == nil || x.whole.IsDone() || Tried(x.whole) != Tried(x.cr) {
		return res, true, err
	}
	now, _ := KindOf(x.whole)
	return res, now.Name != x.kind.Name, nil // what the cache has is over, and its successor an event
}

// verify finds the task's place in its run, and believes nothing that it says of itself.
func (r *Tasks) verify(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	x.member, err = MemberOf(ctx, r.Runs.Live, x.whole)
	switch approvals.CodeOf(err) {
	case "":
		return res, false, nil
	case approvals.CodeForbidden:
		r.Say(x.cr, corev1.EventTypeWarning, "NotBelieved", approvals.Message(err))
		return res, true, nil
	case approvals.CodeNotReady:
		return r.whenListed(x)
	default:
		return res, true, err
	}
}

// whenListed waits for Tekton, which has yet to write down what the task is compared with.
func (r *Tasks) whenListed(x *attempt) (res ctrl.Result, done bool, err error) {
	return ctrl.Result{RequeueAfter: lookAgain(r.Now().Sub(x.cr.CreationTimestamp.Time))}, true, nil
}

// leaveToStranger leaves alone a task for which another system has made an object.
func (r *Tasks) leaveToStranger(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	m := r.mirror(x.kind, x.service)
	if m == nil {
		return res, false, nil
	}
	stranger, err := m.Stranger(ctx, x.whole)
	if err != nil || !stranger {
		return res, false, err
	}
	r.Say(x.cr, corev1.EventTypeWarning, "LeftAlone", "an "+x.kind.Kind+" that Countersign did not create exists for this task, so another system answers it: remove one of the two systems")
	return ctrl.Result{RequeueAfter: seldom}, true, nil
}
