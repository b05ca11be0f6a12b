package approvaltask

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// RocketView keeps KubeRocketCI's ApprovalTasks. There anyone who may write one
// decides by it, and says who they are; here it only shows what was decided.
func RocketView(c client.Client) View {
	kind, _ := tasks.Find(tasks.KubeRocketCI)
	return View{Client: c, Kind: kind, Suffix: "-approval", Say: func(cr *pipelinev1beta1.CustomRun, a approvals.Approval) Said {
		labels := maps.Clone(cr.Labels)
		maps.DeleteFunc(labels, func(name, _ string) bool {
			return !slices.Contains([]string{pipeline.PipelineLabelKey, pipeline.PipelineRunLabelKey, pipeline.PipelineTaskLabelKey}, name)
		})
		spec := map[string]any{"action": kubeRocketCIAction(a.Outcome), "description": cmp.Or(tasks.Param(a.Source.Params, "description"), "Proceed")}
		if by := approvals.ByName(a.Results); by[approvals.ResultApprovedBy] != "" {
			spec["approve"] = map[string]any{"approvedBy": by[approvals.ResultApprovedBy], "comment": by[approvals.ResultComment]}
		}
		return Said{Labels: labels, Spec: spec}
	}}
}

func kubeRocketCIAction(o approvals.Outcome) string {
	switch o {
	case approvals.Pending:
		return "Pending"
	case approvals.Approved:
		return "Approved"
	case approvals.Rejected:
		return "Rejected"
	default:
		return "Canceled"
	}
}
