package kube

import (
	"context"
	"errors"
	"fmt"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// maxTermsParams is how many params terms can have; the CRD schema has it too.
const maxTermsParams = 128

// fixPending adds to terms which run exactly their target is: its UID, and its params
// as it has them, whatever the event says of them. Tekton lets nobody change a run's
// params, so that is what will run.
//
// Errors: CodeNotFound (not there yet), CodeInvalid (nothing that could be let go).
func fixPending(ctx context.Context, live client.Reader, namespace, trigger string, s approvals.Source, terms *approvals.Terms) error {
	t := terms.Target
	var pr pipelinev1.PipelineRun
	err := live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: t.Name}, &pr)
	switch {
	case apierrors.IsNotFound(err):
		return runMissing{approvals.Errorf(approvals.CodeNotFound,
			"there is no PipelineRun %s in namespace %s to let go: make it with spec.status: PipelineRunPending; this goes on by itself", t.Name, namespace)}
	case err != nil:
		return translate(err, "run "+t.Name)
	case !pr.IsPending():
		return approvals.Errorf(approvals.CodeInvalid,
			"PipelineRun %s is not pending, so there is nothing to let go: make it with spec.status: PipelineRunPending, under a new name, and post its event", t.Name)
	}
	t.UID, t.Pipeline = string(pr.UID), plainPipeline(&pr)
	own := map[string]bool{}
	var params []approvals.Param
	for _, p := range pr.Spec.Params {
		own[p.Name] = true
		params = append(params, approvals.Param{Name: p.Name, Value: approvals.Neutral(tekton.Text(p.Value))})
	}
	for _, p := range terms.Params {
		if own[p.Name] {
			return approvals.Errorf(approvals.CodeInvalid,
				"forward %s: PipelineRun %s has a param of that name, and what it has is what will run: drop it from forward", p.Name, t.Name)
		}
	}
	if terms.Params = append(params, terms.Params...); len(terms.Params) > maxTermsParams {
		return approvals.Errorf(approvals.CodeInvalid, "PipelineRun %s has %d params, with what is forwarded, and the most is %d", t.Name, len(terms.Params), maxTermsParams)
	}
	terms.Digest = approvals.ContentDigest(namespace, trigger, terms.Template, s, terms.Params, t)
	return nil
}

// plainPipeline is the Pipeline that pr refers to by name alone, "" for any other.
// Until it runs its labels are what whoever made it wrote, and no approver must read
// there what will not run.
func plainPipeline(pr *pipelinev1.PipelineRun) string {
	if ref := pr.Spec.PipelineRef; ref != nil && ref.Resolver == "" && pr.Spec.PipelineSpec == nil {
		return ref.Name
	}
	return ""
}

// runMissing is that the run has not been made yet.
type runMissing struct{ error }

func (r runMissing) Unwrap() error { return r.error }

// IsRunMissing says whether terms wait for a run to be made. Nobody tells of one: that
// would be a look at every run of the cluster.
func IsRunMissing(err error) bool {
	_, ok := errors.AsType[runMissing](err)
	return ok
}

// lookAtRun sees whether a pending run was let go, or cancelled. The mark says that it
// was for this Approval; its UID, that it is the run that was approved.
func (t *Targets) lookAtRun(ctx context.Context, a approvals.Approval) (sight, error) {
	x := a.Terms.Target
	var pr pipelinev1.PipelineRun
	err := t.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: x.Name}, &pr)
	gone := apierrors.IsNotFound(err)
	if err != nil && !gone {
		return sight{}, translate(err, x.String())
	}
	granted := a.Outcome == approvals.Approved
	run := &approvals.Run{Name: pr.Name, UID: string(pr.UID), Pipeline: PipelineOf(&pr)}
	switch {
	case (gone || string(pr.UID) != x.UID) && !granted:
		return sight{done: x.String() + " was gone"}, nil
	case gone:
		return sight{}, reason("TargetMissing", approvals.Errorf(approvals.CodeNotFound,
			"PipelineRun %s is not there any more, so there is nothing to let go: make another one and post its event", x.Name))
	case string(pr.UID) != x.UID:
		return sight{}, reason("TargetReplaced", approvals.Errorf(approvals.CodeConflict,
			"PipelineRun %s was made anew after it was put to the vote, and nobody has approved this one: post its event to ask again", x.Name))
	case granted && pr.Spec.Status == "":
		return sight{done: x.String() + " started", next: run}, nil
	case granted && !pr.IsPending():
		return sight{}, reason("TargetTaken", approvals.Errorf(approvals.CodeConflict,
			"PipelineRun %s was cancelled by somebody else (spec.status: %s): make another one and post its event", x.Name, pr.Spec.Status))
	case granted:
		return sight{patch: patchOf(&pr, a, func() { pr.Spec.Status = "" })}, nil
	case pr.IsCancelled():
		return sight{done: x.String() + " cancelled"}, nil
	case pr.IsDone():
		return sight{}, reason("TargetTaken", approvals.Errorf(approvals.CodeConflict,
			"PipelineRun %s has run without this approval, since somebody else let it go: see who may patch PipelineRuns here (docs/protected-pipelines.md)", x.Name))
	default: // pending, or let go by somebody else
		return sight{patch: patchOf(&pr, a, func() { pr.Spec.Status = pipelinev1.PipelineRunSpecStatusCancelled })}, nil
	}
}

// patchOf changes o, if it is still what was read, and marks it as this Approval's.
func patchOf(o client.Object, a approvals.Approval, change func()) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		patch := client.MergeFromWithOptions(o.DeepCopyObject().(client.Object), client.MergeFromWithOptimisticLock{})
		change()
		marks := o.GetAnnotations()
		if marks == nil {
			marks = map[string]string{}
		}
		marks[markAnnotation] = markOf(a)
		o.SetAnnotations(marks)
		return c.Patch(ctx, o, patch)
	}
}

// markAnnotation on a target says whose outcome was written to it.
const markAnnotation = "countersign.dev/approval"

func markOf(a approvals.Approval) string { return fmt.Sprintf("%s/%s", a.Name, a.UID) }
