//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// mallory may look at everything in the namespace and make runs in it: she watches, and
// under every name that she sees makes a run of her own with the marks of a Trigger's.
type mallory struct {
	*cluster.Env
	client.Client
	made map[string]bool
	mu   sync.Mutex
}

func (m *mallory) run(ctx context.Context, name string, status pipelinev1.PipelineRunSpecStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made[name] {
		return
	}
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{
		Namespace: m.NS, Name: name,
		Labels:      map[string]string{"triggers.tekton.dev/trigger": "deploy", "triggers.tekton.dev/eventlistener": "deploy", "triggers.tekton.dev/triggers-eventid": "e"},
		Annotations: map[string]string{"countersign.dev/approval": name},
	}}
	pr.Spec.PipelineRef, pr.Spec.Status = &pipelinev1.PipelineRef{Name: "approve-single"}, status
	if m.Client.Create(ctx, pr) == nil {
		m.made[name] = true
	}
}

// races makes a run as soon as something shows a new name, until ctx ends.
func (m *mallory) races(ctx context.Context, lists ...client.ObjectList) *sync.WaitGroup {
	var wg sync.WaitGroup
	for _, list := range lists {
		wg.Go(func() {
			for ctx.Err() == nil {
				w, err := m.Watch(ctx, list, client.InNamespace(m.NS))
				if err != nil {
					continue
				}
				for ev := range w.ResultChan() {
					switch o := ev.Object.(type) {
					case *pipelinev1.PipelineRun:
						m.run(ctx, o.Name, "")
					case *v1alpha1.Approval:
						if o.Status.DecidedAt != nil && o.Spec.Source.CustomRun == nil {
							m.run(ctx, o.Name+"-again", "")
						}
					}
				}
				w.Stop()
			}
		})
	}
	return &wg
}

// Somebody who may make runs is first under every name that can be seen, with all labels
// of a Trigger's run, and has an approval task in it: no decision is the answer to it, and
// the run that was approved starts all the same.
func TestStrangerGetsNoAnswer(t *testing.T) {
	t.Parallel()
	e := example(t, "automatiko.yaml")
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, ""))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	m := &mallory{Env: e, Client: e.As("carol", "security"), made: map[string]bool{}}
	var names []string
	for i := range 3 {
		names = append(names, e.ApprovalOf(e.Part1(fmt.Sprintf("part-1-%d", i), "7")))
	}
	for _, name := range names { // the old attack: pending, before anybody decides
		m.run(t.Context(), name, pipelinev1.PipelineRunSpecStatusPending)
	}
	ctx, cancel := context.WithCancel(t.Context())
	wg := m.races(ctx, &v1alpha1.ApprovalList{}, &pipelinev1.PipelineRunList{})
	for _, name := range names {
		if v := e.Vote(name, token, "approve", "so be it"); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
	}
	for _, name := range names {
		e.Confirmed(name)
		run := e.RunOf(name)
		if m.made[run.Name] || run.Labels["approval"] != name || run.Spec.PipelineRef.Name != "part-2" {
			t.Errorf("%s is said to have started %s, of pipeline %s", name, run.Name, run.Spec.PipelineRef.Name)
		}
		letGo := []byte(`{"spec":{"status":null}}`)
		if err := m.Client.Patch(t.Context(), &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: name}}, client.RawPatch(types.MergePatchType, letGo)); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	wg.Wait()
	if len(m.made) < 2*len(names) {
		t.Fatalf("she made only %d runs: the test proves nothing", len(m.made))
	}
	// Each of her tasks asks people of its own, and none has an answer.
	e.Eventually(2*time.Minute, "her tasks to ask", func() error {
		asked := 0
		for _, a := range e.Approvals() {
			if c := a.Spec.Source.CustomRun; c != nil && m.made[c.PipelineRun] {
				if asked++; a.Status.Outcome != "" && a.Status.Outcome != "Pending" {
					t.Fatalf("approval %s of task %s is %s", a.Name, c.Name, a.Status.Outcome)
				}
			}
		}
		if asked != len(m.made) {
			return fmt.Errorf("%d of %d", asked, len(m.made))
		}
		return nil
	})
	for name := range m.made {
		if r := (run{e, t, name, "approval"}); r.customRun().IsDone() {
			t.Errorf("the task of %s is answered", name)
		}
	}
	if runs := slices.DeleteFunc(e.Runs("deploy"), func(pr pipelinev1.PipelineRun) bool { return m.made[pr.Name] }); len(runs) != len(names) {
		t.Errorf("%d runs were started, want %d", len(runs), len(names))
	}
}
