package app

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/keyring"
	kubestore "github.com/countersign-dev/countersign/internal/kube/store"
)

// TestChanges: every event of an Approval reaches all who listen, nobody is waited
// for, and all ends with the process.
func TestChanges(t *testing.T) {
	t.Parallel()
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	from := &informertest.FakeInformers{Scheme: scheme}
	informer, err := from.FakeInformerFor(t.Context(), &v1alpha1.Approval{})
	if err != nil {
		t.Fatal(err)
	}
	var c changes
	store := &kubestore.Store{Ring: func() keyring.Ring { return nil }}
	all := &kubestore.Overview{Store: store, Changed: c.tell}
	if err := all.Watch(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	one, stop := c.Changes()
	two, stopTwo := c.Changes()
	for name, event := range map[string]func(){
		"added":   func() { informer.Add(&v1alpha1.Approval{}) },
		"updated": func() { informer.Update(&v1alpha1.Approval{}, &v1alpha1.Approval{}) },
		"deleted": func() { informer.Delete(&v1alpha1.Approval{}) },
	} {
		for range 1000 { // nobody takes them
			event()
		}
		if len(one) != 1 || len(two) != 1 {
			t.Errorf("%s: %d and %d wait", name, len(one), len(two))
		}
		<-one
		<-two
	}
	stop()
	informer.Add(&v1alpha1.Approval{})
	if len(one) != 0 || len(two) != 1 {
		t.Error("whoever stopped is told, or nobody is")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	<-two
	if _, ok := <-two; ok {
		t.Error("not closed with the process")
	}
	if late, _ := c.Changes(); len(late) != 0 {
		t.Error("it began again")
	} else if _, ok := <-late; ok {
		t.Error("a latecomer waits for ever")
	}
	stopTwo()
	c.tell()
}
