package recordtest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Evidence keeps bytes of evidence beside a Ledger.
type Evidence interface { //nolint:interfacebloat // the whole of what a store of evidence does, as of Ledger
	Put(ctx context.Context, k evidence.Key, packed []byte, now time.Time) error
	Get(ctx context.Context, k evidence.Key) ([]byte, error)
	Used(ctx context.Context, namespace string) (its, all int64, err error)
	Page(ctx context.Context, after evidence.Key) ([]evidence.Stored, error)
	Orphan(ctx context.Context, s evidence.Stored, since time.Time) error
	Delete(ctx context.Context, s evidence.Stored) (bool, error)
}

// RunEvidence tests the contract of every store of evidence. of is the one of a Ledger and a cluster.
func RunEvidence(t *testing.T, newStore func(t *testing.T) Store, of func(l Ledger, cluster string) Evidence) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Store, Evidence){
		"evidence":             testEvidence,
		"evidence orphaned":    testEvidenceOrphaned,
		"evidence in pages":    testEvidencePages,
		"evidence changed":     testEvidenceChanged,
		"evidence down and up": testEvidenceDown,
		"evidence and the log": testEvidenceAndLog,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			l := s.Open(t)
			t.Cleanup(func() { l.Close() })
			test(t, s, of(l, "here"))
		})
	}
	t.Run("evidence of two clusters", func(t *testing.T) {
		t.Parallel()
		s := newStore(t)
		l := s.Open(t)
		t.Cleanup(func() { l.Close() })
		testEvidenceClusters(t, of(l, "here"), of(l, "there"))
	})
}

// testEvidenceClusters: a cluster lists, counts and deletes its own bytes alone, and reads those of
// another, whose objects somebody restored in it.
func testEvidenceClusters(t *testing.T, here, there Evidence) {
	both, one := key("prod", "evidence-1", "a"), key("prod", "evidence-2", "a")
	put(t, here, both, []byte("here"), ct.T0)
	put(t, there, both, []byte("there"), ct.T0)
	put(t, there, one, []byte("there alone"), ct.T0)
	for name, c := range map[string]struct {
		e    Evidence
		of   evidence.Key
		want string
	}{"its own": {here, both, "here"}, "the other's own": {there, both, "there"}, "the other's": {here, one, "there alone"}} {
		if got, err := c.e.Get(t.Context(), c.of); err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	if n, all, err := here.Used(t.Context(), "prod"); err != nil || n != 4 || all != 4 {
		t.Errorf("used: %d of %d, %v; want 4 of 4", n, all, err)
	}
	others, err := there.Page(t.Context(), evidence.Key{})
	if err != nil || len(others) != 2 {
		t.Fatalf("%+v, %v; want two", others, err)
	}
	if own, err := here.Page(t.Context(), evidence.Key{}); err != nil || len(own) != 1 || own[0].Key != both || own[0].Bytes != 4 {
		t.Errorf("%+v, %v; want its own", own, err)
	}
	for _, o := range others[1:] {
		if deleted, err := here.Delete(t.Context(), o); err != nil || deleted {
			t.Errorf("%+v of the other was deleted: %t, %v", o, deleted, err)
		}
	}
	if deleted, err := here.Delete(t.Context(), others[0]); err != nil || !deleted { // its own was written at the same time
		t.Errorf("its own was deleted: %t, %v", deleted, err)
	}
	if got, err := there.Get(t.Context(), both); err != nil || string(got) != "there" {
		t.Errorf("the other's, when that is deleted: %q, %v", got, err)
	}
}

func key(namespace, object, sum string) evidence.Key {
	return evidence.Key{Namespace: namespace, Object: object, SHA256: sum}
}

func put(t *testing.T, e Evidence, k evidence.Key, data []byte, at time.Time) {
	t.Helper()
	if err := e.Put(t.Context(), k, data, at); err != nil {
		t.Fatal(err)
	}
}

// testEvidence: what is put comes back to the byte, up to the most that evidence can have, and
// is counted for its namespace.
func testEvidence(t *testing.T, _ Store, e Evidence) {
	most := bytes.Repeat([]byte{0, 0xff, '\'', '\n'}, evidence.MaxSize/4)
	for k, data := range map[evidence.Key][]byte{
		key("prod", "evidence-1", "a"): []byte("\x1f\x8b\x00 of a"),
		key("prod", "evidence-1", "b"): []byte("of another writer"),
		key("prod", "evidence-2", "a"): most,
		key("shop", "evidence-1", "a"): {0},
	} {
		for range 2 { // once more is no other
			put(t, e, k, data, ct.T0)
		}
		if got, err := e.Get(t.Context(), k); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%+v: %d bytes of %d, %v", k, len(got), len(data), err)
		}
	}
	if _, err := e.Get(t.Context(), key("prod", "evidence-2", "b")); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("what is not there: %v, want %s", err, approvals.CodeNotFound)
	}
	for namespace, want := range map[string]int64{"prod": 8 + 17 + int64(len(most)), "shop": 1, "none": 0} {
		n, all, err := e.Used(t.Context(), namespace)
		if together := int64(len(most)) + 8 + 17 + 1; err != nil || n != want || all != together {
			t.Errorf("namespace %s: %d bytes of %d, %v; want %d of %d", namespace, n, all, err, want, together)
		}
	}
}

