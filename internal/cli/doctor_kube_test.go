//go:build kube

package cli_test

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	triggersv1alpha1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/cli"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servingcert"
)

// installation is a real API server with all of Countersign's manifests, and no kubelet: what the
// service would have written is written by the test.
type installation struct {
	t          *testing.T
	c          client.Client
	kubeconfig string
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tektoncd/triggers").Output()
	if err != nil {
		t.Fatal("find Triggers' definitions: ", err)
	}
	definitions := []string{"../../deploy/crd", "../../deploy/components/approvaltask/automatiko.yaml", kubetest.TektonDefinition(t, "pipelinerun"), kubetest.TektonDefinition(t, "customrun")}
	for _, kind := range []string{"clusterinterceptor", "eventlistener", "trigger", "triggertemplate"} {
		definitions = append(definitions, filepath.Join(strings.TrimSpace(string(dir)), "config/300-"+kind+".yaml"))
	}
	cfg := kubetest.APIServer(t, definitions...)
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, triggersv1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: cfg.Host, CertificateAuthorityData: cfg.CAData}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{ClientCertificateData: cfg.CertData, ClientKeyData: cfg.KeyData}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	in := &installation{t: t, c: c, kubeconfig: filepath.Join(t.TempDir(), "config")}
	if err := clientcmd.WriteToFile(*config, in.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return in
}

// run runs the command, and gives what it printed, errors included, and whether it ended with 0.
func (in *installation) run(args ...string) (string, bool) {
	var out bytes.Buffer
	code := cli.Run(in.t.Context(), cli.Options{In: strings.NewReader(""), Out: &out, Err: &out, Now: time.Now, Version: "v0.1.0"}, append(args, "--kubeconfig", in.kubeconfig))
	return out.String(), code == 0
}

// expect looks for texts in what a command printed.
func (in *installation) expect(out string, texts ...string) {
	in.t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			in.t.Errorf("want %q in\n%s", text, out)
		}
	}
}

func (in *installation) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

func (in *installation) create(list ...client.Object) {
	in.t.Helper()
	for _, o := range list {
		in.must(in.c.Create(in.t.Context(), o))
	}
}

func (in *installation) text(text string) {
	in.t.Helper()
	for doc := range strings.SplitSeq(text, "\n---\n") {
		u := &unstructured.Unstructured{}
		in.must(yaml.Unmarshal([]byte(doc), &u.Object))
		in.create(u)
	}
}

