package pipelinerun

import (
	"regexp"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/countersign-dev/countersign/approvals/tasks"
)

// IsApproval tells an approval task by its apiVersion and kind, of whatever system it is.
func IsApproval(t pipelinev1.PipelineTask) bool {
	ok := false
	switch {
	case t.TaskRef != nil:
		_, ok = tasks.Of(t.TaskRef.APIVersion, string(t.TaskRef.Kind))
	case t.TaskSpec != nil:
		_, ok = tasks.Of(t.TaskSpec.APIVersion, t.TaskSpec.Kind)
	}
	return ok
}

// Reference matches a text that Tekton replaces by a value. The run's status has params and
// contexts in place; results of tasks come later.
var Reference = regexp.MustCompile(`\$\([^()]*\)`)

// Fits reports whether value can be said with its references replaced.
func Fits(said pipelinev1.ParamValue, value pipelinev1beta1.ParamValue) bool {
	if said.Type != pipelinev1.ParamTypeArray && said.Type != pipelinev1.ParamTypeObject && whole(said.StringVal) {
		return true // $(tasks.a.results.list[*])
	}
	switch said.Type {
	case pipelinev1.ParamTypeArray:
		return value.Type == pipelinev1beta1.ParamTypeArray && fitAll(said.ArrayVal, value.ArrayVal)
	case pipelinev1.ParamTypeObject:
		if value.Type != pipelinev1beta1.ParamTypeObject || len(said.ObjectVal) != len(value.ObjectVal) {
			return false
		}
		for k, s := range said.ObjectVal {
			if v, ok := value.ObjectVal[k]; !ok || !fitsText(s, v) {
				return false
			}
		}
		return true
	default:
		return value.Type != pipelinev1beta1.ParamTypeArray && value.Type != pipelinev1beta1.ParamTypeObject && fitsText(said.StringVal, value.StringVal)
	}
}

// whole reports whether s is only a reference to all of an array or object.
func whole(s string) bool { return strings.HasSuffix(s, "[*])") && Reference.FindString(s) == s }

// fitAll fits an array's values in their order; a reference to a whole array stands
// for any number of them.
func fitAll(said, values []string) bool {
	for i, s := range said {
		if whole(s) {
			// What comes after it is fitted from the end: of several the values between
			// the first and the last are anything.
			rest := said[i+1:]
			for _, r := range slices.Backward(rest) {
				if whole(r) {
					return true
				}
				if len(values) == i || !fitsText(r, values[len(values)-1]) {
					return false
				}
				values = values[:len(values)-1]
			}
			return len(values) >= i
		}
		if i >= len(values) || !fitsText(s, values[i]) {
			return false
		}
	}
	return len(said) == len(values)
}

// fitsText reports whether value has said's literal pieces in their places.
func fitsText(said, value string) bool {
	pieces := Reference.Split(said, -1)
	if len(pieces) == 1 {
		return said == value
	}
	rest, ok := strings.CutPrefix(value, pieces[0])
	last := pieces[len(pieces)-1]
	if !ok || !strings.HasSuffix(rest, last) {
		return false
	}
	rest = strings.TrimSuffix(rest, last)
	for _, p := range pieces[1 : len(pieces)-1] {
		if _, rest, ok = strings.Cut(rest, p); !ok {
			return false
		}
	}
	return true
}
