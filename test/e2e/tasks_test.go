//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/test/cluster"
)

// groupsOf are the people of the examples. What they do is asked of the API server as
// them.
var groupsOf = map[string][]string{"alice": {"operations"}, "bob": {"operations"}, "carol": {"security"}, "dave": nil}

// people lets them vote, and answer; who counts is said elsewhere.
const people = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: people}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: User, name: alice}, {kind: User, name: bob}, {kind: User, name: carol}, {kind: User, name: dave}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: approvers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: countersign-approvaltask-approver}
subjects: [{kind: User, name: alice}, {kind: Group, name: operations}, {kind: User, name: dave}]
`

// example is a namespace with the pipelines of an example as they stand, but for what
// is replaced.
func example(t *testing.T, file string, replace ...string) *cluster.Env {
	t.Helper()
	was := exampleText(t, file)
	text := strings.NewReplacer(replace...).Replace(was)
	if len(replace) > 0 && text == was {
		t.Fatalf("%s has none of %q", file, replace)
	}
	e := inhabited(t)
	e.Apply(text)
	return e
}

func exampleText(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(os.Getenv("COUNTERSIGN_ROOT") + "/examples/approvaltask/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// inhabited is a namespace with people in it.
func inhabited(t *testing.T) *cluster.Env {
	t.Helper()
	e := cluster.New(t)
	e.Apply(people)
	return e
}

// run is a run with an approval task in the middle.
type run struct {
	*cluster.Env
	t          *testing.T
	name, task string // of the PipelineRun, and of the task in it
}

// start runs a Pipeline.
func start(t *testing.T, e *cluster.Env, pipeline, name, task string) run {
	t.Helper()
	pr := &pipelinev1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: name},
		Spec:       pipelinev1.PipelineRunSpec{PipelineRef: &pipelinev1.PipelineRef{Name: pipeline}},
	}
	if err := e.Create(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	return run{e.For(t), t, name, task}
}

// startWith runs what is written: a PipelineRun's spec.
func startWith(t *testing.T, e *cluster.Env, name, task, spec string) run {
	t.Helper()
	e.For(t).Apply("apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: " + name + "}\nspec:\n" + spec)
	return run{e.For(t), t, name, task}
}

// refs has the reference of a task to each kind, with params by which alice can decide.
var refs = map[string]string{
	tasks.Automatiko: `
      taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, name: approvaltask}
      params: [{name: approvers, value: [alice]}]`,
	tasks.ManualApprovalGate: `
      taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}
      params: [{name: approvers, value: [alice]}]`,
	tasks.KubeRocketCI: `
      taskRef: {apiVersion: edp.epam.com/v1alpha1, kind: ApprovalTask, name: approve}
      params: [{name: gate, value: alices}]`,
}

// alices is the Gate of those tasks that do not say who decides.
const alices = `
apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: alices}
spec: {approvers: {users: [{name: alice}]}}`

// waitsOnly is the spec of a run of nothing but an approval task.
func waitsOnly(kind, extra string) string {
	return "  pipelineSpec:\n    tasks:\n    - name: wait" + refs[kind] + extra + "\n"
}

func (r run) child() types.NamespacedName {
	return types.NamespacedName{Namespace: r.NS, Name: r.name + "-" + r.task}
}

func (r run) pipelineRun() *pipelinev1.PipelineRun {
	r.t.Helper()
	var pr pipelinev1.PipelineRun
	if err := r.Get(r.t.Context(), types.NamespacedName{Namespace: r.NS, Name: r.name}, &pr); err != nil {
		r.t.Fatal(err)
	}
	return &pr
}

func (r run) customRun() *pipelinev1beta1.CustomRun {
	r.t.Helper()
	var cr pipelinev1beta1.CustomRun
	if err := r.Get(r.t.Context(), r.child(), &cr); err != nil {
		r.t.Fatal(err)
	}
	return &cr
}

// asked waits for the Approval of an attempt, and until its task says that it waits.
func (r run) asked(attempt int32) *v1alpha1.Approval {
	r.t.Helper()
	var out *v1alpha1.Approval
	r.Eventually(2*time.Minute, fmt.Sprintf("attempt %d of %s", attempt, r.child().Name), func() error {
		for _, a := range r.Approvals() {
			if s := a.Spec.Source.CustomRun; s != nil && s.Name == r.child().Name && s.Attempt == attempt {
				if c := r.customRun().Status.GetCondition(apis.ConditionSucceeded); c == nil || c.Status != corev1.ConditionUnknown {
					return fmt.Errorf("the CustomRun says %+v", c)
				}
				out = &a
				return nil
			}
		}
		return fmt.Errorf("not among %d approvals", len(r.Approvals()))
	})
	return out
}

// vote makes somebody's Vote, and returns its status once it has a state.
func (r run) vote(approval, who, verdict, comment string) v1alpha1.VoteStatus {
	r.t.Helper()
	v := &v1alpha1.Vote{ObjectMeta: metav1.ObjectMeta{Namespace: r.NS, GenerateName: "v-"}}
	v.Spec = v1alpha1.VoteSpec{Approval: approval, Voter: who, Groups: groupsOf[who], Verdict: verdict, Comment: comment}
	as := r.As(who, groupsOf[who]...)
	r.Eventually(time.Minute, "RBAC to know "+who, func() error { return as.Create(r.t.Context(), v) })
	r.Eventually(2*time.Minute, "what becomes of "+who+"'s vote", func() error {
		if err := r.Get(r.t.Context(), types.NamespacedName{Namespace: r.NS, Name: v.Name}, v); err != nil {
			return err
		}
		if v.Status.State == "" {
			return fmt.Errorf("nothing yet")
		}
		return nil
	})
	return v.Status
}

// says casts a vote that counts.
func (r run) says(approval, who, verdict, comment string) {
	r.t.Helper()
	if got := r.vote(approval, who, verdict, comment); got.State != v1alpha1.VoteRecorded {
		r.t.Fatalf("%s's vote: %+v", who, got)
	}
}

// ends waits for the run's end, which must be this one.
func (r run) ends(status corev1.ConditionStatus, reason string) *pipelinev1.PipelineRun {
	r.t.Helper()
	var pr *pipelinev1.PipelineRun
	r.Eventually(5*time.Minute, "the end of "+r.name, func() error {
		if pr = r.pipelineRun(); !pr.IsDone() {
			return fmt.Errorf("%+v", pr.Status.GetCondition(apis.ConditionSucceeded))
		}
		return nil
	})
	if c := pr.Status.GetCondition(apis.ConditionSucceeded); c.Status != status || c.Reason != reason {
		r.t.Errorf("%s ends %s %s: %s; want %s %s", r.name, c.Status, c.Reason, c.Message, status, reason)
	}
	return pr
}

// answered waits until the task has its answer.
func (r run) answered(status corev1.ConditionStatus, reason string) *pipelinev1beta1.CustomRun {
	r.t.Helper()
	var cr *pipelinev1beta1.CustomRun
	r.Eventually(2*time.Minute, "the answer to "+r.child().Name, func() error {
		if cr = r.customRun(); !cr.IsDone() {
			return fmt.Errorf("%+v", cr.Status.GetCondition(apis.ConditionSucceeded))
		}
		return nil
	})
	if c := cr.Status.GetCondition(apis.ConditionSucceeded); c.Status != status || c.Reason != reason || cr.Status.CompletionTime == nil {
		r.t.Errorf("%s ends %s %s: %s; want %s %s", cr.Name, c.Status, c.Reason, c.Message, status, reason)
	}
	return cr
}

// outcome waits until an Approval has ended so.
func (r run) outcome(approval, want string) *v1alpha1.Approval {
	r.t.Helper()
	var a *v1alpha1.Approval
	r.Eventually(2*time.Minute, "the end of approval "+approval, func() error {
		if a = r.Approval(approval); string(a.Status.Outcome) != want {
			return fmt.Errorf("outcome %s, want %s", a.Status.Outcome, want)
		}
		return nil
	})
	return a
}

// results must be what the task gives to those that come after it.
func (r run) results(want map[string]string) {
	r.t.Helper()
	got := map[string]string{}
	for _, x := range r.customRun().Status.Results {
		got[x.Name] = x.Value
	}
	if !maps.Equal(got, want) {
		r.t.Errorf("results of %s: %q, want %q", r.child().Name, got, want)
	}
}

// log returns what a task of the run has printed. The task must have one pod.
func (r run) log(task string) string {
	r.t.Helper()
	pods, err := r.Clientset.CoreV1().Pods(r.NS).List(r.t.Context(), listOptions("tekton.dev/pipelineRun="+r.name+",tekton.dev/pipelineTask="+task))
	if err != nil {
		r.t.Fatal(err)
	}
	if len(pods.Items) != 1 {
		r.t.Fatalf("%d pods of task %s", len(pods.Items), task)
	}
	s, err := r.Clientset.CoreV1().Pods(r.NS).GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{Container: pods.Items[0].Spec.Containers[0].Name}).Stream(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.Close()
	b, err := io.ReadAll(s)
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// ran are the tasks with a pod.
func (r run) ran() map[string]bool {
	r.t.Helper()
	out := map[string]bool{}
	for _, c := range r.pipelineRun().Status.ChildReferences {
		if c.Kind == "TaskRun" {
			out[c.PipelineTaskName] = true
		}
	}
	return out
}

// object is the object that the task's kind has of its own.
func (r run) object(kind string) *unstructured.Unstructured {
	r.t.Helper()
	m, _ := tasks.Find(kind)
	key := r.child()
	if kind == tasks.KubeRocketCI {
		key.Name += "-approval"
	}
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.FromAPIVersionAndKind(m.APIVersion, m.Kind))
	r.Eventually(time.Minute, m.Kind+" "+key.Name, func() error { return r.Get(r.t.Context(), key, o) })
	return o
}

// event waits for an event on the task's CustomRun, and returns what it says.
func (r run) event(reason string) string {
	r.t.Helper()
	note := ""
	r.Eventually(time.Minute, "event "+reason+" on "+r.child().Name, func() error {
		l, err := r.Clientset.EventsV1().Events(r.NS).List(r.t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, x := range l.Items {
			if x.Regarding.Kind == "CustomRun" && x.Regarding.Name == r.child().Name && x.Reason == reason {
				note = x.Note
				return nil
			}
		}
		return fmt.Errorf("not among %d events", len(l.Items))
	})
	return note
}
