package tekton

import (
	"encoding/json"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
)

// RequesterAnnotation names who asked for a PipelineRun. Anyone who may create or edit the run
// writes it: what proves it is up to hold.Requesters.
const RequesterAnnotation = "countersign.dev/requester"

// Text is the value of a param or a result as one string: TriggerTemplates take no
// others. A list or an object is its JSON, and what was never set is "".
func Text(v pipelinev1.ParamValue) string {
	if v.Type == pipelinev1.ParamTypeString {
		return v.StringVal
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
