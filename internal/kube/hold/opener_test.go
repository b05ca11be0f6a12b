package hold_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// waiting is Trigger apply, as it waits for a run.
func waiting(t *testing.T, o *hold.Opener) triggers.Waiting {
	t.Helper()
	found, err := o.Triggers.Find(t.Context(), "prod", "apply")
	if err != nil {
		t.Fatal(err)
	}
	line, err := triggers.ParamsOf(found.Trigger)
	if err != nil {
		t.Fatal(err)
	}
	return triggers.Waiting{Standing: found, Line: *line}
}

// TestOpenOnce: fifty replicas and duplicates at once open one Approval.
func TestOpenOnce(t *testing.T) {
	t.Parallel()
	c := servicetest.NewCluster(t, kubetest.Objects(t, kubetest.World)...)
	opener := c.Opener(t)
	trigger := waiting(t, opener)
	pr, err := kubeutil.Read(t.Context(), c, "prod", "plan-1", &pipelinev1.PipelineRun{})
	if err != nil {
		t.Fatal(err)
	}
	pr.Annotations["large"] = strings.Repeat("x", 2*kubeutil.MaxKept)
	if pipelinerun.LeaveValues(pr); len(pr.Spec.Params)+len(pr.Status.Results) != 0 { // as the cache has one with large values
		t.Fatal(pr.Spec.Params, pr.Status.Results)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := opener.OpenRun(t.Context(), pr, trigger); err != nil {
				t.Error(err)
			}
			if err := opener.NotifyCompletion(t.Context(), c.Gated(t, opener), "prod", "plan-1", "run-1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list := c.Approvals(t)
	if len(list) != 1 || list[0].Resolved == nil || list[0].Name != approvals.Name("apply", "run:run-1") {
		t.Errorf("%+v", list)
	}
}

// TestOpenEvent: one delivery is one Approval for ever; without an id one body is
// one while it is pending.
func TestOpenEvent(t *testing.T) {
	t.Parallel()
	c := servicetest.NewCluster(t, kubetest.Objects(t, servicetest.PushWorld)...)
	opener := c.Opener(t)
	g := c.Gated(t, opener)
	open := func(e approvals.Event) approvals.Approval {
		t.Helper()
		a, err := opener.OpenEvent(t.Context(), g, e, http.Header{})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	decide := func(a approvals.Approval) {
		t.Helper()
		_, err := c.Store().Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			return approvals.Cast(a, ct.Ballot("alice", approvals.Approve, ""), ct.T0)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const body = `{"ref":"main"}`
	first := open(servicetest.Push(body, "d-1"))
	if again := open(servicetest.Push(body, "d-1")); again.Name != first.Name {
		t.Error("a delivery sent again is another Approval")
	}
	if other := open(servicetest.Push(body, "d-2")); other.Name == first.Name {
		t.Error("another delivery is the same Approval")
	}
	decide(first)
	if again := open(servicetest.Push(body, "d-1")); again.Name != first.Name {
		t.Error("a delivery sent again after the decision asks again")
	}
	bare := open(servicetest.Push(body, ""))
	if again := open(servicetest.Push(body, "")); again.Name != bare.Name {
		t.Error("the same body while it waits is another Approval")
	}
	decide(bare)
	anew := open(servicetest.Push(body, ""))
	if anew.Name == bare.Name || anew.Decided() {
		t.Error("the same body after the decision does not ask again")
	}
	got := c.Approvals(t)
	if len(got) != 4 {
		t.Errorf("%d approvals", len(got))
	}
	for _, a := range got {
		if a.Source.Event.Body != body || a.Resolved == nil || a.Resolved.Params[0].Value != "main" {
			t.Errorf("%s holds %+v on %+v", a.Name, a.Source.Event, a.Resolved)
		}
	}
}

// TestOpenEventProof: with a signing secret on the Gate an event must carry its
// signature, or anyone who reaches the port could have us sign in the sender's place.
func TestOpenEventProof(t *testing.T) {
	t.Parallel()
	const body = `{"ref":"main"}`
	const secret = `---
apiVersion: v1
kind: Secret
metadata: {name: hub}
data: {token: b25l}
`
	docs := strings.Replace(servicetest.PushWorld, "expiresAfter: 1h", "expiresAfter: 1h\n  signingSecret: {name: hub, key: token}", 1)
	good := signature.Hub(keyring.Secret("one"), []byte(body))
	for name, c := range map[string]struct {
		docs, value string
		want        approvals.Code
	}{
		"signed":             {docs + secret, good, ""},
		"not signed":         {docs + secret, "", approvals.CodeUnauthenticated},
		"by another secret":  {docs + secret, signature.Hub(keyring.Secret("two"), []byte(body)), approvals.CodeUnauthenticated},
		"another body's":     {docs + secret, signature.Hub(keyring.Secret("one"), []byte("{}")), approvals.CodeUnauthenticated},
		"the secret is gone": {docs, good, approvals.CodeNotFound},
		"the gate is gone":   {kubetest.Without(docs, "Gate") + secret, "", ""}, // held, and can't be decided
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := servicetest.NewCluster(t, kubetest.Objects(t, c.docs)...)
			opener := cl.Opener(t)
			a, err := opener.OpenEvent(t.Context(), cl.Gated(t, opener), servicetest.Push(body, "d-1"), http.Header{"X-Hub-Signature-256": {c.value}})
			if approvals.CodeOf(err) != c.want || (err == nil) != (len(cl.Approvals(t)) == 1) {
				t.Errorf("%v with %d approvals, want %q", err, len(cl.Approvals(t)), c.want)
			}
			if (name == "signed") != (a.Source.RequesterProof == approvals.BySignature) {
				t.Errorf("%q proves the sender", a.Source.RequesterProof)
			}
			if name == "the gate is gone" && a.Resolved != nil {
				t.Error("it is resolved without a Gate")
			}
		})
	}
}

// TestOpenEventByAToken: who only shows the secret may send any body, so it proves that
// the sender has it, and not who asked.
func TestOpenEventByAToken(t *testing.T) {
	t.Parallel()
	const secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: hub}\ndata: {token: b25l}\n"
	for kind, header := range map[string]http.Header{"GitLab": {"X-Gitlab-Token": {"one"}}, "Bearer": {"Authorization": {"Bearer one"}}} {
		docs := strings.Replace(servicetest.PushWorld, "expiresAfter: 1h", "expiresAfter: 1h\n  signingSecret: {name: hub, key: token, kind: "+kind+"}", 1)
		cl := servicetest.NewCluster(t, kubetest.Objects(t, docs+secret)...)
		opener := cl.Opener(t)
		a, err := opener.OpenEvent(t.Context(), cl.Gated(t, opener), servicetest.Push(`{"user_username":"zoe","ref":"main"}`, "d-1"), header)
		if err != nil || a.Source.Event.VerifiedBy != kind+" hub/token" || a.Source.RequesterProof != approvals.NoProof {
			t.Errorf("%s: %v, verified by %q, requester proved by %q", kind, err, a.Source.Event.VerifiedBy, a.Source.RequesterProof)
		}
	}
}

// TestHint: somebody's word is looked into.
func TestHint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		docs, run, uid string
		want           approvals.Code
		opened         int
	}{
		"true":             {kubetest.World, "plan-1", "run-1", "", 1},
		"another's UID":    {kubetest.World, "plan-1", "run-0", approvals.CodeConflict, 0},
		"no such run":      {kubetest.World, "plan-2", "run-1", approvals.CodeNotFound, 0},
		"it has failed":    {strings.Replace(kubetest.World, `status: "True", reason`, `status: "False", reason`, 1), "plan-1", "run-1", approvals.CodeNotReady, 0},
		"another pipeline": {strings.Replace(kubetest.World, "pipelineRef: {name: plan}", "pipelineRef: {name: test}", 1), "plan-1", "run-1", approvals.CodeNotReady, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := servicetest.NewCluster(t, kubetest.Objects(t, c.docs)...)
			opener := cl.Opener(t)
			err := opener.NotifyCompletion(t.Context(), cl.Gated(t, opener), "prod", c.run, c.uid)
			if approvals.CodeOf(err) != c.want || len(cl.Approvals(t)) != c.opened {
				t.Errorf("%v with %d approvals, want %q and %d", err, len(cl.Approvals(t)), c.want, c.opened)
			}
		})
	}
}

