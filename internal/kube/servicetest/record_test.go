package servicetest

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	"github.com/countersign-dev/countersign/internal/kube/audit"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

var errDown = approvals.Errorf(approvals.CodeUnavailable, "the store is down")

// recording is a world whose record is kept in memory.
type recording struct {
	*world
	*audit.Record
	ledger   *recordtest.Memory
	appended int
	failures int
}

func newRecording(t *testing.T, keepFor string) *recording {
	t.Helper()
	docs := strings.Replace(kubetest.World, "expiresAfter: 1h", "expiresAfter: 1h\n  keepFor: "+keepFor, 1)
	if keepFor == "" {
		docs = kubetest.World
	}
	r := &recording{world: newWorld(t, docs), ledger: &recordtest.Memory{}}
	r.listener.Serve(t)
	r.restart()
	return r
}

// restart forgets what a process remembers.
func (r *recording) restart() {
	r.Record = &audit.Record{
		Store: r.store, Outcomes: r.outcomes, Ledger: r.ledger, Keeps: true, Now: r.now, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Appended: func(n int) { r.appended += n },
		Failed: func() { r.failures++ }, Forget: func(string) {},
	}
}

func (r *recording) kinds() string {
	r.t.Helper()
	p, err := r.ledger.Search(r.t.Context(), record.Query{Limit: record.MaxPage})
	if err != nil {
		r.t.Fatal(err)
	}
	v := record.Verifier{}
	out := make([]string, len(p.Entries))
	if err := r.ledger.Each(r.t.Context(), record.Query{}, func(e record.Entry) error {
		out[e.Seq-1] = string(e.Kind)
		return v.Add(e.Text)
	}); err != nil {
		r.t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func (r *recording) want(what, kinds string) {
	r.t.Helper()
	if d := cmp.Diff(kinds, r.kinds()); d != "" {
		r.t.Errorf("%s (-want +got)\n%s", what, d)
	}
}

// released has the Approval's run seen and recorded on it.
func (r *recording) released(name string) {
	r.t.Helper()
	for range 6 {
		r.wait(outcome.LeaderTakeoverDelay)
		r.step(r.approvals, name)
	}
	if r.get(name).SecondRun == nil {
		r.t.Fatal("it was not released")
	}
}

// TestRecord: each state yields its lines once, whatever is reconciled again and
// anyone who does it.
func TestRecord(t *testing.T) {
	t.Parallel()
	r := newRecording(t, "")
	name := r.opened()
	for _, s := range []struct {
		what string
		do   func()
		want string
	}{
		{"opened", func() {}, "opened resolved"},
		{"reconciled again", func() {}, "opened resolved"},
		{"voted", func() { r.vote(name, "alice", approvals.Approve) }, "opened resolved voted decided"},
		{"restarted", r.restart, "opened resolved voted decided"},
		{"released", func() { r.released(name) }, "opened resolved voted decided released"},
		{"restarted again", r.restart, "opened resolved voted decided released"},
	} {
		s.do()
		writes := r.Writes()
		if res := r.step(r.Record, name); res.RequeueAfter != 0 || r.Writes() != writes {
			t.Errorf("%s: %+v and %d writes", s.what, res, r.Writes()-writes)
		}
		r.want(s.what, s.want)
	}
	if r.appended != 5 || r.failures != 0 || r.Behind() != 0 {
		t.Errorf("%d appended, %d failures, %d behind", r.appended, r.failures, r.Behind())
	}
}

// TestRecordStoreIsDown: decisions go on, it is said once, the store is asked at
// growing intervals, and afterwards every line is there, in order.
func TestRecordStoreIsDown(t *testing.T) {
	t.Parallel()
	r := newRecording(t, "")
	name := r.opened()
	r.ledger.Fail(errDown)
	var waits []time.Duration
	for range 8 {
		res := r.step(r.Record, name)
		waits = append(waits, res.RequeueAfter)
		if left := r.step(r.Record, "another").RequeueAfter; left != res.RequeueAfter {
			t.Errorf("another Approval asks after %s, want %s", left, res.RequeueAfter)
		}
		r.wait(res.RequeueAfter)
	}
	if d := cmp.Diff([]time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 60e9, 60e9}, waits); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if n := strings.Count(r.log.String(), "the audit log is behind"); n != 1 || r.failures != 8 || r.Behind() != 2 {
		t.Errorf("said %d times, %d failures, %d behind", n, r.failures, r.Behind())
	}
	r.vote(name, "alice", approvals.Approve)
	r.released(name)
	r.ledger.Fail(nil)
	for _, n := range []string{name, "another"} {
		r.step(r.Record, n)
	}
	r.want("it is back", "opened resolved voted decided released")
	if !strings.Contains(r.log.String(), "is writable again") || r.Behind() != 0 {
		t.Errorf("%d behind, log %s", r.Behind(), r.log.String())
	}
}

// TestRecordSignatureInvalid: what somebody else wrote is no history of ours.
func TestRecordSignatureInvalid(t *testing.T) {
	t.Parallel()
	r := newRecording(t, "48h")
	name := r.opened()
	r.store.Ring = func() keyring.Ring { return nil }
	r.step(r.Record, name)
	r.want("forged", "")
}

// TestRetention: an Approval goes when its time is over, and never before all of it
// is in the ledger.
func TestRetention(t *testing.T) {
	t.Parallel()
	const keep = 48 * time.Hour
	for name, c := range map[string]struct {
		keepFor string
		seen    bool // by the record, before its time was over
		before  func(*recording, string)
		after   time.Duration
		left    time.Duration // until it is looked at again
		gone    bool
	}{
		"its time is over":  {keepFor: "48h", after: keep, gone: true},
		"not yet":           {keepFor: "48h", after: keep - time.Minute, left: time.Minute},
		"for ever":          {keepFor: "", after: 100 * keep},
		"no store":          {keepFor: "48h", after: keep, before: func(r *recording, _ string) { r.Keeps = false }},
		"the store is down": {keepFor: "48h", after: keep, before: func(r *recording, _ string) { r.ledger.Fail(errDown) }, left: audit.AskAgain},
		"the store lost it": {keepFor: "48h", seen: true, after: keep, before: func(r *recording, _ string) {
			r.ledger = &recordtest.Memory{}
			r.Ledger = r.ledger
		}, left: audit.AskAgain},
		"its key is gone":      {keepFor: "48h", seen: true, after: keep, before: func(r *recording, _ string) { r.store.Ring = func() keyring.Ring { return nil } }, gone: true},
		"its key was gone":     {keepFor: "48h", after: keep, before: func(r *recording, _ string) { r.store.Ring = func() keyring.Ring { return nil } }},
		"it changes meanwhile": {keepFor: "48h", after: keep, before: func(r *recording, n string) { r.meddle(n) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecording(t, c.keepFor)
			n := r.opened()
			r.vote(n, "alice", approvals.Approve)
			decided := r.now()
			r.released(n)
			if c.seen {
				r.step(r.Record, n)
			}
			r.wait(c.after - r.now().Sub(decided))
			if c.before != nil {
				c.before(r, n)
			}
			res, err := r.Reconcile(t.Context(), request(n))
			if err != nil || res.RequeueAfter != c.left {
				t.Errorf("%+v, %v; want %s", res, err, c.left)
			}
			err = r.Get(t.Context(), request(n).NamespacedName, &v1alpha1.Approval{})
			if gone := client.IgnoreNotFound(err) == nil && err != nil; gone != c.gone {
				t.Errorf("gone: %t, want %t; log %s", gone, c.gone, r.log.String())
			}
			if c.gone {
				r.want("what is left", "opened resolved voted decided released")
			}
		})
	}
	pending := newRecording(t, "48h")
	n := pending.opened()
	pending.wait(100 * keep)
	if res := pending.step(pending.Record, n); res.RequeueAfter != 0 {
		t.Errorf("pending: %+v", res)
	}
	pending.get(n)
}

// TestRetentionOfTasks: a decision whose task has not been seen to have it stays, or the
// task would be asked about anew.
func TestRetentionOfTasks(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.must(x.Create(t.Context(), kubetest.Objects(t, "kind: Gate\nmetadata: {name: kept}\nspec: {keepFor: 48h, approvers: {users: [{name: alice}]}}")[0]))
	x.param("gate", "kept")
	x.settle()
	name := x.only().Name
	x.vote(name, "alice", approvals.Approve)
	x.wait(48 * time.Hour)
	r := &recording{world: x.world, ledger: &recordtest.Memory{}}
	r.restart()
	r.step(r.Record, name)
	if a := x.only(); !a.ToAnswer() {
		t.Fatalf("%s, answered at %s", a.Outcome, a.AnsweredAt)
	}
	x.settle()
	r.step(r.Record, name)
	if left := x.all(); len(left) != 0 || !x.run().IsDone() {
		t.Errorf("%d approvals are kept beyond their time; %s", len(left), ending(x.run()))
	}
}

// TestRecordOfDeleted: what somebody deletes is in the record, with the lines that it
// did not have yet, also when the store was down at that moment.
func TestRecordOfDeleted(t *testing.T) {
	t.Parallel()
	r := newRecording(t, "")
	name := r.opened()
	r.step(r.Record, name)
	r.vote(name, "alice", approvals.Approve)
	var o v1alpha1.Approval
	if err := r.Get(t.Context(), request(name).NamespacedName, &o); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), &o); err != nil {
		t.Fatal(err)
	}
	r.ledger.Fail(errDown)
	if !r.Deleted(&o) {
		t.Error("nobody is told")
	}
	if _, lines := r.Held(); len(lines) != 5 {
		t.Errorf("%d lines are held, want 5", len(lines))
	}
	r.step(r.Record, name)
	r.ledger.Fail(nil)
	r.wait(audit.AskAgain)
	r.step(r.Record, name)
	r.want("deleted", "opened resolved voted decided removed")
	if written, lines := r.Held(); r.Behind() != 0 || written != 0 || len(lines) != 0 {
		t.Errorf("%d behind, %d remembered, %d lines held: want none of any", r.Behind(), written, len(lines))
	}
}

