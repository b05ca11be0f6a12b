package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestServer serves, finishes what it has begun when it is told to stop, and then
// ends.
func TestServer(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	var log lockedBuffer
	s := &server{name: "web", address: "127.0.0.1:0", intake: metricsIntake(nil, time.Now), log: slog.New(slog.NewTextHandler(&log, nil)), handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		_, _ = io.WriteString(w, "done")
	})}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Start(ctx) }()
	address := log.address(t)
	answer := make(chan string, 1)
	go func() {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := c.Get("http://" + address)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- string(b)
	}()
	<-begun
	cancel()
	close(finish)
	if got := <-answer; got != "done" {
		t.Errorf("the request that was under way: %s", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.address = taken.Addr().String()
	if err := s.Start(t.Context()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address that is taken: %v", err)
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
	ch chan struct{}
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.b.Write(p)
	if ch := l.wait(); strings.Contains(l.b.String(), "address=") {
		select {
		case <-ch:
		default:
			close(ch)
		}
	}
	return n, err
}

func (l *lockedBuffer) wait() chan struct{} {
	if l.ch == nil {
		l.ch = make(chan struct{})
	}
	return l.ch
}

// address waits for the line that says where the server serves.
func (l *lockedBuffer) address(t *testing.T) string {
	t.Helper()
	l.mu.Lock()
	ch := l.wait()
	l.mu.Unlock()
	<-ch
	l.mu.Lock()
	defer l.mu.Unlock()
	_, rest, ok := strings.Cut(l.b.String(), "address=")
	if !ok {
		t.Fatalf("log %s", l.b.String())
	}
	return strings.TrimSpace(rest)
}

// TestMetrics: few labels, none of them what people typed.
func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	store := ct.NewMemStore(ct.Make("a").Obj(), ct.Make("b").Obj(), ct.Make("c").Voted("alice", approvals.Approve, "").Obj())
	m, err := newMetrics(reg, store, "v0.1.0", func() time.Time { return ct.T0.Add(30 * time.Minute) })
	if err != nil {
		t.Fatal(err)
	}
	a := ct.Make("c").Voted("alice", approvals.Approve, "my words").With(func(a *approvals.Approval) { a.SecondRun = &approvals.Run{At: ct.T0.Add(90 * time.Second)} }).Obj()
	m.HandleOutcome(a)
	m.confirmed(a)
	m.observe("/links/{token}", http.MethodPost, 200, time.Millisecond)
	m.observe("none", "BREW", 405, time.Millisecond) // a label is never the sender's choice
	m.opened.WithLabelValues("prod", "apply").Inc()
	want := `
# HELP countersign_build_info Always 1. The labels say which version a replica runs.
# TYPE countersign_build_info gauge
countersign_build_info{goversion="` + runtime.Version() + `",version="v0.1.0"} 1
# HELP countersign_approvals_decided_total Approvals that ended, by outcome.
# TYPE countersign_approvals_decided_total counter
countersign_approvals_decided_total{outcome="Approved"} 1
# HELP countersign_approvals_pending Approvals that wait for a decision. Each replica reports all of them: take the maximum. -1 means unknown.
# TYPE countersign_approvals_pending gauge
countersign_approvals_pending 2
# HELP countersign_approvals_waiting Approvals that wait for a decision, by Gate, with labels as of countersign_approval_wait_seconds. Each replica reports all of them: take the maximum.
# TYPE countersign_approvals_waiting gauge
countersign_approvals_waiting{gate="production",namespace="prod"} 2
# HELP countersign_approvals_waiting_oldest_timestamp_seconds When the Approval was opened that has waited longest, by Gate; 0 if none waits. Each replica reports all of them: take the maximum.
# TYPE countersign_approvals_waiting_oldest_timestamp_seconds gauge
countersign_approvals_waiting_oldest_timestamp_seconds{gate="production",namespace="prod"} 1.7723556e+09
# HELP countersign_approvals_decision_seconds How long people took to decide in the last four weeks, by Gate: half of the time (quantile 0.5) and 9 times in 10 (0.9), of the Approvals that are still in the cluster. What ended without a decision of people is left out, and so is a Gate without labels of its own.
# TYPE countersign_approvals_decision_seconds gauge
countersign_approvals_decision_seconds{gate="production",namespace="prod",quantile="0.5"} 60
countersign_approvals_decision_seconds{gate="production",namespace="prod",quantile="0.9"} 60
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "countersign_build_info", "countersign_approvals_decided_total", "countersign_approvals_pending", "countersign_approvals_waiting", "countersign_approvals_waiting_oldest_timestamp_seconds", "countersign_approvals_decision_seconds"); err != nil {
		t.Error(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"namespace", "trigger", "gate", "reason", "version", "goversion", "verdict", "outcome", "taken", "channel", "delivered", "answer", "route", "method", "status", "quantile"}
	for _, f := range families {
		for _, x := range f.GetMetric() {
			for _, l := range x.GetLabel() {
				if !slices.Contains(allowed, l.GetName()) || strings.Contains(l.GetValue(), "alice") || strings.Contains(l.GetValue(), "my words") || l.GetValue() == "BREW" {
					t.Errorf("%s has label %s=%s", f.GetName(), l.GetName(), l.GetValue())
				}
			}
			switch h := x.GetHistogram(); f.GetName() {
			case "countersign_approval_wait_seconds":
				if h.GetSampleSum() != 60 {
					t.Errorf("waited %v s", h.GetSampleSum())
				}
			case "countersign_release_seconds":
				if h.GetSampleSum() != 30 {
					t.Errorf("released after %v s", h.GetSampleSum())
				}
			}
		}
	}
	store.Fail(approvals.Errorf(approvals.CodeUnavailable, "down"))
	if err := testutil.GatherAndCompare(reg, strings.NewReader("# HELP countersign_approvals_pending Approvals that wait for a decision. Each replica reports all of them: take the maximum. -1 means unknown.\n# TYPE countersign_approvals_pending gauge\ncountersign_approvals_pending -1\n"), "countersign_approvals_pending"); err != nil {
		t.Error(err)
	}
	if _, err := newMetrics(reg, store, "v0.1.0", func() time.Time { return ct.T0.Add(30 * time.Minute) }); err == nil {
		t.Error("registered twice without an error")
	}
}

// TestSlimRun keeps what is read and drops what is large.
func TestSlimRun(t *testing.T) {
	t.Parallel()
	pr := &pipelinev1.PipelineRun{}
	pr.Name, pr.Labels = "plan-1", map[string]string{"a": "b"}
	pr.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
	pr.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}", "countersign.dev/requester": "zoe"}
	pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "plan"}
	pr.Spec.Params = pipelinev1.Params{{Name: "env"}}
	pr.Spec.Workspaces = []pipelinev1.WorkspaceBinding{{Name: "src"}}
	pr.Spec.PipelineSpec, pr.Spec.TaskRunSpecs = &pipelinev1.PipelineSpec{}, []pipelinev1.PipelineTaskRunSpec{{}}
	pr.Status.PipelineSpec, pr.Status.ChildReferences = &pipelinev1.PipelineSpec{}, []pipelinev1.ChildStatusReference{{}}
	pr.Status.CompletionTime, pr.Status.Results = &metav1.Time{Time: ct.T0}, []pipelinev1.PipelineRunResult{{Name: "digest"}}
	want := &pipelinev1.PipelineRun{}
	want.Name, want.Labels, want.Annotations = "plan-1", pr.Labels, map[string]string{"countersign.dev/requester": "zoe"}
	want.Spec.PipelineRef, want.Spec.Params, want.Spec.Workspaces = pr.Spec.PipelineRef, pr.Spec.Params, pr.Spec.Workspaces
	want.Status.CompletionTime, want.Status.Results = pr.Status.CompletionTime, pr.Status.Results
	pipelinerun.InPart(want)
	whole := pr.DeepCopy()
	got, err := slimRun(&verifyrun.Awaited{})(pr)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	awaited := &verifyrun.Awaited{}
	awaited.Add(approvals.Approval{RunName: "plan-1"})
	if got, err := slimRun(awaited)(whole); err != nil || got.(*pipelinev1.PipelineRun).Spec.PipelineSpec == nil || got.(*pipelinev1.PipelineRun).Status.PipelineSpec != nil || len(got.(*pipelinev1.PipelineRun).ManagedFields) != 0 {
		t.Errorf("one that is awaited: %+v, %v", got, err)
	}
	if got, err := slimRun(&verifyrun.Awaited{})("a tombstone"); err != nil || got != "a tombstone" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestSlimRunOfMuch drops values where they are more than a little, and says so: what is to
// be asked about is read whole then.
func TestSlimRunOfMuch(t *testing.T) {
	t.Parallel()
	much := strings.Repeat("x", 10_000)
	value := *pipelinev1.NewStructuredValues(much)
	for what, change := range map[string]func(*pipelinev1.PipelineRun){
		"params": func(pr *pipelinev1.PipelineRun) { pr.Spec.Params = pipelinev1.Params{{Name: "p", Value: value}} },
		"results": func(pr *pipelinev1.PipelineRun) {
			pr.Status.Results = []pipelinev1.PipelineRunResult{{Name: "r", Value: value}}
		},
		"annotations": func(pr *pipelinev1.PipelineRun) { pr.Annotations["a"] = much },
		"resolver's params": func(pr *pipelinev1.PipelineRun) {
			pr.Spec.PipelineRef.Params = pipelinev1.Params{{Name: "serverURL", Value: value}, {Name: "url", Value: value}}
		},
	} {
		pr := &pipelinev1.PipelineRun{}
		pr.Name, pr.Annotations = "plan-1", map[string]string{"countersign.dev/requester": "zoe"}
		pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "plan"}
		change(pr)
		got, err := slimRun(&verifyrun.Awaited{})(pr)
		raw, _ := json.Marshal(got)
		if err != nil || len(raw) > 1000 || !strings.Contains(string(raw), "without values") || pr.Annotations["countersign.dev/requester"] != "zoe" {
			t.Errorf("%s: %v, %d bytes: %.300s", what, err, len(raw), raw)
		}
		if what == "resolver's params" && (len(pr.Spec.PipelineRef.Params) != 1 || pr.Spec.PipelineRef.Params[0].Name != "serverURL") {
			t.Errorf("whether a server was named is not known any more: %v", pr.Spec.PipelineRef.Params)
		}
	}
}

// TestSlimVote drops what a Vote said once that was looked at.
func TestSlimVote(t *testing.T) {
	t.Parallel()
	of := func(state v1alpha1.VoteState) *v1alpha1.Vote {
		v := &v1alpha1.Vote{}
		v.Name, v.Spec.Approval, v.Spec.Comment = "v", "a", "fine"
		v.Status.State = state
		return v
	}
	for state, want := range map[v1alpha1.VoteState]string{"": "fine", v1alpha1.VoteRecorded: "", v1alpha1.VoteRefused: ""} {
		got, err := slimVote(of(state))
		if v := got.(*v1alpha1.Vote); err != nil || v.Spec.Comment != want || v.Spec.Approval != "a" || v.Status.State != state {
			t.Errorf("%q: %+v, %v", state, v, err)
		}
	}
	if got, err := slimVote("a tombstone"); err != nil || got != "a tombstone" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestSlimTask keeps whose it is, how often it was tried and whether it has ended.
func TestSlimTask(t *testing.T) {
	t.Parallel()
	cr := &pipelinev1beta1.CustomRun{}
	cr.Name, cr.Labels, cr.Annotations = "r-approval", map[string]string{"tekton.dev/pipelineTask": "approval"}, map[string]string{"a": "large"}
	cr.OwnerReferences = []metav1.OwnerReference{{Name: "r"}}
	cr.Spec.CustomRef, cr.Spec.Retries, cr.Spec.Status = &pipelinev1beta1.TaskRef{Kind: "ApprovalTask"}, 2, pipelinev1beta1.CustomRunSpecStatusCancelled
	cr.Spec.Params = pipelinev1beta1.Params{{Name: "description"}}
	cr.Status.StartTime = &metav1.Time{Time: ct.T0}
	cr.Status.MarkCustomRunRunning("Running", "waits")
	cr.Status.RetriesStatus = []pipelinev1beta1.CustomRunStatus{cr.Status}
	cr.Status.Results = []pipelinev1beta1.CustomRunResult{{Name: "comment"}}
	want := cr.DeepCopy()
	want.Annotations, want.Spec.Params, want.Status.Results = nil, nil, nil
	want.Status.RetriesStatus = make([]pipelinev1beta1.CustomRunStatus, 1)
	got, err := slimTask(cr)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	if got, err := slimTask("a tombstone"); err != nil || got != "a tombstone" {
		t.Errorf("%v, %v", got, err)
	}
}
