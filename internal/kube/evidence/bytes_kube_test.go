//go:build kube

package evidence_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/audit/sqlite"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/evidence"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

// dying is a store whose process is killed once the bytes are written.
type dying struct {
	evidence.Bytes
	kill func()
}

func (d dying) Put(ctx context.Context, k rules.Key, packed []byte, now time.Time) error {
	err := d.Bytes.Put(ctx, k, packed, now)
	d.kill()
	return err
}

// TestUploadsToAuditStore: with the service's own rights and a real API server, bytes go to the
// audit store and an object stands for them; older evidence is read; what a killed process left is
// completed, or deleted; and an upload reports that the store is down.
func TestUploadsToAuditStore(t *testing.T) {
	c := newUploads(t)
	_, _, good := c.run(t, "prod", "plan-1")
	for _, o := range servicetest.Roles(t, "prod", "../../../deploy/components/evidence/role.yaml") {
		c.create(t, o)
	}
	before := []byte("Plan: 1 to add, from before there was a store")
	c.eventually(t, "an upload without a store", func() bool {
		created, err := c.upload(t, "plan-1", "before", good, before)
		return created && err == nil
	})
	ledger, err := sqlite.Open(filepath.Join(t.TempDir(), "record.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	kept, service, now := ledger.Evidence("here"), c.u.Store.Client, time.Now()
	store := func(b evidence.Bytes) *evidence.Store { // of a process that has just started
		return &evidence.Store{Client: service, Ring: ringOf(1), Bytes: b, Now: func() time.Time { return now }}
	}
	rows := func() []rules.Stored {
		t.Helper()
		all, err := kept.Page(t.Context(), rules.Key{})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}

	// Killed between the two writes, and then tried again.
	most := noise(rules.MaxSize)
	dies, kill := context.WithCancel(t.Context())
	c.u.Store = store(dying{kept, kill})
	if _, _, err := c.u.Upload(dies, "prod", "plan-1", "plan", good, most); err == nil || len(rows()) != 1 {
		t.Fatalf("killed between the writes: %v, %d rows", err, len(rows()))
	}
	c.u.Store = store(kept)
	for _, want := range []bool{true, false} {
		if created, err := c.upload(t, "plan-1", "plan", good, most); err != nil || created != want || len(rows()) != 1 {
			t.Errorf("tried again: created %t, want %t, %v, %d rows", created, want, err, len(rows()))
		}
	}
	var o v1alpha1.Evidence
	if err := c.root.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: stored(t, c.root, "plan")}, &o); err != nil {
		t.Fatal(err)
	}
	if o.Spec.StoredIn != v1alpha1.InAuditStore || len(o.Spec.Data) != 0 || o.Spec.Size != rules.MaxSize {
		t.Errorf("the object has %d bytes, of %d, stored in %q", len(o.Spec.Data), o.Spec.Size, o.Spec.StoredIn)
	}
	elsewhere := o.DeepCopy()
	elsewhere.Spec.StoredIn = ""
	if err := service.Patch(t.Context(), elsewhere, client.MergeFrom(&o)); !apierrors.IsInvalid(err) {
		t.Errorf("the object says that its bytes are elsewhere: %v", err)
	}
	shown := showing(
		itemOf(evidence.Kept{Object: stored(t, c.root, "before"), SHA256: rules.Sum(before), Size: int64(len(before))}, "before"),
		itemOf(evidence.Kept{Object: o.Name, SHA256: rules.Sum(most), Size: rules.MaxSize}, "plan"),
	)
	if err := store(kept).Own(t.Context(), shown); err != nil {
		t.Errorf("own: %v", err)
	}
	for name, want := range map[string][]byte{"before": before, "plan": most} {
		if _, got, err := store(kept).Read(t.Context(), shown, name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}

	// The object goes, as with its last owner, and a day later the bytes do.
	s := &evidence.Sweeper{Store: store(kept), Now: func() time.Time { return now }}
	for _, x := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {evidence.OrphanFor, 0}, {0, 0}, {evidence.OrphanFor, 1}} {
		now = now.Add(x.after)
		if n, err := s.Sweep(t.Context()); err != nil || n != x.want {
			t.Errorf("%d deleted, %v; want %d", n, err, x.want)
		}
		if x.after > 0 && x.want == 0 { // so far it was wanted
			if err := c.root.Delete(t.Context(), &o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, _, err := store(kept).Read(t.Context(), shown, "plan"); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("when it is gone: %v, want %s", err, approvals.CodeNotFound)
	}

	ledger.Close()
	_, err = c.upload(t, "plan-1", "more", good, before)
	if approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("while the store is down: %v, want %s", err, approvals.CodeUnavailable)
	}
	golden.Open(t).Check(t, "while the store is down", approvals.Message(err))
}
