package release

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

type configMap struct{ *Targets }

func (configMap) grant() (resource, component string) { return "configmaps", "release-configmap" }

// look sees whether a's status was written. What somebody has set to an end
// already is not written over: the Task that polls it may have acted on it. A mark of
// ours with another value than an end is of a Task that has taken note of it.
func (t configMap) look(ctx context.Context, a approvals.Approval) (Sighted, error) {
	x, want := a.Resolved.Target, a.Status()
	var cm corev1.ConfigMap
	err := t.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: x.Name}, &cm)
	value, has := cm.Data[x.Key]
	done := fmt.Sprintf("%s: %s=%s", x, x.Key, want)
	switch {
	case apierrors.IsForbidden(err):
		return Sighted{}, t.forbidden(a, err)
	case apierrors.IsNotFound(err) && want == approvals.StatusRefused:
		return Sighted{done: x.String() + " was gone"}, nil
	case apierrors.IsNotFound(err):
		return Sighted{}, kubeutil.Reason("TargetMissing", approvals.Errorf(approvals.CodeNotFound,
			"there is no ConfigMap %s in namespace %s to write %s=%s to: create it, with that key; this continues automatically", x.Name, a.Namespace, x.Key, want))
	case err != nil:
		return Sighted{}, kubeutil.Translate(err, x.String())
	case !has:
		return Sighted{}, kubeutil.Reason("TargetMissing", approvals.Errorf(approvals.CodeNotFound,
			"ConfigMap %s has no key %s, so no Task seems to poll it: set %s=init in it, or name the right ConfigMap in the Gate's release; this continues automatically", x.Name, x.Key, x.Key))
	case value != want && (value == approvals.StatusSuccess || value == approvals.StatusRefused):
		return Sighted{}, kubeutil.Reason("TargetConflict", approvals.Errorf(approvals.CodeConflict,
			"ConfigMap %s has %s=%s, which something else wrote and Countersign does not overwrite: find out what wrote it, and whether the pipeline continued. Once it has %s=init, Countersign writes %s", x.Name, x.Key, value, x.Key, want))
	case cm.Annotations[verifyrun.MarkAnnotation] == verifyrun.MarkOf(a.Key):
		return Sighted{done: done}, nil
	}
	return Sighted{patch: verifyrun.PatchOf(&cm, a.Key, func() { cm.Data[x.Key] = want })}, nil
}
