// Package cluster has what the tests and benchmarks on a real cluster share: a
// namespace of their own, runs that end without pods, gated Triggers, votes.
//
// Programs that use it run inside the cluster's network (cluster/in.sh), where
// Services and pods have addresses.
package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/app"
	"github.com/countersign-dev/countersign/test/wait"
)

// ServiceNamespace is the namespace of the service under test.
const ServiceNamespace = "countersign"

// Env is one test's place in the cluster.
type Env struct {
	client.WithWatch
	Clientset kubernetes.Interface
	Rest      *rest.Config
	NS        string
	URL       string // of the service's pages and API
	HTTP      *http.Client

	insecure *http.Client
	scrape   string // the token of who reads metrics, once that is needed
	t        testing.TB
}

// New connects and makes a namespace, which goes with the test.
func New(t testing.TB) *Env {
	t.Helper()
	cfg, err := ctrl.GetConfig()
	must(t, err)
	cfg.QPS = -1
	scheme, err := app.Scheme()
	must(t, err)
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	must(t, err)
	cs, err := kubernetes.NewForConfig(cfg)
	must(t, err)
	e := &Env{WithWatch: c, Clientset: cs, Rest: cfg, t: t, HTTP: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 128},
	}}
	e.insecure = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: 128,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // for callers that only want in
	}}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-"}}
	must(t, c.Create(t.Context(), ns))
	e.NS = ns.Name
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("in namespace %s:\n%s", e.NS, e.look())
		}
		_ = c.Delete(context.Background(), ns)
	})
	// Without it Tekton fails a run for good, and it comes a moment after the namespace.
	e.Eventually(time.Minute, "the namespace's service account", func() error {
		return c.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: "default"}, &corev1.ServiceAccount{})
	})
	var svc corev1.Service
	must(t, c.Get(t.Context(), types.NamespacedName{Namespace: ServiceNamespace, Name: "countersign"}, &svc))
	e.URL = "http://" + svc.Spec.ClusterIP
	return e
}

// For is e in a subtest, which fails by itself.
func (e *Env) For(t testing.TB) *Env {
	sub := *e
	sub.t = t
	return &sub
}

// As is a client that impersonates user, who is in groups.
func (e *Env) As(user string, groups ...string) client.Client {
	e.t.Helper()
	cfg := rest.CopyConfig(e.Rest)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	c, err := client.New(cfg, client.Options{Scheme: e.Scheme()})
	must(e.t, err)
	return c
}

// Apply creates or updates every object of a YAML text, in the test's namespace.
// NAMESPACE in the text is replaced by its name.
func (e *Env) Apply(text string) {
	e.t.Helper()
	text = strings.ReplaceAll(text, "NAMESPACE", e.NS)
	for doc := range strings.SplitSeq(text, "\n---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		must(e.t, e.TryApply(doc))
	}
}

// localImages puts the test cluster's images in the place of the examples', which it can't pull.
var localImages = strings.NewReplacer(
	"docker.io/library/busybox:1.37", "cluster.local/busybox:1",
	"docker.io/alpine/git:2.47.2", "cluster.local/git:1",
	"docker.io/hashicorp/terraform:1.9.8", "cluster.local/terraform:1",
)

// TryApply applies one object and returns what the API server says.
func (e *Env) TryApply(doc string) error {
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(localImages.Replace(doc)), &u.Object); err != nil {
		return err
	}
	if u.GetNamespace() == "" {
		u.SetNamespace(e.NS)
	}
	for try := 0; ; try++ {
		//nolint:staticcheck // server-side apply of untyped test objects
		err := e.Patch(e.t.Context(), u.DeepCopy(), client.Apply, client.FieldOwner("test"), client.ForceOwnership)
		// A webhook pod that has just started may not answer yet.
		if err == nil || try == 20 || !apierrors.IsInternalError(err) {
			return err
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// Token makes a ServiceAccount and returns its user name and a bearer token.
func (e *Env) Token(name string) (user, token string) {
	e.t.Helper()
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: name}}
	if err := e.Create(e.t.Context(), sa); !apierrors.IsAlreadyExists(err) {
		must(e.t, err)
	}
	r, err := e.Clientset.CoreV1().ServiceAccounts(e.NS).CreateToken(e.t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	must(e.t, err)
	return "system:serviceaccount:" + e.NS + ":" + name, r.Status.Token
}

// Eventually waits until check returns nil, and fails the test with its last
// error after within. It looks often: what it waits for is a state, not a time, and
// within is what a machine with much else to do needs for it. It asserts no speed.
func (e *Env) Eventually(within time.Duration, what string, check func() error) {
	e.t.Helper()
	wait.Eventually(e.t, within, what, check)
}

// Consistently returns after the given time, and fails as soon as check returns an error.
func (e *Env) Consistently(during time.Duration, what string, check func() error) {
	e.t.Helper()
	wait.Consistently(e.t, during, what, check)
}

// Approvals lists the namespace's Approvals.
func (e *Env) Approvals() []v1alpha1.Approval {
	e.t.Helper()
	var l v1alpha1.ApprovalList
	must(e.t, e.List(e.t.Context(), &l, client.InNamespace(e.NS)))
	return l.Items
}

// Approval reads one Approval.
func (e *Env) Approval(name string) *v1alpha1.Approval {
	e.t.Helper()
	var a v1alpha1.Approval
	must(e.t, e.Get(e.t.Context(), types.NamespacedName{Namespace: e.NS, Name: name}, &a))
	return &a
}

// OneApproval waits for the namespace's only Approval.
func (e *Env) OneApproval() *v1alpha1.Approval {
	e.t.Helper()
	var out *v1alpha1.Approval
	e.Eventually(2*time.Minute, "one approval", func() error {
		l := e.Approvals()
		if len(l) != 1 {
			return fmt.Errorf("there are %d", len(l))
		}
		out = &l[0]
		return nil
	})
	return out
}

// RunOf is the run that an Approval started, once that is recorded.
func (e *Env) RunOf(approval string) pipelinev1.PipelineRun {
	e.t.Helper()
	var run pipelinev1.PipelineRun
	e.Eventually(time.Minute, "the run of "+approval, func() error {
		next := e.Approval(approval).Status.SecondRun
		if next == nil {
			return fmt.Errorf("none was seen")
		}
		return e.Get(e.t.Context(), types.NamespacedName{Namespace: e.NS, Name: next.Name}, &run)
	})
	return run
}

// Runs lists the runs that trigger started.
func (e *Env) Runs(trigger string) []pipelinev1.PipelineRun {
	e.t.Helper()
	var l pipelinev1.PipelineRunList
	must(e.t, e.List(e.t.Context(), &l, client.InNamespace(e.NS), client.MatchingLabels{"triggers.tekton.dev/trigger": trigger}))
	return l.Items
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
