package approvaltask

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// objectState are the fields of an ApprovalTask that say what became of it. Anyone who wrote
// the pipeline does not decide by them, and nobody is shown them.
var objectState = []string{"action", "approve"}

// embeddedParams are the fields of customSpec.spec as params: a string is its text, anything
// else its JSON as it was written. The error, CodeInvalid, says what to change.
func embeddedParams(cr *pipelinev1beta1.CustomRun) ([]approvals.Param, error) {
	s := cr.Spec.CustomSpec
	if s == nil || emptyJSON(s.Spec.Raw) {
		return nil, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(s.Spec.Raw, &fields); err != nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "customSpec.spec is not an object: write the fields of the task there, such as description")
	}
	var out []approvals.Param
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if slices.Contains(objectState, name) || emptyJSON(fields[name]) {
			continue
		}
		var text string
		if json.Unmarshal(fields[name], &text) != nil {
			var b bytes.Buffer
			if err := json.Compact(&b, fields[name]); err != nil {
				return nil, approvals.Errorf(approvals.CodeInvalid, "customSpec.spec.%s can't be parsed: %v", name, err)
			}
			text = b.String()
		}
		out = append(out, approvals.Param{Name: name, Value: text})
	}
	return out, nil
}

// CheckSpec says why the task of cr, which is of kind, can't be written as a customSpec. The
// error is CodeInvalid.
func CheckSpec(cr *pipelinev1beta1.CustomRun, kind tasks.Mapping) error {
	if cr.Spec.CustomSpec == nil {
		return nil
	}
	if !kind.Embedded {
		return approvals.Errorf(approvals.CodeInvalid, "customSpec is not for approval tasks of this kind: use taskRef with apiVersion and kind, and params")
	}
	_, err := embeddedParams(cr)
	return err
}

// withEmbedded are a task's params and, where there is none of that name, the fields of its
// customSpec.
func withEmbedded(params, fields []approvals.Param) []approvals.Param {
	for _, f := range fields {
		if len(params) < pipelinerun.MaxParams && !slices.ContainsFunc(params, func(p approvals.Param) bool { return strings.EqualFold(strings.TrimSpace(p.Name), f.Name) }) {
			params = append(params, f)
		}
	}
	return params
}

// sameEmbedded reports whether two specs say the same. Tekton copies a task's into its
// CustomRun as it stands, so one that differs is not Tekton's.
func sameEmbedded(a, b []byte) bool {
	if emptyJSON(a) || emptyJSON(b) {
		return emptyJSON(a) == emptyJSON(b)
	}
	x, errA := canonicalJSON(a)
	y, errB := canonicalJSON(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

func emptyJSON(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) == 0 || bytes.Equal(b, []byte("null"))
}

// canonicalJSON has sorted keys and no white space; numbers stay as they are written.
func canonicalJSON(b []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}
