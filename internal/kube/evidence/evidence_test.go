package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

func ringOf(b byte) func() keyring.Ring {
	r := keyring.Ring{{Made: ct.T0, Secret: bytes.Repeat([]byte{b}, keyring.Size)}}
	return func() keyring.Ring { return r }
}

func of(name string) evidence.Of {
	return evidence.Of{Namespace: "prod", Run: "plan-1", RunUID: "run-1", Kind: rules.Upload, Name: name}
}

// noise is what gzip can't make smaller.
func noise(n int) []byte {
	src, out := rand.NewChaCha8([32]byte{7}), make([]byte, n)
	_, _ = src.Read(out)
	return out
}

// showing is an Approval of run plan-1 that shows items.
func showing(items ...rules.Item) approvals.Approval {
	return ct.Make("a").With(func(a *approvals.Approval) {
		a.Namespace, a.Source.Run = "prod", &approvals.Run{Name: "plan-1", UID: "run-1", Pipeline: "plan"}
		a.Resolved.Evidence = items
	}).Obj()
}

func itemOf(k evidence.Kept, name string) rules.Item {
	return rules.Item{Name: name, Kind: rules.Upload, State: rules.Present, SHA256: k.SHA256, Size: k.Size, Object: k.Object}
}

// TestKeep: what is kept comes back to the byte, in as many objects as it takes, and is
// written once.
func TestKeep(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"a line":           []byte("Plan: 1 to add, 0 to change, 0 to destroy.\n"),
		"a plan":           bytes.Repeat([]byte("  + resource \"null_resource\" \"x\" {}\n"), 1200),
		"as much as it is": noise(rules.MaxSize),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := kubetest.New(t)
			s := &evidence.Store{Client: c, Ring: ringOf(1)}
			k, created, err := s.Keep(t.Context(), of("plan"), data, "")
			if err != nil || !created {
				t.Fatalf("keep: created %t, %v", created, err)
			}
			again, created, err := s.Keep(t.Context(), of("plan"), data, "")
			if err != nil || created || again != k {
				t.Errorf("the same again: got %+v, created %t, %v; want %+v", again, created, err, k)
			}
			if _, _, err := s.Keep(t.Context(), of("plan"), append([]byte("x"), data[1:]...), ""); approvals.CodeOf(err) != approvals.CodeConflict {
				t.Errorf("other bytes of that name: got %v, want %s", err, approvals.CodeConflict)
			}
			var list v1alpha1.EvidenceList
			if err := c.List(t.Context(), &list); err != nil {
				t.Fatal(err)
			}
			for _, o := range list.Items {
				if len(o.Spec.Data) > 720<<10 || int(o.Spec.Parts) != len(list.Items) || len(o.OwnerReferences) != 1 || o.OwnerReferences[0].UID != "run-1" {
					t.Errorf("object %s: %d bytes, %d parts of %d, owners %v", o.Name, len(o.Spec.Data), o.Spec.Parts, len(list.Items), o.OwnerReferences)
				}
			}
			item, got, err := (&evidence.Store{Client: c, Ring: ringOf(1)}).Read(t.Context(), showing(itemOf(k, "plan")), "plan")
			if err != nil || !bytes.Equal(got, data) || item.Name != "plan" {
				t.Errorf("read: %d bytes of %d, %v", len(got), len(data), err)
			}
		})
	}
}

