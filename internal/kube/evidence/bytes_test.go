package evidence_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/audit/sqlite"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// audited is a service with a real audit store, in a file, and a cluster.
type audited struct {
	cluster *kubetest.Cluster
	ledger  *sqlstore.Ledger
	bytes   *sqlstore.Evidence
	path    string
	now     time.Time
}

func newAudited(t *testing.T) *audited {
	t.Helper()
	path := filepath.Join(t.TempDir(), "record.db")
	l, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &audited{cluster: kubetest.New(t), ledger: l, bytes: l.Evidence("here"), path: path, now: ct.T0}
}

// store is that of a process that has just started: it remembers nothing.
func (a *audited) store() *evidence.Store {
	return &evidence.Store{Client: a.cluster, Ring: ringOf(1), Bytes: a.bytes, Now: func() time.Time { return a.now }}
}

// without is that of a process that is configured without an audit store.
func (a *audited) without() *evidence.Store {
	return &evidence.Store{Client: a.cluster, Ring: ringOf(1)}
}

func (a *audited) keep(t *testing.T, s *evidence.Store, name string, data []byte) rules.Item {
	t.Helper()
	k, _, err := s.Keep(t.Context(), of(name), data, "")
	if err != nil {
		t.Fatal(err)
	}
	return itemOf(k, name)
}

func (a *audited) rows(t *testing.T) []rules.Stored {
	t.Helper()
	rows, err := a.bytes.Page(t.Context(), rules.Key{})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (a *audited) objects(t *testing.T, namespace string) []v1alpha1.Evidence {
	t.Helper()
	var list v1alpha1.EvidenceList
	if err := a.cluster.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// exec does what somebody with the database's password can do.
func (a *audited) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", a.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

// TestKeepInAuditStore: with an audit store the bytes are there, and one object without them
// stands for them, whose quota counts what they take.
func TestKeepInAuditStore(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	data := noise(rules.MaxSize)
	item := a.keep(t, a.store(), "plan", data)
	if k, created, err := a.store().Keep(t.Context(), of("plan"), data, ""); err != nil || created || k.SHA256 != item.SHA256 {
		t.Errorf("the same again: %+v, created %t, %v", k, created, err)
	}
	if _, _, err := a.store().Keep(t.Context(), of("plan"), []byte("other"), ""); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("other bytes of that name: %v, want %s", err, approvals.CodeConflict)
	}
	objects, rows := a.objects(t, "prod"), a.rows(t)
	if len(objects) != 1 || len(rows) != 1 || rows[0].Bytes < rules.MaxSize {
		t.Fatalf("%d objects and rows %+v, want one of each, and all bytes in the row", len(objects), rows)
	}
	o := objects[0]
	if o.Spec.StoredIn != v1alpha1.InAuditStore || o.Spec.Data != nil || o.Spec.Parts != 1 || o.OwnerReferences[0].UID != "run-1" || rows[0].Key != (rules.Key{Namespace: "prod", Object: o.Name, SHA256: item.SHA256}) {
		t.Errorf("the object is %+v for %+v", o.Spec, rows[0].Key)
	}
	if _, got, err := a.store().Read(t.Context(), showing(item), "plan"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read: %d bytes of %d, %v", len(got), len(data), err)
	}
	full := a.without()
	full.Quota = func(context.Context, string) (approvals.Quota, error) {
		return approvals.Quota{EvidenceBytes: rules.MaxSize}, nil
	}
	if _, _, err := full.Keep(t.Context(), of("more"), []byte("x"), ""); approvals.CodeOf(err) != approvals.CodeLimited {
		t.Errorf("once the configuration has no store any more: %v, want %s", err, approvals.CodeLimited)
	}
}

// TestBothPlaces: evidence from before there was an audit store is read with one; and evidence
// that is in one is found without it, though nobody gets bytes, until it is there again.
func TestBothPlaces(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	before := a.keep(t, a.without(), "before", noise(1<<20))
	after := a.keep(t, a.store(), "after", noise(1<<20+1))
	for _, item := range []rules.Item{before, after} {
		if _, got, err := a.store().Read(t.Context(), showing(before, after), item.Name); err != nil || rules.Sum(got) != item.SHA256 {
			t.Errorf("%s, with the store: %d bytes, %v", item.Name, len(got), err)
		}
	}
	if _, got, err := a.without().Read(t.Context(), showing(before, after), "before"); err != nil || rules.Sum(got) != before.SHA256 {
		t.Errorf("before, without the store: %d bytes, %v", len(got), err)
	}
	if _, got, err := a.without().Read(t.Context(), showing(before, after), "after"); !errors.Is(err, evidence.ErrInStore) || approvals.CodeOf(err) != approvals.CodeUnavailable || got != nil {
		t.Errorf("after, without the store: %d bytes, %v", len(got), err)
	}
	if k, created, err := a.without().Keep(t.Context(), of("after"), noise(1<<20+1), ""); err != nil || created || k.SHA256 != after.SHA256 {
		t.Errorf("uploaded again without the store: %+v, created %t, %v; it is there", k, created, err)
	}
	if len(a.objects(t, "prod")) != 3 { // two parts, and one without bytes
		t.Errorf("%d objects", len(a.objects(t, "prod")))
	}
}

// TestStoreDown: while the store is down nothing is stored half and nothing is shown, and the
// error says why. What an Approval shows is resolved later, and not taken for missing.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	item := a.keep(t, a.store(), "plan", []byte("Plan: 1 to add"))
	a.ledger.Close()
	said := golden.Open(t)
	for name, call := range map[string]func() error{
		"an upload": func() error { _, _, err := a.store().Keep(t.Context(), of("more"), []byte("x"), ""); return err },
		"a reader":  func() error { _, _, err := a.store().Read(t.Context(), showing(item), "plan"); return err },
		"resolving": func() error {
			r := evidence.Resolver{Store: a.store(), Sums: evidence.NewSums()}
			_, err := r.Items(t.Context(), "prod", showing().Source, []rules.Wanted{{Name: "plan", Kind: rules.Upload}})
			return err
		},
		"a copy": func() error {
			there := showing(item)
			there.Namespace, there.UID, there.Source.Run = "shop", "uid-there", &approvals.Run{Name: "plan-1", UID: "run-1", Namespace: "prod"}
			return a.store().Own(t.Context(), there)
		},
		"cleaning up": func() error { _, err := a.sweeper().Sweep(t.Context()); return err },
	} {
		err := call()
		if approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Errorf("%s: %v, want %s", name, err, approvals.CodeUnavailable)
		}
		said.Check(t, name, approvals.Message(err))
	}
	if n := len(a.objects(t, "prod")); n != 1 {
		t.Errorf("%d objects, want that of before", n)
	}
}