// install applies the manifests, and writes what the service does when it runs.
func (in *installation) install() {
	in.t.Helper()
	for _, file := range []string{
		"base/namespace.yaml", "rbac/role.yaml", "base/accounts.yaml", "base/service.yaml", "base/deployment.yaml", "base/networkpolicy.yaml", "base/admission.yaml",
		"components/approvaltask/role.yaml", "components/customruns/admission.yaml", "components/requester/runs.yaml", "components/protected/runs.yaml", "components/protected/settings.yaml",
	} {
		b, err := os.ReadFile(filepath.Join("../../deploy", file))
		in.must(err)
		in.text(strings.TrimPrefix(string(b), "---\n"))
	}
	var d appsv1.Deployment
	in.must(in.c.Get(in.t.Context(), client.ObjectKey{Namespace: "countersign", Name: "countersign"}, &d))
	d.Status = appsv1.DeploymentStatus{Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2, UpdatedReplicas: 2}
	in.must(in.c.Status().Update(in.t.Context(), &d))
	certs := &servingcert.Manager{
		Client: in.c, Secret: types.NamespacedName{Namespace: "countersign", Name: "countersign-tls"}, Service: types.NamespacedName{Namespace: "countersign", Name: "countersign"},
		Port: 8443, Interceptor: "countersign", Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	in.must(certs.Ensure(in.t.Context()))
	in.must(certs.Stamp(in.t.Context(), "countersign.dev/version", "v0.1.3"))
}

const gatedTriggers = `
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: deploy, namespace: shop}
spec: {resourcetemplates: []}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: deploy, namespace: shop}
spec:
  interceptors: [{ref: {kind: ClusterInterceptor, name: countersign}, params: [{name: gate, value: production}]}]
  template: {ref: deploy}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: others, namespace: shop}
spec:
  interceptors: [{ref: {kind: ClusterInterceptor, name: cel}}]
  template: {ref: deploy}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: listener, namespace: shop}
spec:
  triggers:
    - name: inline
      interceptors: [{ref: {name: countersign}, params: [{name: gate, value: {approvers: {users: [{name: bob}]}}}]}]
      template: {ref: deploy}
---
apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: production, namespace: shop}
spec: {approvers: {users: [{name: alice}]}}
`

const waiting = `
apiVersion: countersign.dev/v1alpha1
kind: Approval
metadata: {name: deploy-abcdefghijkl, namespace: shop, finalizers: [countersign.dev/record]}
spec:
  trigger: deploy
  source: {event: {body: e30=, id: e1, digest: abc}}
  sourceSignature: x
`

func (in *installation) namespace(name string) {
	in.t.Helper()
	in.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// version labels an object as a release does.
func (in *installation) version(kind, name, version string) {
	in.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetKind(kind)
	u.SetName(name)
	u.SetAPIVersion("apiextensions.k8s.io/v1")
	if kind == "Deployment" {
		u.SetAPIVersion("apps/v1")
		u.SetNamespace("countersign")
	}
	in.must(in.c.Patch(in.t.Context(), u, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"app.kubernetes.io/version":"`+version+`"}}}`))))
}

func first(out string, _ bool) string { return out }

func TestDoctor(t *testing.T) {
	in := newInstallation(t)
	ctx := t.Context()
	in.namespace("shop")
	out, ok := in.run("doctor")
	if ok {
		t.Error("nothing is installed, and all is well")
	}
	in.expect(out, "failed   Service: there is no Deployment countersign in namespace countersign", "failed   Interceptor: there is no ClusterInterceptor countersign",
		"failed   Rights: the service may not create approvals.countersign.dev", "failed   Admission policies: not in force: countersign-approvals", "ok       Definitions: 6 resources")

	in.install()
	in.text(gatedTriggers)
	out, ok = in.run("doctor")
	if !ok || strings.Contains(out, "\nfailed") || strings.Contains(out, "\nwarning") {
		t.Errorf("all is installed, and it is not well:\n%s", out)
	}
	in.expect(out, "ok       Service: 2 replicas are ready", "ok       Interceptor: EventListeners trust its certificate", "ok       Rights: the service has the permissions that it needs",
		"ok       Admission policies: 5 are in force", "ok       Triggers: 2 are gated", "ok       Version: tkn-approval v0.1.0, service v0.1.3", "unknown  Connections: no pod of the service is running")
	if quiet, _ := in.run("doctor", "--problems"); strings.Contains(quiet, "\nok ") {
		t.Errorf("--problems lists what is well:\n%s", quiet)
	}

	in.version("CustomResourceDefinition", "gates.countersign.dev", "v0.1.0")
	in.version("Deployment", "countersign", "v0.2.0")
	if out, _ = in.run("doctor"); !strings.Contains(out, "gates.countersign.dev (v0.1.0)") {
		t.Errorf("a definition is older than the service, and is not named:\n%s", out)
	}
	in.version("Deployment", "countersign", "v0.1.0")
	in.expect(first(in.run("doctor")), "ok       Definitions: 6 resources")

	// Each thing that is broken is named, with what to do.
	for name, c := range map[string]struct {
		breaks func()
		want   []string
	}{
		"a policy is gone": {func() {
			in.must(in.c.Delete(ctx, &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "countersign-votes"}}))
		}, []string{"failed   Admission policies: not in force: countersign-votes", "apply the manifests of your version again"}},
		"a right is gone": {func() {
			var r rbacv1.ClusterRole
			in.must(in.c.Get(ctx, client.ObjectKey{Name: "countersign"}, &r))
			for i := range r.Rules {
				if r.Rules[i].Resources[0] == "votes" {
					r.Rules[i].Verbs = []string{"get"}
				}
			}
			in.must(in.c.Update(ctx, &r))
		}, []string{"failed   Rights: the service may not watch votes.countersign.dev"}},
		"the interceptor has another CA": {func() {
			var s corev1.Secret
			in.must(in.c.Get(ctx, client.ObjectKey{Namespace: "countersign", Name: "countersign-tls"}, &s))
			in.must(in.c.Delete(ctx, &s))
			other := &servingcert.Manager{
				Client: in.c, Secret: types.NamespacedName{Namespace: "countersign", Name: "countersign-tls"}, Service: types.NamespacedName{Namespace: "countersign", Name: "countersign"},
				Port: 8443, Interceptor: "other", Now: time.Now, Log: slog.New(slog.DiscardHandler),
			}
			in.must(other.Ensure(ctx))
		}, []string{"failed   Interceptor: EventListeners would refuse the certificate"}},
		"a Gate that can't be honoured": {func() {
			//nolint:contextcheck // the installation has the test's context
			in.text("apiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {name: empty, namespace: shop}\nspec: {approvers: {users: [{name: alice}]}}")
			var g v1alpha1.Gate
			in.must(in.c.Get(ctx, client.ObjectKey{Namespace: "shop", Name: "empty"}, &g))
			g.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "False", Reason: "OutsidePolicy", Message: "two are needed", LastTransitionTime: metav1.Now()}}
			in.must(in.c.Status().Update(ctx, &g))
		}, []string{"failed   Gates: gate/empty -n shop: OutsidePolicy: two are needed", "kubectl -n shop edit gate empty"}},
		"Triggers that start nothing": {func() {
			in.text(`
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: lost, namespace: shop}
spec:
  interceptors: [{ref: {name: countersign}, params: [{name: gate, value: nowhere}]}]
  template: {ref: gone}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: open, namespace: shop}
