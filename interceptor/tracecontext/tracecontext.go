// Package tracecontext finds the trace that a held thing belongs to, in the form that W3C Trace
// Context gives it, and writes it as Tekton reads it. It knows no tracing library: a trace is
// carried on whether this service sends spans of its own or not.
//
// Anyone who may write annotations of a run chooses its trace. So what is found here is
// believed for the trace, and for nothing else.
package tracecontext

import (
	"encoding/json"
	"regexp"

	"github.com/countersign-dev/countersign/approvals"
)

// Annotation is the annotation of a PipelineRun by which Tekton joins the run to a trace: a
// JSON object whose traceparent names the trace and the span above.
const Annotation = "tekton.dev/pipelinerunSpanContext"

// parent is a traceparent of version 00. An id of zeros alone is no id, which RE2 can't say.
var parent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$`)

const noTrace, noSpan = "00000000000000000000000000000000", "0000000000000000"

// Of is the traceparent of the run that s was copied from, "" when it has none that is valid.
func Of(s approvals.Source) string {
	text, ok := s.Annotations[Annotation]
	if !ok {
		return ""
	}
	var carrier struct {
		Traceparent string `json:"traceparent"`
	}
	if json.Unmarshal([]byte(text), &carrier) != nil {
		return ""
	}
	m := parent.FindStringSubmatch(carrier.Traceparent)
	if m == nil || m[1] == noTrace || m[2] == noSpan {
		return ""
	}
	return carrier.Traceparent
}

// ForTekton is the value of Annotation for a run whose span above is the one that traceparent
// names. It is "" for "", and Tekton then begins a trace.
func ForTekton(traceparent string) string {
	if traceparent == "" {
		return ""
	}
	return `{"traceparent":"` + traceparent + `"}`
}
