package store_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

func seeded(t *testing.T, as ...approvals.Approval) *servicetest.Cluster {
	t.Helper()
	var objs []client.Object
	for _, a := range as {
		objs = append(objs, servicetest.ObjectOf(a))
	}
	return servicetest.NewCluster(t, objs...)
}

// TestStore is the kit that every store passes, as it is and with one status write
// in five refused for a conflict.
func TestStore(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]int64{"calm": 0, "conflicts": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ct.RunStore(t, func(t *testing.T, seed ...approvals.Approval) approvals.Store {
				c := seeded(t, seed...)
				var n atomic.Int64
				c.Fail(func(verb string, _ runtime.Object) error {
					if verb == "patch status" && every > 0 && n.Add(1)%every == 0 {
						return servicetest.Conflict()
					}
					return nil
				})
				return c.Store()
			})
		})
	}
}

// lagging is a cache that still has an older version, or nothing.
type lagging struct {
	client.Client
	old *v1alpha1.Approval
}

func (l lagging) Get(_ context.Context, k client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	if l.old == nil || l.old.Name != k.Name {
		return apierrors.NewNotFound(servicetest.ApprovalsResource, k.Name)
	}
	l.old.DeepCopyInto(o.(*v1alpha1.Approval))
	return nil
}

// TestStaleCache: the cache alone neither refuses a vote, nor hides an Approval,
// nor loses a vote that it has not seen.
func TestStaleCache(t *testing.T) {
	t.Parallel()
	two := func() *ct.Builder { return ct.Make("a").Users("alice", "bob").Quorum(2) }
	voted := two().Voted("alice", approvals.Approve, "").Obj()
	for name, c := range map[string]struct {
		cached *v1alpha1.Approval
		live   approvals.Approval
		ballot approvals.Ballot
		code   approvals.Code
		want   approvals.Outcome
	}{
		"nothing cached":        {nil, voted, ct.Ballot("bob", approvals.Approve, ""), "", approvals.Approved},
		"without the last vote": {servicetest.ObjectOf(two().Obj()), voted, ct.Ballot("bob", approvals.Approve, ""), "", approvals.Approved},
		"without the resolved":  {servicetest.ObjectOf(two().Unresolved(nil).Obj()), voted, ct.Ballot("bob", approvals.Approve, ""), "", approvals.Approved},
		"without the decision":  {servicetest.ObjectOf(two().Obj()), two().Voted("alice", approvals.Reject, "").Obj(), ct.Ballot("bob", approvals.Approve, ""), approvals.CodeConflict, approvals.Rejected},
		"the one before":        {servicetest.ObjectOf(two().With(func(a *approvals.Approval) { a.UID = "uid-older" }).Obj()), voted, ct.Ballot("bob", approvals.Approve, ""), "", approvals.Approved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := seeded(t, c.live)
			if c.cached != nil {
				c.cached.ResourceVersion = "1" // the fake's objects start at 999
			}
			s := api.Store()
			s.Client = struct {
				lagging
			}{lagging{Client: api, old: c.cached}}
			_, err := s.Update(t.Context(), c.live.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
				return approvals.Cast(a, c.ballot, ct.T0.Add(30*time.Minute))
			})
			got, gerr := s.Fresh(t.Context(), c.live.Key)
			if approvals.CodeOf(err) != c.code || gerr != nil || got.Outcome != c.want {
				t.Errorf("%v, %v, outcome %s; want %q, %s", err, gerr, got.Outcome, c.code, c.want)
			}
		})
	}
	api := seeded(t, voted)
	s := api.Store()
	s.Client = lagging{Client: api}
	if got, err := s.Get(t.Context(), voted.Key); err != nil || got.Name != "a" {
		t.Errorf("get what the cache lacks: %v", err)
	}
	// A cache that does not catch up gives way to the API server's word.
	done := two().Voted("alice", approvals.Approve, "").Voted("bob", approvals.Approve, "").Obj()
	api = seeded(t, done)
	s = api.Store()
	s.Client = lagging{Client: api, old: servicetest.ObjectOf(two().Obj())}
	if got, err := s.Decided(t.Context(), done.Key); err != nil || !got.Decided() {
		t.Errorf("behind a cache that lags: %s, %v", got.Outcome, err)
	}
	// One that was deleted is nothing to wait for: its event can be sent again and again.
	s.Client = lagging{Client: seeded(t)}
	synctest.Test(t, func(t *testing.T) { // where only waiting takes time
		start, gone := time.Now(), approvals.Key{Namespace: "prod", Name: "gone", UID: "uid"}
		if _, err := s.Decided(t.Context(), gone); approvals.CodeOf(err) != approvals.CodeNotFound || time.Since(start) != 0 {
			t.Errorf("deleted: %v after %s", err, time.Since(start))
		}
	})
	s.Client = api
	if got, err := s.Decided(t.Context(), done.Key); err != nil || !got.Decided() {
		t.Errorf("from the cache: %s, %v", got.Outcome, err)
	}
}

