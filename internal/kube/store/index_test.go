package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// TestOverview follows the informer, and shows the resolved of what is genuine by the
// keys of now.
func TestOverview(t *testing.T) {
	t.Parallel()
	keys, told := servicetest.TestRing, 0
	o := &store.Overview{Store: &store.Store{Ring: func() keyring.Ring { return keys }}, Changed: func() { told++ }}
	if _, err := o.Snapshot(t.Context()); approvals.CodeOf(err) != approvals.CodeUnavailable || o.Synced() {
		t.Errorf("before the first list: %v", err)
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	from := &informertest.FakeInformers{Scheme: scheme}
	informer, err := from.FakeInformerFor(t.Context(), &v1alpha1.Approval{})
	if err == nil {
		err = o.Watch(t.Context(), from)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := func(what, pending string, changes int) {
		t.Helper()
		s, err := o.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range s.In("").Pending {
			got = append(got, fmt.Sprintf("%s resolved=%t", e.Name, e.Resolved != nil))
		}
		if fmt.Sprint(got) != pending || told != changes {
			t.Errorf("%s: %v after %d changes, want %s after %d", what, got, told, pending, changes)
		}
	}
	a, b := servicetest.ObjectOf(ct.Make("a").Obj()), servicetest.ObjectOf(ct.Make("b").Lifetime(2*time.Hour).Obj())
	a.ResourceVersion, b.ResourceVersion = "1", "2"
	b.Spec.Resolved.Requester = "mallory" // changed by somebody else
	informer.Add(a)
	informer.Add(b)
	want("two came", "[a resolved=true b resolved=false]", 2)
	informer.Update(a, a)
	want("told again of what is known", "[a resolved=true b resolved=false]", 2)
	keys = keyring.Ring{}
	want("the keys are gone", "[a resolved=false b resolved=false]", 2)
	keys = servicetest.TestRing
	want("they are back", "[a resolved=true b resolved=false]", 2)
	decided := servicetest.ObjectOf(ct.Make("a").Voted("alice", approvals.Approve, "").Obj())
	decided.ResourceVersion = "3"
	informer.Update(a, decided)
	want("decided", "[b resolved=false]", 3)
	o.OnDelete(toolscache.DeletedFinalStateUnknown{Obj: b})
	o.OnDelete("nonsense")
	want("missed its deletion", "[]", 4)
}

// TestIndexes find what waits for something, and what may take whose place, and
// nothing that anybody forged.
func TestIndexes(t *testing.T) {
	t.Parallel()
	newest := func(name, key string) *ct.Builder {
		return ct.Make(name).With(func(a *approvals.Approval) {
			a.Resolved.Policy.Supersede, a.Resolved.SupersedeKey = approvals.SupersedeNewest, key
		})
	}
	older := func(b *ct.Builder) *ct.Builder {
		return b.With(func(a *approvals.Approval) { a.OpenedAt = a.OpenedAt.Add(-time.Hour) })
	}
	released := func(b *ct.Builder) *ct.Builder {
		return b.Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: a.Name, UID: "run"} })
	}
	c := &servicetest.Cluster{Cluster: kubetest.NewIndexed(t, store.Indexes())}
	for _, b := range []*ct.Builder{
		newest("this", "main"),
		newest("another-key", "dev"), newest("another-namespace", "main").In("dev"),
		older(newest("waits", "main")),
		older(released(newest("over", "main"))), released(newest("newer", "main")),
		older(newest("stuck", "main").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
			a.Unreleased = &approvals.Problem{Reason: "NameTaken", Message: "taken"}
		})),
		newest("rejected", "other").Voted("alice", approvals.Reject, ""),
		ct.Make("open").Unresolved(nil),
		ct.Make("open-elsewhere").In("dev").Unresolved(nil),
	} {
		o := servicetest.ObjectOf(b.Obj())
		status := o.Status
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		o.Status = status
		if err := c.Status().Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	s := c.Store()
	for namespace, want := range map[string]string{"prod": "[open stuck]", "dev": "[open-elsewhere]", "": "[open open-elsewhere stuck]", "none": "[]"} {
		keys, err := s.PendingRelease(t.Context(), namespace)
		var got []string
		for _, k := range keys {
			got = append(got, k.Name)
		}
		slices.Sort(got)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("unsettled in %q: %v, %v; want %s", namespace, got, err, want)
		}
	}
	rivals, err := s.SupersessionCandidates(t.Context(), newest("this", "main").Obj())
	var got []string
	for _, r := range rivals {
		got = append(got, r.State().Name)
	}
	slices.Sort(got)
	if err != nil || fmt.Sprint(got) != "[newer stuck this waits]" {
		t.Errorf("rivals: %v, %v", got, err)
	}
	if got, err := s.SupersessionCandidates(t.Context(), ct.Make("open").Unresolved(nil).Obj()); len(got) != 0 || err != nil {
		t.Errorf("unresolved: %v, %v", got, err)
	}
}
