//go:build e2e

package e2e

import (
	"encoding/json"
	"strconv"
	"sync"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/test/cluster"
)

// gated is a Gate for one robot, a gated Trigger and its EventListener.
func gated(t *testing.T, gateExtra string) (e *cluster.Env, token, listener string) {
	t.Helper()
	e = cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, gateExtra))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	return e, token, e.ListenerURL("deploy")
}

// 50 completion events at once, each with its own ce-id, beside the informer: one
// Approval. Then the vote, 20 times at once at both replicas: one run.
func TestManyEventsOneApprovalOneRun(t *testing.T) {
	e, token, listener := gated(t, "")
	pr := e.Part1("part-1", "7")
	body := completion(t, pr)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			a := e.Post(listener, map[string]string{
				"Ce-Specversion": "1.0", "Ce-Type": "dev.tekton.event.pipelinerun.successful.v1", "Ce-Id": strconv.Itoa(i), "Ce-Source": "/x",
			}, body)
			if a.Status != 202 {
				t.Errorf("event %d: %d %s", i, a.Status, a.Body)
			}
		})
	}
	wg.Wait()
	name := e.OneApproval().Name
	for range 20 {
		for _, base := range replicas(t, e) {
			wg.Go(func() {
				if a := e.VoteAt(base, name, token, "approve", "go"); a.Status != 201 && a.Status != 200 {
					t.Errorf("vote: %d %s", a.Status, a.Body)
				}
			})
		}
	}
	wg.Wait()
	e.Confirmed(name)
	// The events again, after the end.
	before := answers(t, e)
	for i := range 10 {
		e.Post(listener, map[string]string{"Ce-Specversion": "1.0", "Ce-Type": "dev.tekton.event.pipelinerun.successful.v1", "Ce-Id": "again" + strconv.Itoa(i), "Ce-Source": "/x"}, body)
	}
	before.wait(t, e, 10)
	if n := len(e.Approvals()); n != 1 {
		t.Errorf("%d approvals, want 1", n)
	}
	if runs := e.Runs("deploy"); len(runs) != 1 || runs[0].Labels["approval"] != name {
		t.Errorf("%d runs, want 1 of %s", len(runs), name)
	}
}

// A signed event that was caught on its way starts nothing more, however often it
// is posted again, and one that was changed or is old starts nothing at all.
func TestReplayedSignedEvents(t *testing.T) {
	e, token, listener := gated(t, "")
	e.Part1("part-1", "7")
	a := e.OneApproval()
	ring := e.ServiceRing()
	key := approvals.Key{Namespace: e.NS, Name: a.Name, UID: string(a.UID)}
	body := []byte(`{"run":"` + a.Name + `"}`)
	now := time.Now()
	good := signature.Sign(ring, interceptor.EventID(key), now, body)

	// Before the decision even a good signature passes nothing.
	before := answers(t, e)
	e.Post(listener, good, body)
	before.wait(t, e, 1)
	if n := len(e.Runs("deploy")); n != 0 {
		t.Fatalf("%d runs before the decision", n)
	}
	if v := e.Vote(a.Name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	e.Confirmed(a.Name)
	uid := e.Runs("deploy")[0].UID
	if err := e.Delete(t.Context(), &e.Runs("deploy")[0]); err != nil {
		t.Fatal(err)
	}
	stale := signature.Sign(ring, interceptor.EventID(key), now.Add(-signature.Tolerance-time.Minute), body)
	forged := signature.Sign(keyring.Ring{keyring.NewKey(now)}, interceptor.EventID(key), now, body)
	before = answers(t, e)
	for range 10 {
		for _, headers := range []map[string]string{good, stale, forged} {
			e.Post(listener, headers, body)
		}
	}
	after := before.wait(t, e, 30)
	if got := after["released"] - before["released"]; got != 0 {
		t.Errorf("%d replays were let through", got)
	}
	if n := len(e.Runs("deploy")); n != 0 {
		t.Errorf("%d runs after replays; the run %s was pruned and must not come back", n, uid)
	}
}

// completion is the data of Tekton's CloudEvent for a run.
func completion(t *testing.T, pr *pipelinev1.PipelineRun) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"pipelineRun": map[string]any{"metadata": map[string]any{
		"namespace": pr.Namespace, "name": pr.Name, "uid": pr.UID,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replicas are the addresses of the service's pods.
func replicas(t *testing.T, e *cluster.Env) []string {
	t.Helper()
	var out []string
	for _, p := range e.ServicePods() {
		out = append(out, "http://"+p.Status.PodIP+":8080")
	}
	if len(out) < 2 {
		t.Fatalf("the service has %d ready replicas, the test wants 2", len(out))
	}
	return out
}
