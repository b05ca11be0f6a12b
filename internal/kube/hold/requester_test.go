package hold_test

import (
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/vote"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// TestRequesterProof: who a run says asked counts where the API server compared it, or an
// Approval with a proved requester started the run; and not because somebody wrote it.
func TestRequesterProof(t *testing.T) {
	t.Parallel()
	hour := func(n int) metav1.Time { return metav1.NewTime(ct.T0.Add(time.Duration(n) * time.Hour)) }
	policy := []client.Object{
		&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: identity.GuardOfRequesters, CreationTimestamp: hour(-2)}},
		&admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: identity.GuardOfRequesters, CreationTimestamp: hour(-2)},
			Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: identity.GuardOfRequesters, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
		},
	}
	started := func(b *ct.Builder, uid string) *v1alpha1.Approval {
		return servicetest.ObjectOf(b.With(func(a *approvals.Approval) {
			a.Outcome, a.DecidedAt, a.SecondRun = approvals.Approved, ct.T0, &approvals.Run{Name: "next", UID: uid, At: ct.T0}
		}).Obj())
	}
	forged := started(ct.Make("forged").Requester("zoe"), "run-4")
	forged.Spec.Signature = "AAAA"
	befores := []client.Object{
		started(ct.Make("proved").Requester("zoe"), "run-1"), started(ct.Make("said").Said("zoe"), "run-2"), started(ct.Make("other").Requester("kim"), "run-3"), forged,
	}
	for name, c := range map[string]struct {
		who, uid string
		made     metav1.Time
		listener string
		guarded  bool
		want     approvals.Proof
	}{
		"as it was made":           {who: "zoe", made: hour(-1), guarded: true, want: approvals.ByAdmission},
		"before the policy":        {who: "zoe", made: hour(-3), guarded: true},
		"without the policy":       {who: "zoe", made: hour(-1)},
		"nobody":                   {made: hour(-1), guarded: true},
		"by an EventListener":      {who: "zoe", made: hour(-1), listener: "deploy", guarded: true},
		"by a proved approval":     {who: "zoe", made: hour(-1), listener: "deploy", uid: "run-1", guarded: true, want: approvals.ByApproval},
		"the same, unguarded":      {who: "zoe", made: hour(-1), listener: "deploy", uid: "run-1", want: approvals.ByApproval},
		"of somebody else":         {who: "mallory", made: hour(-1), listener: "deploy", uid: "run-1", guarded: true},
		"by one that is said":      {who: "zoe", made: hour(-1), listener: "deploy", uid: "run-2", guarded: true},
		"by one of another":        {who: "zoe", made: hour(-1), listener: "deploy", uid: "run-3", guarded: true},
		"by one that is not ours":  {who: "zoe", made: hour(-1), listener: "deploy", uid: "run-4", guarded: true},
		"longer than can be named": {who: string(make([]byte, 254)), made: hour(-1), guarded: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objs := append([]client.Object{}, befores...)
			for i := range objs {
				objs[i] = objs[i].DeepCopyObject().(client.Object)
			}
			if c.guarded {
				for _, o := range policy {
					objs = append(objs, o.DeepCopyObject().(client.Object))
				}
			}
			cluster := &servicetest.Cluster{Cluster: kubetest.NewIndexed(t, servicetest.Indexes(), objs...)}
			r := &hold.Requesters{Guards: &identity.Guards{Live: cluster, Now: servicetest.At(ct.T0)}, Store: cluster.Store()}
			pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "run", UID: types.UID(c.uid), CreationTimestamp: c.made}}
			if c.who != "" {
				pr.Annotations = map[string]string{tekton.RequesterAnnotation: c.who}
			}
			if c.listener != "" {
				pr.Labels = map[string]string{"triggers.tekton.dev/eventlistener": c.listener}
			}
			for range 2 { // what is remembered says the same
				if got, err := r.ProofOf(t.Context(), pr); err != nil || got != c.want {
					t.Errorf("%q, %v; want %q", got, err, c.want)
				}
			}
		})
	}
}

// TestRequesterAsk: an optional policy that is not there is not asked for at every run.
func TestRequesterAsk(t *testing.T) {
	t.Parallel()
	c := &servicetest.Cluster{Cluster: kubetest.NewIndexed(t, servicetest.Indexes())}
	r := &hold.Requesters{Guards: &identity.Guards{Live: c, Now: servicetest.At(ct.T0)}, Store: c.Store()}
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "run", UID: "u", Annotations: map[string]string{tekton.RequesterAnnotation: "zoe"}}}
	for range 5 {
		if got, err := r.ProofOf(t.Context(), pr); err != nil || got != approvals.NoProof {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if n := c.Count("get"); n > 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestSignedSender: the signature that lets an event be held proves whom it names.
func TestSignedSender(t *testing.T) {
	t.Parallel()
	w := servicetest.NewCluster(t, kubetest.Objects(t, servicetest.PushWorld)...)
	o := w.Opener(t)
	a, err := o.OpenEvent(t.Context(), w.Gated(t, o), servicetest.Push(`{"ref":"main","sender":{"login":"zoe"}}`, "1"), nil)
	if err != nil || a.Resolved == nil || a.Resolved.Requester != "zoe" || a.Resolved.RequesterProof != approvals.NoProof || a.Source.RequesterProof != approvals.NoProof {
		t.Errorf("without a signature: %+v, %v", a.Resolved, err)
	}
}

// TestLinksEnd: a link is for somebody whom the Gate still names, and for no Gate that is gone.
func TestLinksEnd(t *testing.T) {
	t.Parallel()
	pending := ct.Make("a").Users("alice", "bob").Obj()
	gate := &v1alpha1.Gate{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "production"}, Spec: v1alpha1.GateSpec{
		Approvers: &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "alice", Email: "alice@example.com"}, {Name: "Carol@example.com"}}},
	}}
	inline := ct.Make("b").With(func(a *approvals.Approval) { a.Resolved.Policy.Gate = approvals.InlineGate }).Obj()
	task := ct.Make("c").Task("automatiko").With(func(a *approvals.Approval) { a.Resolved.Policy.Gate = approvals.InlineGate }).Obj()
	for name, c := range map[string]struct {
		a     approvals.Approval
		voter string
		objs  []client.Object
		want  bool
	}{
		"named":              {pending, "alice", []client.Object{gate}, false},
		"an address, cased":  {pending, "carol@example.com", []client.Object{gate}, false},
		"not any more":       {pending, "bob", []client.Object{gate}, true},
		"the gate is gone":   {pending, "alice", nil, true},
		"the trigger is":     {inline, "alice", nil, true},
		"of a task's params": {task, "alice", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var objs []client.Object
			for _, o := range c.objs {
				objs = append(objs, o.DeepCopyObject().(client.Object))
			}
			w := servicetest.NewCluster(t, objs...)
			why, err := (&vote.Links{Client: w, Triggers: w.Opener(t).Triggers}).Ended(t.Context(), c.a, c.voter)
			if err != nil || (why != "") != c.want {
				t.Errorf("%q, %v; want an end %t", why, err, c.want)
			}
		})
	}
}
