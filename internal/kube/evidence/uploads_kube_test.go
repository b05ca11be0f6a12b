//go:build kube

package evidence_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/evidence"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/test/refusal"
	"github.com/countersign-dev/countersign/test/wait"
)

// cluster is a real API server, and what Tekton would make in it.
type cluster struct {
	root      client.Client
	clientset kubernetes.Interface
}

func (c cluster) create(t *testing.T, o client.Object) {
	t.Helper()
	if err := c.root.Create(t.Context(), o); err != nil {
		t.Fatalf("create %T %s: %v", o, o.GetName(), err)
	}
}

func (c cluster) status(t *testing.T, o client.Object) {
	t.Helper()
	if err := c.root.Status().Update(t.Context(), o); err != nil {
		t.Fatalf("status of %T %s: %v", o, o.GetName(), err)
	}
}

// owned is the metadata of something that a controller made.
func owned(namespace, name, kind string, by client.Object) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: namespace, Name: name}
	if by != nil {
		m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "tekton.dev/v1", Kind: kind, Name: by.GetName(), UID: by.GetUID(), Controller: new(true)}}
	}
	return m
}

// run is a PipelineRun with one TaskRun, whose pod has the token that is returned.
func (c cluster) run(t *testing.T, namespace, name string) (*pipelinev1.PipelineRun, *pipelinev1.TaskRun, string) {
	t.Helper()
	pr := &pipelinev1.PipelineRun{ObjectMeta: owned(namespace, name, "", nil)}
	pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "plan"}
	c.create(t, pr)
	tr := &pipelinev1.TaskRun{ObjectMeta: owned(namespace, name+"-plan", "PipelineRun", pr)}
	tr.Spec.TaskRef = &pipelinev1.TaskRef{Name: "plan"}
	c.create(t, tr)
	pr.Status.ChildReferences = []pipelinev1.ChildStatusReference{{Name: tr.Name, PipelineTaskName: "plan"}}
	pr.Status.ChildReferences[0].Kind = "TaskRun"
	c.status(t, pr)
	token := c.pod(t, namespace, name+"-plan-pod", tr)
	tr.Status.PodName = name + "-plan-pod"
	c.status(t, tr)
	return pr, tr, token
}

// pod is one of a TaskRun, or of nobody, and its token.
func (c cluster) pod(t *testing.T, namespace, name string, of *pipelinev1.TaskRun) string {
	t.Helper()
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if of != nil {
		p.ObjectMeta = owned(namespace, name, "TaskRun", of)
	}
	p.Spec = corev1.PodSpec{ServiceAccountName: "builder", Containers: []corev1.Container{{Name: "step-plan", Image: "busybox"}}}
	c.create(t, p)
	return c.token(t, namespace, &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: name, UID: p.UID})
}

func (c cluster) token(t *testing.T, namespace string, to *authenticationv1.BoundObjectReference) string {
	t.Helper()
	r, err := c.clientset.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), "builder", &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{BoundObjectRef: to}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Status.Token
}

// stored is the name of the object that has the first part of an upload of run plan-1.
func stored(t *testing.T, c client.Client, name string) string {
	t.Helper()
	var list v1alpha1.EvidenceList
	if err := c.List(t.Context(), &list, client.InNamespace("prod")); err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Items {
		if o.Spec.Name == name && o.Spec.PipelineRun == "plan-1" && o.Spec.Part == 0 {
			return o.Name
		}
	}
	t.Fatalf("no evidence %q among %d objects", name, len(list.Items))
	return ""
}

