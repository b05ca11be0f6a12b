package preflight

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/approvals"
)

// TestLikeness: of many Approvals of one Trigger the API server is asked about one, and
// what it may refuse in one and not in another is asked about by itself.
func TestLikeness(t *testing.T) {
	t.Parallel()
	const first = `{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: apply-run1, namespace: prod, labels: {approval: apply-1, env: prod}},
	  spec: {pipelineRef: {name: apply}, params: [{name: version, value: "1"}, {name: list, value: [a]}]}}`
	for name, c := range map[string]struct {
		other string
		alike bool
	}{
		"another run":          {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: apply-run2, namespace: prod, labels: {approval: apply-2, env: prod}}, spec: {pipelineRef: {name: apply}, params: [{name: version, value: "2"}, {name: list, value: [a]}]}}`, true},
		"another label":        {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: apply-run2, namespace: prod, labels: {approval: apply-2, env: a b}}, spec: {pipelineRef: {name: apply}, params: [{name: version, value: "2"}, {name: list, value: [a]}]}}`, false},
		"another namespace":    {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: apply-run2, namespace: dev, labels: {approval: apply-2, env: prod}}, spec: {pipelineRef: {name: apply}, params: [{name: version, value: "2"}, {name: list, value: [a]}]}}`, false},
		"another pipeline":     {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: apply-run2, namespace: prod, labels: {approval: apply-2, env: prod}}, spec: {pipelineRef: {name: wipe}, params: [{name: version, value: "2"}, {name: list, value: [a]}]}}`, false},
		"a param twice":        {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: apply-run2, namespace: prod, labels: {approval: apply-2, env: prod}}, spec: {pipelineRef: {name: apply}, params: [{name: version, value: "2"}, {name: version, value: "2"}]}}`, false},
		"a param of a type":    {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: apply-run2, namespace: prod, labels: {approval: apply-2, env: prod}}, spec: {pipelineRef: {name: apply}, params: [{name: version, value: ["2"]}, {name: list, value: [a]}]}}`, false},
		"another of the kinds": {`{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: apply-run2, namespace: prod, labels: {approval: apply-2, env: prod}}, spec: {pipelineRef: {name: apply}, params: [{name: version, value: "2"}, {name: list, value: [a]}]}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := likenessOf(t, "apply-1", first) == likenessOf(t, "apply-2", c.other)
			if got != c.alike {
				t.Errorf("alike: got %t, want %t", got, c.alike)
			}
		})
	}
}

func likenessOf(t *testing.T, approval, object string) string {
	t.Helper()
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(object), &obj.Object); err != nil {
		t.Fatal(err)
	}
	return likeness(approvals.Approval{Key: approvals.Key{Namespace: "prod", Name: approval}}, obj)
}
