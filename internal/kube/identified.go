package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mayBeUnknown are the fields of a run's spec that don't say whose code runs, nor as whom.
// What stands in them may be known only when the event is there; in every other field it
// would make any run the one that was approved, since an unknown text fits all.
var mayBeUnknown = []string{"params", "workspaces", "timeouts", "timeout"}

// runRefs are the fields of a pipelineSpec that name what else is run.
var runRefs = []string{"taskRef", "pipelineRef", "ref"}

// identified says that what runs, or as whom, is known only when the event is there: an
// interceptor behind ours, which learns the run's name, would then choose it alone. all
// asks it of the whole spec, as where nothing may execute before it was compared.
func (out *Rendered) identified(r *Resolved, all bool) {
	if len(out.Objects) == 0 {
		return
	}
	spec, _ := out.Objects[0].Object["spec"].(map[string]any)
	params, _ := spec["params"].([]any)
	unknown := out.unknownParams(params)
	for _, k := range slices.Sorted(maps.Keys(spec)) {
		place := "spec." + k
		if all || !slices.Contains(mayBeUnknown, k) {
			if at := find(spec[k], place, func(s string) bool { return strings.Contains(s, out.Unknown) }); at != "" || strings.Contains(k, out.Unknown) {
				out.unidentified(r, or(at, "a name of a field of spec"))
				continue
			}
		}
		if slices.Contains(mayBeUnknown, k) {
			continue
		}
		// Tekton fills the run's params into these as well.
		uses := func(s string) bool {
			return slices.ContainsFunc(unknown, func(name string) bool { return paramRef("params", name).MatchString(s) })
		}
		if k == "pipelineSpec" {
			place = findRef(spec[k], place, uses)
		} else {
			place = find(spec[k], place, uses)
		}
		if place != "" {
			out.unidentified(r, place)
		}
	}
}

func (out *Rendered) unidentified(r *Resolved, place string) {
	out.problem(ReasonTemplateError, "template %s puts into %s of its PipelineRun what nobody knows before the event is there (what an interceptor behind countersign brings, or any other with after; a header of the signed event; $(context.eventID) or $(uid)), so that what runs, or as whom, can't be compared with what was approved: write it into the template, or bind it from the event or from $(extensions.countersign.params.NAME)",
		templateName(r.Trigger), place)
}

// unknownParams are the names of the run's params whose values are not known yet.
func (out *Rendered) unknownParams(params []any) []string {
	var names []string
	for _, x := range params {
		p, _ := x.(map[string]any)
		name, _ := p["name"].(string)
		if find(p, "", func(s string) bool { return strings.Contains(s, out.Unknown) }) != "" {
			names = append(names, name)
		}
	}
	return names
}

// find is the first place at or below which a text, or the name of a field, is such; ""
// for none.
func find(v any, place string, such func(string) bool) string {
	switch x := v.(type) {
	case string:
		if such(x) {
			return or(place, "it")
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if such(k) {
				return or(place, "it")
			}
			if at := find(x[k], place+"."+k, such); at != "" {
				return at
			}
		}
	case []any:
		for i := range x {
			if at := find(x[i], fmt.Sprintf("%s[%s]", place, nameIn(x[i], i)), such); at != "" {
				return at
			}
		}
	}
	return ""
}

// findRef is find in what names something else that is run.
func findRef(v any, place string, such func(string) bool) string {
	switch x := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			look := findRef
			if slices.Contains(runRefs, k) {
				look = find
			}
			if at := look(x[k], place+"."+k, such); at != "" {
				return at
			}
		}
	case []any:
		for i := range x {
			if at := findRef(x[i], fmt.Sprintf("%s[%s]", place, nameIn(x[i], i)), such); at != "" {
				return at
			}
		}
	}
	return ""
}
