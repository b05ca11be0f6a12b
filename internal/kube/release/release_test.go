package release_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

func TestRelease(t *testing.T) {
	t.Parallel()
	r := servicetest.NewReleasing(t, kubetest.World)
	r.Listener.Serve(t)
	var wg sync.WaitGroup
	for range 20 { // every replica, and the leader
		wg.Go(func() {
			if err := r.Release(t.Context(), r.A); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	posts, bodies := r.Listener.Requests()
	if len(posts) != 1 {
		t.Fatalf("%d posts", len(posts))
	}
	h := posts[0].Header
	if err := signature.Verify(servicetest.TestRing, h.Get("Webhook-Id"), h.Get("Webhook-Timestamp"), h.Get("Webhook-Signature"), r.Now(), []byte(bodies[0])); err != nil {
		t.Error(err)
	}
	found, err := r.Proofs.Look(t.Context(), r.A)
	if err != nil || found.Run == nil || found.Run.Name != string(r.A.RunName) || found.Run.Pipeline != "apply" || found.EventID != "event-1" || found.Problem != nil {
		t.Errorf("%+v, %v; refused %v", found, err, r.Listener.Refusals())
	}
	if got, due := r.Attempts.Get(r.A.Key, r.Now()); got.Posts != 1 || got.EventID != "event-1" || due != release.FirstWait {
		t.Errorf("%+v, due in %s", got, due)
	}
	for _, a := range []approvals.Approval{ct.Make("a").Obj(), ct.Make("a").Voted("alice", approvals.Reject, "").Obj()} {
		if err := r.Release(t.Context(), a); err != nil || len(posts) != 1 {
			t.Errorf("%s is released: %v", a.Outcome, err)
		}
	}
	if got, err := r.Proofs.Look(t.Context(), ct.Make("none").Obj()); err != nil || got != (verifyrun.Sighting{}) {
		t.Errorf("nothing there: %+v, %v", got, err)
	}
}

// TestNotPosted: what keeps the event from being posted is found out before, with
// the reason of the condition and what to mend.
func TestNotPosted(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const signing = "expiresAfter: 1h\n  signingSecret: {name: hub, key: token}"
	for name, c := range map[string]struct {
		docs     string
		kind     string // replaced after the decision, deleted without a new one
		old, new string
		reason   string
	}{
		"the trigger is gone":  {kubetest.World, "Trigger", "", "", "TriggerNotReady"},
		"its line is gone":     {kubetest.World, "Trigger", "name: countersign}", "name: cel}", "TriggerNotReady"},
		"the template is gone": {kubetest.World, "TriggerTemplate", "", "", "TriggerNotReady"},
		"the template changed": {kubetest.World, "TriggerTemplate", "{pipelineRef: {name: apply}", "{pipelineRef: {name: destroy}", "ContentChanged"},
		"a binding changed":    {kubetest.World, "Trigger", "$(extensions.countersign.params.digest)", "evil", "ContentChanged"},
		"the listener is gone": {kubetest.World, "EventListener", "", "", "NoEventListener"},
		"no secret":            {strings.Replace(kubetest.World, "expiresAfter: 1h", signing, 1), "", "", "", "SigningSecret"},
		"the run is not named": {strings.Replace(kubetest.World, "metadata: {name: $(tt.params.run)}", "metadata: {generateName: apply-}", 1), "", "", "", "RunNotNamed"},
		"named by something":   {strings.Replace(kubetest.World, "metadata: {name: $(tt.params.run)}", "metadata: {name: apply-now}", 1), "", "", "", "RunNotNamed"},
		"a param that is not":  {strings.Replace(kubetest.World, "value: $(extensions.countersign.params.digest)", "value: $(extensions.countersign.params.nope)", 1), "", "", "", "TemplateError"},
		"the listener is down": {kubetest.World, "", "", "", "EventListenerDown"},
		"a neighbour":          {strings.Replace(kubetest.World, "triggers: [{triggerRef: apply}]", "triggers: [{triggerRef: apply}, {name: other, template: {ref: apply}}]", 1), "", "", "", "SiblingTriggerWouldStart"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := servicetest.NewReleasing(t, c.docs)
			if c.kind != "" {
				before := kubetest.Only(c.docs, c.kind)
				var after client.Object
				if c.old != "" {
					after = kubetest.Objects(t, strings.Replace(before, c.old, c.new, 1))[0]
				}
				r.Replace(t, kubetest.Objects(t, before)[0], after)
			}
			err := r.Release(t.Context(), r.A)
			p := release.ProblemOf(err)
			if err == nil || p.Reason != c.reason {
				t.Errorf("%s %q, want %s", p.Reason, p.Message, c.reason)
			}
			said.Check(t, name, p.Message)
			if got, _ := r.Attempts.Get(r.A.Key, r.Now()); got.Err == nil || got.Posts != 1 {
				t.Errorf("the attempt is %+v", got)
			}
		})
	}
	if p := release.ProblemOf(errors.New("password is x")); p.Reason != "NotPosted" || strings.Contains(p.Message, "password") {
		t.Errorf("%+v", p)
	}
}

// TestHubSigned: with a signing secret on the Gate a stock github interceptor
// accepts the event.
func TestHubSigned(t *testing.T) {
	t.Parallel()
	docs := strings.Replace(kubetest.World, "expiresAfter: 1h", "expiresAfter: 1h\n  signingSecret: {name: hub, key: token}", 1) + `---
apiVersion: v1
kind: Secret
metadata: {name: hub}
data: {token: b25l}
`
	r := servicetest.NewReleasing(t, docs)
	r.Listener.Serve(t)
	if err := r.Release(t.Context(), r.A); err != nil {
		t.Fatal(err)
	}
	posts, bodies := r.Listener.Requests()
	if !signature.VerifyHub(keyring.Secret("one"), posts[0].Header.Get("X-Hub-Signature-256"), []byte(bodies[0])) || posts[0].Header.Get("X-Github-Event") != "approval" {
		t.Errorf("headers %v", posts[0].Header)
	}
}

// TestWhy: what the EventListener could only log.
func TestWhy(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		docs   string
		before func(*testing.T, *servicetest.Releasing)
		reason string
	}{
		"nothing to be seen": {kubetest.World, nil, "RunNotFound"},
		"no right":           {kubetest.World, func(_ *testing.T, r *servicetest.Releasing) { r.Deny() }, "Forbidden"},
		"a policy of theirs": {kubetest.World, func(_ *testing.T, r *servicetest.Releasing) {
			r.Fail(servicetest.DryRun(apierrors.NewForbidden(schema.GroupResource{Resource: "pipelineruns"}, "x", errors.New("quota is used up"))))
		}, "Refused"},
		"our own rights": {kubetest.World, func(_ *testing.T, r *servicetest.Releasing) {
			r.Fail(servicetest.DryRun(apierrors.NewForbidden(schema.GroupResource{Resource: "pipelineruns"}, "x", errors.New(`User "x" cannot create resource "pipelineruns"`))))
		}, "RunNotFound"},
		"listener is gone": {kubetest.World, func(t *testing.T, r *servicetest.Releasing) {
			r.Replace(t, kubetest.Objects(t, kubetest.Only(kubetest.World, "EventListener"))[0], nil)
		}, "NoEventListener"},
		"trigger is gone": {kubetest.World, func(t *testing.T, r *servicetest.Releasing) {
			r.Replace(t, kubetest.Objects(t, kubetest.Only(kubetest.World, "Trigger"))[0], nil)
		}, "TriggerNotReady"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := servicetest.NewReleasing(t, c.docs)
			if c.before != nil {
				c.before(t, r)
			}
			p := (&release.Diagnosis{Client: r, Triggers: r.Event.Triggers}).Why(t.Context(), r.A)
			if p.Reason != c.reason {
				t.Errorf("%s %q, want %s", p.Reason, p.Message, c.reason)
			}
			said.Check(t, name, p.Message)
			if found, err := r.Proofs.LookLive(t.Context(), r.A); err != nil || found.Run != nil {
				t.Errorf("the dry run started %+v, %v", found.Run, err)
			}
		})
	}
}
