package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// mayBeUnknown are the fields of a run's spec that don't say whose code runs, nor as whom.
// What stands in them may be known only when the event is there; in every other field it
// would make any run the one that was approved, since an unknown text fits all.
var mayBeUnknown = []string{"params", "workspaces", "timeouts", "timeout"}

// runRefs are the fields of a pipelineSpec that name what else is run.
var runRefs = []string{"taskRef", "pipelineRef", "ref"}

// identified adds a problem where what runs, or as whom, is known only when the event is there: an
// interceptor behind ours, which learns the run's name, would then choose it alone. all
// asks it of the whole spec, as where nothing may execute before it was compared.
func (out *Rendered) identified(r *triggers.Resolved, all bool) {
	late := func(s string) bool { return strings.Contains(s, out.Unknown) }
	for i, o := range out.Objects {
		// What is made beside the run is compared with nothing afterwards.
		switch free := mayBeUnknown; {
		case i > 0 && (late(o.GetNamespace()) || late(o.GetKind()) || late(o.GetAPIVersion())):
			out.unidentified(r, o, "its kind or namespace")
		case i == 0 || isRun(o):
			if all {
				free = nil
			}
			spec, _ := o.Object["spec"].(map[string]any)
			out.identifiedIn(r, o, spec, free)
		case !IsKept(o):
			for _, k := range slices.Sorted(maps.Keys(o.Object)) {
				if at := triggers.Find(o.Object[k], k, late); at != "" && k != "metadata" {
					out.unidentified(r, o, at)
				}
			}
		}
	}
}

// IsKept reports whether o executes nothing and grants nobody a right: its content is only
// read.
func IsKept(o *unstructured.Unstructured) bool {
	return o.GetAPIVersion() == "v1" && slices.Contains([]string{"ConfigMap", "Secret", "PersistentVolumeClaim"}, o.GetKind())
}

// isRun reports whether o is of a kind that Tekton executes.
func isRun(o *unstructured.Unstructured) bool {
	return strings.HasPrefix(o.GetAPIVersion(), "tekton.dev/") && (o.GetKind() == "PipelineRun" || o.GetKind() == "TaskRun")
}

// identifiedIn is identified of o's spec, in whose fields free anything may stand.
func (out *Rendered) identifiedIn(r *triggers.Resolved, o *unstructured.Unstructured, spec map[string]any, free []string) {
	params, _ := spec["params"].([]any)
	unknown := out.unknownParams(params)
	for _, k := range slices.Sorted(maps.Keys(spec)) {
		place := "spec." + k
		if !slices.Contains(free, k) {
			if at := triggers.Find(spec[k], place, func(s string) bool { return strings.Contains(s, out.Unknown) }); at != "" || strings.Contains(k, out.Unknown) {
				out.unidentified(r, o, triggers.Or(at, "a name of a field of spec"))
				continue
			}
		}
		if slices.Contains(mayBeUnknown, k) {
			continue
		}
		// Tekton fills the run's params into these as well.
		uses := func(s string) bool {
			return slices.ContainsFunc(unknown, func(name string) bool { return ParamRef("params", name).MatchString(s) })
		}
		if k == "pipelineSpec" {
			place = findRef(spec[k], place, uses)
		} else {
			place = triggers.Find(spec[k], place, uses)
		}
		if place != "" {
			out.unidentified(r, o, place)
		}
	}
}

func (out *Rendered) unidentified(r *triggers.Resolved, o *unstructured.Unstructured, place string) {
	out.problem(ReasonTemplateError, "template %s puts into %s of its %s a value that is not known before the event is posted (from an interceptor after countersign, or from any other with after; a header of the signed event; $(context.eventID) or $(uid)), so what runs, or as whom, can't be compared with what was approved: write it into the template, or bind it from the event or from $(extensions.countersign.params.NAME)",
		templateName(r.Trigger), place, o.GetKind())
}

// unknownParams are the names of the run's params whose values are not known yet.
func (out *Rendered) unknownParams(params []any) []string {
	var names []string
	for _, x := range params {
		p, _ := x.(map[string]any)
		name, _ := p["name"].(string)
		if triggers.Find(p, "", func(s string) bool { return strings.Contains(s, out.Unknown) }) != "" {
			names = append(names, name)
		}
	}
	return names
}

// findRef is find in what names something else that is run.
func findRef(v any, place string, such func(string) bool) string {
	switch x := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			look := findRef
			if slices.Contains(runRefs, k) {
				look = triggers.Find
			}
			if at := look(x[k], place+"."+k, such); at != "" {
				return at
			}
		}
	case []any:
		for i := range x {
			if at := findRef(x[i], fmt.Sprintf("%s[%s]", place, pipelinerun.NameIn(x[i], i)), such); at != "" {
				return at
			}
		}
	}
	return ""
}

// ParamRef matches the ways in which Tekton takes a reference to a param.
func ParamRef(kind, name string) *regexp.Regexp {
	q := regexp.QuoteMeta(name)
	return regexp.MustCompile(`\$\((?:inputs\.)?` + kind + `(?:\.` + q + `|\[\\?["']` + q + `\\?["']\])[\[.)]`)
}
