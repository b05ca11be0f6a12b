package openshift

import (
	"context"
	"time"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/identity"
)

// Mirror sees to it that there is an ApprovalTask by which people can answer an
// Approval. What the object says of the Approval is ApprovalTasks' business.
type Mirror struct {
	Client client.Client
	Guards *identity.Guards
	Now    func() time.Time
}

var _ approvaltask.Mirror = (*Mirror)(nil)

// Stranger reports whether there is an ApprovalTask of cr's name that this service did not
// create.
func (m *Mirror) Stranger(ctx context.Context, cr *pipelinev1beta1.CustomRun) (bool, error) {
	var o openshiftv1.ApprovalTask
	err := m.Client.Get(ctx, client.ObjectKeyFromObject(cr), &o)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil && !ours(&o), unavailable(err, &o)
}

// Sync makes the ApprovalTask of a, which waits for cr. Its name is cr's, of which the
// API server keeps one: making it again is no error. One of an earlier attempt goes,
// answers and all, and a new one comes.
//
// Errors: CodeConflict when somebody else's object has the name; CodeUnavailable while
// nothing proves whose an answer would be.
func (m *Mirror) Sync(ctx context.Context, cr *pipelinev1beta1.CustomRun, a approvals.Approval) error {
	if a.Resolved == nil || a.Decided() || cr.DeletionTimestamp != nil {
		return nil
	}
	want := objectOf(cr, a)
	var o openshiftv1.ApprovalTask
	err := m.Client.Get(ctx, client.ObjectKeyFromObject(want), &o)
	switch {
	case apierrors.IsNotFound(err):
		return m.make(ctx, want)
	case err != nil:
		return unavailable(err, want)
	case !ours(&o):
		return approvals.Errorf(approvals.CodeConflict,
			"ApprovalTask %s/%s was not created by Countersign: if manual-approval-gate is still installed, remove it or leave its tasks to it; otherwise delete the object", o.Namespace, o.Name)
	case o.Annotations[annotationApprovalUID] == a.UID:
		return nil
	}
	return m.replace(ctx, &o, want)
}

// Recreate replaces o by an ApprovalTask that nobody has answered yet.
func (m *Mirror) Recreate(ctx context.Context, o *openshiftv1.ApprovalTask) error {
	want := &openshiftv1.ApprovalTask{Spec: *o.Spec.DeepCopy()}
	want.Name, want.Namespace, want.Labels, want.Annotations, want.OwnerReferences = o.Name, o.Namespace, o.Labels, o.Annotations, o.OwnerReferences
	for i := range want.Spec.Approvers {
		e := &want.Spec.Approvers[i]
		*e = openshiftv1.Approver{Name: e.Name, Type: e.Type, Input: openshiftv1.InputPending}
	}
	return m.replace(ctx, o, want)
}

// replace deletes exactly old. Killed before the next one is there, the next Sync
// makes it.
func (m *Mirror) replace(ctx context.Context, old, want *openshiftv1.ApprovalTask) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	err := m.Client.Delete(ctx, old, client.Preconditions{UID: &old.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if client.IgnoreNotFound(err) != nil {
		return unavailable(err, old)
	}
	return m.make(ctx, want)
}

// make creates o, once what is written into it is proved.
func (m *Mirror) make(ctx context.Context, o *openshiftv1.ApprovalTask) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	return unavailable(m.Client.Create(ctx, o), o)
}

// ready says why what is made now could not be believed, or nil.
func (m *Mirror) ready(ctx context.Context) error {
	since, err := m.Guards.Since(ctx, identity.GuardOfAnswers)
	if err == nil && m.Now().Before(since) {
		err = approvals.Errorf(approvals.CodeUnavailable, "ValidatingAdmissionPolicy %s was created a moment ago and may not be enforced yet; this continues automatically", identity.GuardOfAnswers)
	}
	return err
}

func ours(o *openshiftv1.ApprovalTask) bool { return o.Annotations[annotationApproval] != "" }

// believed reports whether everything in o was written while the admission policy was in
// force.
func believed(o *openshiftv1.ApprovalTask, since time.Time) bool {
	return !o.CreationTimestamp.Time.Before(since)
}

// unavailable is for what is tried again. That one is there already, which the cache
// did not know yet, is what was wanted.
func unavailable(err error, o *openshiftv1.ApprovalTask) error {
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil
	}
	return &approvals.Error{
		Code: approvals.CodeUnavailable, Err: err,
		Message: "ApprovalTask " + o.Namespace + "/" + o.Name + " could not be read or written; it will be retried",
	}
}
