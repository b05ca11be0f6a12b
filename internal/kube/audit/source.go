package audit

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// Source reads Approvals for the audit log, and removes those that it has.
type Source struct {
	Store *store.Store
}

// ForRecord is an Approval as the cache has it, with what people said, and whether its signature verifies. Unlike
// elsewhere it is resolved even when it does not: of a record whose key was
// rotated away long ago they say for how long it is kept. What does not verify is
// never written down.
func (s Source) ForRecord(ctx context.Context, key approvals.Key) (approvals.Approval, bool, error) {
	return s.forRecord(ctx, store.Cache, key)
}

// LastOf is ForRecord by the API server's word.
func (s Source) LastOf(ctx context.Context, key approvals.Key) (approvals.Approval, bool, error) {
	return s.forRecord(ctx, store.API, key)
}

func (s Source) forRecord(ctx context.Context, from store.From, key approvals.Key) (approvals.Approval, bool, error) {
	o, err := s.Store.Object(ctx, from, key)
	if err == nil && o.Spec.Lean != nil && o.Spec.Lean.Words { // of the rest lines tell no values
		o, err = s.Store.WholeObject(ctx, o)
	}
	if err != nil {
		return approvals.Approval{}, false, err
	}
	a, verified := s.Recordable(o)
	return a, verified, nil
}

// Recordable is ForRecord of an object that is at hand, which may lack what people said.
func (s Source) Recordable(o *v1alpha1.Approval) (approvals.Approval, bool) {
	return convert.ToDomain(o), s.Store.IsGenuine(o)
}

// Leaving says when somebody deleted an Approval that waits for the audit log, zero for one
// that nobody has.
func (s Source) Leaving(ctx context.Context, key approvals.Key) (time.Time, error) {
	o, err := s.Store.Object(ctx, store.Cache, key)
	if err != nil || o.DeletionTimestamp == nil || !slices.Contains(o.Finalizers, v1alpha1.RecordFinalizer) {
		return time.Time{}, err
	}
	return o.DeletionTimestamp.UTC(), nil
}

// LetGo has the API server remove a deleted Approval, whose lines the audit log has. What
// is gone already is no error.
func (s Source) LetGo(ctx context.Context, key approvals.Key) error {
	o, err := s.Store.Object(ctx, store.API, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	o.Finalizers = slices.DeleteFunc(o.Finalizers, func(f string) bool { return f == v1alpha1.RecordFinalizer })
	if err := s.Store.Client.Update(ctx, o); !apierrors.IsNotFound(err) {
		return kubeutil.Translate(err, "approval "+key.String())
	}
	return nil
}

// Remove deletes an Approval when may, which is given the API server's word, says
// so, and if nothing about it changes meanwhile. It says whether it did.
func (s Source) Remove(ctx context.Context, key approvals.Key, may func(approvals.Approval) (bool, error)) (bool, error) {
	o, err := s.Store.Object(ctx, store.API, key)
	if err != nil {
		return false, err
	}
	ok, err := may(convert.ToDomain(o))
	if err != nil || !ok {
		return false, err
	}
	target := &v1alpha1.Approval{}
	target.Namespace, target.Name = o.Namespace, o.Name
	err = s.Store.Client.Delete(ctx, target, client.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return err == nil, kubeutil.Translate(err, "approval "+key.String())
}
