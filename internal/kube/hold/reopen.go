package hold

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

var _ approvals.Reopener = (*Opener)(nil)

// Reopen opens the Approval that asks again about old's source, under the Gate and the
// Trigger as they are now. The source is old's own, which this service signed: nothing is
// read from an event or a run a second time, and part 1 need not be there any more. Its
// name follows from old's UID, so asking again twice, by whomever, is one object.
//
// Errors: CodeInvalid and CodeNotFound say what must be fixed before it can be asked,
// CodeConflict why it can't be asked any more.
func (o *Opener) Reopen(ctx context.Context, old approvals.Approval, by string) (approvals.Approval, error) {
	name := approvals.AgainName(old)
	if next, err := o.successor(ctx, old, name); err == nil || approvals.CodeOf(err) != approvals.CodeNotFound {
		return next, err
	}
	if err := old.Source.Whole(); err != nil {
		return approvals.Approval{}, err
	}
	resolved, err := o.Resolve(ctx, old.Namespace, old.Trigger, old.Source)
	if err != nil {
		return approvals.Approval{}, err
	}
	if err := o.stillAgain(ctx, old, by); err != nil {
		return approvals.Approval{}, err
	}
	again := approvals.AgainOf(old, by)
	obj := &v1alpha1.Approval{}
	obj.Namespace, obj.Name, obj.Finalizers = old.Namespace, name, slices.Clone(o.Finalizers)
	obj.Spec = v1alpha1.ApprovalSpec{
		Trigger: old.Trigger, Source: convert.SourceToAPI(old.Source),
		Replaces: &v1alpha1.Replacement{Name: again.Name, UID: again.UID, Number: int32(again.Number), RequestedBy: approvals.Cut(again.RequestedBy, 253)}, //nolint:gosec // bounded
	}
	if o.Page != nil {
		obj.Spec.Page = o.Page(old.Namespace, name)
	}
	store.SignSource(o.Ring(), obj)
	store.SetResolved(o.Ring(), obj, resolved)
	created, err := o.Quotas.Reserve(ctx, obj.Namespace, obj.Name, old.Source)
	if err != nil {
		return approvals.Approval{}, err
	}
	err = o.Client.Create(ctx, obj)
	created(err == nil)
	if apierrors.IsAlreadyExists(err) {
		return o.successor(ctx, old, name)
	}
	if err != nil {
		return approvals.Approval{}, kubeutil.Translate(OverQuota(err, "approval "+name), "approval "+name)
	}
	o.Opened(old.Namespace, old.Trigger)
	o.Log.Info("approval opened again", "namespace", old.Namespace, "approval", name, "of", old.Name, "number", again.Number)
	next := convert.ToDomain(obj)
	if next.Source.Run == nil {
		return next, nil
	}
	return next, keepClaims(ctx, o.Client, o.Live, next)
}

// stillAgain returns an error when old may not be asked about again any more, by the API server's
// word: it may have been decided since it was read. With by "", what would start has changed: then
// what is still pending is asked again whatever its status says of that.
func (o *Opener) stillAgain(ctx context.Context, old approvals.Approval, by string) error {
	var obj v1alpha1.Approval
	err := o.Live.Get(ctx, types.NamespacedName{Namespace: old.Namespace, Name: old.Name}, &obj)
	if err != nil {
		return kubeutil.Translate(err, "approval "+old.Name)
	}
	if string(obj.UID) != old.UID {
		return approvals.Errorf(approvals.CodeNotFound, "approval %s was deleted, and another one has that name now", old.Name)
	}
	now := convert.ToDomain(&obj)
	if by == "" && !now.Decided() {
		return nil
	}
	return approvals.CheckAgain(now)
}

// successor is the Approval that asks again in old's place, by the API server's word.
func (o *Opener) successor(ctx context.Context, old approvals.Approval, name string) (approvals.Approval, error) {
	var obj v1alpha1.Approval
	if err := o.Live.Get(ctx, types.NamespacedName{Namespace: old.Namespace, Name: name}, &obj); err != nil {
		return approvals.Approval{}, kubeutil.Translate(err, "approval "+name)
	}
	if !store.IsSigned(o.Ring(), &obj) || obj.Spec.Replaces == nil || obj.Spec.Replaces.UID != old.UID {
		return approvals.Approval{}, approvals.Errorf(approvals.CodeConflict,
			"approval %s exists, but this service did not open it to request %s again: find out who created it, and delete it", name, old.Name)
	}
	return convert.ToDomain(&obj), nil
}