// TestDeletedWaitsForTheRecord: what somebody deletes while the store is down is
// nobody's to decide any more, and goes when the store has its lines, whichever process
// sees to it.
func TestDeletedWaitsForTheRecord(t *testing.T) {
	t.Parallel()
	r := newRecording(t, "")
	r.runs.Opener.Finalizers = []string{v1alpha1.RecordFinalizer}
	name := r.opened()
	var o v1alpha1.Approval
	if err := r.Get(t.Context(), request(name).NamespacedName, &o); err != nil {
		t.Fatal(err)
	}
	r.ledger.Fail(errDown)
	r.step(r.Record, name)
	if err := r.Delete(t.Context(), &o); err != nil {
		t.Fatal(err)
	}
	r.step(r.Record, name) // the store is left alone, the Approval is not
	if a := r.get(name); a.Outcome != approvals.Cancelled || a.Cancellation == nil {
		t.Fatalf("%s, %+v", a.Outcome, a.Cancellation)
	} else if d := cmp.Diff(approvals.DefaultResults(a), a.Results); d != "" {
		t.Errorf("its results (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]approvals.Outcome{approvals.Cancelled}, r.ended); d != "" {
		t.Errorf("outcomes that are counted (-want +got)\n%s", d)
	}
	if _, _, err := r.desk.Vote(t.Context(), r.get(name).Key, ct.Ballot("alice", approvals.Approve, "")); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("a vote on it: %v", err)
	}
	r.restart()
	r.wait(time.Hour)
	r.step(r.Record, name)
	if got := r.get(name); got.Name == "" {
		t.Fatal("it went before its lines were in the store")
	}
	r.restart()
	r.ledger.Fail(nil)
	r.wait(time.Hour)
	r.step(r.Record, name)
	r.want("deleted", "opened resolved decided removed")
	if err := r.Get(t.Context(), request(name).NamespacedName, &o); !apierrors.IsNotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
	now := metav1.NewTime(r.now())
	o.DeletionTimestamp = &now
	r.step(r.Record, name)
	if r.Behind() != 0 {
		t.Errorf("%d behind", r.Behind())
	}
}