// TestOpenFails: what may go away is tried again, and nothing half made is left.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(verb string, o runtime.Object) error{
		"create": func(verb string, _ runtime.Object) error {
			if verb == "create" {
				return apierrors.NewServiceUnavailable("etcd")
			}
			return nil
		},
		"gate": func(_ string, o runtime.Object) error {
			if _, ok := o.(*v1alpha1.Gate); ok {
				return errors.New("connection refused")
			}
			return nil
		},
	} {
		cl := servicetest.NewCluster(t, kubetest.Objects(t, servicetest.PushWorld)...)
		opener := cl.Opener(t)
		g := cl.Gated(t, opener)
		cl.Fail(fault)
		if _, err := opener.OpenEvent(t.Context(), g, servicetest.Push(`{"ref":"x"}`, "1"), http.Header{}); approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		cl.Fail(nil)
		if n := len(cl.Approvals(t)); n != 0 {
			t.Errorf("%s: %d approvals", name, n)
		}
	}
}

// TestSetResolved sets them once.
func TestSetResolved(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Obj()
	cl := servicetest.NewCluster(t, servicetest.ObjectOf(ct.Make("a").Unresolved(nil).Obj()))
	opener := cl.Opener(t)
	opener.Now = servicetest.At(ct.T0.Add(2 * time.Minute))
	other := ct.Make("a").Users("mallory").Obj()
	for _, resolved := range []*approvals.ResolvedSpec{a.Resolved, other.Resolved} {
		if err := opener.SetResolved(t.Context(), a.Key, resolved); err != nil {
			t.Fatal(err)
		}
	}
	got, err := cl.Store().Get(t.Context(), a.Key)
	if err == nil && got.Resolved != nil && !got.Deadline().Equal(ct.T0.Add(2*time.Minute+a.Resolved.Policy.Lifetime)) {
		t.Errorf("the deadline %s does not count from when it could be decided", got.Deadline())
	}
	if err != nil || got.Resolved == nil || got.Resolved.Policy.Approvers[0].Name != "alice" || cl.Count("update") != 1 {
		t.Errorf("resolved %+v after %d writes, %v", got.Resolved, cl.Count("update"), err)
	}
}
