package pipelinerun

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const unknownText = "unknown-xyz"

// templated is a rendered run with a bit of everything.
const templated = `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: apply-1
  namespace: prod
  labels: {team: a, triggers.tekton.dev/trigger: apply, triggers.tekton.dev/triggers-eventid: unknown-xyz}
  annotations: {note: "by unknown-xyz!"}
spec:
  pipelineRef: {name: apply}
  params:
    - {name: digest, value: "sha256:abc"}
    - {name: who, value: "from unknown-xyz, at unknown-xyz"}
    - {name: list, value: [a, b]}
  workspaces: [{name: src, persistentVolumeClaim: {claimName: ws}}]
  taskRunTemplate: {serviceAccountName: deployer, podTemplate: {nodeSelector: {a: b}}}
  taskRunSpecs: [{pipelineTaskName: go, serviceAccountName: x, computeResources: {limits: {memory: 1024Mi}}}]
  timeouts: {pipeline: 90m}
`

const templatedOld = `
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: apply-1, namespace: prod, labels: {triggers.tekton.dev/trigger: apply}}
spec:
  pipelineRef: {name: apply}
  serviceAccountName: deployer
  timeout: 90m
  podTemplate: {nodeSelector: {a: b}}
  params: [{name: digest, value: "sha256:unknown-xyz"}]
`

func runOf(t *testing.T, text string) *pipelinev1.PipelineRun {
	t.Helper()
	pr := &pipelinev1.PipelineRun{}
	if err := yaml.UnmarshalStrict([]byte(text), pr); err != nil {
		t.Fatal(err)
	}
	return pr
}

// TestSameRun: what is compared of a run, and what may differ.
func TestSameRun(t *testing.T) {
	t.Parallel()
	old := `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: apply-1, namespace: prod, labels: {triggers.tekton.dev/trigger: apply}}
spec:
  pipelineRef: {name: apply}
  taskRunTemplate: {serviceAccountName: deployer, podTemplate: {nodeSelector: {a: b}}}
  timeouts: {pipeline: 90m}
  params: [{name: digest, value: "sha256:abc"}]
`
	for name, c := range map[string]struct {
		want, got string
		change    func(pr *pipelinev1.PipelineRun)
		differs   string // the places, "" for none
	}{
		"itself": {want: templated, got: templated},
		"with defaults, labels and annotations of Tekton's": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) {
			pr.SetDefaults(t.Context())
			pr.Labels["tekton.dev/pipeline"], pr.Annotations["chains.tekton.dev/signed"] = "apply", "true"
		}},
		"cancelled meanwhile": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Spec.Status = pipelinev1.PipelineRunSpecStatusCancelled }},
		"what was unknown": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) {
			pr.Labels["triggers.tekton.dev/triggers-eventid"], pr.Annotations["note"] = "e-1", "by somebody!"
			pr.Spec.Params[1].Value.StringVal = "from a, at b"
		}},
		"what was unknown, in another form": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) {
			pr.Spec.Params[1].Value.StringVal = "of a, at b"
		}, differs: "spec.params[who].value"},
		"the unknown's end": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Annotations["note"] = "by somebody" }, differs: "metadata.annotations note"},
		"a label is gone":   {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { delete(pr.Labels, "team") }, differs: "metadata.labels team"},
		"our mark":          {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Labels["countersign.dev/x"] = "" }, differs: "metadata.labels countersign.dev/x"},
		"another namespace": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Namespace = "dev" }, differs: "metadata.namespace"},
		"the pipeline":      {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Spec.PipelineRef.Name = "wipe" }, differs: "spec.pipelineRef.name"},
		"by a resolver": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) {
			pr.Spec.PipelineRef = &pipelinev1.PipelineRef{ResolverRef: pipelinev1.ResolverRef{Resolver: "git"}}
		}, differs: "spec.pipelineRef.name spec.pipelineRef.resolver"},
		"a spec of its own": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) {
			pr.Spec.PipelineRef, pr.Spec.PipelineSpec = nil, &pipelinev1.PipelineSpec{}
		}, differs: "spec.pipelineRef spec.pipelineSpec"},
		"one param more": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) {
			pr.Spec.Params = append(pr.Spec.Params, pipelinev1.Param{Name: "x", Value: *pipelinev1.NewStructuredValues("y")})
		}, differs: "spec.params"},
		"a list's value": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Spec.Params[2].Value.ArrayVal[1] = "c" }, differs: "spec.params[list].value[1]"},
		"a list for a text": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) {
			pr.Spec.Params[0].Value = *pipelinev1.NewStructuredValues("sha256:abc", "x")
		}, differs: "spec.params[digest].value"},
		"the account":      {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Spec.TaskRunTemplate.ServiceAccountName = "admin" }, differs: "spec.taskRunTemplate.serviceAccountName"},
		"a task's account": {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Spec.TaskRunSpecs[0].ServiceAccountName = "admin" }, differs: "spec.taskRunSpecs[go].serviceAccountName"},
		"a volume":         {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Spec.Workspaces[0].PersistentVolumeClaim.ClaimName = "other" }, differs: "spec.workspaces[src].persistentVolumeClaim.claimName"},
		"the timeout":      {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { pr.Spec.Timeouts = nil }, differs: "spec.timeouts.pipeline"},
		"who runs it":      {want: templated, got: templated, change: func(pr *pipelinev1.PipelineRun) { x := "me"; pr.Spec.ManagedBy = &x }, differs: "spec.managedBy"},
		"of the old kind":  {want: templatedOld, got: old},
		"of the old kind, another account": {want: templatedOld, got: old, change: func(pr *pipelinev1.PipelineRun) {
			pr.Spec.TaskRunTemplate.ServiceAccountName = "admin"
		}, differs: "spec.taskRunTemplate.serviceAccountName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			obj := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(c.want), &obj.Object); err != nil {
				t.Fatal(err)
			}
			before := obj.DeepCopy()
			got := runOf(t, c.got)
			if c.change != nil {
				c.change(got)
			}
			w, err := WantedRun(t.Context(), obj, unknownText, got)
			if err != nil {
				t.Fatal(err)
			}
			if d := strings.Join(w.Differences(t.Context(), got), " "); d != c.differs {
				t.Errorf("differs in %q, want %q", d, c.differs)
			}
			if d := cmp.Diff(before, obj); d != "" {
				t.Error("what was rendered is another now", d)
			}
		})
	}
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod"}}
	if _, err := WantedRun(t.Context(), obj, "", runOf(t, old)); err == nil {
		t.Error("a Pod is read as a run")
	}
}
