package pipelinerun

import (
	"slices"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
)

// OtherShape names the task by which got, what Tekton runs, is not approved with values in
// the place of its references, "" for none. Who made it is said by generations; this is
// against somebody who may write statuses, and has Tekton run what they wrote there.
func OtherShape(approved, got *pipelinev1.PipelineSpec) string {
	want, have := slices.Concat(approved.Tasks, approved.Finally), slices.Concat(got.Tasks, got.Finally)
	if len(approved.Tasks) != len(got.Tasks) || len(want) != len(have) {
		return "the number of its tasks"
	}
	for i, w := range want {
		if !sameTask(w, have[i]) {
			return "task " + w.Name
		}
	}
	return ""
}

func sameTask(want, got pipelinev1.PipelineTask) bool {
	switch {
	case want.Name != got.Name || (want.TaskRef == nil) != (got.TaskRef == nil) || (want.TaskSpec == nil) != (got.TaskSpec == nil):
		return false
	case want.PipelineRef != nil || got.PipelineRef != nil || want.PipelineSpec != nil || got.PipelineSpec != nil:
		return false
	case want.TaskRef != nil:
		w, g := want.TaskRef, got.TaskRef
		return w.Name == g.Name && w.APIVersion == g.APIVersion && w.Resolver == g.Resolver && sameParams(w.Params, g.Params)
	case want.TaskSpec == nil:
		return true
	}
	return slices.EqualFunc(want.TaskSpec.Steps, got.TaskSpec.Steps, sameStep) && len(want.TaskSpec.Sidecars) == len(got.TaskSpec.Sidecars)
}

func sameParams(want, got pipelinev1.Params) bool {
	return slices.EqualFunc(want, got, func(w, g pipelinev1.Param) bool {
		return w.Name == g.Name && (w.Value.Type != pipelinev1.ParamTypeString || fitsText(w.Value.StringVal, g.Value.StringVal))
	})
}

func sameStep(want, got pipelinev1.Step) bool {
	texts := func(w, g []string) bool {
		return slices.ContainsFunc(w, whole) || slices.EqualFunc(w, g, fitsText)
	}
	if (want.Ref == nil) != (got.Ref == nil) || want.Ref != nil && want.Ref.Name != got.Ref.Name {
		return false
	}
	return fitsText(want.Image, got.Image) && fitsText(want.Script, got.Script) && texts(want.Command, got.Command) && texts(want.Args, got.Args)
}