// TestRowsChanged: what somebody wrote into the database is found by the SHA-256 of the Approval,
// and nobody gets it.
func TestRowsChanged(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		query string
		want  approvals.Code
	}{
		"of another":         {"UPDATE evidence_bytes SET data = (SELECT data FROM evidence_bytes ORDER BY bytes DESC LIMIT 1)", approvals.CodeConflict},
		"no gzip":            {"UPDATE evidence_bytes SET data = 'not compressed'", approvals.CodeConflict},
		"cut":                {"UPDATE evidence_bytes SET data = substr(data, 1, bytes - 9)", approvals.CodeConflict},
		"deleted":            {"DELETE FROM evidence_bytes", approvals.CodeNotFound},
		"larger than it can": {"UPDATE evidence_bytes SET data = zeroblob(50000000)", approvals.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAudited(t)
			item := a.keep(t, a.store(), "plan", []byte("destroys nothing"))
			a.keep(t, a.store(), "other", []byte("destroys all and everything, and has the larger row"))
			a.exec(t, c.query)
			_, got, err := a.store().Read(t.Context(), showing(item), "plan")
			if approvals.CodeOf(err) != c.want || got != nil {
				t.Errorf("read: %q, %v; want %s", got, err, c.want)
			}
			said.Check(t, name, approvals.Message(err))
			r := evidence.Resolver{Store: a.store(), Sums: evidence.NewSums()}
			items, err := r.Items(t.Context(), "prod", showing().Source, []rules.Wanted{{Name: "plan", Kind: rules.Upload}})
			if err != nil || items[0].State != rules.Missing {
				t.Fatalf("before anybody votes: %+v, %v; want it missing", items, err)
			}
		})
	}
}

