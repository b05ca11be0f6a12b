package release

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// Targets writes outcomes to what a Gate's release names, and reads them back. The key
// that makes it idempotent is the Approval's UID: the write leaves it on the object, as
// an annotation, in the same patch. A patch is for the object as it was read, so of two
// processes one is refused and looks again.
type Targets struct {
	Client client.Client
	Live   client.Reader
	// Fresh is the API server's word on an Approval: nothing stands between us and the
	// object that would look a second time, as the interceptor does at an event.
	Fresh          func(ctx context.Context, key approvals.Key) (approvals.Approval, error)
	ServiceAccount string // namespace:name, for the grant that a message tells
}

// Sighted is what a look at a target has shown: that the outcome is there, or how to
// write it.
type Sighted struct {
	done  string         // what was done, "" when it is not there yet
	next  *approvals.Run // the run that it started
	patch func(context.Context, client.Client) error
}

// Release writes a's outcome to its target, if it is not there already.
func (t *Targets) Release(ctx context.Context, stale approvals.Approval) error {
	ctx, cancel := context.WithTimeoutCause(ctx, kubeutil.WriteWithin, fmt.Errorf("no answer within %s", kubeutil.WriteWithin))
	defer cancel()
	a, err := t.Fresh(ctx, stale.Key)
	if err != nil {
		return err
	}
	if !a.ToRelease() || a.Resolved.Target == nil {
		return nil // cancelled meanwhile, or done
	}
	if err := interceptor.Unchanged(a, a.Resolved.TemplateDigest); err != nil {
		return kubeutil.Reason("ContentChanged", err)
	}
	seen, err := t.Look(ctx, a)
	if err != nil || seen.done != "" {
		return err
	}
	err = seen.patch(ctx, t.Client)
	switch {
	case apierrors.IsForbidden(err):
		return t.forbidden(a, err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return kubeutil.Reason("TargetRefused", approvals.Errorf(approvals.CodeInvalid, "the API server refuses to change %s: %v", a.Resolved.Target, err))
	}
	return kubeutil.Translate(err, a.Resolved.Target.String())
}

// Confirm reads the target back: a with what its outcome did, or false when it is not
// there.
func (t *Targets) Confirm(ctx context.Context, a approvals.Approval, now time.Time) (approvals.Approval, bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, kubeutil.WriteWithin, fmt.Errorf("no answer within %s", kubeutil.WriteWithin))
	defer cancel()
	seen, err := t.Look(ctx, a)
	if err != nil || seen.done == "" {
		return a, false, err
	}
	a.Effect, a.Unreleased = &approvals.Effect{What: seen.done, At: now}, nil
	if r := seen.next; r != nil {
		r.At = now
		a.SecondRun = r
	}
	return a, true, nil
}

// Look reads the target from the API server, and changes nothing.
func (t *Targets) Look(ctx context.Context, a approvals.Approval) (Sighted, error) {
	if a.Resolved.Target.Kind == approvals.TargetPendingRun {
		return t.lookAtRun(ctx, a)
	}
	return t.lookAtConfigMap(ctx, a)
}

// lookAtConfigMap sees whether a's status was written. What somebody has set to an end
// already is not written over: the Task that polls it may have acted on it. A mark of
// ours with another value than an end is of a Task that has taken note of it.
func (t *Targets) lookAtConfigMap(ctx context.Context, a approvals.Approval) (Sighted, error) {
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
			"there is no ConfigMap %s in namespace %s to write %s=%s to: create it, with that key; this goes on by itself", x.Name, a.Namespace, x.Key, want))
	case err != nil:
		return Sighted{}, kubeutil.Translate(err, x.String())
	case !has:
		return Sighted{}, kubeutil.Reason("TargetMissing", approvals.Errorf(approvals.CodeNotFound,
			"ConfigMap %s has no key %s, so it does not look like one that a Task polls: set %s=init in it, or name the right one in the Gate's release; this goes on by itself", x.Name, x.Key, x.Key))
	case value != want && (value == approvals.StatusSuccess || value == approvals.StatusRefused):
		return Sighted{}, kubeutil.Reason("TargetConflict", approvals.Errorf(approvals.CodeConflict,
			"ConfigMap %s has %s=%s, which this approval did not write and does not write over: find out who did, and whether the pipeline went on; with %s=init in it, %s is written", x.Name, x.Key, value, x.Key, want))
	case cm.Annotations[verifyrun.MarkAnnotation] == verifyrun.MarkOf(a):
		return Sighted{done: done}, nil
	}
	return Sighted{patch: verifyrun.PatchOf(&cm, a, func() { cm.Data[x.Key] = want })}, nil
}

// forbidden tells what the service has no right to by default, and how to give it.
func (t *Targets) forbidden(a approvals.Approval, err error) error {
	resource, component := "configmaps", "release-configmap"
	if a.Resolved.Target.Kind == approvals.TargetPendingRun {
		resource, component = "pipelineruns.tekton.dev", "release-pending-run"
	}
	if !kubeutil.IsRBAC(err) {
		return kubeutil.Reason("TargetRefused", approvals.Errorf(approvals.CodeForbidden, "an admission policy refuses to change %s: %v", a.Resolved.Target, err))
	}
	return kubeutil.Reason("TargetForbidden", approvals.Errorf(approvals.CodeForbidden,
		"the service may not get and patch %[1]s in namespace %[2]s: apply deploy/components/%[3]s there, or: kubectl -n %[2]s create role countersign-release --verb=get,patch --resource=%[1]s --resource-name=%[4]s && kubectl -n %[2]s create rolebinding countersign-release --role=countersign-release --serviceaccount=%[5]s",
		resource, a.Namespace, component, a.Resolved.Target.Name, t.ServiceAccount))
}
