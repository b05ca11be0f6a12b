package app

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/openshift"
)

// approvalTasks serves the ApprovalTasks of manual-approval-gate where our component
// for them is installed, else it is nil. The resource alone says nothing, since that
// project brings it too; the policy and the right to look at it are the component's.
func (c *core) approvalTasks(ctx context.Context) (*openshift.ApprovalTasks, error) {
	_, err := c.mgr.GetRESTMapper().RESTMapping(openshiftv1.GroupVersion.WithKind("ApprovalTask").GroupKind(), openshiftv1.GroupVersion.Version)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for ApprovalTasks: %w", err)
	}
	_, err = c.guards.Since(ctx, identity.GuardOfAnswers)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		err = c.ours(ctx, err)
	}
	switch {
	case err == nil:
	case approvals.CodeOf(err) == approvals.CodeNotFound, apierrors.IsForbidden(err): // the right to look is the component's
		c.Log.Info("another system manages the ApprovalTasks of this cluster", "reason", approvals.Message(err))
		return nil, nil
	default:
		return nil, err
	}
	mirror := &openshift.Mirror{Client: c.mgr.GetClient(), Guards: c.guards, Now: c.Now}
	return &openshift.ApprovalTasks{
		Client: c.mgr.GetClient(), Store: c.store, Desk: c.desk, Guards: c.guards, Mirror: mirror, Events: c.mgr.GetEventRecorder("countersign"), Now: c.Now, Log: c.Log,
	}, nil
}

// ours returns missing, unless the definition of ApprovalTasks is ours. Then their policy is
// on its way: kubectl applies it after the Deployment. Until it is there no ApprovalTask
// is made and no answer counts.
func (c *core) ours(ctx context.Context, missing error) error {
	kind, _ := tasks.Find(tasks.ManualApprovalGate)
	s, err := (&approvaltask.Kinds{Live: c.direct, Now: c.Now}).Of(ctx, kind)
	if err == nil && !s.Mirrored {
		return missing
	}
	return err
}