// TestLostBytes: the same upload again brings back what an older backup of the database does not have,
// and nothing else changes.
func TestLostBytes(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	item := a.keep(t, a.store(), "plan", []byte("Plan: 1 to add"))
	a.exec(t, "DELETE FROM evidence_bytes")
	if _, _, err := a.store().Keep(t.Context(), of("plan"), []byte("Plan: 1 to destroy"), ""); approvals.CodeOf(err) != approvals.CodeConflict || len(a.rows(t)) != 0 {
		t.Errorf("other bytes: %v and %d rows, want %s and none", err, len(a.rows(t)), approvals.CodeConflict)
	}
	k, created, err := a.store().Keep(t.Context(), of("plan"), []byte("Plan: 1 to add"), "")
	if err != nil || created || k.SHA256 != item.SHA256 || len(a.rows(t)) != 1 || len(a.objects(t, "prod")) != 1 {
		t.Errorf("%+v, created %t, %v, %d rows; want one row", k, created, err, len(a.rows(t)))
	}
	if _, got, err := a.store().Read(t.Context(), showing(item), "plan"); err != nil || string(got) != "Plan: 1 to add" {
		t.Errorf("read: %q, %v", got, err)
	}
}

// TestKilledBetweenWrites: a process that dies when the bytes are written and the object is not
// leaves nothing that anybody takes for evidence. The next upload makes it whole.
func TestKilledBetweenWrites(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	died := errors.New("connection refused")
	a.cluster.Fail(func(verb string, _ runtime.Object) error {
		if verb == "create" {
			return died
		}
		return nil
	})
	if _, _, err := a.store().Keep(t.Context(), of("plan"), []byte("Plan: 1 to add"), ""); !errors.Is(err, died) {
		t.Fatalf("it did not die: %v", err)
	}
	a.cluster.Fail(nil)
	if rows := a.rows(t); len(rows) != 1 || len(a.objects(t, "prod")) != 0 {
		t.Fatalf("rows %+v and %d objects, want a row alone", rows, len(a.objects(t, "prod")))
	}
	if _, err := a.store().Find(t.Context(), of("plan")); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("it is found: %v", err)
	}
	a.sweep(t, 0)
	a.now = a.now.Add(evidence.OrphanFor) // the pod's next attempt comes at the last moment
	item := a.keep(t, a.store(), "plan", []byte("Plan: 1 to add"))
	a.sweep(t, 0)
	if _, got, err := a.store().Read(t.Context(), showing(item), "plan"); err != nil || string(got) != "Plan: 1 to add" {
		t.Errorf("the next attempt: %q, %v", got, err)
	}
}

// TestOrphansCount: who leaves bytes behind for which no object can be made does not fill the
// store beyond their quota.
func TestOrphansCount(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	s := a.store()
	s.Quota = func(context.Context, string) (approvals.Quota, error) {
		return approvals.Quota{EvidenceBytes: 5000}, nil
	}
	a.cluster.Fail(func(verb string, _ runtime.Object) error {
		if verb == "create" {
			return errors.New("exceeded quota")
		}
		return nil
	})
	var code approvals.Code
	for i := range 9 {
		_, _, err := s.Keep(t.Context(), of("plan"), noise(1000+i), "")
		code = approvals.CodeOf(err)
	}
	if rows := a.rows(t); code != approvals.CodeLimited || len(rows) > 4 {
		t.Errorf("the last was answered %s, and %d rows were left; want %s, and no more than the quota", code, len(rows), approvals.CodeLimited)
	}
}

