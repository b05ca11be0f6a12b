package openshift

import (
	"context"
	"encoding/base64"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// world is one task of a run that waits for an Approval, and its ApprovalTask.
type world struct {
	*kubetest.Cluster
	t      *testing.T
	store  *store.Store
	desk   *approvals.VoteService
	mirror *Mirror
	tasks  *ApprovalTasks
	events *events.FakeRecorder
	run    *pipelinev1beta1.CustomRun

	mu   sync.Mutex
	time time.Time
}

var key = types.NamespacedName{Namespace: "prod", Name: "deploy-1-approval"}

// newWorld has alice, carol and group dev asked, of whom two must approve.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Cluster: kubetest.New(t), t: t, time: ct.T0, events: events.NewFakeRecorder(10)}
	ring := keyring.Ring{keyring.NewKey(ct.T0)}
	w.store = &store.Store{Client: w, Live: w, Ring: func() keyring.Ring { return ring }, Now: w.now}
	w.desk = &approvals.VoteService{
		Store: w.store, Now: w.now, Outcomes: ct.NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {},
		Results: ct.DefaultResults{},
	}
	guards := &identity.Guards{Live: w, Now: w.now}
	w.mirror = &Mirror{Client: w, Guards: guards, Now: w.now}
	w.tasks = &ApprovalTasks{
		Client: w, Store: w.store, Desk: w.desk, Guards: guards, Mirror: w.mirror, Events: w.events, Now: w.now,
		Log: slog.New(slog.DiscardHandler),
	}
	w.run = &pipelinev1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: "custom-1"}}
	w.create(signed(ring, "a"))
	return w
}

// signed is an Approval as the service opens it.
func signed(ring keyring.Ring, name string) *v1alpha1.Approval {
	o := &v1alpha1.Approval{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(ct.T0)},
		Spec: v1alpha1.ApprovalSpec{
			Source: v1alpha1.Source{CustomRun: &v1alpha1.CustomRunSource{
				Name: key.Name, UID: "custom-1", PipelineRun: "deploy-1", PipelineRunUID: "run-1", Pipeline: "deploy", PipelineTask: "approval",
				Mapping: "manual-approval-gate", StartedAt: metav1.NewTime(ct.T0),
			}},
			Resolved: &v1alpha1.ResolvedSpec{Gate: approvals.InlineGate, Digest: "d", Policy: &v1alpha1.GateSpec{
				Approvers: &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "alice"}, {Name: "carol"}}, Groups: []string{"dev"}},
				Strategy:  "QUORUM", Required: 2, Requester: "Exclude", ExpiresAfter: "1h",
				ReleaseOn: []v1alpha1.ReleasingOutcome{"Approved"},
			}},
		},
		Status: v1alpha1.ApprovalStatus{Outcome: "Pending"},
	}
	sign := func(parts ...any) string {
		return base64.RawStdEncoding.EncodeToString(ring.Sign(keyring.Approval, []byte(approvals.Digest(parts...))))
	}
	o.Spec.SourceSignature = sign("source", o.Namespace, o.Name, o.Spec.Trigger, o.Spec.Source)
	o.Spec.Signature = sign("approval", o.Namespace, o.Name, o.Spec)
	return o
}

