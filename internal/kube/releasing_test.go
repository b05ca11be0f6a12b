package kube

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
)

// dryRun answers dry runs with err.
func dryRun(err error) func(string, runtime.Object) error {
	return func(verb string, _ runtime.Object) error {
		if verb == "dry run" {
			return err
		}
		return nil
	}
}

// editTemplate changes what the Trigger starts, after the decision.
func (r *releasing) editTemplate(t *testing.T) {
	t.Helper()
	before := kubetest.Only(kubetest.World, "TriggerTemplate")
	r.replace(t, kubetest.Objects(t, before)[0], kubetest.Objects(t, strings.Replace(before, "{pipelineRef: {name: apply}", "{pipelineRef: {name: destroy}", 1))[0])
}

// releasing is a cluster with an EventListener, and an approved Approval in it.
type releasing struct {
	*cluster
	*Releaser
	proofs   *Proofs
	listener *kubetest.Listener
	a        approvals.Approval
}

func newReleasing(t *testing.T, docs string) *releasing {
	t.Helper()
	c := newCluster(t, kubetest.Objects(t, docs)...)
	o := c.opener(t)
	now := at(ct.T0.Add(time.Hour / 2))
	proofs := &Proofs{Client: c, Live: c, Triggers: o.Triggers, Now: now, Awaited: &Awaited{}}
	r := &releasing{cluster: c, proofs: proofs, Releaser: &Releaser{
		Triggers: o.Triggers, Proofs: proofs, Secrets: o.Secrets, Ring: ring,
		Now: now, Log: quiet, Posted: func(bool) {},
	}}
	r.listener = &kubetest.Listener{Cluster: c.Cluster, Now: now, Processor: &interceptor.Processor{
		Triggers: o.Triggers, Opener: o, Releases: c.store(), Ring: ring, Now: now, Log: quiet, Count: func(string) {},
	}}
	r.Client = &destination.Client{Dial: r.listener.Dial}
	t.Cleanup(r.Client.Close)
	pr := kubetest.Objects(t, kubetest.Only(docs, "PipelineRun"))[0]
	if err := o.Hint(t.Context(), c.gated(t, o), "prod", pr.GetName(), string(pr.GetUID())); err != nil {
		t.Fatal(err)
	}
	opened := c.approvals(t)[0]
	var err error
	if r.a, err = c.store().Update(t.Context(), opened.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cast(a, ct.Ballot("alice", approvals.Approve, "ship it"), ct.T0.Add(time.Minute))
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// replace changes what the cluster has after the decision.
func (r *releasing) replace(t *testing.T, old, with client.Object) {
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
