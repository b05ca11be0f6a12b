//go:build upgrade

package upgrade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
	"github.com/countersign-dev/countersign/test/wait"
)

// scc stands for OpenShift's security context constraint restricted-v2, which gives pods a user id out of the range of
// their namespace and refuses others, and for its kind Route.
const scc = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: restricted-v2}
spec:
  failurePolicy: Fail
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]}
  matchConditions: [{name: the-namespace, expression: request.namespace == 'countersign'}]
  validations:
    - expression: "!has(object.spec.template.spec.securityContext) || !has(object.spec.template.spec.securityContext.runAsUser) && !has(object.spec.template.spec.securityContext.runAsGroup) && !has(object.spec.template.spec.securityContext.fsGroup)"
      message: runAsUser, runAsGroup and fsGroup are the namespace's
    - expression: object.spec.template.spec.containers.all(c, !has(c.securityContext) || !has(c.securityContext.runAsUser))
      message: runAsUser is the namespace's
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: restricted-v2}
spec: {policyName: restricted-v2, validationActions: [Deny]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: restricted-v2}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}
  matchConditions: [{name: the-namespace, expression: request.namespace == 'countersign'}]
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration:
        expression: "Object{spec: Object.spec{securityContext: Object.spec.securityContext{runAsUser: 1000680000, fsGroup: 1000680000}}}"
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: restricted-v2}
spec: {policyName: restricted-v2}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: routes.route.openshift.io}
spec:
  group: route.openshift.io
  scope: Namespaced
  names: {kind: Route, plural: routes, singular: route, listKind: RouteList}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`

// highUID is the user id that it gives.
const highUID = "1000680000"

// TestOverlays: each overlay runs under Pod Security restricted, and decides.
func TestOverlays(t *testing.T) {
	for overlay, replicas := range map[string]int32{"minimal": 1, "ha": 3, "openshift": 2} {
		t.Run(overlay, func(t *testing.T) {
			nothing(t)
			uid := "65532"
			if overlay == "openshift" {
				uid = highUID
				run(t, scc, "kubectl", "apply", "-f", "-")
				t.Cleanup(func() {
					_, _ = cluster.Command(context.WithoutCancel(t.Context()), scc, "kubectl", "delete", "--ignore-not-found", "-f", "-")
				})
				kubectl(t, "wait", "--for=condition=Established", "crd/routes.route.openshift.io")
				waitForPolicies(t)
			}
			install(t, cluster.This(), filepath.Join("deploy", "overlays", overlay))
			w := newWorld(t)
			var d appsv1.Deployment
			if err := w.Get(t.Context(), types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &d); err != nil {
				t.Fatal(err)
			}
			if d.Status.AvailableReplicas != replicas {
				t.Errorf("%d replicas are available, want %d", d.Status.AvailableReplicas, replicas)
			}
			restricted(t, w.Env)
			for pod, as := range users(t, w.Env) {
				if as != uid {
					t.Errorf("pod %s runs as user %s, want %s", pod, as, uid)
				}
			}
			w.decide(t, w.open(t, "first", 2))
			if problems := kubectl(t, "-n", cluster.ServiceNamespace, "get", "events", "--field-selector=type=Warning", "-o", `jsonpath={range .items[*]}{.reason}{": "}{.message}{"\n"}{end}`); strings.Contains(problems, "FailedCreate") {
				t.Errorf("pods were refused:\n%s", problems)
			}
		})
	}
}

// waitForPolicies waits until the API server goes by the policies that stand for OpenShift.
func waitForPolicies(t *testing.T) {
	t.Helper()
	const probe = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": "countersign"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}`
	run(t, `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "countersign"}}`, "kubectl", "apply", "--server-side", "-f", "-")
	wait.Eventually(t, time.Minute, "restricted-v2", func() error {
		// The API server refuses a pod until the namespace has its default ServiceAccount.
		out, err := cluster.Command(t.Context(), probe, "kubectl", "create", "--dry-run=server", "-f", "-", "-o", "jsonpath={.spec.securityContext.runAsUser}")
		if err == nil && out != highUID {
			err = fmt.Errorf("a pod gets user %q", out)
		}
		return err
	})
}

// restricted looks whether the service's namespace is under Pod Security restricted: its own manifests say so, and if it
// were not, a pod would prove nothing.
func restricted(t *testing.T, e *cluster.Env) {
	t.Helper()
	var ns corev1.Namespace
	if err := e.Get(t.Context(), types.NamespacedName{Name: cluster.ServiceNamespace}, &ns); err != nil {
		t.Fatal(err)
	}
	if got := ns.Labels["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("the namespace's Pod Security is %q, want restricted", got)
	}
}

// users are the user ids as which the service's processes run, by pod, as this machine's kernel has them.
func users(t *testing.T, e *cluster.Env) map[string]string {
	t.Helper()
	var l corev1.PodList
	if err := e.List(t.Context(), &l, client.InNamespace(cluster.ServiceNamespace)); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range l.Items {
		out[p.Name] = fmt.Sprintf("of no process of %s", p.Name)
	}
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if arg0, _, _ := strings.Cut(string(b), "\x00"); err != nil || arg0 != "/ko-app/countersign" {
			continue
		}
		env, err := os.ReadFile(filepath.Join(filepath.Dir(d), "environ"))
		if err != nil {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(d), "status"))
		if err != nil {
			continue
		}
		for name := range out {
			if _, uids, ok := strings.Cut(string(status), "\nUid:"); ok && strings.Contains(string(env), "POD_NAME="+name+"\x00") {
				out[name] = strings.Fields(uids)[0]
			}
		}
	}
	return out
}