// TestDecidedLongAgo: an event for what was decided a while ago passes by the API server's
// word: it may have been cancelled since, and who cancelled it was told that nothing starts.
func TestDecidedLongAgo(t *testing.T) {
	t.Parallel()
	done := ct.Make("a").Voted("alice", approvals.Approve, "").Obj()
	cancelled, _, err := approvals.Cancel(done, approvals.Cancellation{By: "olga", Reason: "wrong branch"}, done.DecidedAt.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]bool{
		9 * time.Second:  false, // so soon after the decision nobody has had time to
		10 * time.Second: true,
		time.Hour:        true,
	} {
		api := seeded(t, cancelled)
		s := api.Store()
		s.Client = lagging{Client: api, old: servicetest.ObjectOf(done)}
		s.Now = servicetest.At(done.DecidedAt.Add(after))
		if got, err := s.Decided(t.Context(), done.Key); err != nil || (got.Cancellation != nil) != want {
			t.Errorf("%s after the decision: %+v, %v", after, got.Cancellation, err)
		}
	}
}

// TestUpdateWrites: one status write for one change, none for none.
func TestUpdateWrites(t *testing.T) {
	t.Parallel()
	type fn = func(approvals.Approval) (approvals.Approval, approvals.Change, error)
	blocked := func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a.Unreleased = &approvals.Problem{Reason: "NameTaken", Message: "taken"}
		return a, approvals.Blocking, nil
	}
	for name, c := range map[string]struct {
		change fn
		writes int
	}{
		"nothing": {func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			return a, approvals.Voted, nil
		}, 0},
		"absent": {func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			return a, approvals.NoChange, nil
		}, 0},
		"a problem": {blocked, 1},
		"not the status": {func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a.Trigger = "x"
			return a, approvals.Notified, nil
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").Voted("alice", approvals.Approve, "").Obj()
			c1 := seeded(t, a)
			s := c1.Store()
			for range 3 {
				if _, err := s.Update(t.Context(), a.Key, c.change); err != nil {
					t.Fatal(err)
				}
				s.Now = servicetest.At(s.Now().Add(time.Hour)) // the clock alone changes nothing
			}
			if got := c1.Count("patch status"); got != c.writes {
				t.Errorf("%d writes, want %d", got, c.writes)
			}
			if c1.Count("update")+c1.Count("patch")+c1.Count("create") > 0 {
				t.Error("more than the status was written")
			}
		})
	}
}

// TestStoreFaults: what the API server answers, in the domain's words, and nothing
// half written.
func TestStoreFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verb string
		err  error
		want approvals.Code
	}{
		"conflicts for ever": {"patch status", servicetest.Conflict(), approvals.CodeUnavailable},
		"a time-out":         {"patch status", apierrors.NewTimeoutError("slow", 1), approvals.CodeUnavailable},
		"not reached":        {"patch status", errors.New("dial tcp: connection refused"), approvals.CodeUnavailable},
		"no right":           {"patch status", apierrors.NewForbidden(servicetest.ApprovalsResource, "a", errors.New("no")), approvals.CodeUnavailable},
		"refused by schema":  {"patch status", apierrors.NewInvalid(schema.GroupKind{Kind: "Approval"}, "a", nil), approvals.CodeInvalid},
		"read fails":         {"get", apierrors.NewServiceUnavailable("etcd"), approvals.CodeUnavailable},
		"deleted meanwhile":  {"patch status", apierrors.NewNotFound(servicetest.ApprovalsResource, "a"), approvals.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").Obj()
			api := seeded(t, a)
			api.Fail(func(verb string, _ runtime.Object) error {
				if verb == c.verb {
					return c.err
				}
				return nil
			})
			s := api.Store()
			_, err := s.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
				return approvals.Cast(a, ct.Ballot("alice", approvals.Approve, ""), ct.T0)
			})
			if approvals.CodeOf(err) != c.want || strings.Contains(approvals.Message(err), "tcp") {
				t.Errorf("%v (%s), want %s", err, approvals.CodeOf(err), c.want)
			}
			api.Fail(nil)
			if got, err := s.Get(t.Context(), a.Key); err != nil || got.Decided() {
				t.Errorf("outcome %s, %v", got.Outcome, err)
			}
		})
	}
	api := servicetest.NewCluster(t)
	api.Fail(func(string, runtime.Object) error { return apierrors.NewServiceUnavailable("etcd") })
	if _, err := api.Store().List(t.Context(), ""); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("list: %v", err)
	}
	if _, err := api.Store().Fresh(t.Context(), approvals.Key{Name: "a"}); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("fresh: %v", err)
	}
}