// TestUploads: a pod of the very run uploads, with the service's own rights and no others, and
// nobody else does.
func TestUploads(t *testing.T) {
	c := newUploads(t)
	_, plan, good := c.run(t, "prod", "plan-1")
	c.eventually(t, "it is said which component is missing", func() bool {
		_, err := c.upload(t, "plan-1", "plan", good, []byte("x"))
		return approvals.CodeOf(err) == approvals.CodeUnavailable && strings.Contains(err.Error(), "deploy/components/evidence")
	})
	for _, ns := range []string{"prod", "other"} {
		for _, o := range servicetest.Roles(t, ns, "../../../deploy/components/evidence/role.yaml") {
			c.create(t, o)
		}
	}
	c.eventually(t, "nobody else writes evidence", func() bool {
		o := &v1alpha1.Evidence{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "forged"}}
		o.Spec = v1alpha1.EvidenceSpec{PipelineRun: "plan-1", PipelineRunUID: "x", From: "Upload", Name: "plan", SHA256: "x", Stored: "x", Signature: "x", Parts: 1}
		err := c.root.Create(t.Context(), o, client.DryRunAll)
		return refusal.Policy(err) == "countersign-evidence"
	})
	data := bytes.Repeat([]byte("  + resource \"null_resource\" \"x\" {}\n"), 600)
	c.eventually(t, "the first upload", func() bool {
		created, err := c.upload(t, "plan-1", "plan", good, data)
		return created && err == nil
	})
	if k, created, err := c.u.Upload(t.Context(), "", "", "plan", good, data); err != nil || created || k.SHA256 != rules.Sum(data) {
		t.Errorf("to the pod's own run, without naming it: %+v, created %t, %v", k, created, err)
	}
	most := noise(rules.MaxSize)
	if created, err := c.upload(t, "plan-1", "most", good, most); err != nil || !created {
		t.Errorf("as large as it may be: created %t, %v", created, err)
	}
	c.kept(t, data)
	c.refusals(t, plan, good, data, most)
}

// uploads is a cluster in which the service takes uploads, with its own rights.
type uploads struct {
	cluster
	u *evidence.Uploads
}

func newUploads(t *testing.T) uploads {
	t.Helper()
	cfg := kubetest.APIServer(t, "../../../deploy/crd", kubetest.TektonDefinition(t, "pipelinerun"), kubetest.TektonDefinition(t, "taskrun"))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, pipelinev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	as := func(user string, groups ...string) (client.Client, kubernetes.Interface) {
		config := rest.CopyConfig(cfg)
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
		c, err := client.New(config, client.Options{Scheme: scheme})
		if err != nil {
			t.Fatal(err)
		}
		return c, kubernetes.NewForConfigOrDie(config)
	}
	root, clientset := as("root", "system:masters")
	service, reviews := as("system:serviceaccount:countersign:countersign", "system:serviceaccounts")
	c := cluster{root, clientset}
	for _, ns := range []string{"prod", "other"} {
		c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
		c.create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "builder"}})
	}
	if err := kubetest.Apply(t.Context(), root, "../../../deploy/base/admission.yaml"); err != nil {
		t.Fatal(err)
	}
	for _, o := range servicetest.Roles(t, "", "../../../deploy/rbac/role.yaml", "../../../deploy/base/accounts.yaml") {
		c.create(t, o)
	}
	auth := &identity.Auth{Client: reviews, Now: time.Now}
	return uploads{c, &evidence.Uploads{Live: service, Store: &evidence.Store{Client: service, Ring: ringOf(1)}, Pod: auth.Pod}}
}

func (c uploads) upload(t *testing.T, run, name, token string, data []byte) (created bool, err error) {
	t.Helper()
	_, created, err = c.u.Upload(t.Context(), "prod", run, name, token, data)
	return created, err
}

// eventually: RBAC and admission policies take a moment to be known.
func (c uploads) eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	wait.Eventually(t, 30*time.Second, what, func() error {
		if !ok() {
			return errors.New("it is not so")
		}
		return nil
	})
}

