package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// several are params that take about size bytes, and no two of which share memory.
func several(n, size int, with byte) []approvals.Param {
	var out []approvals.Param
	for i := range n {
		out = append(out, approvals.Param{Name: fmt.Sprintf("%c-%04d", with, i), Value: strings.Repeat(string(rune(with)), size/n)})
	}
	return out
}

// largest are Approvals that hold as much as the schema and the API server take, each in
// another place.
func largest(name string) map[string]approvals.Approval {
	labels := map[string]string{}
	for i := range 64 {
		labels[fmt.Sprintf("label-%02d", i)] = strings.Repeat("l", 1024)
	}
	of := func(change func(*approvals.Approval)) approvals.Approval {
		return ct.Make(name).Users("alice", "bob").With(change).Obj()
	}
	return map[string]approvals.Approval{
		"an event": of(func(a *approvals.Approval) {
			a.Source = approvals.Source{Event: &approvals.Event{
				ID: "d-1", Digest: strings.Repeat("d", 64), Body: `{"m":"` + strings.Repeat("b", 500<<10) + `"}`, URL: "/" + strings.Repeat("u", 2000),
				Headers: several(64, 64<<10, 'h'), Extensions: strings.Repeat("e", 64<<10),
			}}
		}),
		"a run": of(func(a *approvals.Approval) {
			a.Source.Params, a.Source.Results, a.Source.Labels, a.Source.Annotations = several(256, 64<<10, 'p'), several(256, 64<<10, 'r'), labels, labels
			a.Source.Claims = several(64, 16<<10, 'c')
			a.Resolved.Params, a.Resolved.SupersedeKey = several(128, 64<<10, 'f'), strings.Repeat("k", 4096)
			for i := range 256 {
				a.Resolved.References = append(a.Resolved.References, approvals.Reference{Kind: "Task", Name: fmt.Sprintf("%0253d", i), UID: fmt.Sprintf("%036d", i), Digest: strings.Repeat("d", 64)})
			}
		}),
		"a task": of(func(a *approvals.Approval) {
			a.Trigger, a.Source = "", approvals.Source{
				Task:   &approvals.Task{Name: "t", UID: "t-uid", Task: "ask", Mapping: "automatiko", Run: approvals.Run{Name: "r", UID: "r-uid", Pipeline: "p", At: ct.T0}},
				Params: several(256, 128<<10, 'p'), Labels: labels, Annotations: labels,
			}
		}),
		"words": of(func(a *approvals.Approval) {
			for i := range 2 {
				a.Votes = append(a.Votes, approvals.Vote{
					Voter: fmt.Sprint("voter-", i), Verdict: approvals.Approve, At: ct.T0, AuthMethod: approvals.AuthToken,
					Comment: strings.Repeat("c", 2048), Inputs: several(16, 16<<10, 'i'),
				})
			}
		}),
		"a decision": of(func(a *approvals.Approval) {
			a.Outcome, a.DecidedAt = approvals.Approved, ct.T0
			a.Results, a.Inputs = several(64, 64<<10, 'r'), several(16, 16<<10, 'i')
		}),
	}
}

// inCache is a as an informer's cache has it.
func inCache(t *testing.T, s *store.Sharing, a approvals.Approval) *v1alpha1.Approval {
	t.Helper()
	o := servicetest.ThroughAPI(t, servicetest.ObjectOf(a))
	o.ResourceVersion = "1"
	if _, err := s.Approval(o); err != nil {
		t.Fatal(err)
	}
	return o
}

// Whatever an Approval holds, what is in memory of it for as long as it waits is bounded: the
// object, its places in the indexes, what the pages list, and what the quotas count.
func TestMemoryOfAnApproval(t *testing.T) {
	const n, most = 80, 5000 // bytes
	for what := range largest("x") {
		t.Run(what, func(t *testing.T) {
			indexers := toolscache.Indexers{}
			for name, f := range store.Indexes() {
				if name != triggers.AwaitsNamespace {
					indexers[name] = func(o any) ([]string, error) { return f(o.(client.Object)), nil }
				}
			}
			objects, quotas, sharing := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, indexers), &hold.Quotas{}, &store.Sharing{}
			pages := &store.Overview{Store: &store.Store{Ring: servicetest.Ring}, Changed: func() {}}
			add := func(i int) {
				a := largest(fmt.Sprintf("waits-%06d", i))[what]
				a.UID = fmt.Sprintf("00000000-0000-0000-0000-%012d", i)
				o := inCache(t, sharing, a)
				if err := objects.Add(o); err != nil {
					t.Fatal(err)
				}
				quotas.Put(o)
				pages.Learn(o)
				if got := pages.Index.Snapshot().In(o.Namespace).Find(a); got == nil || got.Resolved == nil {
					t.Fatalf("%s is not listed as this service's own", o.Name)
				}
			}
			for i := range n / 4 { // what all of them share
				add(i)
			}
			before := liveBytes()
			for i := range n {
				add(n + i)
			}
			each := int(liveBytes()-before) / n
			t.Logf("%s: %d bytes each", what, each)
			if each > most {
				t.Errorf("%d bytes are held of each", each)
			}
			runtime.KeepAlive(objects)
			runtime.KeepAlive(quotas)
			runtime.KeepAlive(pages)
		})
	}
}

func liveBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // bounded
}

// What the cache has of an Approval is its state, verified by the signature over all of it, and
// nothing of it can be taken for a whole one.
func TestLeanIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	for what, a := range largest("x") {
		whole := servicetest.ThroughAPI(t, servicetest.ObjectOf(a))
		o := inCache(t, &store.Sharing{}, a)
		if o.Spec.Lean == nil || !store.IsSigned(servicetest.TestRing, o) || store.IsSigned(keyring.Ring{}, o) {
			t.Errorf("%s: left out %+v, or its signature is not that of the whole", what, o.Spec.Lean)
			continue
		}
		if store.NameOfRun(servicetest.TestRing, o, 0) != store.NameOfRun(servicetest.TestRing, whole, 0) || !slices.Equal(store.Indexes()[store.InLine](o), store.Indexes()[store.InLine](whole)) {
			t.Errorf("%s: its run or its place in line is another", what)
		}
		if hold.HeldBytes(o) != hold.HeldBytes(whole) {
			t.Errorf("%s: counts %d bytes of %d", what, hold.HeldBytes(o), hold.HeldBytes(whole))
		}
		if raw, err := json.Marshal(o); err == nil {
			t.Errorf("%s: is written as %d bytes", what, len(raw))
		}
		if copied := o.DeepCopy(); copied.Spec.Lean == nil || copied.Spec.Lean == o.Spec.Lean {
			t.Errorf("%s: a copy is taken for a whole one", what)
		}
		if err := (&store.Store{}).PatchStatus(t.Context(), o, o.Status); err == nil {
			t.Errorf("%s: its status is written", what)
		}
		lean := convert.ToDomain(o)
		if err := lean.Source.Whole(); approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Errorf("%s: %v", what, err)
		}
		if err := convert.ToDomain(whole).Source.Whole(); err != nil {
			t.Errorf("%s: as the API server has it: %v", what, err)
		}
		lean.Outcome = approvals.Approved
		if e, err := signedevent.EventFor(lean, servicetest.TestRing, keyring.Secret{}, ct.T0); err == nil {
			t.Errorf("%s: %d bytes are signed", what, len(e.Body))
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: has a digest", what)
				}
			}()
			approvals.ContentDigest("prod", "apply", "", lean.Source, nil, nil)
		}()
		if got, err := new(store.Sharing).Approval(o); got != o || err != nil || !store.IsSigned(servicetest.TestRing, o) {
			t.Errorf("%s: handed over again: %v", what, err)
		}
	}
}

// Nobody but this process says that something was left out: an Approval that somebody makes
// with such a field is one without it, and its signature is looked at.
func TestLeanIsNotReadFromTheAPI(t *testing.T) {
	t.Parallel()
	genuine := servicetest.ObjectOf(ct.Make("a").Obj())
	var o v1alpha1.Approval
	raw := fmt.Sprintf(`{"metadata":{"namespace":"prod","name":"a"},"spec":{"trigger":"apply","lean":{"SignedContent":%q,"Values":true},"Lean":{"Sealed":%[1]q},"-":{"Sealed":%[1]q},
	  "signature":%q,"resolved":{"gate":"mine","policy":{},"digest":"","templateDigest":""},"source":{"event":{"digest":"","body":"{}"}}}}`, string(store.SignedContentOf(genuine)), genuine.Spec.Signature)
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		t.Fatal(err)
	}
	if o.Spec.Lean != nil || store.IsSigned(servicetest.TestRing, &o) {
		t.Errorf("it is believed: %+v", o.Spec.Lean)
	}
}

