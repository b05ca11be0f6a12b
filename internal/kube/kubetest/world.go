package kubetest

import (
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/approvalstest"
)

// World is one gated Trigger of namespace prod and all that belongs to it: when a
// run of "plan" has succeeded, two people of Gate "production" decide, and
// EventListener "apply" starts a run of "apply".
const World = `
apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: production, generation: 1}
spec:
  approvers: {users: [{name: alice, email: alice@example.com}, {name: bob, email: bob@example.com}]}
  strategy: QUORUM
  required: 1
  expiresAfter: 1h
---
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: apply}
spec:
  interceptors:
    - ref: {kind: ClusterInterceptor, name: countersign}
      params:
        - {name: gate, value: production}
        - {name: after, value: {pipeline: plan}}
        - {name: forward, value: {digest: results.digest}}
  bindings:
    - {name: run, value: $(extensions.countersign.run)}
    - {name: digest, value: $(extensions.countersign.params.digest)}
  template: {ref: apply}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: apply}
spec:
  params: [{name: run}, {name: digest}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {name: $(tt.params.run)}
      spec: {pipelineRef: {name: apply}, params: [{name: digest, value: $(tt.params.digest)}]}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: apply}
spec: {params: [{name: digest}], tasks: [{name: go, taskSpec: {steps: [{name: s, image: busybox}]}}]}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: apply}
spec: {serviceAccountName: listener, triggers: [{triggerRef: apply}]}
---
` + Service + `---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: plan-1, uid: run-1, labels: {tekton.dev/pipeline: plan}, annotations: {countersign.dev/requester: zoe}}
spec: {pipelineRef: {name: plan}, params: [{name: env, value: production}]}
status:
  completionTime: "2026-03-01T09:00:00Z"
  conditions: [{type: Succeeded, status: "True", reason: Completed}]
  results: [{name: digest, value: "sha256:abc"}]
`

// ClusterIP is the address in Service.
const ClusterIP = "10.96.0.10"

// Service is the object that Triggers creates for EventListener apply.
const Service = `apiVersion: v1
kind: Service
metadata:
  name: el-apply
  labels: {eventlistener: apply}
  ownerReferences: [{apiVersion: triggers.tekton.dev/v1beta1, kind: EventListener, name: apply, uid: uid-apply, controller: true}]
spec:
  type: ClusterIP
  clusterIP: ` + ClusterIP + `
  selector: {eventlistener: apply, app.kubernetes.io/managed-by: EventListener}
  ports: [{name: http-listener, port: 8080, targetPort: 8080}, {name: http-metrics, port: 9000}]
`

// Objects reads YAML documents into objects of namespace prod, made an hour before
// T0 unless they say otherwise.
func Objects(tb testing.TB, docs string) []client.Object {
	tb.Helper()
	var out []client.Object
	for doc := range strings.SplitSeq(docs, "\n---\n") {
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(doc), &meta); err != nil {
			tb.Fatal(err)
		}
		o, ok := map[string]client.Object{
			"Gate": &v1alpha1.Gate{}, "Approval": &v1alpha1.Approval{}, "Trigger": &triggersv1.Trigger{}, "TriggerTemplate": &triggersv1.TriggerTemplate{},
			"TriggerBinding": &triggersv1.TriggerBinding{}, "ClusterTriggerBinding": &triggersv1.ClusterTriggerBinding{},
			"EventListener": &triggersv1.EventListener{}, "PipelineRun": &pipelinev1.PipelineRun{}, "Pipeline": &pipelinev1.Pipeline{}, "Task": &pipelinev1.Task{}, "StepAction": &pipelinev1beta1.StepAction{}, "TaskRun": &pipelinev1.TaskRun{}, "CustomRun": &pipelinev1beta1.CustomRun{},
			"Secret": &corev1.Secret{}, "Service": &corev1.Service{}, "ConfigMap": &corev1.ConfigMap{}, "PersistentVolumeClaim": &corev1.PersistentVolumeClaim{},
		}[meta.Kind]
		if !ok {
			tb.Fatalf("no kind %q in\n%s", meta.Kind, doc)
		}
		if err := yaml.UnmarshalStrict([]byte(doc), o); err != nil {
			tb.Fatalf("%v in\n%s", err, doc)
		}
		if o.GetNamespace() == "" && meta.Kind != "ClusterTriggerBinding" {
			o.SetNamespace("prod")
		}
		if o.GetUID() == "" {
			o.SetUID(types.UID("uid-" + o.GetName()))
		}
		if o.GetCreationTimestamp().Time.IsZero() {
			o.SetCreationTimestamp(metav1.NewTime(approvalstest.T0.Add(-hour)))
		}
		out = append(out, o)
	}
	return out
}

// Without is docs without the documents of a kind.
func Without(docs, kind string) string {
	var out []string
	for doc := range strings.SplitSeq(docs, "\n---\n") {
		if !strings.Contains("\n"+doc, "\nkind: "+kind+"\n") {
			out = append(out, doc)
		}
	}
	return strings.Join(out, "\n---\n")
}

// Only is the documents of a kind.
func Only(docs, kind string) string {
	var out []string
	for doc := range strings.SplitSeq(docs, "\n---\n") {
		if strings.Contains("\n"+doc, "\nkind: "+kind+"\n") {
			out = append(out, doc)
		}
	}
	return strings.Join(out, "\n---\n")
}
