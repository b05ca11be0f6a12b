package hold

import (
	"context"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/render"
)

// resolveReferences adds what the run will refer to by name, as it is now.
//
// Errors: CodeInvalid and CodeNotFound, which say what to fix.
func (o *Opener) resolveReferences(ctx context.Context, namespace, trigger string, s approvals.Source, resolved *approvals.ResolvedSpec) error {
	r, err := o.Triggers.Resolve(ctx, namespace, trigger)
	if err != nil {
		return err
	}
	a := approvals.Approval{Key: approvals.Key{Namespace: namespace, Name: "to-be-opened"}, Trigger: trigger, Source: s, Resolved: resolved, OpenedAt: o.Now()}
	made, err := render.Render(ctx, o.Triggers, r, a, "to-be-named")
	if err != nil {
		return err
	}
	if len(made.Problems) > 0 {
		return approvals.Errorf(approvals.CodeInvalid, "%s", made.Problems[0].Message)
	}
	for _, o := range made.Objects[1:] {
		if render.IsKept(o) {
			continue
		}
		return approvals.Errorf(approvals.CodeInvalid,
			"gate %q has verifyRun: BeforeStart, but the template of trigger %s creates %s %s in addition to its run, which would start at once and is not compared: remove it, or have the run's pipeline do its work", resolved.Policy.Gate, trigger, o.GetKind(), o.GetName())
	}
	want, err := pipelinerun.WantedRun(ctx, made.Objects[0], made.Unknown, &pipelinev1.PipelineRun{})
	if err != nil {
		return approvals.Errorf(approvals.CodeInvalid, "the object that the template of trigger %s creates can't be read as a run: %v", trigger, err)
	}
	if !want.Run.IsPending() {
		return approvals.Errorf(approvals.CodeInvalid,
			"gate %q has verifyRun: BeforeStart, but the template of trigger %s creates a run that starts at once: set spec.status: PipelineRunPending in it", resolved.Policy.Gate, trigger)
	}
	if resolved.References, _, err = pipelinerun.ReferencesOf(ctx, o.Live, want.Run); err != nil {
		return err
	}
	resolved.Digest = resolved.ContentDigest(namespace, trigger, resolved.TemplateDigest, s)
	return nil
}