// guard puts the policy there that proves whose an answer is.
func (w *world) guard(at time.Time) {
	name := metav1.ObjectMeta{Name: identity.GuardOfAnswers, CreationTimestamp: metav1.NewTime(at)}
	w.create(&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: name})
	w.create(&admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: identity.GuardOfAnswers, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
	}})
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.Create(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

// asked has the policy there and the ApprovalTask made and looked at.
func asked(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.guard(w.now().Add(-time.Hour))
	w.keep()
	w.step()
	return w
}

func (w *world) keep() {
	w.t.Helper()
	if err := w.mirror.Sync(w.t.Context(), w.run, w.approval()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) step() {
	w.t.Helper()
	if _, err := w.tasks.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: key}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) approval() approvals.Approval {
	w.t.Helper()
	a, err := w.store.Fresh(w.t.Context(), approvals.Key{Namespace: key.Namespace, Name: "a"})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) task() *openshiftv1.ApprovalTask {
	w.t.Helper()
	var o openshiftv1.ApprovalTask
	if err := w.Get(w.t.Context(), key, &o); err != nil {
		w.t.Fatal(err)
	}
	return &o
}

// answer is what the policy lets people write, a minute later.
func (w *world) answer(change func(entries []openshiftv1.Approver)) {
	w.t.Helper()
	w.wait(time.Minute)
	o := w.task()
	change(o.Spec.Approvers)
	if err := w.Update(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) says(entry int, input openshiftv1.Input, message string) {
	w.t.Helper()
	w.answer(func(e []openshiftv1.Approver) { e[entry].Input, e[entry].Message = input, message })
}

// summary is the votes, and what became of the answers.
func (w *world) summary() string {
	w.t.Helper()
	a, o := w.approval(), w.task()
	var out []string
	for _, v := range a.Votes {
		out = append(out, strings.TrimSpace(v.Voter+" "+string(v.Verdict)+" "+v.Comment))
	}
	out = append(out, "("+string(o.Status.State)+")")
	for _, x := range o.Status.Answers {
		out = append(out, x.Name+" "+string(x.State))
	}
	return strings.Join(out, ", ")
}

func (w *world) want(want string) {
	w.t.Helper()
	if got := w.summary(); got != want {
		w.t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestFold: answers become votes, once, and the object says how things stand.
func TestFold(t *testing.T) {
	t.Parallel()
	w := asked(t)
	w.want("(pending)")
	w.says(0, openshiftv1.InputApprove, "fine")
	w.step()
	w.want("alice approve fine, (pending), alice Recorded")
	v := w.approval().Votes[0]
	if v.AuthMethod != approvals.AuthObject || v.CredentialID != "approvaltask:"+string(w.task().UID)+":alice" {
		t.Errorf("%+v", v)
	}
	writes := w.Writes()
	for range 3 {
		w.step()
	}
	if w.Writes() != writes {
		t.Errorf("%d writes, and nothing had changed", w.Writes()-writes)
	}
	w.answer(func(e []openshiftv1.Approver) {
		e[2].Users = []openshiftv1.Member{{Name: "bob", Input: openshiftv1.InputApprove, Message: "me too"}}
	})
	w.step()
	w.want("alice approve fine, bob approve me too, (approved), alice Recorded, bob Recorded")
	if s := w.task().Status; s.ApprovalsReceived != 2 || s.Outcome != "Approved" || len(s.ApproversResponse) != 2 {
		t.Errorf("%+v", s)
	}
}

func TestFoldChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(w *world)
		want string
	}{
		"approve, then reject": {func(w *world) {
			w.says(0, openshiftv1.InputApprove, "")
			w.step()
			w.says(0, openshiftv1.InputReject, "no")
		}, "alice reject no, (rejected), alice Recorded"},
		"a better message": {func(w *world) {
			w.says(0, openshiftv1.InputApprove, "a")
			w.step()
			w.says(0, openshiftv1.InputApprove, "b")
		}, "alice approve b, (pending), alice Recorded"},
		"a rejection goes first": {func(w *world) {
			w.says(0, openshiftv1.InputApprove, "")
			w.says(1, openshiftv1.InputReject, "")
		}, "carol reject, (rejected), carol Recorded, alice Refused"},
		"not asked": {func(w *world) { // an object that does not say what the Approval says
			w.answer(func(e []openshiftv1.Approver) { e[0].Name, e[0].Input = "mallory", openshiftv1.InputApprove })
		}, "(pending), mallory Refused"},
		"a group's own input": {func(w *world) {
			w.answer(func(e []openshiftv1.Approver) { e[2].Input, e[2].Message = openshiftv1.InputApprove, "all of us" })
		}, "(pending)"},
		"withdrawn elsewhere": {func(w *world) {
			w.says(0, openshiftv1.InputApprove, "")
			w.step()
			w.vote("alice", approvals.Withdraw)
			w.says(1, openshiftv1.InputApprove, "")
		}, "carol approve, (pending), alice Recorded, carol Recorded"},
		"voted elsewhere before": {func(w *world) {
			w.vote("alice", approvals.Approve)
			w.says(0, openshiftv1.InputReject, "no")
		}, "alice reject no, (rejected), alice Recorded"},
		"decided elsewhere": {func(w *world) {
			w.vote("carol", approvals.Reject)
			w.says(0, openshiftv1.InputApprove, "")
		}, "carol reject by token, (rejected), alice Refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := asked(t)
			c.do(w)
			w.step()
			w.want(c.want)
			for range 2 {
				w.step()
			}
			w.want(c.want)
		})
	}
}

func (w *world) vote(who string, v approvals.Verdict) {
	w.t.Helper()
	w.wait(time.Minute)
	if _, _, err := w.desk.Vote(w.t.Context(), approvals.Key{Namespace: key.Namespace, Name: "a"}, ct.Ballot(who, v, "by token")); err != nil {
		w.t.Fatal(err)
	}
}

// TestRefusedIsSaid: anyone who was refused reads why.
func TestRefusedIsSaid(t *testing.T) {
	t.Parallel()
	w := asked(t)
	w.vote("carol", approvals.Reject)
	w.says(0, openshiftv1.InputApprove, "")
	w.step()
	const want = "rejected by carol"
	if got := w.task().Status.Answers[0].Message; !strings.Contains(got, want) {
		t.Errorf("%q", got)
	}
	select {
	case got := <-w.events.Events:
		if !strings.HasPrefix(got, "Warning AnswerRefused ") {
			t.Errorf("%q", got)
		}
	default:
		t.Error("no event")
	}
}

// TestKilled: between any two writes, the next process does the rest, once.
func TestKilled(t *testing.T) {
	t.Parallel()
	answer := func(w *world) { w.says(0, openshiftv1.InputApprove, "fine") }
	kill := func(w *world, after int) {
		n := 0
		w.Fail(func(verb string, _ runtime.Object) error {
			if verb == "patch status" {
				if n++; n > after {
					return context.DeadlineExceeded
				}
			}
			return nil
		})
		_, err := w.tasks.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
		if err == nil {
			t.Errorf("killed after %d writes, and there were no more", after)
		}
		w.Fail(nil)
	}
	for after := range 3 { // noted, cast, written
		w := asked(t)
		answer(w)
		kill(w, after)
		w.step()
		w.want("alice approve fine, (pending), alice Recorded")
	}
	// Noted and cast, and then alice voted anew elsewhere: that is newer.
	w := asked(t)
	answer(w)
	kill(w, 2)
	w.vote("alice", approvals.Approve)
	w.step()
	w.want("alice approve by token, (pending), alice Refused")
}

// TestUnproved: what nothing proves counts for nothing.
func TestUnproved(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t)
	err := w.mirror.Sync(t.Context(), w.run, w.approval())
	if err == nil {
		t.Fatal("made without the policy")
	}
	said.Check(t, "without the policy", err.Error())
	o := objectOf(w.run, w.approval())
	o.CreationTimestamp, o.UID = metav1.NewTime(w.now()), "old"
	w.create(o)
	w.says(0, openshiftv1.InputApprove, "")
	if _, err := w.tasks.Reconcile(t.Context(), ctrl.Request{NamespacedName: key}); err == nil {
		t.Error("nothing proves whose the answer is, and it was looked at")
	}
	w.wait(time.Minute)
	w.guard(w.now())
	if _, err := w.tasks.Reconcile(t.Context(), ctrl.Request{NamespacedName: key}); approvals.CodeOf(err) != approvals.CodeUnavailable || w.task().UID != "old" {
		t.Errorf("with a policy that is not enforced everywhere yet: %v", err)
	}
	w.wait(time.Minute)
	w.at(w.now())
	w.step()
	if o := w.task(); o.UID == "old" || o.Spec.Approvers[0].Input != openshiftv1.InputPending {
		t.Errorf("%+v", o)
	}
	w.want("()")
	w.says(0, openshiftv1.InputApprove, "")
	w.step()
	w.want("alice approve, (pending), alice Recorded")
}