// TestTogether: however many namespaces there are, they leave room for the audit log.
func TestTogether(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	s := a.store()
	s.Most = 2500
	item := a.keep(t, s, "plan", noise(1000))
	shop := of("plan")
	shop.Namespace, shop.RunUID = "shop", "run-2"
	if _, _, err := s.Keep(t.Context(), shop, noise(1001), ""); err != nil {
		t.Fatal(err)
	}
	other := of("plan")
	other.Namespace, other.RunUID = "other", "run-3"
	_, _, err := s.Keep(t.Context(), other, noise(1002), "")
	if approvals.CodeOf(err) != approvals.CodeLimited || len(a.rows(t)) != 2 {
		t.Errorf("beyond what all may have: %v and %d rows, want %s and 2", err, len(a.rows(t)), approvals.CodeLimited)
	}
	there := showing(item)
	there.Namespace, there.UID, there.Source.Run = "other", "uid-there", &approvals.Run{Name: "plan-1", UID: "run-1", Namespace: "prod"}
	if err := s.Own(t.Context(), there); approvals.CodeOf(err) != approvals.CodeLimited {
		t.Errorf("a copy: %v, want %s", err, approvals.CodeLimited)
	}
	golden.Open(t).Check(t, "an upload", approvals.Message(err))
}

// TestOwnInAuditStore: an Approval in another namespace has bytes of its own, counted for that
// namespace, which stay when those of the run are gone.
func TestOwnInAuditStore(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	item := a.keep(t, a.store(), "plan", noise(1<<20))
	there := showing(item)
	there.Namespace, there.UID, there.Source.Run = "shop", "uid-there", &approvals.Run{Name: "plan-1", UID: "run-1", Namespace: "prod"}
	small := a.store()
	small.Quota = func(context.Context, string) (approvals.Quota, error) {
		return approvals.Quota{EvidenceBytes: 1000}, nil
	}
	if err := small.Own(t.Context(), there); approvals.CodeOf(err) != approvals.CodeLimited || len(a.rows(t)) != 1 {
		t.Errorf("beyond the quota: %v and %d rows, want %s and none more", err, len(a.rows(t)), approvals.CodeLimited)
	}
	for range 2 {
		if err := a.store().Own(t.Context(), there); err != nil {
			t.Fatal(err)
		}
	}
	if rows := a.rows(t); len(rows) != 2 || len(a.objects(t, "shop")) != 1 {
		t.Fatalf("rows %+v and %d objects there, want one here and one there", rows, len(a.objects(t, "shop")))
	}
	a.remove(t, "prod")
	a.sweep(t, 0)
	a.now = a.now.Add(evidence.OrphanFor)
	a.sweep(t, 1)
	if _, got, err := a.store().Read(t.Context(), there, "plan"); err != nil || len(got) != 1<<20 {
		t.Errorf("the copy, when the run is gone: %d bytes, %v", len(got), err)
	}
}

// TestCopiedByOlderVersion: a version that does not know where bytes are copies an object without that
// and without bytes. It is taken for missing: the run's is read, and the next look copies it whole.
func TestCopiedByOlderVersion(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	item := a.keep(t, a.store(), "plan", noise(1<<20))
	there := showing(item)
	there.Namespace, there.UID, there.Source.Run = "shop", "uid-there", &approvals.Run{Name: "plan-1", UID: "run-1", Namespace: "prod"}
	old := a.objects(t, "prod")[0]
	old.Namespace, old.ResourceVersion, old.UID, old.Spec.StoredIn = "shop", "", "", ""
	old.Annotations = map[string]string{"countersign.dev/evidence-bytes": "0"}
	other := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Approval", Name: "other", UID: "uid-other"}
	old.OwnerReferences = []metav1.OwnerReference{other}
	if err := a.cluster.Create(t.Context(), &old); err != nil {
		t.Fatal(err)
	}
	if _, got, err := a.store().Read(t.Context(), there, "plan"); err != nil || len(got) != 1<<20 {
		t.Errorf("before it is copied again: %d bytes, %v", len(got), err)
	}
	for range 2 {
		if err := a.store().Own(t.Context(), there); err != nil {
			t.Fatal(err)
		}
	}
	copies := a.objects(t, "shop")
	if len(copies) != 1 || copies[0].Spec.StoredIn != v1alpha1.InAuditStore || len(copies[0].OwnerReferences) != 2 || copies[0].OwnerReferences[0] != other {
		t.Fatalf("%+v, want one that says where its bytes are, of both owners", copies)
	}
	a.remove(t, "prod")
	if _, got, err := a.store().Read(t.Context(), there, "plan"); err != nil || len(got) != 1<<20 {
		t.Errorf("the copy, when the run is gone: %d bytes, %v", len(got), err)
	}
	// Where there is no other, it is gone, and nobody is told that somebody changed it.
	lost := a.objects(t, "shop")[0]
	a.remove(t, "shop")
	lost.ResourceVersion, lost.UID, lost.Spec.StoredIn = "", "", ""
	if err := a.cluster.Create(t.Context(), &lost); err != nil {
		t.Fatal(err)
	}
	_, _, err := a.store().Read(t.Context(), there, "plan")
	if approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("the empty one alone: %v, want %s", err, approvals.CodeNotFound)
	}
}

