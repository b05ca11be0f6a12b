package app

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube"
	"github.com/countersign-dev/countersign/internal/kube/openshift"
)

// approvalTasks serves the ApprovalTasks of manual-approval-gate where our component
// for them is installed, else it is nil. The resource alone says nothing, since that
// project brings it too; the policy and the right to look at it are the component's.
func approvalTasks(ctx context.Context, o Options, mgr manager.Manager, guards *kube.Guards, store *kube.Store, desk *approvals.Desk) (*openshift.ApprovalTasks, error) {
	_, err := mgr.GetRESTMapper().RESTMapping(openshiftv1.GroupVersion.WithKind("ApprovalTask").GroupKind(), openshiftv1.GroupVersion.Version)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for ApprovalTasks: %w", err)
	}
	_, err = guards.Since(ctx, kube.GuardOfAnswers)
	switch approvals.CodeOf(err) {
	case "":
	case approvals.CodeNotFound, approvals.CodeForbidden:
		o.Log.Info("ApprovalTasks are somebody else's here", "reason", approvals.Message(err))
		return nil, nil
	default:
		return nil, err
	}
	mirror := &openshift.Mirror{Client: mgr.GetClient(), Guards: guards, Now: o.Now}
	return &openshift.ApprovalTasks{
		Client: mgr.GetClient(), Store: store, Desk: desk, Guards: guards, Mirror: mirror, Events: mgr.GetEventRecorder("countersign"), Now: o.Now, Log: o.Log,
	}, nil
}