// testEvidenceOrphaned: an orphan is noted, found to be none, and deleted; what was written
// meanwhile stays.
func testEvidenceOrphaned(t *testing.T, _ Store, e Evidence) {
	k := key("prod", "evidence-1", "a")
	put(t, e, k, []byte("data"), ct.T0)
	read := func() evidence.Stored {
		t.Helper()
		all, err := e.Page(t.Context(), evidence.Key{})
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v; want one", all, err)
		}
		return all[0]
	}
	seen := read()
	if want := (evidence.Stored{Key: k, Bytes: 4, KeptAt: ct.T0}); !cmp.Equal(seen, want) {
		t.Error(cmp.Diff(want, seen))
	}
	hour := ct.T0.Add(time.Hour)
	if err := e.Orphan(t.Context(), seen, hour); err != nil || !read().OrphanedAt.Equal(hour) {
		t.Errorf("%+v, %v; want an orphan since %s", read(), err, hour)
	}
	if deleted, err := e.Delete(t.Context(), seen); deleted || err != nil {
		t.Errorf("as it was before: deleted %t, %v", deleted, err)
	}
	orphan := read()
	put(t, e, k, []byte("data"), hour)
	if deleted, err := e.Delete(t.Context(), orphan); deleted || err != nil || !read().OrphanedAt.IsZero() {
		t.Errorf("written again meanwhile: deleted %t, %v, %+v", deleted, err, read())
	}
	if err := e.Orphan(t.Context(), orphan, ct.T0); err != nil || !read().OrphanedAt.IsZero() {
		t.Errorf("by somebody who read it before: %+v, %v", read(), err)
	}
	if err := e.Orphan(t.Context(), read(), hour); err != nil {
		t.Fatal(err)
	}
	if err := e.Orphan(t.Context(), read(), time.Time{}); err != nil || !read().OrphanedAt.IsZero() {
		t.Errorf("found again: %+v, %v", read(), err)
	}
	if deleted, err := e.Delete(t.Context(), read()); !deleted || err != nil {
		t.Errorf("deleted %t, %v", deleted, err)
	}
	if _, err := e.Get(t.Context(), k); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("when it is deleted: %v, want %s", err, approvals.CodeNotFound)
	}
}

// testEvidencePages: all rows are found, each once.
func testEvidencePages(t *testing.T, _ Store, e Evidence) {
	const n = 1203 // three pages
	for i := range n {
		put(t, e, key("ns-"+string(rune('a'+i%3)), "evidence-"+string(rune('0'+i%7)), string(rune('a'+i))), []byte("x"), ct.T0)
	}
	found := map[evidence.Key]bool{}
	for last := (evidence.Key{}); ; {
		page, err := e.Page(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, s := range page {
			if found[s.Key] {
				t.Fatalf("%+v comes twice", s.Key)
			}
			found[s.Key], last = true, s.Key
		}
	}
	if len(found) != n {
		t.Errorf("%d rows were found of %d", len(found), n)
	}
}

// testEvidenceChanged: of a row that was made larger than evidence can be, nothing is read.
func testEvidenceChanged(t *testing.T, s Store, e Evidence) {
	if s.Exec == nil {
		return
	}
	k := key("prod", "evidence-1", "a")
	put(t, e, k, bytes.Repeat([]byte("x"), 4<<20), ct.T0)
	s.Exec(t, "UPDATE evidence_bytes SET data = data || data")
	if got, err := e.Get(t.Context(), k); approvals.CodeOf(err) != approvals.CodeConflict || got != nil {
		t.Errorf("%d bytes, %v; want %s", len(got), err, approvals.CodeConflict)
	}
}

// testEvidenceDown: while the store is down every call says so, and afterwards all is there.
func testEvidenceDown(t *testing.T, s Store, e Evidence) {
	if s.Down == nil {
		return
	}
	k := key("prod", "evidence-1", "a")
	put(t, e, k, []byte("data"), ct.T0)
	s.Down(t)
	since := time.Now()
	if err := e.Put(t.Context(), key("prod", "evidence-1", "b"), []byte("more"), ct.T0); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("put: %v, want %s", err, approvals.CodeUnavailable)
	}
	if took := time.Since(since); took > 15*time.Second {
		t.Errorf("it took %s to say that the store is down", took)
	}
	if _, err := e.Get(t.Context(), k); !s.ReadsWhileDown && approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("get: %v, want %s", err, approvals.CodeUnavailable)
	}
	s.Up(t)
	var got []byte
	err := whenUp(func() (err error) {
		got, err = e.Get(t.Context(), k)
		return err
	})
	if err != nil || string(got) != "data" {
		t.Errorf("up again: %q, %v", got, err)
	}
	put(t, e, key("prod", "evidence-1", "b"), []byte("more"), ct.T0)
}

// testEvidenceAndLog: evidence comes and goes without a change of the log, which verifies.
func testEvidenceAndLog(t *testing.T, s Store, e Evidence) {
	l := s.Open(t)
	defer l.Close()
	if _, err := l.Append(t.Context(), Lines(0)); err != nil {
		t.Fatal(err)
	}
	before, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, key("prod", "evidence-1", "a"), []byte("data"), ct.T0)
	all, err := e.Page(t.Context(), evidence.Key{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	if deleted, err := e.Delete(t.Context(), all[0]); !deleted || err != nil {
		t.Errorf("deleted %t, %v", deleted, err)
	}
	if after, err := l.Head(t.Context()); err != nil || after != before {
		t.Errorf("the head was %+v, and is %+v, %v", before, after, err)
	}
}
