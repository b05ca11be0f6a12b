//go:build upgrade

package upgrade

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
	"github.com/countersign-dev/countersign/test/wait"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// kubectl runs it and fails the test when it fails.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, "", "kubectl", args...)
}

func run(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	out, err := cluster.Command(t.Context(), input, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// program is the path of a program that test/run.sh has built.
func program(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run this by make test-upgrade", variable)
	}
	return path
}

// tkn is tkn-approval.
func tkn(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, "", program(t, "COUNTERSIGN_TKN"), args...)
}

// nothing removes what an earlier test or stage has installed, and waits for namespaces of tests that are going.
func nothing(t *testing.T) {
	t.Helper()
	if err := cluster.Removed(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait.Eventually(t, 2*time.Minute, "namespaces to go", func() error {
		going := kubectl(t, "get", "namespaces", "-o", `jsonpath={range .items[?(@.status.phase=="Terminating")]}{.metadata.name} {end}`)
		if going != "" {
			return fmt.Errorf("these are still there: %s", going)
		}
		return nil
	})
}

// install does it by the documented command, and waits until it serves.
func install(t *testing.T, v cluster.Installation, folder string) {
	t.Helper()
	if err := v.Install(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	rolledOut(t)
}

func rolledOut(t *testing.T) {
	t.Helper()
	if err := cluster.RolledOut(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, kubectl(t, "-n", cluster.ServiceNamespace, "get", "pods,events"))
	}
}

// world is a namespace with a gated Trigger, and somebody who may decide.
type world struct {
	*cluster.Env
	user, token string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	e := cluster.New(t)
	w := &world{Env: e}
	w.user, w.token = e.Token("ann")
	e.Apply(cluster.Gate("gate", w.user, "") + "\n---\n" + cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	t.Cleanup(func() { w.forget(context.WithoutCancel(t.Context())) })
	return w
}

// forget deletes what of the world is not in its namespace.
func (w *world) forget(ctx context.Context) {
	_ = w.Clientset.RbacV1().ClusterRoleBindings().Delete(ctx, "listener-"+w.NS, metav1.DeleteOptions{})
}

// open has n more runs succeed and waits for their Approvals, whose names it returns.
func (w *world) open(t *testing.T, prefix string, n int) []string {
	t.Helper()
	of := map[string]string{}
	for i := range n {
		of[string(w.Part1(fmt.Sprintf("%s-%d", prefix, i), fmt.Sprint(i)).UID)] = ""
	}
	w.Eventually(2*time.Minute, "the Approvals of "+prefix, func() error {
		found := 0
		for _, a := range w.Approvals() {
			if r := a.Spec.Source.PipelineRun; r != nil && a.Spec.Resolved != nil {
				if _, ours := of[r.UID]; ours {
					of[r.UID] = a.Name
					found++
				}
			}
		}
		if found < n {
			return fmt.Errorf("%d of %d are there", found, n)
		}
		return nil
	})
	return slices.Sorted(maps.Values(of))
}

// digests are what people approve, by Approval.
func (w *world) digests(names []string) map[string]string {
	out := map[string]string{}
	for _, n := range names {
		if r := w.Approval(n).Spec.Resolved; r != nil {
			out[n] = r.Digest
		}
	}
	return out
}

// decide approves each, and waits for the one run that each starts.
func (w *world) decide(t *testing.T, names []string) {
	t.Helper()
	for _, n := range names {
		w.Eventually(30*time.Second, "a vote on "+n, func() error {
			if a := w.Vote(n, w.token, "approve", "yes"); a.Status != 201 {
				return fmt.Errorf("%d %s", a.Status, a.Body)
			}
			return nil
		})
	}
	runs := map[string]int{}
	for _, n := range names {
		w.RunOf(n)
	}
	for _, r := range w.Runs("deploy") {
		runs[r.Labels["approval"]]++
	}
	for _, n := range names {
		if a := w.Approval(n); a.Status.Outcome != v1alpha1.Outcome("Approved") || runs[n] != 1 {
			t.Errorf("approval %s is %s and has %d runs, want Approved and one", n, a.Status.Outcome, runs[n])
		}
	}
}

// settings are what an administrator has made: each object's data, by kind and name.
func settings(t *testing.T, e *cluster.Env) map[string]string {
	t.Helper()
	out := map[string]string{}
	var secrets corev1.SecretList
	var configs corev1.ConfigMapList
	for _, l := range []client.ObjectList{&secrets, &configs} {
		if err := e.List(t.Context(), l, client.InNamespace(cluster.ServiceNamespace)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range secrets.Items {
		if s.Type != "helm.sh/release.v1" {
			out["Secret "+s.Name] = fmt.Sprint(s.UID, s.Data)
		}
	}
	for _, c := range configs.Items {
		out["ConfigMap "+c.Name] = fmt.Sprint(c.UID, c.Data)
	}
	out["caBundle"] = kubectl(t, "get", "clusterinterceptor", "countersign", "-o", "jsonpath={.spec.clientConfig.caBundle}")
	return out
}

// pods are the service's pods by name and UID: a pod that starts again is another one.
func pods(t *testing.T, e *cluster.Env) []string {
	t.Helper()
	var l corev1.PodList
	if err := e.List(t.Context(), &l, client.InNamespace(cluster.ServiceNamespace)); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range l.Items {
		if p.DeletionTimestamp == nil { // those of a rollout that has just ended are on their way
			out = append(out, p.Name+" "+string(p.UID))
		}
	}
	slices.Sort(out)
	return out
}

// configure makes the settings of docs/tasks/email.md, and has the service read them.
func configure(t *testing.T, e *cluster.Env) {
	t.Helper()
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.ServiceNamespace, Name: "countersign"}, Data: map[string]string{"config.yaml": cluster.LeanConfig()}}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.ServiceNamespace, Name: "countersign-secrets"}, StringData: map[string]string{"smtp-password": "a secret"}}
	for _, o := range []client.Object{cm, secret} {
		if err := e.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	kubectl(t, "-n", cluster.ServiceNamespace, "rollout", "restart", "deployment/countersign")
	rolledOut(t)
}

// gone waits until a namespace is.
func gone(t *testing.T, e *cluster.Env, namespace string) {
	t.Helper()
	e.Eventually(time.Minute, "the end of namespace "+namespace, func() error {
		var ns corev1.Namespace
		if err := e.Get(t.Context(), types.NamespacedName{Name: namespace}, &ns); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is %s: %v", ns.Status.Phase, ns.Status.Conditions)
		}
		return nil
	})
}

// left lists all objects of the cluster that are named after Countersign.
func left(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, namespaced := range []string{"false", "true"} {
		kinds := strings.Fields(kubectl(t, "api-resources", "--verbs=list", "--namespaced="+namespaced, "-o", "name"))
		kinds = slices.DeleteFunc(kinds, func(k string) bool { return strings.HasPrefix(k, "events") })
		args := []string{"get", strings.Join(kinds, ","), "--ignore-not-found", "-o", `jsonpath={range .items[*]}{.kind}{" "}{.metadata.namespace}{"/"}{.metadata.name}{"\n"}{end}`}
		if namespaced == "true" {
			args = append(args, "-A")
		}
		for line := range strings.Lines(kubectl(t, args...)) {
			if _, name, _ := strings.Cut(line, "/"); strings.Contains(name, "countersign") {
				out = append(out, strings.TrimSpace(line))
			}
		}
	}
	slices.Sort(out)
	return out
}

func root(t *testing.T, path string) string {
	t.Helper()
	return filepath.Join(program(t, "COUNTERSIGN_ROOT"), path)
}
