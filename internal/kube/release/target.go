package release

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Targets writes outcomes to what a Gate's release names, and reads them back. The key
// that makes it idempotent is the Approval's UID: the write leaves it on the object, as
// an annotation, in the same patch. A patch is for the object as it was read, so of two
// processes one is refused and looks again.
type Targets struct {
	Client client.Client
	Live   client.Reader
	// Approvals are read once more before a write: nothing stands between us and the object
	// that would look a second time, as the interceptor does at an event.
	Approvals      Approvals
	ServiceAccount string // namespace:name, for the grant that a message tells
}

var _ Kind = (*Targets)(nil)

// Approvals reads Approvals from the API server.
type Approvals interface {
	Fresh(ctx context.Context, key approvals.Key) (approvals.Approval, error)
}

// target is a kind of object that a Gate's release can name.
type target interface {
	// look reads it from the API server, and changes nothing.
	look(ctx context.Context, a approvals.Approval) (Sighted, error)
	// grant names the resource that the service has no right to by default, and the component
	// of deploy/components that gives it.
	grant() (resource, component string)
}

// of is the kind of a's target.
func (t *Targets) of(a approvals.Approval) target {
	if a.Resolved.Target.Kind == approvals.TargetPendingRun {
		return pendingRun{t}
	}
	return configMap{t}
}

// Sighted is the result of a look at a target: the outcome is there, or how to write it.
type Sighted struct {
	done  string         // what was done, "" when it is not there yet
	next  *approvals.Run // the run that it started
	patch func(context.Context, client.Client) error
}

// Release implements Kind.
func (t *Targets) Release(ctx context.Context, stale approvals.Approval) (eventID string, err error) {
	return "", t.Write(ctx, stale)
}

// Write writes a's outcome to its target, if it is not there already.
func (t *Targets) Write(ctx context.Context, stale approvals.Approval) error {
	ctx, cancel := context.WithTimeoutCause(ctx, kubeutil.WriteWithin, fmt.Errorf("no answer within %s", kubeutil.WriteWithin))
	defer cancel()
	a, err := t.Approvals.Fresh(ctx, stale.Key)
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
	return t.of(a).look(ctx, a)
}

// forbidden tells what the service has no right to by default, and how to give it.
func (t *Targets) forbidden(a approvals.Approval, err error) error {
	resource, component := t.of(a).grant()
	if !kubeutil.IsRBAC(err) {
		return kubeutil.Reason("TargetRefused", approvals.Errorf(approvals.CodeForbidden, "an admission policy refuses to change %s: %v", a.Resolved.Target, err))
	}
	return kubeutil.Reason("TargetForbidden", approvals.Errorf(approvals.CodeForbidden,
		"the service may not get and patch %[1]s in namespace %[2]s: apply deploy/components/%[3]s there, or: kubectl -n %[2]s create role countersign-release --verb=get,patch --resource=%[1]s --resource-name=%[4]s && kubectl -n %[2]s create rolebinding countersign-release --role=countersign-release --serviceaccount=%[5]s",
		resource, a.Namespace, component, a.Resolved.Target.Name, t.ServiceAccount))
}
