package split

import (
	"context"
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

// lastApplied is the annotation with the copy of an object by kubectl apply.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// source is the pipeline to cut: as it was written, and as Tekton reads it.
type source struct {
	root  *yaml.Node // of the Pipeline; where a run has it in it, made of that
	spec  *yaml.Node
	typed pipelinev1.Pipeline
	tasks []*yaml.Node // as typed.Spec.Tasks
	run   *run         // that has the pipeline in it, nil for a Pipeline
	// others are the other documents of the text, which are handed on unchanged.
	others []*yaml.Node
	twice  []*yaml.Node // keys of the pipeline that stand there more than once
}

// read finds the pipeline to cut in a text, and holds it against Tekton's own rules.
func read(raw []byte, o Options) (*source, error) {
	docs, rs := documents(raw)
	if err := rs.err(); err != nil {
		return nil, err
	}
	s := &source{}
	var found []document
	for _, d := range docs {
		pipeline := pipelineIn(d.root)
		if pipeline != nil && (nameOf(d.root) == o.Pipeline || o.Pipeline == "" && len(approvalsIn(pipeline)) > 0) {
			found = append(found, d)
			continue
		}
		s.others = append(s.others, d.node)
	}
	switch {
	case len(found) == 0 && o.Pipeline != "":
		rs.refuse(1, "there is no Pipeline %q, and no PipelineRun of that name with a pipeline in it", o.Pipeline)
	case len(found) == 0:
		rs.refuse(1, "there is no Pipeline with an approval task: a task whose taskRef has kind ApprovalTask of %s", kinds())
	case len(found) > 1:
		rs.refuse(found[1].root.Line, "a second Pipeline with an approval task: say which one to split with --pipeline, or put them into files of their own")
	default:
		if s.hold(found[0], o, &rs); len(rs) == 0 && len(approvalsIn(s.spec)) == 0 {
			rs.refuse(s.root.Line, "Pipeline %s has no approval task to split it at: a task whose taskRef has kind ApprovalTask of %s", s.typed.Name, kinds())
		}
	}
	return s, rs.err()
}

// pipelineIn is the spec of the pipeline that an object is or has in it, nil for none.
func pipelineIn(root *yaml.Node) *yaml.Node {
	if !strings.HasPrefix(text(field(root, "apiVersion")), group) {
		return nil
	}
	switch spec := field(root, "spec"); text(field(root, "kind")) {
	case "Pipeline":
		if spec == nil {
			return root // it has none; Tekton's rules say so
		}
		return spec
	case "PipelineRun":
		return field(spec, "pipelineSpec")
	}
	return nil
}

// hold refuses what Tekton would refuse, and what can't be read line by line.
func (s *source) hold(d document, o Options, rs *Refusals) {
	s.root, s.twice = d.root, d.twice
	if v := text(field(s.root, "apiVersion")); v != v1 && v != v1beta1 {
		rs.refuse(lineOf(s.root, "apiVersion"), "apiVersion is %s: write it as %s (kubectl get pipeline NAME -o yaml gives that)", v, v1)
		return
	}
	modern(s.root)
	if text(field(s.root, "kind")) == "PipelineRun" {
		if s.embedded(d.root, rs); len(*rs) > 0 {
			return
		}
	}
	put(s.root, "status", nil)
	if err := decode(s.root, &s.typed); err != nil {
		s.noObject("Pipeline", s.root, err, rs)
		return
	}
	if s.typed.Name == "" {
		rs.refuse(s.root.Line, "the Pipeline has no metadata.name, after which its parts are named")
		return
	}
	s.inNamespace(o.Namespace, rs)
	s.spec = field(s.root, "spec")
	s.tasks = items(field(s.spec, "tasks"))
	if s.links(rs); len(*rs) > 0 {
		return // Tekton says the same, and no line
	}
	for _, e := range invalid(&s.typed) {
		rs.refuse(s.line(e), "Tekton refuses this Pipeline: %v", e)
	}
}

// inNamespace has the pipeline be in the namespace that was asked for, as kubectl -n does:
// one that says another is refused.
func (s *source) inNamespace(namespace string, rs *Refusals) {
	switch is := s.typed.Namespace; {
	case namespace == "" || is == namespace:
		return
	case is != "":
		rs.refuse(lineOf(field(s.root, "metadata"), "namespace"), "the namespace is %s here and %s on the command line: leave one of the two out", is, namespace)
		return
	}
	for _, o := range s.others { // what goes with it, where that says none itself
		meta := field(o.Content[0], "metadata")
		if group, _, _ := strings.Cut(text(field(o.Content[0], "apiVersion")), "/"); meta != nil && field(meta, "namespace") == nil && namespaced(group, text(field(o.Content[0], "kind"))) {
			put(meta, "namespace", str(namespace))
		}
	}
	s.typed.Namespace = namespace
	put(field(s.root, "metadata"), "namespace", str(namespace))
	if s.run != nil {
		put(field(s.run.root, "metadata"), "namespace", str(namespace))
	}
}

// namespaced reports whether objects of a kind are in a namespace. Of kinds that are not known
// here it says no: those keep what they say.
func namespaced(group, kind string) bool {
	if strings.HasPrefix(kind, "Cluster") {
		return false
	}
	return slices.Contains([]string{"tekton.dev", "triggers.tekton.dev"}, group) || group == "countersign.dev" && kind == "Gate" ||
		slices.Contains([]string{"Secret", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim", "Role", "RoleBinding"}, kind)
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

// invalid fills in what p leaves out, as Tekton does, and returns the errors of Tekton's own
// validation with all its features on: which of them a cluster has is not known here.
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

// line returns the line of the first field that e names, or of the innermost one above it that the
// text has.
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

// approvalsIn are the approval tasks of a pipeline's spec, by their order in it.
func approvalsIn(spec *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, t := range slices.Concat(items(field(spec, "tasks")), items(field(spec, "finally"))) {
		if _, ok := kindOf(t); ok {
			out = append(out, t)
		}
	}
	return out
}

// kindOf is the kind of approval task that t is. What a cluster answers goes by the
// version too; here the group is enough, since every version of one asks the same.
func kindOf(t *yaml.Node) (tasks.Mapping, bool) {
	for _, by := range []string{"taskRef", "taskSpec"} {
		ref := field(t, by)
		if ref == nil {
			continue
		}
		group, _, _ := strings.Cut(text(field(ref, "apiVersion")), "/")
		for _, m := range tasks.All() {
			if of, _, _ := strings.Cut(m.APIVersion, "/"); strings.EqualFold(of, group) && strings.EqualFold(m.Kind, text(field(ref, "kind"))) {
				return m, true
			}
		}
		return tasks.Mapping{}, false
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