// at has what is created from now on be as old as it is.
func (w *world) at(now time.Time) {
	w.Fail(func(verb string, o runtime.Object) error {
		if x, ok := o.(*openshiftv1.ApprovalTask); ok && verb == "create" {
			x.CreationTimestamp = metav1.NewTime(now)
		}
		return nil
	})
}

func TestSync(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := asked(t)
	writes := w.Writes()
	w.keep()
	if w.Writes() != writes {
		t.Error("kept again with a write")
	}
	if err := w.Delete(t.Context(), w.task()); err != nil {
		t.Fatal(err)
	}
	w.keep()
	// An earlier attempt's answers are not this one's.
	w.says(0, openshiftv1.InputApprove, "")
	o := w.task()
	o.Annotations[annotationApprovalUID] = "earlier"
	if err := w.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	w.keep()
	if got := w.task(); got.Annotations[annotationApprovalUID] != "uid-a" || got.Spec.Approvers[0].Input != openshiftv1.InputPending {
		t.Errorf("%+v", got)
	}
	// Another system's is left alone.
	o = w.task()
	o.Annotations = nil
	if err := w.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	err := w.mirror.Sync(t.Context(), w.run, w.approval())
	if approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("%v", err)
	}
	said.Check(t, "another system's", approvals.Message(err))
	w.says(0, openshiftv1.InputApprove, "")
	w.step()
	if len(w.approval().Votes) != 0 {
		t.Error("an object that is not ours was believed")
	}
	// Nothing is asked of a decided one.
	w = newWorld(t)
	w.guard(w.now().Add(-time.Hour))
	w.vote("alice", approvals.Reject)
	w.keep()
	if err := w.Get(t.Context(), key, &openshiftv1.ApprovalTask{}); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("%v", err)
	}
}
