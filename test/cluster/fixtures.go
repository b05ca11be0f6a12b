package cluster

import (
	"context"
	"fmt"
	"net/http"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// managedBy keeps Tekton's hands off a run: it ends when the test says so, with
// no pod.
const managedBy = "countersign.dev/test"

// Gate is the YAML of a Gate that one user may open. extra is more of its spec.
func Gate(name, user, extra string) string {
	return fmt.Sprintf(`
apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: %s}
spec:
  approvers: {users: [{name: "%s"}]}
  expiresAfter: 1h
%s`, name, user, extra)
}

// Gated is the YAML of a Trigger that holds after pipeline part-1 by gate, its
// template and an EventListener of its own. The run that it starts has no pods, and a
// label that says of which Approval it is.
func Gated(trigger, gate, listenerExtra string) string {
	return fmt.Sprintf(`
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: %[1]s}
spec:
  interceptors:
    - ref: {kind: ClusterInterceptor, name: countersign}
      params:
        - {name: gate, value: %[2]s}
        - {name: after, value: {pipeline: part-1}}
        - {name: forward, value: {version: "params.version"}}
  bindings:
    - {name: run, value: $(extensions.countersign.run)}
    - {name: approval, value: $(extensions.countersign.approval.name)}
    - {name: version, value: $(extensions.countersign.params.version)}
    - {name: decision, value: $(extensions.countersign.results.decision)}
    - {name: comment, value: $(extensions.countersign.results.comment)}
  template: {ref: %[1]s}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: %[1]s}
spec:
  params: [{name: run}, {name: approval, default: none}, {name: version}, {name: decision}, {name: comment}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {name: $(tt.params.run), labels: {approval: $(tt.params.approval)}}
      spec:
        managedBy: %[3]s
        pipelineRef: {name: part-2}
        params:
          - {name: version, value: $(tt.params.version)}
          - {name: decision, value: $(tt.params.decision)}
          - {name: comment, value: $(tt.params.comment)}
---
%[4]s`, trigger, gate, managedBy, Listener(trigger, "{triggerRef: "+trigger+"}"+listenerExtra))
}

// Listener is the YAML of an EventListener, its account and its limits as the
// documentation sets them. triggers are entries of a YAML flow list.
func Listener(name, triggers string) string {
	return fmt.Sprintf(`apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: %[1]s}
spec:
  serviceAccountName: listener
  triggers: [%[2]s]
  resources:
    kubernetesResource:
      spec:
        template:
          spec:
            containers:
              - env:
                  - {name: KUBE_API_QPS, valueFrom: {secretKeyRef: {name: listener-limits, key: qps}}}
                  - {name: KUBE_API_BURST, valueFrom: {secretKeyRef: {name: listener-limits, key: burst}}}
---
apiVersion: v1
kind: Secret
metadata: {name: listener-limits}
stringData: {qps: "200", burst: "400"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: listener}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: listener}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: tekton-triggers-eventlistener-roles}
subjects: [{kind: ServiceAccount, name: listener}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: listener-NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: tekton-triggers-eventlistener-clusterroles}
subjects: [{kind: ServiceAccount, name: listener, namespace: NAMESPACE}]`, name, triggers)
}

// ListenerURL waits until an EventListener takes events and returns its address.
func (e *Env) ListenerURL(name string) string {
	e.t.Helper()
	url := ""
	e.Eventually(3*time.Minute, "EventListener "+name, func() error {
		var d appsv1.Deployment
		if err := e.Get(e.t.Context(), types.NamespacedName{Namespace: e.NS, Name: "el-" + name}, &d); err != nil {
			return err
		}
		if d.Status.AvailableReplicas == 0 {
			return fmt.Errorf("no replica is available")
		}
		var s corev1.Service
		if err := e.Get(e.t.Context(), types.NamespacedName{Namespace: e.NS, Name: "el-" + name}, &s); err != nil {
			return err
		}
		url = fmt.Sprintf("http://%s:8080", s.Spec.ClusterIP)
		resp, err := e.HTTP.Get(url + "/live") //nolint:noctx // the client has a time limit
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", resp.Status)
		}
		return nil
	})
	return url
}

