//go:build kube

package approvaltask

import (
	"log/slog"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// TestLimitsForReal: what policies demand of votes comes back from a real API server as it
// was signed, and a policy that the API server took is one that selects.
func TestLimitsForReal(t *testing.T) {
	said := golden.Open(t)
	cfg := kubetest.APIServer(t, "../../../deploy/crd", kubetest.TektonDefinition(t, "customrun"))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, pipelinev1.AddToScheme, pipelinev1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	now := servicetest.At(time.Now())
	store := &store.Store{Client: c, Live: c, Ring: servicetest.Ring, Now: now}
	opener := &hold.Opener{Client: c, Live: c, CEL: cel, Ring: servicetest.Ring, Now: now, Log: slog.New(slog.DiscardHandler), Opened: func(string, string) {}}
	kind, _ := tasks.Find(tasks.Automatiko)
	open := func(name string) (approvals.Approval, error) {
		t.Helper()
		cr := &pipelinev1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
		cr.Spec.CustomRef = &pipelinev1beta1.TaskRef{APIVersion: kind.APIVersion, Kind: pipelinev1beta1.TaskKind(kind.Kind)}
		cr.Spec.Params = pipelinev1beta1.Params{{Name: "approvers", Value: *pipelinev1beta1.NewStructuredValues("alice", "bob")}}
		if err := c.Create(t.Context(), cr); err != nil {
			t.Fatal(err)
		}
		m := Member{Run: &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "deploy-1", UID: "run", CreationTimestamp: metav1.NewTime(ct.T0)}}, Task: pipelinev1.PipelineTask{Name: "approval"}}
		if err := OpenTask(t.Context(), opener, cr, m, kind); err != nil {
			return approvals.Approval{}, err
		}
		return store.Fresh(t.Context(), approvals.Key{Namespace: "default", Name: approvals.TaskName(cr.Name, string(cr.UID), 0)})
	}
	policy := servicetest.GatePolicy(t, "all", `{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}, allowedAuthMethods: [Object, Token], breakGlass: Forbid, delegations: Forbid, maxExpiresAfter: 2h}`)
	if err := c.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	a, err := open("within")
	if err != nil || a.Resolved == nil {
		t.Fatalf("%v, %+v: the schema changed what is signed", err, a.Blocked)
	}
	l := a.Resolved.Policy.Limits
	if len(l.Methods) != 2 || !l.NoBreakGlass || !l.NoDelegations || a.Resolved.Policy.From != approvals.FromTask || a.Resolved.Policy.Lifetime != 2*time.Hour || !a.Resolved.Policy.LinkNeedsLogin {
		t.Errorf("%+v from %q for %s", l, a.Resolved.Policy.From, a.Resolved.Policy.Lifetime)
	}
	policy.Spec.MinApprovals = 2
	if err := c.Update(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	_, err = open("outside")
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("%v", err)
	}
	said.Check(t, "outside", approvals.Message(err))
	other := servicetest.GatePolicy(t, "all", `{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [default]}]}, minApprovals: 2}`)
	other.ResourceVersion = policy.ResourceVersion
	if err := c.Update(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if a, err := open("elsewhere"); err != nil || a.Resolved.Policy.Limits.Methods != nil {
		t.Errorf("%v, %+v", err, a.Resolved)
	}
}