// kept: what was uploaded is read again, belongs to the approval too, and nobody changes it.
func (c uploads) kept(t *testing.T, data []byte) {
	t.Helper()
	owner := showing(itemOf(evidence.Kept{Object: stored(t, c.root, "plan"), SHA256: rules.Sum(data), Size: int64(len(data))}, "plan"))
	for range 2 {
		if err := c.u.Store.Own(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
	}
	if _, got, err := c.u.Store.Read(t.Context(), owner, "plan"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read: %d bytes of %d, %v", len(got), len(data), err)
	}
	var kept v1alpha1.Evidence
	if err := c.root.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: owner.Resolved.Evidence[0].Object}, &kept); err != nil || len(kept.OwnerReferences) != 2 {
		t.Errorf("owners %v, %v; want the run and the approval", kept.OwnerReferences, err)
	}
	kept.Labels["x"] = "y"
	if err := c.root.Update(t.Context(), &kept); !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) {
		t.Errorf("somebody else changes it: %v", err)
	}
}

// refusals: only a pod of the very run uploads, once for each name, while the run goes on.
func (c uploads) refusals(t *testing.T, plan *pipelinev1.TaskRun, good string, data, most []byte) {
	t.Helper()
	said := golden.Open(t)
	_, _, another := c.run(t, "prod", "plan-2")
	_, _, elsewhere := c.run(t, "other", "plan-1")
	over, _, late := c.run(t, "prod", "over-1")
	over.Status.MarkSucceeded("Completed", "done")
	c.status(t, over)
	listed := &pipelinev1.TaskRun{ObjectMeta: owned("prod", "plan-1-forged", "PipelineRun", &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "plan-1", UID: plan.OwnerReferences[0].UID}})}
	listed.Spec.TaskRef = &pipelinev1.TaskRef{Name: "plan"}
	c.create(t, listed)
	forgedTask := c.pod(t, "prod", "plan-1-forged-pod", listed)
	listed.Status.PodName = "plan-1-forged-pod"
	c.status(t, listed)
	before, _, former := c.run(t, "prod", "remade-1")
	if err := c.root.Delete(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	remade := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "remade-1"}}
	remade.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "plan"}
	c.create(t, remade)
	gone := c.pod(t, "prod", "plan-1-gone-pod", plan)
	if err := c.root.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "plan-1-gone-pod"}}, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		run, as, token string
		data           []byte
		want           approvals.Code
	}{
		"the same again":         {"plan-1", "plan", good, data, ""},
		"the largest again":      {"plan-1", "most", good, most, ""},
		"other bytes":            {"plan-1", "plan", good, []byte("destroys all"), approvals.CodeConflict},
		"a pod of another run":   {"plan-1", "x", another, data, approvals.CodeForbidden},
		"another namespace":      {"plan-1", "x", elsewhere, data, approvals.CodeForbidden},
		"a pod of nobody":        {"plan-1", "x", c.pod(t, "prod", "plain", nil), data, approvals.CodeForbidden},
		"a pod with that owner":  {"plan-1", "x", c.pod(t, "prod", "forged", plan), data, approvals.CodeForbidden},
		"a TaskRun so owned":     {"plan-1", "x", forgedTask, data, approvals.CodeUnavailable},
		"a token of no pod":      {"plan-1", "x", c.token(t, "prod", nil), data, approvals.CodeForbidden},
		"a pod that is gone":     {"plan-1", "x", gone, data, approvals.CodeUnauthenticated},
		"a run that has ended":   {"over-1", "x", late, data, approvals.CodeConflict},
		"a run of the same name": {"remade-1", "x", former, data, approvals.CodeForbidden},
		"a run that is not":      {"plan-9", "x", good, data, approvals.CodeForbidden},
		"no token":               {"plan-1", "x", "x.y.z", data, approvals.CodeUnauthenticated},
		"6 MiB":                  {"plan-1", "x", good, make([]byte, 6<<20), approvals.CodeInvalid},
		"nothing":                {"plan-1", "x", good, nil, approvals.CodeInvalid},
		"a path":                 {"plan-1", "../x", good, data, approvals.CodeInvalid},
	} {
		created, err := c.upload(t, x.run, x.as, x.token, x.data)
		if approvals.CodeOf(err) != x.want || created {
			t.Errorf("%s: created %t, %v; want %q", name, created, err, x.want)
		}
		if err != nil {
			said.Check(t, name, approvals.Message(err))
		}
	}
}