// TestReadChanged: bytes that somebody put in the place of those that were approved are not
// given to anybody, and an error names a part that is gone.
func TestReadChanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, c client.Client, o *v1alpha1.Evidence)
		want   approvals.Code
	}{
		"deleted": {func(t *testing.T, c client.Client, o *v1alpha1.Evidence) {
			t.Helper()
			if err := c.Delete(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}, approvals.CodeNotFound},
		"of another upload": {func(t *testing.T, c client.Client, o *v1alpha1.Evidence) {
			t.Helper()
			var other v1alpha1.Evidence
			k, _, err := (&evidence.Store{Client: c, Ring: ringOf(1)}).Keep(t.Context(), of("other"), []byte("destroys all"), "")
			if err == nil {
				err = c.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: k.Object}, &other)
			}
			if o.Spec = other.Spec; err == nil {
				err = c.Update(t.Context(), o)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, approvals.CodeConflict},
		"no gzip": {func(t *testing.T, c client.Client, o *v1alpha1.Evidence) {
			t.Helper()
			o.Spec.Data = []byte("not compressed")
			if err := c.Update(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}, approvals.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kubetest.New(t)
			k, _, err := (&evidence.Store{Client: cluster, Ring: ringOf(1)}).Keep(t.Context(), of("plan"), []byte("destroys nothing"), "")
			if err != nil {
				t.Fatal(err)
			}
			var o v1alpha1.Evidence
			if err := cluster.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: k.Object}, &o); err != nil {
				t.Fatal(err)
			}
			c.change(t, cluster, &o)
			_, data, err := (&evidence.Store{Client: cluster, Ring: ringOf(1)}).Read(t.Context(), showing(itemOf(k, "plan")), "plan")
			if approvals.CodeOf(err) != c.want || data != nil {
				t.Errorf("got %q, %v; want %s", data, err, c.want)
			}
		})
	}
}