spec:
  interceptors: [{ref: {name: countersign}}]
  template: {ref: deploy}
`)
		}, []string{"trigger/lost -n shop: there is no Gate nowhere in namespace shop", "trigger/lost -n shop: there is no TriggerTemplate gone", "trigger/open -n shop: the interceptor has no param gate"}},
		"no replica is ready": {func() {
			var d appsv1.Deployment
			in.must(in.c.Get(ctx, client.ObjectKey{Namespace: "countersign", Name: "countersign"}, &d))
			d.Status = appsv1.DeploymentStatus{Replicas: 2}
			in.must(in.c.Status().Update(ctx, &d))
		}, []string{"failed   Service: no replica is ready"}},
	} {
		c.breaks()
		// The API server takes a moment to go by another role.
		var out string
		for range 100 {
			if out, ok = in.run("doctor"); !ok && strings.Contains(out, c.want[0]) {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if ok {
			t.Errorf("%s, and all is well", name)
		}
		in.expect(out, c.want...)
	}
}

func TestUninstall(t *testing.T) {
	in := newInstallation(t)
	ctx := t.Context()
	in.namespace("shop")
	in.text(gatedTriggers)
	if out, ok := in.run("uninstall", "--dry-run"); !ok || !strings.Contains(out, "To remove: nothing") {
		t.Errorf("where nothing is installed:\n%s", out)
	}
	in.text(waiting) // before the policies, by which only the service writes Approvals
	in.install()
	// What the docs have people give the service in their namespaces, and what only looks like it.
	in.text(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: countersign-signing, namespace: shop}
rules: [{apiGroups: [""], resources: [secrets], resourceNames: [webhook], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: countersign-signing, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: countersign-signing}
subjects: [{kind: ServiceAccount, name: countersign, namespace: countersign}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: shared, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: countersign, namespace: countersign}, {kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]
`)
	there := func(kind, group, namespace, name string) bool {
		t.Helper()
		u := &unstructured.Unstructured{}
		u.SetAPIVersion(group)
		u.SetKind(kind)
		err := in.c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, u)
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return err == nil
	}
	const admission, rbac = "admissionregistration.k8s.io/v1", "rbac.authorization.k8s.io/v1"
	out, ok := in.run("uninstall", "--dry-run")
	if !ok || !there("ValidatingAdmissionPolicy", admission, "", "countersign-votes") || !there("Deployment", "apps/v1", "countersign", "countersign") {
		t.Errorf("a dry run changes something, or fails:\n%s", out)
	}
	in.expect(out, "Triggers that use the interceptor: 2\n", "  trigger/deploy -n shop\n", "  eventlistener/listener -n shop, trigger inline\n", "Approvals that are waiting for a decision: 1\n  approval/deploy-abcdefghijkl -n shop\n",
		"  finalizer of approval/deploy-abcdefghijkl -n shop\n", "  clusterinterceptor/countersign\n", "  validatingadmissionpolicy/countersign-protected\n", "  role/countersign-signing -n shop\n", "These stay unless you give --data")
	if strings.Index(out, "Triggers that use") > strings.Index(out, "To remove") || strings.Contains(out, "others") || strings.Contains(out, "shared") {
		t.Errorf("Triggers do not come first, or what is not Countersign's is listed:\n%s", out)
	}
	for _, args := range [][]string{{"uninstall", "--yes"}, {"uninstall", "--ignore-triggers"}} {
		if out, ok := in.run(args...); ok || !there("Deployment", "apps/v1", "countersign", "countersign") {
			t.Errorf("%v goes on:\n%s", args, out)
		}
	}
	if out, ok = in.run("uninstall", "--ignore-triggers", "--yes"); !ok {
		t.Fatalf("it fails:\n%s", out)
	}
	for _, gone := range [][4]string{
		{"ClusterInterceptor", "triggers.tekton.dev/v1alpha1", "", "countersign"},
		{"ValidatingAdmissionPolicy", admission, "", "countersign-votes"},
		{"ValidatingAdmissionPolicyBinding", admission, "", "countersign-protected"},
		{"ClusterRole", rbac, "", "countersign"},
		{"ClusterRoleBinding", rbac, "", "countersign"},
		{"ClusterRole", rbac, "", "countersign-edit"},
		{"RoleBinding", rbac, "shop", "countersign-signing"},
		{"Role", rbac, "shop", "countersign-signing"},
		{"RoleBinding", rbac, "countersign", "countersign"},
		{"Service", "v1", "countersign", "countersign"},
		{"ServiceAccount", "v1", "countersign", "countersign"},
	} {
		if there(gone[0], gone[1], gone[2], gone[3]) {
			t.Errorf("%v is still there", gone)
		}
	}
	for _, stays := range [][4]string{
		{"Gate", "countersign.dev/v1alpha1", "shop", "production"},
		{"Approval", "countersign.dev/v1alpha1", "shop", "deploy-abcdefghijkl"},
		{"Secret", "v1", "countersign", "countersign-tls"},
		{"RoleBinding", rbac, "shop", "shared"},
		{"Trigger", "triggers.tekton.dev/v1beta1", "shop", "deploy"},
		{"ClusterRole", rbac, "", "view"},
	} {
		if !there(stays[0], stays[1], stays[2], stays[3]) {
			t.Errorf("%v is gone", stays)
		}
	}
	// A namespace goes when its Approvals do: nothing holds them.
	var a v1alpha1.Approval
	in.must(in.c.Get(ctx, client.ObjectKey{Namespace: "shop", Name: "deploy-abcdefghijkl"}, &a))
	if len(a.Finalizers) > 0 {
		t.Errorf("the Approval has finalizers %v", a.Finalizers)
	}
	in.must(in.c.Delete(ctx, &a))
	if there("Approval", "countersign.dev/v1alpha1", "shop", "deploy-abcdefghijkl") {
		t.Error("the Approval does not go")
	}
	if out, ok = in.run("uninstall", "--ignore-triggers", "--yes", "--data"); !ok {
		t.Fatalf("with its data it fails:\n%s", out)
	}
	in.expect(out, "removed customresourcedefinition/gates.countersign.dev", "removed customresourcedefinition/approvaltasks.tekton.automatiko.io", "removed namespace/countersign")
	// What is installed next is not to find definitions that are still going.
	if there("CustomResourceDefinition", "apiextensions.k8s.io/v1", "", "approvals.countersign.dev") {
		t.Error("a definition is still there after the command has ended")
	}
}