// TestConditions of an Approval through its life; a transition's time stays while
// its status does.
func TestConditions(t *testing.T) {
	t.Parallel()
	sent := approvals.Delivery{Event: "opened", Channel: "email", Recipient: "alice", SentAt: ct.T0}
	failed := approvals.Delivery{Event: "opened", Channel: "email", Recipient: "bob", Error: "550 no such user"}
	room := func(name string) approvals.Delivery {
		return approvals.Delivery{Event: "opened", Channel: name, Error: "refused"}
	}
	for name, c := range map[string]struct {
		a    *ct.Builder
		want string
	}{
		"opened":           {ct.Make("a"), "Ready=True Resolved"},
		"not resolved yet": {ct.Make("a").Unresolved(nil), ""},
		"blocked":          {ct.Make("a").Unresolved(&approvals.Problem{Reason: "NotResolved", Message: "no Gate"}), "Ready=False NotResolved no Gate, Startable=Unknown NotResolved this is checked once the Approval is resolved; the condition Ready says what is missing"},
		"no longer": {ct.Make("a").With(func(a *approvals.Approval) {
			a.Blocked = &approvals.Problem{Reason: "NotResolved", Message: "no Gate"}
		}), "Ready=True Resolved"},
		"looked at": {ct.Make("a").With(func(a *approvals.Approval) { a.Preflight = approvals.NewPreflight(nil) }), "Ready=True Resolved, Startable=True Startable"},
		"could not start": {
			ct.Make("a").With(func(a *approvals.Approval) {
				a.Preflight = approvals.NewPreflight([]approvals.Problem{{Reason: "Forbidden", Message: "no"}, {Reason: "RunNotNamed", Message: "name it"}})
			}), "Ready=True Resolved, Startable=False Forbidden Forbidden: no\nRunNotNamed: name it",
		},
		"rejected": {
			ct.Make("a").With(func(a *approvals.Approval) {
				a.Outcome, a.Preflight = approvals.Rejected, approvals.NewPreflight([]approvals.Problem{{Reason: "Forbidden", Message: "no"}})
			}), "Ready=True Resolved",
		},
		"lapsed":       {ct.Make("a").Unresolved(&approvals.Problem{Reason: "NotResolved", Message: "no Gate"}).With(func(a *approvals.Approval) { a.Outcome = approvals.Expired }), "Ready=False NotResolved no Gate"},
		"told":         {ct.Make("a").With(func(a *approvals.Approval) { a.Deliveries = []approvals.Delivery{sent} }), "Ready=True Resolved, Notified=True Delivered"},
		"one not told": {ct.Make("a").With(func(a *approvals.Approval) { a.Deliveries = []approvals.Delivery{sent, failed} }), "Ready=True Resolved, Notified=False DeliveryFailed bob was not notified by email: 550 no such user"},
		"two rooms not told, in the ledger's order": {
			ct.Make("a").With(func(a *approvals.Approval) { a.Deliveries = []approvals.Delivery{room("dead"), sent, room("nowhere")} }),
			"Ready=True Resolved, Notified=False DeliveryFailed channel dead was not notified: refused; channel nowhere was not notified: refused",
		},
		"many not told": {
			ct.Make("a").With(func(a *approvals.Approval) {
				a.Deliveries = []approvals.Delivery{room("a"), room("b"), room("c"), failed, room("d")}
			}),
			"Ready=True Resolved, Notified=False DeliveryFailed channel a was not notified: refused; channel b was not notified: refused; channel c was not notified: refused; and 2 more",
		},
		"not released": {ct.Make("a").With(func(a *approvals.Approval) { a.Unreleased = &approvals.Problem{Reason: "NameTaken", Message: "taken"} }), "Ready=True Resolved, Released=False NameTaken taken"},
		"released":     {ct.Make("a").With(func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: "a"} }), "Ready=True Resolved, Startable=True Started, Released=True RunObserved"},
		"released at last": {ct.Make("a").With(func(a *approvals.Approval) {
			a.SecondRun = &approvals.Run{Name: "a"}
			a.Unreleased = &approvals.Problem{Reason: "NameTaken"}
		}), "Ready=True Resolved, Startable=True Started, Released=True RunObserved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := convert.ConditionsOf(c.a.Obj(), nil, 3, ct.T0)
			var words []string
			for _, x := range got {
				words = append(words, strings.TrimSpace(x.Type+"="+string(x.Status)+" "+x.Reason+" "+x.Message))
				if x.ObservedGeneration != 3 {
					t.Errorf("%s of generation %d", x.Type, x.ObservedGeneration)
				}
			}
			if d := cmp.Diff(c.want, strings.Join(words, ", ")); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if d := cmp.Diff(got, convert.ConditionsOf(c.a.Obj(), got, 3, ct.T0.Add(time.Hour))); d != "" {
				t.Errorf("an hour later, with nothing changed\n%s", d)
			}
		})
	}
	blocked := convert.ConditionsOf(ct.Make("a").Unresolved(&approvals.Problem{Reason: "NotResolved"}).Obj(), nil, 1, ct.T0)
	if got := convert.ConditionsOf(ct.Make("a").Obj(), blocked, 2, ct.T0.Add(time.Hour)); len(got) != 1 || got[0].Status != "True" || !got[0].LastTransitionTime.Time.Equal(ct.T0.Add(time.Hour)) {
		t.Errorf("after the resolved came: %+v", got)
	}
}