// Most Approvals hold little, of which nothing is left out.
func TestLittleIsKept(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Voted("alice", approvals.Approve, "looks good").Obj()
	want, got := servicetest.ThroughAPI(t, servicetest.ObjectOf(a)), inCache(t, &store.Sharing{}, a)
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(v1alpha1.Approval{}, "ResourceVersion")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// A vote on what holds much costs one read more at the API server than one on what holds
// little, which costs none; and every value is still there after it.
func TestReadsOfAVote(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]int{"a run": 1, "an event": 1, "little": 0} {
		a := ct.Make("a").Users("alice", "bob").Quorum(2).Obj()
		if big, ok := largest("a")[what]; ok {
			a = big
			a.Resolved.Policy.Strategy, a.Resolved.Policy.Required = approvals.Quorum, 2
		}
		c := servicetest.NewCluster(t, servicetest.ObjectOf(a))
		s, reads := c.Counted()
		before, err := c.Store().Fresh(t.Context(), a.Key)
		if err != nil {
			t.Fatal(err)
		}
		desk := &approvals.VoteService{
			Store: s, Now: servicetest.At(ct.T0), Outcomes: ct.NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {},
			Results: ct.DefaultResults{},
		}
		vote := func(who string) approvals.Approval {
			t.Helper()
			got, _, err := desk.Vote(t.Context(), a.Key, approvals.Ballot{Voter: approvals.Identity{Name: who, AuthMethod: approvals.AuthToken}, Verdict: approvals.Approve, Comment: "fine"})
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			return got
		}
		vote("alice")
		if *reads != want {
			t.Errorf("%s: %d reads for the first vote, want %d", what, *reads, want)
		}
		// What the write answered is known: the next one reads nothing again.
		decided := vote("bob")
		if got, err := s.Decided(t.Context(), a.Key); err != nil || !got.Decided() || got.Source.Lean.Any() {
			t.Errorf("%s: released with %+v, %v", what, got.Source.Lean, err)
		}
		if *reads != want {
			t.Errorf("%s: %d reads until it is released, want %d", what, *reads, want)
		}
		after, err := c.Store().Fresh(t.Context(), a.Key)
		if err != nil || !after.Decided() || len(after.Votes) != 2 {
			t.Fatalf("%s: %+v, %v", what, after.Votes, err)
		}
		if !reflect.DeepEqual(after.Source, before.Source) || !reflect.DeepEqual(after.Resolved, before.Resolved) || !reflect.DeepEqual(after.Results, decided.Results) || len(after.Results) == 0 {
			t.Errorf("%s: it lost something by being voted on", what)
		}
	}
}

// What people said stays said, however much it is and anyone who writes next from a cache
// without it.
func TestWordsStayWithTheNextWrite(t *testing.T) {
	t.Parallel()
	a := largest("a")["words"]
	c := servicetest.NewCluster(t, servicetest.ObjectOf(a))
	s, reads := c.Counted()
	if l, err := s.Cached(t.Context(), a.Key); err != nil || len(l.State().Votes) != 2 || l.State().Votes[0].Comment != "" || !l.State().Source.Lean.Words {
		t.Fatalf("the cache has %+v, %v", l.State().Source.Lean, err)
	}
	for range 2 {
		if _, err := s.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a.SupersededBy += "x" // which says nothing of votes
			return a, approvals.Blocking, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Fresh(t.Context(), a.Key)
	if d := cmp.Diff(a.Votes, got.Votes); err != nil || d != "" || got.SupersededBy != "xx" {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	if *reads != 2 { // one for both writes, one here
		t.Errorf("%d reads", *reads)
	}
}

// Of what is read whole, some is remembered, and bounded.
func TestWholesAreBounded(t *testing.T) {
	t.Parallel()
	var w store.Wholes
	size := func() (n int) {
		for _, o := range w.Known {
			n += store.WholeSize(o)
		}
		return n
	}
	for i := range 100 {
		a := largest(fmt.Sprint("a-", i))[[]string{"words", "a decision", "an event", "a run"}[i%4]]
		o := servicetest.ObjectOf(a)
		o.ResourceVersion = fmt.Sprint(i)
		w.Put(o)
		if got := w.Get(o); got != o {
			t.Fatalf("%d: what was just read is read again", i)
		}
		newer := o.DeepCopy()
		newer.ResourceVersion += "0"
		if w.Get(newer) != nil {
			t.Fatalf("%d: an older one is taken for it", i)
		}
		w.Put(newer)
		if s := size(); s != w.Bytes || s > store.MaxWhole || len(w.Order) != len(w.Known) {
			t.Fatalf("%d: %d bytes are remembered, %d counted, %d of %d in order", i, s, w.Bytes, len(w.Order), len(w.Known))
		}
	}
	w.Put(servicetest.ObjectOf(ct.Make("little").Obj()))
	if w.Known["uid-little"] != nil {
		t.Error("what the cache has whole is remembered too")
	}
}

// Without the API server nothing is made of what the cache has in part.
func TestWholeNeedsTheAPIServer(t *testing.T) {
	t.Parallel()
	a := largest("a")["an event"]
	c := servicetest.NewCluster(t, servicetest.ObjectOf(a))
	s := c.Store()
	l, err := s.Cached(t.Context(), a.Key)
	if err != nil {
		t.Fatal(err)
	}
	down := apierrors.NewServiceUnavailable("down")
	s.Live = failing{down}
	if _, err := s.Whole(t.Context(), l); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("%v", err)
	}
	if _, err := s.Get(t.Context(), a.Key); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("%v", err)
	}
	s.Live = failing{apierrors.NewNotFound(schema.GroupResource{}, "a")}
	if _, err := s.Whole(t.Context(), l); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("%v", err)
	}
}

// failing answers everything with an error.
type failing struct{ error }

func (f failing) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return f.error
}

func (f failing) List(context.Context, client.ObjectList, ...client.ListOption) error { return f.error }
