package approvaltask

import (
	"slices"
	"strconv"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/kmeta"

	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// placeOf is which of t's CustomRuns in a run has name, by Tekton's own rule; -1 for
// none. By its name, and not by its label, Tekton finds the CustomRun that answers a
// task: one with the name of a task and the label of another would have the approvers
// of the second decide the first.
func placeOf(run string, t pipelinev1.PipelineTask, name string) int {
	stem := kmeta.ChildName(run, "-"+t.Name)
	if name == stem {
		return 0
	}
	head, digits := name[:max(0, strings.LastIndex(name, "-"))], name[strings.LastIndex(name, "-")+1:]
	place, err := strconv.Atoi(digits)
	if t.Matrix == nil || err != nil || place < 0 || strconv.Itoa(place) != digits {
		return -1
	}
	if name == kmeta.ChildName(run, "-"+t.Name+"-"+digits) {
		return place
	}
	// A long one is cut off, to leave room for the digits of how many there are.
	const longest = 63
	if cut := longest - len(head); strings.HasPrefix(stem, head) && len(stem) > len(head) && cut > len(digits) && cut <= len("-9999") {
		return place
	}
	return -1
}

// maxFanOut bounds the places that are worked out one by one; Tekton's own bound is 256.
const maxFanOut = 1024

// ofMatrix returns the params of m for one combination, and those which must be there: exactly
// that combination or, while it is not known how the matrix fans out, any of their values.
func ofMatrix(m *pipelinev1.Matrix, place int) (values, there pipelinev1.Params) {
	if m == nil {
		return nil, nil
	}
	if !slices.ContainsFunc(m.GetAllParams(), isOpen) && m.CountCombinations() <= maxFanOut {
		if all := m.FanOut(); place < len(all) {
			return all[place], all[place]
		}
		return nil, nil
	}
	for _, p := range m.GetAllParams() {
		for _, v := range each(p.Value) {
			values = append(values, pipelinev1.Param{Name: p.Name, Value: v})
		}
	}
	return values, m.Params
}

// isOpen reports whether p has a value that another task's result gives.
func isOpen(p pipelinev1.Param) bool {
	return slices.ContainsFunc(append(slices.Clone(p.Value.ArrayVal), p.Value.StringVal), pipelinerun.Reference.MatchString)
}

// each is the values that a matrix param takes in turn.
func each(v pipelinev1.ParamValue) []pipelinev1.ParamValue {
	if v.Type != pipelinev1.ParamTypeArray {
		return []pipelinev1.ParamValue{v}
	}
	var out []pipelinev1.ParamValue
	for _, s := range v.ArrayVal {
		out = append(out, pipelinev1.ParamValue{Type: pipelinev1.ParamTypeString, StringVal: s})
	}
	return out
}