// TestFindForged: an object that this service did not sign is no evidence.
func TestFindForged(t *testing.T) {
	t.Parallel()
	c := kubetest.New(t)
	if _, _, err := (&evidence.Store{Client: c, Ring: ringOf(2)}).Keep(t.Context(), of("plan"), []byte("forged"), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := (&evidence.Store{Client: c, Ring: ringOf(1)}).Find(t.Context(), of("plan")); approvals.CodeOf(err) != approvals.CodeForbidden {
		t.Errorf("got %v, want %s", err, approvals.CodeForbidden)
	}
}

// TestRoom: a run uploads as many pieces as an Approval shows, and a namespace keeps what its
// quota says.
func TestRoom(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	quota := approvals.Quota{}
	s := &evidence.Store{Client: kubetest.New(t), Ring: ringOf(1), Quota: func(context.Context, string) (approvals.Quota, error) { return quota, nil }}
	keep := func(name string, data []byte) error {
		_, _, err := s.Keep(t.Context(), of(name), data, "")
		return err
	}
	for i := range rules.MaxItems {
		if err := keep(string(rune('a'+i)), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := keep("more", []byte("x")); approvals.CodeOf(err) != approvals.CodeLimited {
		t.Errorf("one more of the run: got %v, want %s", err, approvals.CodeLimited)
	}
	quota.EvidenceBytes = 1000
	log := evidence.Of{Namespace: "prod", Run: "plan-1", RunUID: "run-1", Kind: rules.Log, Name: "plan/show"}
	_, _, err := s.Keep(t.Context(), log, noise(2000), "")
	if approvals.CodeOf(err) != approvals.CodeLimited {
		t.Errorf("more than the namespace may keep: got %v, want %s", err, approvals.CodeLimited)
	}
	said.Check(t, "more than the namespace may keep", approvals.Message(err))
}

// TestRoomForAllAtOnce: uploads that come together find no more room than there is.
func TestRoomForAllAtOnce(t *testing.T) {
	t.Parallel()
	quota := approvals.Quota{EvidenceBytes: 2500}
	s := &evidence.Store{Client: kubetest.New(t), Ring: ringOf(1), Quota: func(context.Context, string) (approvals.Quota, error) { return quota, nil }}
	var kept, refused atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := string(rune('a' + i))
			switch _, _, err := s.Keep(t.Context(), of(name), noise(1000+i), ""); {
			case err == nil:
				kept.Add(1)
			case approvals.CodeOf(err) == approvals.CodeLimited:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if kept.Load() != 2 || refused.Load() != 6 {
		t.Errorf("%d were kept and %d refused, want 2 and 6", kept.Load(), refused.Load())
	}
}

// TestOwnWhatFits: of a piece that is too large for the quota, the others are kept all the same.
func TestOwnWhatFits(t *testing.T) {
	t.Parallel()
	c := kubetest.New(t)
	s := &evidence.Store{Client: c, Ring: ringOf(1), Quota: func(_ context.Context, namespace string) (approvals.Quota, error) {
		if namespace == "prod" {
			return approvals.Quota{}, nil
		}
		return approvals.Quota{EvidenceBytes: 1000}, nil
	}}
	var items []rules.Item
	for name, data := range map[string][]byte{"large": noise(2000), "small": []byte("x")} {
		k, _, err := s.Keep(t.Context(), of(name), data, "")
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, itemOf(k, name))
	}
	slices.SortFunc(items, func(x, y rules.Item) int { return strings.Compare(x.Name, y.Name) }) // the large one first
	there := showing(items...)
	there.Namespace, there.UID, there.Source.Run = "shop", "uid-there", &approvals.Run{Name: "plan-1", UID: "run-1", Namespace: "prod"}
	if err := s.Own(t.Context(), there); approvals.CodeOf(err) != approvals.CodeLimited {
		t.Errorf("got %v, want %s", err, approvals.CodeLimited)
	}
	var list v1alpha1.EvidenceList
	if err := c.List(t.Context(), &list, client.InNamespace("shop")); err != nil || len(list.Items) != 1 {
		t.Errorf("%d objects are there (%v), want the small one's", len(list.Items), err)
	}
}

// TestOwnWithinTheQuota: evidence from another namespace is copied only where there is room
// for it, and once there is.
func TestOwnWithinTheQuota(t *testing.T) {
	t.Parallel()
	c := kubetest.New(t)
	quota := approvals.Quota{EvidenceBytes: 1 << 20}
	s := &evidence.Store{Client: c, Ring: ringOf(1), Quota: func(_ context.Context, namespace string) (approvals.Quota, error) {
		if namespace == "prod" {
			return approvals.Quota{}, nil
		}
		return quota, nil
	}}
	k, _, err := s.Keep(t.Context(), of("plan"), noise(1<<20+1), "")
	if err != nil {
		t.Fatal(err)
	}
	there := showing(itemOf(k, "plan"))
	there.Namespace, there.UID, there.Source.Run = "shop", "uid-there", &approvals.Run{Name: "plan-1", UID: "run-1", Namespace: "prod"}
	copied := func() int {
		var list v1alpha1.EvidenceList
		if err := c.List(t.Context(), &list, client.InNamespace("shop")); err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	if err := s.Own(t.Context(), there); approvals.CodeOf(err) != approvals.CodeLimited || copied() != 0 {
		t.Errorf("more than the namespace may keep: got %v and %d objects, want %s and none", err, copied(), approvals.CodeLimited)
	}
	quota.EvidenceBytes = 4 << 20
	if err := s.Own(t.Context(), there); err != nil || copied() != 2 {
		t.Errorf("when there is room: got %v and %d objects, want both parts", err, copied())
	}
}

// TestOwn: an Approval becomes an owner of what it shows, once; from another namespace it gets
// a copy, which is there when the run is gone.
func TestOwn(t *testing.T) {
	t.Parallel()
	c := kubetest.New(t)
	s := &evidence.Store{Client: c, Ring: ringOf(1)}
	k, _, err := s.Keep(t.Context(), of("plan"), noise(1<<20), "")
	if err != nil {
		t.Fatal(err)
	}
	here := showing(itemOf(k, "plan"))
	there := here
	there.Namespace, there.UID, there.Source.Run = "shop", "uid-there", &approvals.Run{Name: "plan-1", UID: "run-1", Namespace: "prod"}
	for range 2 {
		for _, a := range []approvals.Approval{here, there} {
			if err := s.Own(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
	}
	var list v1alpha1.EvidenceList
	if err := c.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 4 {
		t.Errorf("got %d objects, want two parts here and two there", len(list.Items))
	}
	for _, o := range list.Items {
		var owners []string
		for _, r := range o.OwnerReferences {
			owners = append(owners, string(r.UID))
		}
		want := map[string]string{"prod": "run-1 " + here.UID, "shop": "uid-there"}[o.Namespace]
		if got := strings.Join(owners, " "); got != want {
			t.Errorf("%s/%s: owners %s, want %s", o.Namespace, o.Name, got, want)
		}
		if o.Namespace == "prod" {
			if err := c.Delete(t.Context(), &o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, data, err := (&evidence.Store{Client: c, Ring: ringOf(1)}).Read(t.Context(), there, "plan"); err != nil || len(data) != 1<<20 {
		t.Errorf("the copy, when the run is gone: %d bytes, %v", len(data), err)
	}
}

const ended = `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: plan-1, uid: run-1}
status:
  conditions: [{type: Succeeded, status: "True"}]
  childReferences:
    - {kind: TaskRun, name: plan-1-plan, pipelineTaskName: plan}
    - {kind: TaskRun, name: plan-1-each-0, pipelineTaskName: each}
    - {kind: TaskRun, name: plan-1-each-1, pipelineTaskName: each}
    - {kind: TaskRun, name: plan-1-gone, pipelineTaskName: gone}
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: plan-1-plan, ownerReferences: [{apiVersion: tekton.dev/v1, kind: PipelineRun, name: plan-1, uid: run-1, controller: true}]}
status:
  podName: plan-1-plan-pod
  steps:
    - {name: init, container: step-init, terminated: {exitCode: 0, startedAt: "2026-03-01T09:00:00Z"}}
    - {name: show, container: step-show, terminated: {exitCode: 0, startedAt: "2026-03-01T09:00:00Z"}}
`

// TestLogs: a log is read without the times that tell whether it is whole, and an error tells
// why there is none.
func TestLogs(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	long := strings.Repeat("x", 200<<10)
	logs := map[string]string{"step-init": "2026-03-01T09:00:01Z initialised\n", "step-show": "2026-03-01T09:00:02.5Z Plan: 1 to add\n2026-03-01T09:00:03Z 2026-01-01T00:00:00Z is its own\n2026-03-01T09:00:04Z " + long}
	resource := schema.GroupResource{Resource: "pods"}
	show := rules.Wanted{Name: "plan", Kind: rules.Log, Task: "plan", Step: "show"}
	for name, c := range map[string]struct {
		want   rules.Wanted
		logs   map[string]string
		err    error
		run    string // its UID
		text   string
		state  rules.State
		failed approvals.Code
	}{
		"a step":         {want: show, logs: logs, state: rules.Present, text: "Plan: 1 to add\n2026-01-01T00:00:00Z is its own\n" + long},
		"a task":         {want: rules.Wanted{Name: "plan", Kind: rules.Log, Task: "plan"}, logs: logs, state: rules.Present, text: "initialised\nPlan: 1 to add\n2026-01-01T00:00:00Z is its own\n" + long},
		"rotated, maybe": {want: show, logs: map[string]string{"step-show": "2026-03-01T09:04:00Z tail\n"}, state: rules.Present, text: "tail\n"},
		"too large":      {want: show, logs: map[string]string{"step-show": strings.Repeat("2026-03-01T09:00:02Z "+strings.Repeat("y", 1000)+"\n", 6000)}, state: rules.TooLarge},
		"no such task":   {want: rules.Wanted{Name: "plan", Kind: rules.Log, Task: "other"}, state: rules.Missing},
		"no such step":   {want: rules.Wanted{Name: "plan", Kind: rules.Log, Task: "plan", Step: "other"}, state: rules.Missing},
		"a matrix":       {want: rules.Wanted{Name: "plan", Kind: rules.Log, Task: "each"}, state: rules.Missing},
		"no TaskRun":     {want: rules.Wanted{Name: "plan", Kind: rules.Log, Task: "gone"}, state: rules.Missing},
		"another run":    {want: show, run: "run-2", state: rules.Missing},
		"the pod gone":   {want: show, err: apierrors.NewNotFound(resource, "plan-1-plan-pod"), state: rules.Missing},
		"no right":       {want: show, err: apierrors.NewForbidden(resource, "plan-1-plan-pod", errors.New("no")), state: rules.Missing},
		"log gone":       {want: show, err: apierrors.NewBadRequest("unable to retrieve container logs"), state: rules.Missing},
		"silent":         {want: show, logs: map[string]string{"step-show": ""}, state: rules.Missing},
		"no answer":      {want: show, err: apierrors.NewTimeoutError("slow", 1), failed: approvals.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kubetest.New(t, kubetest.Objects(t, ended)...)
			s := &evidence.Store{Client: cluster, Ring: ringOf(1)}
			r := evidence.Resolver{Store: s, Logs: &evidence.Logs{Live: cluster, Open: func(_ context.Context, ns, pod string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
				if ns != "prod" || pod != "plan-1-plan-pod" || !o.Timestamps {
					t.Errorf("asked for the log of %s/%s, with times %t", ns, pod, o.Timestamps)
				}
				return io.NopCloser(strings.NewReader(c.logs[o.Container])), c.err
			}}, Sums: evidence.NewSums()}
			source := approvals.Source{Run: &approvals.Run{Name: "plan-1", UID: "run-1"}}
			if c.run != "" {
				source.Run.UID = c.run
			}
			items, err := r.Items(t.Context(), "prod", source, []rules.Wanted{c.want})
			if approvals.CodeOf(err) != c.failed {
				t.Fatalf("got %v, want %q", err, c.failed)
			}
			if c.failed != "" {
				return
			}
			item := items[0]
			if item.State != c.state || c.state != rules.Present && item.Message == "" {
				t.Errorf("got %s (%q), want %s", item.State, item.Message, c.state)
			}
			if item.Message != "" {
				said.Check(t, name, item.Message)
			}
			if c.state != rules.Present {
				return
			}
			_, data, err := s.Read(t.Context(), showing(item), "plan")
			if err != nil || string(data) != c.text {
				t.Errorf("got %d bytes (%.80q), %v; want %d", len(data), data, err, len(c.text))
			}
			// The pod may be gone by now: what was read first stays.
			r.Logs = nil
			if again, err := r.Items(t.Context(), "prod", source, []rules.Wanted{c.want}); err != nil || again[0] != item {
				t.Errorf("again: got %+v, %v; want %+v", again, err, item)
			}
		})
	}
}

// TestLater: what came after people began to decide is said, and is nothing that they approve.
func TestLater(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	s := &evidence.Store{Client: kubetest.New(t), Ring: ringOf(1)}
	missing := func(name string, kind rules.Kind) rules.Item {
		return rules.Item{Name: name, Kind: kind, State: rules.Missing, Message: "nobody uploaded it"}
	}
	a := showing(missing("plan", rules.Upload), missing("other", rules.Upload), missing("log", rules.Log))
	state := func(name string) (rules.State, string) {
		t.Helper()
		item, data, err := s.Read(t.Context(), a, name)
		if approvals.CodeOf(err) != approvals.CodeNotFound || data != nil {
			t.Errorf("%s: %d bytes, %v; want %s", name, len(data), err, approvals.CodeNotFound)
		}
		return item.State, approvals.Message(err)
	}
	if got, _ := state("plan"); got != rules.Missing {
		t.Errorf("before it came: %s", got)
	}
	if _, _, err := s.Keep(t.Context(), of("plan"), []byte("Plan: 1 to add"), ""); err != nil {
		t.Fatal(err)
	}
	got, why := state("plan")
	if got != rules.Late {
		t.Errorf("after it came: %s, %s", got, why)
	}
	said.Check(t, "after it came", why)
	for _, name := range []string{"other", "log"} {
		if got, _ := state(name); got != rules.Missing {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := s.Later(t.Context(), a, rules.Item{Name: "plan", Kind: rules.Upload, State: rules.TooLarge}); got.State != rules.TooLarge {
		t.Errorf("what was too large when people began to decide: %s", got.State)
	}
	// What was there when people began to decide, and is missing for another reason, is not late.
	before := a
	resolved := *a.Resolved
	resolved.ResolvedAt = time.Now().Add(time.Hour)
	before.Resolved = &resolved
	if got := s.Later(t.Context(), before, missing("plan", rules.Upload)); got.State != rules.Missing || got.Message != "nobody uploaded it" {
		t.Errorf("what was there before: %s, %s", got.State, got.Message)
	}
	var all v1alpha1.EvidenceList
	if err := s.Client.List(t.Context(), &all); err != nil || len(all.Items) != 1 {
		t.Fatalf("%d objects, %v", len(all.Items), err)
	}
	all.Items[0].Spec.Size++
	if err := s.Client.Update(t.Context(), &all.Items[0]); err != nil {
		t.Fatal(err)
	}
	if got := s.Later(t.Context(), a, missing("plan", rules.Upload)); got.State != rules.Missing {
		t.Errorf("what somebody else wrote: %s", got.State)
	}
}

// TestItems: uploads and results as they are, and what an event can't have.
func TestItems(t *testing.T) {
	t.Parallel()
	c := kubetest.New(t)
	s := &evidence.Store{Client: c, Ring: ringOf(1)}
	k, _, err := s.Keep(t.Context(), of("plan"), []byte("Plan: 1 to add"), "")
	if err != nil {
		t.Fatal(err)
	}
	r := evidence.Resolver{Store: s, Sums: evidence.NewSums()}
	wanted := []rules.Wanted{{Name: "plan", Kind: rules.Upload}, {Name: "other", Kind: rules.Upload}, {Name: "digest", Kind: rules.Result}}
	run := approvals.Source{Run: &approvals.Run{Name: "plan-1", UID: "run-1"}, Results: []approvals.Param{{Name: "digest", Value: "sha256:abc"}}}
	states := func(s approvals.Source) string {
		items, err := r.Items(t.Context(), "prod", s, wanted)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, i := range items {
			out = append(out, string(i.State))
		}
		return strings.Join(out, " ")
	}
	if got := states(run); got != "Present Missing Present" {
		t.Errorf("of a run: %s", got)
	}
	if got := states(approvals.Source{Task: &approvals.Task{Name: "ask", Run: approvals.Run{Name: "plan-1", UID: "run-1"}}}); got != "Present Missing Missing" {
		t.Errorf("of a task that waits: %s", got)
	}
	if got := states(approvals.Source{Event: &approvals.Event{Body: "{}"}}); got != "Missing Missing Missing" {
		t.Errorf("of an event: %s", got)
	}
	items, err := r.Items(t.Context(), "prod", run, wanted)
	if err != nil || items[0].SHA256 != k.SHA256 {
		t.Errorf("got %+v, %v; want the digest %s", items[0], err, k.SHA256)
	}
	a := showing(items...)
	a.Source.Results = run.Results
	if _, data, err := s.Read(t.Context(), a, "digest"); err != nil || string(data) != "sha256:abc" {
		t.Errorf("the result: got %q, %v", data, err)
	}
	for _, name := range []string{"other", "never"} {
		if _, _, err := s.Read(t.Context(), a, name); approvals.CodeOf(err) != approvals.CodeNotFound {
			t.Errorf("%s: got %v, want %s", name, err, approvals.CodeNotFound)
		}
	}
}
