package hold

import (
	"context"
	"slices"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// keepClaims makes the Approval one more owner of the claims that Tekton made for
// part 1: the garbage collector then leaves them when part 1 is pruned. Claims
// that part 1 does not own are their users' own business. Adding an owner that is
// there already is the idempotent step: it is looked up by UID.
func keepClaims(ctx context.Context, c client.Client, live client.Reader, a approvals.Approval) error {
	ours := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Approval", Name: a.Name, UID: types.UID(a.UID)}
	return changeOwners(ctx, c, live, a, func(owners []metav1.OwnerReference) []metav1.OwnerReference {
		theirs := !kubeutil.Owns(owners, a.Source.Run.UID) && !(a.Replaces != nil && kubeutil.Owns(owners, a.Replaces.UID))
		if theirs || kubeutil.Owns(owners, a.UID) {
			return owners
		}
		return append(slices.Clone(owners), ours)
	})
}

// HandClaims gives what keepClaims kept to the run that was started, or to nobody
// when the outcome starts none: without an owner that is still there the garbage
// collector takes them.
func HandClaims(ctx context.Context, c client.Client, live client.Reader, a approvals.Approval) error {
	return changeOwners(ctx, c, live, a, func(owners []metav1.OwnerReference) []metav1.OwnerReference {
		before := slices.ContainsFunc(a.Reruns, func(r approvals.Rerun) bool { return kubeutil.Owns(owners, r.Run.UID) })
		if !kubeutil.Owns(owners, a.UID) && !before || a.SecondRun != nil && kubeutil.Owns(owners, a.SecondRun.UID) {
			return owners
		}
		out := slices.DeleteFunc(slices.Clone(owners), func(o metav1.OwnerReference) bool { return string(o.UID) == a.UID })
		if r := a.SecondRun; r != nil {
			out = append(out, metav1.OwnerReference{
				APIVersion: pipelinev1.SchemeGroupVersion.String(), Kind: "PipelineRun", Name: r.Name, UID: types.UID(r.UID),
			})
		}
		if len(out) == 0 {
			// Part 1's reference was the other one; with none at all the claim
			// would stay for ever, so ours is left to be followed.
			return owners
		}
		return out
	})
}

func changeOwners(ctx context.Context, c client.Client, live client.Reader, a approvals.Approval, change func([]metav1.OwnerReference) []metav1.OwnerReference) error {
	if a.Source.Lean.Claims {
		return a.Source.Whole()
	}
	for _, claim := range a.Source.Claims {
		var pvc corev1.PersistentVolumeClaim
		err := live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: claim.Value}, &pvc)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return kubeutil.Translate(err, "volume claim "+claim.Value)
		}
		owners := change(pvc.OwnerReferences)
		if len(owners) == len(pvc.OwnerReferences) && slices.EqualFunc(owners, pvc.OwnerReferences, func(x, y metav1.OwnerReference) bool { return x.UID == y.UID }) {
			continue
		}
		patch := client.MergeFromWithOptions(pvc.DeepCopy(), client.MergeFromWithOptimisticLock{})
		pvc.OwnerReferences = owners
		if err := c.Patch(ctx, &pvc, patch); err != nil && !apierrors.IsNotFound(err) {
			return kubeutil.Translate(err, "volume claim "+claim.Value)
		}
	}
	return nil
}
