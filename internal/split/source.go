package split

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/tektoncd/pipeline/pkg/apis/config"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/approvals/tasks"
)

const group = "tekton.dev/"

// source is the pipeline to cut: as it was written, and as Tekton reads it.
type source struct {
	root  *yaml.Node // of the Pipeline
	spec  *yaml.Node
	typed pipelinev1.Pipeline
	tasks []*yaml.Node // as typed.Spec.Tasks
	// others is what else the text has, which is handed on as it is.
	others []*yaml.Node
}

// read finds the pipeline to cut in a text, and holds it against Tekton's own rules.
func read(raw []byte, pipeline string) (*source, error) {
	var rs Refusals
	s := &source{}
	var found []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(raw)); ; {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			rs.refuse(lineIn(err), "this is no YAML: %v", err)
			return nil, rs.err()
		}
		root := &doc
		if len(doc.Content) == 1 {
			root = doc.Content[0]
		}
		if text(field(root, "kind")) == "Pipeline" && strings.HasPrefix(text(field(root, "apiVersion")), group) {
			of := name(field(root, "metadata"))
			if of == pipeline || pipeline == "" && len(approvalsIn(root)) > 0 {
				found = append(found, root)
				continue
			}
		}
		if root.Kind == yaml.MappingNode {
			s.others = append(s.others, &doc)
		}
	}
	switch {
	case len(found) == 0 && pipeline != "":
		rs.refuse(1, "there is no Pipeline %q", pipeline)
	case len(found) == 0:
		rs.refuse(1, "there is no Pipeline with an approval task: a task whose taskRef has kind ApprovalTask of %s", kinds())
	case len(found) > 1:
		rs.refuse(found[1].Line, "a second Pipeline with an approval task: say which one to split with --pipeline")
	default:
		s.root = found[0]
		s.hold(&rs)
	}
	return s, rs.err()
}

// hold refuses what Tekton would refuse, and what can't be read line by line.
func (s *source) hold(rs *Refusals) {
	if v := text(field(s.root, "apiVersion")); v != group+"v1" {
		rs.refuse(lineOf(s.root, "apiVersion"), "apiVersion is %s: write it as %sv1 (kubectl get pipeline NAME -o yaml gives that)", v, group)
		return
	}
	if alias := aliasIn(s.root); alias != nil {
		rs.refuse(alias.Line, "anchors and aliases of YAML can't be cut, since one text would stand in two parts: write it out")
		return
	}
	if err := decode(s.root, &s.typed); err != nil {
		rs.refuse(lineIn(err, s.unknown(err)), "this is no Pipeline: %v", err)
		return
	}
	if s.typed.Name == "" {
		rs.refuse(s.root.Line, "the Pipeline has no metadata.name, after which its parts are named")
		return
	}
	s.spec = field(s.root, "spec")
	s.tasks = items(field(s.spec, "tasks"))
	if s.links(rs); len(*rs) > 0 {
		return // Tekton says the same, and no line
	}
	for _, e := range invalid(&s.typed) {
		rs.refuse(s.line(e), "Tekton refuses this Pipeline: %v", e)
	}
}

// links refuses an order after a task that is not there.
func (s *source) links(rs *Refusals) {
	for _, t := range s.tasks {
		for _, after := range items(field(t, "runAfter")) {
			if !slices.ContainsFunc(s.tasks, func(o *yaml.Node) bool { return name(o) == after.Value }) {
				rs.refuse(after.Line, "task %s runs after %s, and there is no such task", name(t), after.Value)
			}
		}
	}
}

// unknown is the line of the field that err calls unknown, else where the Pipeline
// begins.
func (s *source) unknown(err error) int {
	line := s.root.Line
	_, quoted, _ := strings.Cut(err.Error(), "unknown field ")
	var look func(n *yaml.Node)
	look = func(n *yaml.Node) {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && strconv.Quote(c.Value) == quoted && line == s.root.Line {
				line = c.Line
			}
			look(c)
		}
	}
	look(s.root)
	return line
}

// invalid fills in what p leaves out, as Tekton does, and is what Tekton's own
// validation says of it, with all its features on: which of them a cluster has is not
// known here.
func invalid(p *pipelinev1.Pipeline) []*apis.FieldError {
	flags, err := config.NewFeatureFlagsFromMap(map[string]string{
		"enable-api-fields": config.AlphaAPIFields, "enable-cel-in-whenexpression": "true", "enable-param-enum": "true",
	})
	ctx := context.Background()
	if err == nil {
		c := config.FromContextOrDefaults(ctx)
		c.FeatureFlags = flags
		ctx = config.ToContext(ctx, c)
	}
	p.SetDefaults(ctx) // the types of params
	return p.Validate(ctx).WrappedErrors()
}

// line is where the first field is that e names; what is not found is looked for one
// level up.
func (s *source) line(e *apis.FieldError) int {
	at := s.root
	if len(e.Paths) == 0 {
		return at.Line
	}
	line := at.Line
	for _, step := range strings.FieldsFunc(e.Paths[0], func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		next := field(at, step)
		if next != nil {
			line = lineOf(at, step)
		}
		for i, item := range items(at) {
			if n, err := strconv.Atoi(step); err == nil && n == i || err != nil && name(item) == step {
				next, line = item, item.Line
			}
		}
		if next == nil {
			break
		}
		at = next
	}
	return line
}

// approvalsIn are the approval tasks of a pipeline, by their order in it.
func approvalsIn(root *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, t := range items(field(field(root, "spec"), "tasks")) {
		if _, ok := kindOf(t); ok {
			out = append(out, t)
		}
	}
	return out
}

// kindOf is the kind of approval task that t is.
func kindOf(t *yaml.Node) (tasks.Mapping, bool) {
	for _, by := range []string{"taskRef", "taskSpec"} {
		if ref := field(t, by); ref != nil {
			return tasks.Of(text(field(ref, "apiVersion")), text(field(ref, "kind")))
		}
	}
	return tasks.Mapping{}, false
}

func kinds() string {
	var out []string
	for _, m := range tasks.All() {
		out = append(out, m.APIVersion)
	}
	return strings.Join(out[:len(out)-1], ", ") + " or " + out[len(out)-1]
}

func aliasIn(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n
	}
	for _, c := range n.Content {
		if a := aliasIn(c); a != nil {
			return a
		}
	}
	return nil
}

// lineIn is the line that a message of the YAML library names, else the first of
// otherwise.
func lineIn(err error, otherwise ...int) int {
	if _, rest, ok := strings.Cut(err.Error(), "line "); ok {
		digits, _, _ := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(digits); err == nil {
			return n
		}
	}
	return append(otherwise, 1)[0]
}