// StartRun creates a run of pipeline part-1 that Tekton leaves alone.
func (e *Env) StartRun(name, version string) *pipelinev1.PipelineRun {
	e.t.Helper()
	return e.Start(name, "part-1", version)
}

// Start creates a run of a pipeline that Tekton leaves alone.
func (e *Env) Start(name, ofPipeline, version string) *pipelinev1.PipelineRun {
	e.t.Helper()
	by := managedBy
	pr := &pipelinev1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: name, Labels: map[string]string{"tekton.dev/pipeline": ofPipeline}},
		Spec: pipelinev1.PipelineRunSpec{
			ManagedBy:   &by,
			PipelineRef: &pipelinev1.PipelineRef{Name: ofPipeline},
			Params:      pipelinev1.Params{{Name: "version", Value: *pipelinev1.NewStructuredValues(version)}},
		},
	}
	must(e.t, e.Create(e.t.Context(), pr))
	return pr
}

// FinishRun lets a run succeed.
func (e *Env) FinishRun(pr *pipelinev1.PipelineRun) {
	e.t.Helper()
	now := metav1.Now()
	pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Succeeded"})
	pr.Status.StartTime, pr.Status.CompletionTime = &now, &now
	must(e.t, e.Status().Update(e.t.Context(), pr))
}

// Ended lets a run succeed, and returns it.
func (e *Env) Ended(pr *pipelinev1.PipelineRun) *pipelinev1.PipelineRun {
	e.t.Helper()
	e.FinishRun(pr)
	return pr
}

// Run reads a run.
func (e *Env) Run(name string) *pipelinev1.PipelineRun {
	e.t.Helper()
	var pr pipelinev1.PipelineRun
	must(e.t, e.Get(e.t.Context(), types.NamespacedName{Namespace: e.NS, Name: name}, &pr))
	return &pr
}

// Part1 creates a run and lets it succeed.
func (e *Env) Part1(name, version string) *pipelinev1.PipelineRun {
	e.t.Helper()
	pr := e.StartRun(name, version)
	e.FinishRun(pr)
	return pr
}

// RefuseRuns has the API server refuse every further PipelineRun of the namespace.
func (e *Env) RefuseRuns() {
	e.t.Helper()
	e.Apply(`
apiVersion: v1
kind: ResourceQuota
metadata: {name: none}
spec: {hard: {count/pipelineruns.tekton.dev: "0"}}`)
	run := &pipelinev1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "refused"},
		Spec:       pipelinev1.PipelineRunSpec{PipelineRef: &pipelinev1.PipelineRef{Name: "none"}},
	}
	// The quota's status is there before the API server goes by it.
	e.Eventually(time.Minute, "the quota to hold", func() error {
		if err := e.Create(e.t.Context(), run.DeepCopy(), client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Errorf("a run may still be made: %w", err)
		}
		return nil
	})
}

// Scale sets a deployment's replicas and waits until its pods are there, or gone.
func (e *Env) Scale(namespace, deployment string, replicas int32) {
	e.t.Helper()
	ctx := context.WithoutCancel(e.t.Context()) // cleanups scale back
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: deployment}}
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	must(e.t, e.Patch(ctx, d, client.RawPatch(types.MergePatchType, patch)))
	e.Eventually(3*time.Minute, "scaling "+deployment, func() error {
		if err := e.Get(ctx, client.ObjectKeyFromObject(d), d); err != nil {
			return err
		}
		var pods corev1.PodList
		if err := e.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels(d.Spec.Selector.MatchLabels)); err != nil {
			return err
		}
		if d.Status.AvailableReplicas != replicas || len(pods.Items) != int(replicas) {
			return fmt.Errorf("%d available, %d pods", d.Status.AvailableReplicas, len(pods.Items))
		}
		return nil
	})
}
