package servicetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/destination"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/lifecycle"
	kubenotify "github.com/countersign-dev/countersign/internal/kube/notify"
	"github.com/countersign-dev/countersign/internal/kube/preflight"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/store"
	kubetriggers "github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
	"github.com/countersign-dev/countersign/internal/kube/vote"
)

func TestMain(m *testing.M) {
	time.Local = time.FixedZone("JST", 9*3600) // objects come back in the process's zone
	goleak.VerifyTestMain(m)
}

// world is the whole service over a cluster in memory, moved by hand.
type world struct {
	*kubetest.Cluster
	t         *testing.T
	listener  *kubetest.Listener
	store     *store.Store
	desk      *approvals.VoteService
	runs      *hold.Runs
	approvals *lifecycle.Approvals
	proofs    *verifyrun.Proofs
	notify    *kubenotify.Notify
	preflight *preflight.Preflight
	outcomes  approvals.OutcomeWriter
	votes     *vote.Votes
	gates     *gate.Gates
	triggers  *kubetriggers.Controller
	listeners *kubetriggers.ListenersController
	mails     *mailbox
	events    *events.FakeRecorder
	log       bytes.Buffer

	mu        sync.Mutex
	time      time.Time
	ended     []approvals.Outcome
	confirmed int
}

func newWorld(t *testing.T, docs string) *world {
	t.Helper()
	w := &world{Cluster: kubetest.NewIndexed(t, Indexes(), kubetest.Objects(t, docs)...), t: t, time: ct.T0, mails: &mailbox{}, events: events.NewFakeRecorder(100)}
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	keys := keyring.Ring{{Made: ct.T0, Secret: bytes.Repeat([]byte{3}, keyring.Size)}}
	ring := func() keyring.Ring { return keys }
	log := slog.New(slog.NewTextHandler(io.MultiWriter(&w.log), nil))
	// The cache has no more than it must: whatever needs a value reads it.
	cached := kubetest.Cached{WithWatch: w, Transform: (&store.Sharing{Keep: -1}).Approval}
	w.store = &store.Store{Client: cached, Live: w, Ring: ring, Now: w.now}
	triggers := &kubetriggers.Triggers{Client: w, CEL: cel, MayGetRuns: kubetriggers.MayGetRuns(w)}
	reports := &kubetriggers.Reports{Triggers: triggers, Events: w.events, Now: w.now}
	secrets := &gate.Secrets{Live: w, Now: w.now, ServiceAccount: "countersign:countersign"}
	w.proofs = &verifyrun.Proofs{Client: w, Live: w, Triggers: triggers, Now: w.now, Awaited: &verifyrun.Awaited{}}
	diagnosis := &release.Diagnosis{Client: w, Triggers: triggers}
	opener := &hold.Opener{Client: cached, Live: w, Triggers: triggers, CEL: cel, Secrets: secrets, Ring: ring, Now: w.now, Log: log, Opened: func(string, string) {}}
	w.listener = &kubetest.Listener{Cluster: w.Cluster, Now: w.now}
	to := &destination.Client{Dial: w.listener.Dial}
	t.Cleanup(to.Close)
	targets := &release.Targets{Client: w, Live: w, Approvals: w.store, ServiceAccount: "countersign:countersign"}
	releaser := &release.Releaser{
		Event:   &release.Event{Triggers: triggers, Proofs: w.proofs, Secrets: secrets, Ring: ring, Client: to, Now: w.now},
		Targets: targets, Now: w.now, Log: log, Posted: func(bool) {},
	}
	w.outcomes = approvals.OutcomeWriter{Store: w.store, Results: ct.DefaultResults{}, Handler: ct.OutcomeFunc(func(a approvals.Approval) { w.ended = append(w.ended, a.Outcome) })}
	w.desk = &approvals.VoteService{Store: w.store, Policies: gate.Policies{Client: w}, Now: w.now, Results: w.outcomes.Results, Outcomes: w.outcomes.Handler, Voted: func(approvals.Approval, approvals.Verdict) {}}
	w.runs = &hold.Runs{Client: w, Opener: opener, Triggers: triggers, Reports: reports}
	w.approvals = &lifecycle.Approvals{
		Client: w, Live: w, Store: w.store, Opener: opener, Releaser: releaser, Proofs: w.proofs, Starter: &verifyrun.Starter{Client: w, Live: w, ServiceAccount: "countersign:countersign"},
		Reports: &kubetriggers.Reports{Triggers: triggers, Events: w.events, Now: w.now}, Diagnosis: diagnosis, Now: w.now, Log: log, Outcomes: w.outcomes,
		Confirmed: func(approvals.Approval) { w.confirmed++ },
	}
	checks := &preflight.Preflights{Client: w, Live: w, Triggers: triggers, Secrets: secrets, Targets: targets, Now: w.now}
	w.desk.Again, w.desk.Operators = opener, operators{"olga"}
	w.preflight = &preflight.Preflight{Store: w.store, Opener: opener, Check: checks, Outcomes: w.outcomes, Now: w.now, Log: log}
	w.notify = &kubenotify.Notify{Store: w.store, Channel: w.mails, Now: w.now, Log: log, Sent: func(bool) {}}
	w.votes = &vote.Votes{Client: w, Store: w.store, Desk: w.desk, Guards: &identity.Guards{Live: w, Now: w.now}, Now: w.now, Log: log}
	w.gates = &gate.Gates{Client: w, CEL: cel, Now: w.now}
	w.triggers = &kubetriggers.Controller{Client: w, Live: w, Triggers: triggers, Reports: reports, Log: log}
	w.listeners = &kubetriggers.ListenersController{Controller: *w.triggers}
	w.listener.Processor = &interceptor.Processor{
		Triggers: triggers, Opener: opener, Releases: w.store, Ring: ring, Now: w.now, Log: log, Count: func(string) {}, Refused: reports.Refused,
	}
	return w
}

