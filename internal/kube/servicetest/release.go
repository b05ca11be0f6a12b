package servicetest

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/destination"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// DryRun answers dry runs with err.
func DryRun(err error) func(string, runtime.Object) error {
	return func(verb string, _ runtime.Object) error {
		if verb == "dry run" {
			return err
		}
		return nil
	}
}

// EditTemplate changes what the Trigger starts, after the decision.
func (r *Releasing) EditTemplate(t *testing.T) {
	t.Helper()
	before := kubetest.Only(kubetest.World, "TriggerTemplate")
	r.Replace(t, kubetest.Objects(t, before)[0], kubetest.Objects(t, strings.Replace(before, "{pipelineRef: {name: apply}", "{pipelineRef: {name: destroy}", 1))[0])
}

// Releasing is a cluster with an EventListener, and an approved Approval in it.
type Releasing struct {
	*Cluster
	*release.Releaser
	Event    *release.Event
	Proofs   *verifyrun.Proofs
	Listener *kubetest.Listener
	A        approvals.Approval
}

// NewReleasing has an approved Approval that nobody has released yet.
func NewReleasing(t *testing.T, docs string) *Releasing {
	t.Helper()
	c := NewCluster(t, kubetest.Objects(t, docs)...)
	o := c.Opener(t)
	now := At(ct.T0.Add(time.Hour / 2))
	proofs := &verifyrun.Proofs{Client: c, Live: c, Triggers: o.Triggers, Now: now, Awaited: &verifyrun.Awaited{}}
	r := &Releasing{Cluster: c, Proofs: proofs, Event: &release.Event{Triggers: o.Triggers, Proofs: proofs, Secrets: o.Secrets, Ring: Ring, Now: now}}
	r.Releaser = &release.Releaser{Event: r.Event, Now: now, Log: Quiet, Posted: func(bool) {}}
	r.Listener = &kubetest.Listener{Cluster: c.Cluster, Now: now, Processor: &interceptor.Processor{
		Triggers: o.Triggers, Opener: o, Releases: c.Store(), Ring: Ring, Now: now, Log: Quiet, Count: func(string) {},
	}}
	r.Event.Client = &destination.Client{Dial: r.Listener.Dial}
	t.Cleanup(r.Event.Client.Close)
	pr := kubetest.Objects(t, kubetest.Only(docs, "PipelineRun"))[0]
	if err := o.NotifyCompletion(t.Context(), c.Gated(t, o), "prod", pr.GetName(), string(pr.GetUID())); err != nil {
		t.Fatal(err)
	}
	opened := c.Approvals(t)[0]
	var err error
	if r.A, err = c.Store().Update(t.Context(), opened.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cast(a, ct.Ballot("alice", approvals.Approve, "ship it"), ct.T0.Add(time.Minute))
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// Replace changes what the cluster has after the decision.
func (r *Releasing) Replace(t *testing.T, old, with client.Object) {
	t.Helper()
	if err := r.WithWatch.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if with == nil {
		return
	}
	with.SetResourceVersion("")
	if err := r.WithWatch.Create(t.Context(), with); err != nil {
		t.Fatal(err)
	}
}