func (a *audited) sweeper() *evidence.Sweeper {
	return &evidence.Sweeper{Store: a.store(), Now: func() time.Time { return a.now }}
}

// sweep is one look, by a process that has just started.
func (a *audited) sweep(t *testing.T, want int) {
	t.Helper()
	if n, err := a.sweeper().Sweep(t.Context()); err != nil || n != want {
		t.Errorf("sweep: %d deleted, %v; want %d", n, err, want)
	}
}

// remove deletes all Evidence of a namespace, as the garbage collector does.
func (a *audited) remove(t *testing.T, namespace string) {
	t.Helper()
	if err := a.cluster.DeleteAllOf(t.Context(), &v1alpha1.Evidence{}, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
}

// TestSweep: bytes go a day after the object that stands for them, and no others do.
func TestSweep(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	item := a.keep(t, a.store(), "plan", []byte("Plan: 1 to add"))
	gone := a.keep(t, a.store(), "gone", []byte("Plan: 2 to add"))
	// Another writer was a moment too late with other bytes of that name.
	late := rules.Key{Namespace: "prod", Object: item.Object, SHA256: rules.Sum([]byte("late"))}
	if err := a.bytes.Put(t.Context(), late, []byte("late"), a.now); err != nil {
		t.Fatal(err)
	}
	a.sweep(t, 0)
	object := a.objects(t, "prod")
	for _, o := range object {
		if o.Name == gone.Object {
			if err := a.cluster.Delete(t.Context(), &o); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.now = a.now.Add(evidence.OrphanFor - time.Minute)
	a.sweep(t, 0) // from now on the object is known to be gone
	a.now = a.now.Add(time.Minute)
	a.sweep(t, 1) // that of the late writer
	a.now = a.now.Add(evidence.OrphanFor - time.Minute)
	a.cluster.Fail(func(verb string, _ runtime.Object) error {
		if verb == "list" {
			return errors.New("connection refused")
		}
		return nil
	})
	if n, err := a.sweeper().Sweep(t.Context()); err == nil || n != 0 {
		t.Errorf("while the API server is down: %d deleted, %v; want none, and why", n, err)
	}
	a.cluster.Fail(nil)
	a.sweep(t, 1)
	if rows := a.rows(t); len(rows) != 1 || rows[0].Object != item.Object || rows[0].SHA256 != item.SHA256 {
		t.Errorf("left are %+v, want %s", rows, item.Object)
	}
}

// TestSweepAfterRestore: nothing is lost when the objects of a cluster are restored within a day.
func TestSweepAfterRestore(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	item := a.keep(t, a.store(), "plan", []byte("Plan: 1 to add"))
	backup := a.objects(t, "prod")[0]
	a.remove(t, "prod")
	a.sweep(t, 0)
	a.now = a.now.Add(evidence.OrphanFor - time.Minute)
	a.sweep(t, 0)
	backup.ResourceVersion = ""
	if err := a.cluster.Create(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	a.now = a.now.Add(time.Hour)
	a.sweep(t, 0)
	a.now = a.now.Add(evidence.OrphanFor)
	a.sweep(t, 0)
	if _, got, err := a.store().Read(t.Context(), showing(item), "plan"); err != nil || len(got) == 0 {
		t.Errorf("after a restore: %q, %v", got, err)
	}
}
