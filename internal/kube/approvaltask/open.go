package approvaltask

import (
	"context"
	"slices"
	"time"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// open opens the Approval, whose own event brings the rest, once the cache has it.
func (r *Tasks) open(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	err = OpenTask(ctx, r.Opener, x.whole, x.member, x.kind)
	switch approvals.CodeOf(err) {
	case approvals.CodeInvalid, approvals.CodeNotFound:
		return res, true, r.refuse(ctx, x.whole, approvals.Message(err))
	case approvals.CodeLimited: // it waits for others to be decided, for as long as its timeout lets it
		r.Say(x.cr, corev1.EventTypeWarning, "OverLimit", approvals.Message(err))
		return ctrl.Result{RequeueAfter: hold.LimitedAgain}, true, nil
	default:
		return res, true, err
	}
}

// OpenTask opens the Approval for one attempt of a task. Its name, from the CustomRun's
// UID and the attempt, makes opening twice one object.
//
// What can't be asked is not opened: CodeInvalid and CodeNotFound say what to fix, and
// a run that waited for nobody would only find out when its time is up.
func OpenTask(ctx context.Context, o *hold.Opener, cr *pipelinev1beta1.CustomRun, m Member, kind tasks.Mapping) error {
	s := taskSource(cr, m, kind)
	var err error
	if s.RequesterProof, err = o.Requesters.ProofOf(ctx, m.Run); err != nil {
		return err
	}
	resolved, err := resolveTask(ctx, o, cr, kind, s)
	if err != nil {
		return err
	}
	limitBy(resolved, m, o.Now())
	obj := &v1alpha1.Approval{}
	obj.Namespace, obj.Name = cr.Namespace, approvals.TaskName(cr.Name, string(cr.UID), Tried(cr))
	obj.Finalizers = slices.Clone(o.Finalizers)
	obj.Spec = v1alpha1.ApprovalSpec{Source: convert.SourceToAPI(s)}
	store.SignSource(o.Ring(), obj)
	store.SetResolved(o.Ring(), obj, resolved)
	created, err := o.Quotas.Reserve(ctx, obj.Namespace, obj.Name, s)
	if err != nil {
		return err
	}
	err = o.Client.Create(ctx, obj)
	created(err == nil)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err = kubeutil.Translate(hold.OverQuota(err, "approval "+obj.Name), "approval "+obj.Name); approvals.CodeOf(err) == approvals.CodeNotFound {
		return nil // the namespace is going, and the task with it: that is nothing that its author could fix
	}
	if err != nil {
		return err
	}
	title := approvals.Approval{Source: s}.Title()
	o.Opened(cr.Namespace, title)
	o.Log.Info("approval opened", "namespace", cr.Namespace, "approval", obj.Name, "task", title, "run", m.Run.Name)
	return nil
}

func resolveTask(ctx context.Context, o *hold.Opener, cr *pipelinev1beta1.CustomRun, kind tasks.Mapping, s approvals.Source) (*approvals.ResolvedSpec, error) {
	policies, err := gate.Policies{Client: o.Client}.Of(ctx, cr.Namespace)
	if err != nil {
		return nil, err
	}
	r := tasks.Request{Params: s.Params, Policies: policies}
	if t := cr.Spec.Timeout; t != nil {
		r.Timeout = new(time.Duration)
		*r.Timeout = t.Duration
	}
	if name, must := kind.GateOf(s.Params); name != "" {
		p, err := gate.PolicyFor(ctx, o.Client, cr.Namespace, approvals.InterceptorParams{Gate: name})
		switch {
		case err == nil:
			r.Gate = &p
		case approvals.CodeOf(err) == approvals.CodeNotFound && must:
			return nil, approvals.Errorf(approvals.CodeNotFound,
				"there is no Gate %q in namespace %s: create it, or name another in param %s, and start the run again", name, cr.Namespace, tasks.GateParam)
		case approvals.CodeOf(err) != approvals.CodeNotFound:
			return nil, err
		}
	}
	resolved, err := o.CEL.ResolveTask(ctx, cr.Namespace, kind, r, s)
	if err == nil {
		*resolved.Policy, err = o.Bounds().Hold(ctx, cr.Namespace, *resolved.Policy)
	}
	if err == nil {
		err = o.ResolveEvidence(ctx, cr.Namespace, "", s, resolved)
	}
	if err != nil {
		return nil, err
	}
	return resolved, nil
}
