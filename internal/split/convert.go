package split

import (
	"go.yaml.in/yaml/v3"
)

// The versions that the text may be written in. Parts are written in the newer, which
// every Tekton that the service runs with has.
const (
	v1      = group + "v1"
	v1beta1 = group + "v1beta1"
)

// modern has a Pipeline, or a PipelineRun, of v1beta1 say the same in v1: what Tekton's own
// conversion does, at the nodes, so that comments stay. What v1 has no word for it keeps,
// and is refused as unknown.
func modern(root *yaml.Node) {
	if text(field(root, "apiVersion")) != v1beta1 {
		return
	}
	put(root, "apiVersion", str(v1))
	spec := field(root, "spec")
	if text(field(root, "kind")) == "PipelineRun" {
		modernRun(spec)
		spec = field(spec, "pipelineSpec")
	}
	for _, of := range []string{"tasks", "finally"} {
		for _, t := range items(field(spec, of)) {
			modernTask(t)
		}
	}
}

func modernTask(t *yaml.Node) {
	if ref := field(t, "taskRef"); field(ref, "bundle") != nil {
		bundle := dict("resolver", "bundles", "params", list(
			flow(dict("name", "bundle", "value", clone(field(ref, "bundle")))),
			flow(dict("name", "name", "value", clone(field(ref, "name")))),
			flow(dict("name", "kind", "value", "task")),
		))
		bundle.Line = ref.Line
		put(t, "taskRef", bundle)
	}
	spec := field(t, "taskSpec")
	for _, of := range []string{"steps", "sidecars"} {
		for _, step := range items(field(spec, of)) {
			rename(step, "resources", "computeResources")
		}
	}
	rename(field(spec, "stepTemplate"), "resources", "computeResources")
}

func modernRun(spec *yaml.Node) {
	if spec == nil {
		return
	}
	template := dict("serviceAccountName", field(spec, "serviceAccountName"), "podTemplate", field(spec, "podTemplate"))
	put(spec, "serviceAccountName", nil)
	put(spec, "podTemplate", nil)
	if len(template.Content) > 0 {
		put(spec, "taskRunTemplate", template)
	}
	if t := field(spec, "timeout"); t != nil {
		put(spec, "timeout", nil)
		put(spec, "timeouts", flow(dict("pipeline", t)))
	}
	for _, t := range items(field(spec, "taskRunSpecs")) {
		rename(t, "taskServiceAccountName", "serviceAccountName")
		rename(t, "taskPodTemplate", "podTemplate")
		rename(t, "stepOverrides", "stepSpecs")
		rename(t, "sidecarOverrides", "sidecarSpecs")
	}
}

// rename gives a mapping's key another name.
func rename(n *yaml.Node, from, to string) {
	if n == nil || field(n, from) == nil {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == from {
			n.Content[i].Value = to
		}
	}
}
