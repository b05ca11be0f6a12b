package hold

import (
	"context"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// maxParams bounds the forwarded params. The CRD schema has it too.
const maxParams = 128

// resolvePendingRun adds the exact run that is the target: its UID, and its params
// as it has them, whatever the event says of them. Tekton lets nobody change a run's
// params, so that is what will run.
//
// Errors: CodeNotFound (not there yet), CodeInvalid (nothing that could be started).
func resolvePendingRun(ctx context.Context, live client.Reader, namespace, trigger string, s approvals.Source, resolved *approvals.ResolvedSpec) error {
	t := resolved.Target
	var pr pipelinev1.PipelineRun
	err := live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: t.Name}, &pr)
	switch {
	case apierrors.IsNotFound(err):
		return pipelinerun.Missing(approvals.Errorf(approvals.CodeNotFound,
			"there is no PipelineRun %s in namespace %s to start: create it with spec.status: PipelineRunPending; this continues automatically", t.Name, namespace))
	case err != nil:
		return kubeutil.Translate(err, "run "+t.Name)
	case !pr.IsPending():
		return approvals.Errorf(approvals.CodeInvalid,
			"PipelineRun %s is not pending, so there is nothing to start: create it with spec.status: PipelineRunPending, under a new name, and send its event again", t.Name)
	}
	t.UID, t.Pipeline = string(pr.UID), PlainPipeline(&pr)
	own := map[string]bool{}
	var params []approvals.Param
	for _, p := range pr.Spec.Params {
		own[p.Name] = true
		params = append(params, approvals.Param{Name: p.Name, Value: approvals.Neutral(tekton.Text(p.Value))})
	}
	for _, p := range resolved.Params {
		if own[p.Name] {
			return approvals.Errorf(approvals.CodeInvalid,
				"forward %s: PipelineRun %s already has a param of that name, whose value is what will run: remove it from forward", p.Name, t.Name)
		}
	}
	if resolved.Params = append(params, resolved.Params...); len(resolved.Params) > maxParams {
		return approvals.Errorf(approvals.CodeInvalid, "PipelineRun %s has %d params, including what is forwarded, and the limit is %d", t.Name, len(resolved.Params), maxParams)
	}
	resolved.Digest = resolved.ContentDigest(namespace, trigger, resolved.TemplateDigest, s)
	return nil
}

// PlainPipeline returns the name of the Pipeline that pr refers to by name alone, "" for any other.
// Until it runs, anyone who made it chose its labels, and no approver must read there what will not
// run.
func PlainPipeline(pr *pipelinev1.PipelineRun) string {
	if ref := pr.Spec.PipelineRef; ref != nil && ref.Resolver == "" && pr.Spec.PipelineSpec == nil {
		return ref.Name
	}
	return ""
}