// TestRecordHoldsLittleOfDeleted: of what is in the record nothing is held but that it
// is gone.
func TestRecordHoldsLittleOfDeleted(t *testing.T) {
	t.Parallel()
	r := newRecording(t, "")
	name := r.opened()
	r.step(r.Record, name)
	var o v1alpha1.Approval
	if err := r.Get(t.Context(), request(name).NamespacedName, &o); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), &o); err != nil {
		t.Fatal(err)
	}
	r.Deleted(&o)
	if _, lines := r.Held(); len(lines) != 1 || lines[0].Kind != record.Removed {
		t.Errorf("held %+v, want its removal alone", lines)
	}
	r.step(r.Record, name)
	r.want("deleted", "opened resolved removed")
}

// meddle has somebody write to the Approval between its reading and its deletion.
func (r *recording) meddle(name string) {
	seen := false
	r.Record.Ledger = meddler{r.ledger, func() {
		if seen {
			return
		}
		seen = true
		var o v1alpha1.Approval
		if err := r.Get(r.t.Context(), request(name).NamespacedName, &o); err != nil {
			r.t.Error(err)
		}
		o.Labels = map[string]string{"x": "y"}
		if err := r.Update(r.t.Context(), &o); err != nil {
			r.t.Error(err)
		}
	}}
}

// meddler does something whenever it is asked what is missing.
type meddler struct {
	*recordtest.Memory
	before func()
}

func (m meddler) Missing(ctx context.Context, ids []string) ([]string, error) {
	m.before()
	return m.Memory.Missing(ctx, ids)
}