// event is the next Event that was made, "" for none.
func (w *world) event() string {
	select {
	case e := <-w.events.Events:
		return e
	default:
		return ""
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

type reconciler interface {
	Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error)
}

// step reconciles one object and wants no error.
func (w *world) step(r reconciler, name string) ctrl.Result {
	w.t.Helper()
	if r == reconciler(w.votes) {
		w.follow(&w.votes.Turns)
	}
	res, err := r.Reconcile(w.t.Context(), request(name))
	if err != nil {
		w.t.Fatalf("reconcile %s: %v", name, err)
	}
	return res
}

// follow tells turns of all Votes, as the informer does.
func (w *world) follow(t *vote.Turns) {
	w.t.Helper()
	var list v1alpha1.VoteList
	if err := w.List(w.t.Context(), &list); err != nil {
		w.t.Fatal(err)
	}
	for i := range list.Items {
		if v := &list.Items[i]; vote.Waits(v) {
			t.Join(v)
		} else {
			t.Leave(v)
		}
	}
}

func request(name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "prod", Name: name}}
}

// opened has plan-1 opened and returns the Approval's name.
func (w *world) opened() string {
	w.t.Helper()
	w.step(w.runs, "plan-1")
	var list v1alpha1.ApprovalList
	if err := w.List(w.t.Context(), &list, client.InNamespace("prod")); err != nil || len(list.Items) != 1 {
		w.t.Fatalf("%d approvals, %v; want one", len(list.Items), err)
	}
	return list.Items[0].Name
}

func (w *world) vote(name, voter string, v approvals.Verdict) {
	w.t.Helper()
	if _, _, err := w.desk.Vote(w.t.Context(), approvals.Key{Namespace: "prod", Name: name}, ct.Ballot(voter, v, "ok")); err != nil {
		w.t.Fatal(err)
	}
}

// runOf is the name of the run that a decided Approval starts.
func (w *world) runOf(name string) string {
	w.t.Helper()
	a := w.get(name)
	if a.SecondRun != nil {
		return a.SecondRun.Name
	}
	if a.RunName == "" {
		w.t.Fatalf("nobody knows the name of the run of %s, which is %s", name, a.Outcome)
	}
	return string(a.RunName)
}

func (w *world) get(name string) approvals.Approval {
	w.t.Helper()
	a, err := w.store.Get(w.t.Context(), approvals.Key{Namespace: "prod", Name: name})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// condition is "STATUS REASON message" of one condition, "" without it.
func (w *world) condition(name, kind string) string {
	w.t.Helper()
	var o v1alpha1.Approval
	if err := w.Get(w.t.Context(), request(name).NamespacedName, &o); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range o.Status.Conditions {
		if c.Type == kind {
			return string(c.Status) + " " + c.Reason + " " + c.Message
		}
	}
	return ""
}

// sentence is what a condition says behind its status and reason, or an Event behind its type and
// reason.
func sentence(s string) string {
	for range 2 {
		_, s, _ = strings.Cut(s, " ")
	}
	return s
}

// operators names the users who look after every namespace.
type operators []string

func (o operators) MayOperate(_ context.Context, id approvals.Identity, _ string) (bool, error) {
	return slices.Contains(o, id.Name), nil
}

// mailbox is a channel that keeps what it was given.
type mailbox struct {
	mu   sync.Mutex
	sent []string
	down bool
	stop func() // called after a mail, as if the process were asked to end
}

func (*mailbox) Route() notify.Route { return notify.Route{Name: notify.Email} }

func (m *mailbox) Send(ctx context.Context, msg notify.Message) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stop != nil {
		defer m.stop()
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if m.down {
		return "", errors.New("mail server m:25: connection refused")
	}
	m.sent = append(m.sent, msg.To+" "+msg.ID)
	return msg.ID, nil
}

// owners are a claim's owners, as KIND/NAME.
func (w *world) owners(claim string) string {
	w.t.Helper()
	var pvc corev1.PersistentVolumeClaim
	if err := w.Get(w.t.Context(), request(claim).NamespacedName, &pvc); err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, o := range pvc.OwnerReferences {
		out = append(out, o.Kind+"/"+o.Name)
	}
	return strings.Join(out, ", ")
}
