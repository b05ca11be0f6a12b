//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// bare is a Trigger without a gate beside the gated one, on the same
// EventListener: the same template, started by a plain post. Its filter keeps our
// signed event away.
const bare = `
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: bare}
spec:
  interceptors:
    - ref: {kind: ClusterInterceptor, name: cel}
      params: [{name: filter, value: "header.match('X-Bench', 'bare')"}]
  bindings:
    - {name: run, value: $(body.run)}
    - {name: version, value: $(body.version)}
    - {name: decision, value: $(body.decision)}
    - {name: comment, value: $(body.comment)}
  template: {ref: deploy}`

type stage struct {
	*cluster.Env
	runs     *seen
	listener string
	token    string
}

func newStage(t *testing.T) *stage {
	e := begin(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, ""))
	e.Apply(bare)
	e.Apply(cluster.Gated("deploy", "gate", ", {triggerRef: bare}"))
	return &stage{Env: e, runs: watchRuns(t, e), listener: e.ListenerURL("deploy"), token: token}
}

// pend has n Approvals pending and returns their names.
func (s *stage) pend(t *testing.T, prefix string, n int) []string {
	t.Helper()
	before := len(s.Approvals())
	for i := range n {
		s.Part1(fmt.Sprintf("%s-%d", prefix, i), "1")
	}
	var names []string
	s.Eventually(2*time.Minute, "pending approvals", func() error {
		names = names[:0]
		for _, a := range s.Approvals() {
			if a.Status.Outcome == "Pending" {
				names = append(names, a.Name)
			}
		}
		if len(names) != n {
			return fmt.Errorf("%d of %d are pending (%d before)", len(names), n, before)
		}
		return nil
	})
	return names
}

func (s *stage) postBare(t *testing.T, run string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"run": run, "version": "1", "decision": "true", "comment": "fine"})
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Post(s.listener, map[string]string{"X-Bench": "bare"}, body); a.Status != 202 {
		t.Errorf("bare post: %d %s", a.Status, a.Body)
	}
}

func (s *stage) approve(t *testing.T, name string) {
	t.Helper()
	if a := s.Vote(name, s.token, "approve", "fine"); a.Status != 201 {
		t.Errorf("vote: %d %s", a.Status, a.Body)
	}
}

// One vote to its run, against one bare post to its run, turn by turn; and what of it
// is the price of one recorded write before the post, anyone who makes it.
func TestVoteToRun(t *testing.T) {
	s := newStage(t)
	const turns = 40
	names := s.pend(t, "one", turns)
	recorder := s.recorder()
	var ours, theirs, floor, answered []float64
	for i, name := range names {
		start := time.Now()
		s.approve(t, name)
		answered = append(answered, ms(time.Since(start)))
		ours = append(ours, ms(s.runs.wait(t, []string{name}, 20*time.Second).Sub(start)))
		time.Sleep(150 * time.Millisecond) // let what follows a release end
		bare := fmt.Sprintf("bare-%d", i)
		start = time.Now()
		s.postBare(t, bare)
		theirs = append(theirs, ms(s.runs.wait(t, []string{bare}, 20*time.Second).Sub(start)))
		time.Sleep(150 * time.Millisecond)
		bare += "-written"
		start = time.Now()
		s.record(t, recorder, name)
		s.postBare(t, bare)
		floor = append(floor, ms(s.runs.wait(t, []string{bare}, 20*time.Second).Sub(start)))
		time.Sleep(150 * time.Millisecond)
	}
	report("vote POST → run visible / bare POST after one status write", ours, floor, "ms", 1.1)
	reportFloor("the bare post", ours, floor, theirs)
	fmt.Printf("bench:   of which the voter waits %.1f ms for the answer\n", median(answered))
}

// 100 decisions at once, against 100 bare posts at once; and what of it is the price of
// one recorded write before each post, anyone who makes it.
func TestBurst(t *testing.T) {
	s := newStage(t)
	const n, rounds = 100, 5
	lost := 0
	recorder := s.recorder()
	var ours, theirs, floor []float64
	oursCPU, floorCPU := cpuUse{}, cpuUse{}
	for r := range rounds {
		names := s.pend(t, fmt.Sprintf("burst-%d", r), n)
		time.Sleep(3 * time.Second) // both bursts meet a cluster at rest
		cpu := cpuOfAll()
		start := time.Now()
		atOnce(names, func(name string) { s.approve(t, name) })
		ours = append(ours, ms(s.runs.wait(t, names, 2*time.Minute).Sub(start)))
		oursCPU.add(cpu)
		time.Sleep(3 * time.Second)
		approvals := map[string]string{} // by the name of the bare run
		for i, name := range names {
			names[i] = fmt.Sprintf("bare-%d-%d", r, i)
			approvals[names[i]] = name
		}
		start = time.Now()
		atOnce(names, func(name string) { s.postBare(t, name) })
		last, missing := s.runs.settled(names, 10*time.Second)
		lost += missing
		theirs = append(theirs, ms(last.Sub(start)))
		time.Sleep(3 * time.Second)
		cpu = cpuOfAll()
		start = time.Now()
		atOnce(names, func(name string) {
			s.record(t, recorder, approvals[name])
			s.postBare(t, name+"-written")
		})
		for i := range names {
			names[i] += "-written"
		}
		last, missing = s.runs.settled(names, 10*time.Second)
		lost += missing
		floor = append(floor, ms(last.Sub(start)))
		floorCPU.add(cpu)
		time.Sleep(3 * time.Second)
	}
	if lost > 0 {
		// The sink tries once; what it could not do is only in its log.
		fmt.Printf("bench:   of the bare posts %d of %d, all answered 202, came to nothing\n", lost, 2*n*rounds)
	}
	report("100 approved at once → 100 runs / 100 bare posts so written", ours, floor, "ms", 1.1)
	reportFloor("100 bare posts", ours, floor, theirs)
	fmt.Printf("bench:   CPU until the last run is there, in ms each: ours %s\nbench:     so written %s\n", oursCPU.per(n*rounds), floorCPU.per(n*rounds))
}

// recorder may write statuses, as the service may.
func (s *stage) recorder() client.Client {
	return s.As("system:serviceaccount:" + cluster.ServiceNamespace + ":countersign")
}

// record is one status write of a decided Approval, as small as one can be.
func (s *stage) record(t *testing.T, as client.Client, name string) {
	t.Helper()
	a := &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: s.NS, Name: name}}
	if err := as.Status().Patch(t.Context(), a, client.RawPatch(types.MergePatchType, []byte(`{"status":{"secondRun":{"eventID":"written"}}}`))); err != nil {
		t.Errorf("status of %s: %v", name, err)
	}
}

func atOnce(names []string, do func(string)) {
	var wg sync.WaitGroup
	for _, n := range names {
		wg.Go(func() { do(n) })
	}
	wg.Wait()
}
