package split

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reference is one $(…) that Tekton would put a value in the place of.
type reference struct {
	of     string // params, tasks, finally, context or workspaces
	name   string // of the param, task or workspace; of a context all that follows
	field  string // of a task: results, status, …; of a workspace: bound, path, …
	result string // its name, in a task's results
	// rest selects a part of the value: "" for all of a string, .key of an object, [0] of an
	// array, [*] for all of an array or object.
	rest string
	raw  string // as it is written, with $( and )
	line int
}

// id is the same for all ways to write r.
func (r reference) id() string { return r.of + "." + r.name + "." + r.field + "." + r.result + r.rest }

// whole reports whether all of an array or object is meant.
func (r reference) whole() bool { return strings.Contains(r.rest, "*") }

var referred = regexp.MustCompile(`\$\(([^()]*)\)`)

// referencesIn returns the references of one text. A $(…) that is none of Tekton's belongs to
// the text, such as a shell's.
func referencesIn(n *yaml.Node) []reference {
	var out []reference
	for _, at := range referred.FindAllStringSubmatchIndex(n.Value, -1) {
		r, ok := parse(n.Value[at[2]:at[3]])
		if !ok {
			continue
		}
		r.raw, r.line = n.Value[at[0]:at[1]], n.Line
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 { // it begins below its indicator
			r.line += 1 + strings.Count(n.Value[:at[0]], "\n")
		}
		out = append(out, r)
	}
	return out
}

// referencesBeneath returns the references of all texts beneath a node.
func referencesBeneath(n *yaml.Node) []reference {
	var out []reference
	scalars(n, func(s *yaml.Node) { out = append(out, referencesIn(s)...) })
	return out
}

var (
	// word is a name after a dot, or in brackets and quotes, which may have dots.
	word    = `(?:\.([^.\[\]"']+)|\["([^"]+)"\]|\['([^']+)'\])`
	aParam  = regexp.MustCompile(`^params` + word + `(.*)$`)
	aResult = regexp.MustCompile(`^(tasks|finally)\.([^.]+)\.results` + word + `(.*)$`)
	aTask   = regexp.MustCompile(`^(tasks|finally)\.([^.]+)\.([^.]+)(.*)$`)
	aSpace  = regexp.MustCompile(`^workspaces\.([^.]+)\.(.+)$`)
	aRun    = regexp.MustCompile(`^context\.(pipelineRun\.\w+|pipeline\.\w+)$`)
)

func parse(s string) (reference, bool) {
	s = strings.TrimPrefix(s, "inputs.") // as tasks may still say
	if m := aParam.FindStringSubmatch(s); m != nil {
		return reference{of: "params", name: m[1] + m[2] + m[3], rest: m[4]}, true
	}
	if m := aResult.FindStringSubmatch(s); m != nil {
		return reference{of: m[1], name: m[2], field: "results", result: m[3] + m[4] + m[5], rest: m[6]}, true
	}
	if s == "tasks.status" || s == "tasks.reason" {
		return reference{of: "tasks", field: strings.TrimPrefix(s, "tasks.")}, true
	}
	if m := aTask.FindStringSubmatch(s); m != nil {
		return reference{of: m[1], name: m[2], field: m[3], rest: m[4]}, true
	}
	if m := aSpace.FindStringSubmatch(s); m != nil {
		return reference{of: "workspaces", name: m[1], field: m[2]}, true
	}
	if m := aRun.FindStringSubmatch(s); m != nil {
		return reference{of: "context", name: m[1]}, true
	}
	return reference{}, false
}
