//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/test/cluster"
)

// rerunKill is a place in a rerun where the process is killed.
type rerunKill struct {
	name  string
	fault cluster.Fault
	kill  killer
}

// The service is killed with kill -9 between each pair of the steps of a rerun, whether it was asked
// for over the API or by a Vote, as tkn does. There is one more run, one rerun, and one line of it in the
// audit log. The Gate would allow three, so the limit hides none.
func TestRerunKilledBetweenSteps(t *testing.T) {
	asked := standIn(t, cluster.New(t))
	status := func(path string) bool {
		return strings.Contains(path, "/approvals/") && strings.HasSuffix(path, "/status")
	}
	// A status is written whole, and what it lost is null.
	recorded := func(_, path, body string) bool {
		return status(path) && strings.Contains(body, `"reruns":[`) && !strings.Contains(body, `"secondRun":{`)
	}
	seen := func(_, path, body string) bool {
		return status(path) && strings.Contains(body, `"reruns":[`) && strings.Contains(body, `"secondRun":{`)
	}
	kills := []rerunKill{
		{"before it is recorded", cluster.Fault{Match: recorded}, byRequest},
		{"after it is recorded, before the post", cluster.Fault{Match: recorded, After: true}, byRequest},
		{"after the post, before the EventListener creates", cluster.Fault{}, byQuestion},
		{"after the post, before the run is seen", cluster.Fault{Match: seen}, byRequest},
		{"after the run is seen", cluster.Fault{Match: seen, After: true}, byRequest},
	}
	for _, kill := range kills {
		t.Run(kill.name+", by the API", func(t *testing.T) { kill.run(t, asked, (*rerunOf).post) })
	}
	for _, kill := range kills[:2] { // once it is recorded, nothing depends on who asked
		t.Run(kill.name+", by a Vote", func(t *testing.T) { kill.run(t, asked, (*rerunOf).vote) })
	}
}

// rerunOf is an Approval whose run failed.
type rerunOf struct {
	*keeper
	name    string
	created bool
}

// run takes an Approval to a run that fails, and on to the next one, with the kill on the way.
func (x rerunKill) run(t *testing.T, asked *questions, ask func(*rerunOf) error) {
	t.Helper()
	r := &rerunOf{keeper: keeping(t, t.TempDir(), "  rerun: {limit: 3, allow: [Deciders]}")}
	r.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editors}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: approver}]`)
	r.name = r.pending()
	taken(t, r.keeper.vote(r.name), `"outcome": "Approved"`)
	r.released(r.name)
	first := r.Approval(r.name).Status.SecondRun
	r.end(first.Name, corev1.ConditionFalse)

	killed := x.arm(t, r.keeper, asked)
	r.Eventually(2*time.Minute, "the rerun", func() error {
		r.alive()
		return ask(r)
	})
	r.Eventually(2*time.Minute, "the next run", func() error {
		r.alive()
		if n := r.Approval(r.name).Status.SecondRun; n == nil || n.UID == first.UID {
			return fmt.Errorf("the run is %+v", n)
		}
		return nil
	})
	r.Eventually(time.Minute, "the kill", func() error {
		if !killed() {
			return fmt.Errorf("the fault did not fire: the test proves nothing")
		}
		return nil
	})
	r.alive()
	r.end(r.Approval(r.name).Status.SecondRun.Name, corev1.ConditionTrue)
	// A second life after everything is done must find nothing to do.
	r.restart()
	r.once(first)
}

// arm has the process killed at its place. killed reports whether that has happened.
func (x rerunKill) arm(t *testing.T, k *keeper, asked *questions) (killed func() bool) {
	t.Helper()
	k.p.Arm(k.Env, x.fault)
	if x.kill != byQuestion {
		return k.p.Fired
	}
	k.restart() // which ends the connection that the EventListener keeps: its next question comes over another one
	var done atomic.Bool
	asked.on(func() {
		if done.CompareAndSwap(false, true) {
			k.p.Kill()
		}
	})
	t.Cleanup(func() { asked.on(nil) })
	return done.Load
}

// end ends a run, and waits until the Approval says so.
func (r *rerunOf) end(run string, succeeded corev1.ConditionStatus) {
	r.t.Helper()
	pr := r.Run(run)
	now := metav1.Now()
	pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: succeeded, Reason: "Ended"})
	pr.Status.StartTime, pr.Status.CompletionTime = &now, &now
	if err := r.Status().Update(r.t.Context(), pr); err != nil {
		r.t.Fatal(err)
	}
	r.Eventually(2*time.Minute, "the end of "+run, func() error {
		r.alive()
		if n := r.Approval(r.name).Status.SecondRun; n == nil || n.Name != run || n.Outcome == "" {
			return fmt.Errorf("the run is %+v", n)
		}
		return nil
	})
}

// post asks over the API, again until there is an answer, as somebody does who saw none.
func (r *rerunOf) post() error {
	body, err := json.Marshal(map[string]string{"reason": "the disk was full"})
	if err != nil {
		return err
	}
	a := r.Post("http://"+cluster.NodeAddress+":18080/api/v1/namespaces/"+r.NS+"/approvals/"+r.name+"/rerun", map[string]string{"Authorization": "Bearer " + r.token}, body)
	if a.Status == http.StatusConflict && len(r.Approval(r.name).Status.Reruns) > 0 {
		return nil // it was recorded, and the answer was lost
	}
	if a.Status != http.StatusOK {
		return fmt.Errorf("%d %s", a.Status, a.Body)
	}
	return nil
}

// vote asks by one Vote, and once: what it says is the service's to do, however often that dies.
func (r *rerunOf) vote() error {
	if r.created {
		return nil
	}
	raw, err := json.Marshal(map[string]any{
		"apiVersion": "countersign.dev/v1alpha1", "kind": "Vote", "metadata": map[string]string{"name": "rerun"},
		"spec": map[string]string{"approval": r.name, "voter": r.user, "verdict": v1alpha1.VerdictRerun, "comment": "the disk was full"},
	})
	if err != nil {
		return err
	}
	if a := r.PostAPI("/apis/countersign.dev/v1alpha1/namespaces/"+r.NS+"/votes", r.token, raw); a.Status != http.StatusCreated {
		return fmt.Errorf("%d %s", a.Status, a.Body)
	}
	r.created = true
	return nil
}

// once: one decision, two runs, and one rerun after the first of them, in the Approval and in the audit log.
func (r *rerunOf) once(first *v1alpha1.SecondRun) {
	r.t.Helper()
	lines := r.has(r.name, slices.Concat(wholeLife, []record.Kind{record.RunEnded, record.Rerun, record.Released, record.RunEnded})...)
	if runs := r.Runs("deploy"); len(runs) != 2 {
		r.t.Errorf("%d runs, want the one that failed and one more", len(runs))
	}
	s := r.Approval(r.name).Status
	if len(s.Reruns) != 1 || s.Reruns[0].By != r.user || s.Reruns[0].Run.UID != first.UID || s.Reruns[0].Reason != "the disk was full" {
		r.t.Errorf("reruns %+v", s.Reruns)
	}
	if n := s.SecondRun; n.UID == first.UID || n.Outcome != "Succeeded" || s.Outcome != "Approved" || len(s.Votes) != 1 {
		r.t.Errorf("run %+v, outcome %s, %d votes", n, s.Outcome, len(s.Votes))
	}
	if l := lines[len(lines)-2]; l.SecondRun != s.SecondRun.Name {
		r.t.Errorf("the audit log has run %q, want %q", l.SecondRun, s.SecondRun.Name)
	}
	r.whole()
}
