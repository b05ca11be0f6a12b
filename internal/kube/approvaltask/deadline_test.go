package approvaltask

import (
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestRunEnds: the time that people have is the least of their Gate's and of every limit
// that Tekton ends the waiting run by.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	d := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	const quarter = 15 * time.Minute
	for name, c := range map[string]struct {
		timeouts *pipelinev1.TimeoutFields
		task     string
		lifetime time.Duration
		want     time.Duration // after the run's start; 0: the Gate's
	}{
		"none is known":          {nil, "ask", 24 * time.Hour, 0},
		"the run's":              {&pipelinev1.TimeoutFields{Pipeline: d(time.Hour)}, "ask", 24 * time.Hour, time.Hour},
		"no limit":               {&pipelinev1.TimeoutFields{Pipeline: d(0)}, "ask", 24 * time.Hour, 0},
		"the Gate's comes first": {&pipelinev1.TimeoutFields{Pipeline: d(time.Hour)}, "ask", 5 * time.Minute, 0},
		"the tasks'":             {&pipelinev1.TimeoutFields{Pipeline: d(time.Hour), Tasks: d(40 * time.Minute)}, "ask", 24 * time.Hour, 40 * time.Minute},
		"what finally leaves":    {&pipelinev1.TimeoutFields{Pipeline: d(time.Hour), Finally: d(quarter)}, "ask", 24 * time.Hour, 45 * time.Minute},
		"in finally":             {&pipelinev1.TimeoutFields{Pipeline: d(2 * time.Hour), Finally: d(quarter)}, "late", 24 * time.Hour, 30*time.Minute + quarter},
		"in finally, the run's":  {&pipelinev1.TimeoutFields{Pipeline: d(35 * time.Minute), Tasks: d(time.Minute)}, "late", 24 * time.Hour, 35 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(ct.T0.Add(-time.Minute))}}
			run.Spec.Timeouts = c.timeouts
			run.Status.StartTime, run.Status.FinallyStartTime = &metav1.Time{Time: ct.T0}, &metav1.Time{Time: ct.T0.Add(30 * time.Minute)}
			run.Status.PipelineSpec = &pipelinev1.PipelineSpec{Tasks: []pipelinev1.PipelineTask{{Name: "ask"}}, Finally: []pipelinev1.PipelineTask{{Name: "late"}}}
			a := ct.Make("a").Task("automatiko").Lifetime(c.lifetime).Obj()
			limitBy(a.Resolved, Member{Run: run, Task: pipelinev1.PipelineTask{Name: c.task}}, ct.T0)
			want := a.ExpiresAt()
			if c.want > 0 {
				want = ct.T0.Add(c.want)
			}
			if !a.Deadline().Equal(want) {
				t.Errorf("deadline %s, want %s", a.Deadline(), want)
			}
			// The Gate's rule for nobody's decision is not what the run's own end brings.
			a.Resolved.Policy.OnExpiry = approvals.ApproveOnExpiry
			if ended, did := approvals.Expire(a, a.Deadline()); c.want > 0 && (did != approvals.NoChange || ended.Decided()) {
				t.Errorf("%s by the run's end", ended.Outcome)
			}
		})
	}
}
