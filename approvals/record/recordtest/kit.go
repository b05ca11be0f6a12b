package recordtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
)

// Ledger is the whole of what an audit store does. Who uses one asks for a
// part of it.
type Ledger interface { //nolint:interfacebloat // see above: nobody else asks for all of it
	Append(ctx context.Context, lines []record.Line) ([]record.Entry, error)
	Ready(ctx context.Context) error
	Missing(ctx context.Context, ids []string) ([]string, error)
	Head(ctx context.Context) (record.Head, error)
	Search(ctx context.Context, q record.Query) (record.Page, error)
	Each(ctx context.Context, q record.Query, f func(record.Entry) error) error
	Rows(ctx context.Context, f func(record.Row) error) error
	Keys(ctx context.Context, f func(line []byte) error) error
	SignWith(s *record.Signer)
	Close() error
}

// Store is one empty place to keep a record in.
type Store struct {
	// Open is a process's own way to it. The kit closes what it opens.
	Open func(t *testing.T) Ledger
	// Down takes the store away and Up brings it back, nil where nothing can.
	Down, Up func(t *testing.T)
	// ReadsWhileDown: only writers miss it.
	ReadsWhileDown bool
	// Kill has a writer begin to append lines and kills it before its commit; nil
	// where no writer can be.
	Kill func(t *testing.T)
	// Exec runs a query as an administrator of the database can, past its triggers and its keys;
	// nil where there is no database.
	Exec func(t *testing.T, query string)
}

// RunLedger tests the contract of every audit store. newStore returns an empty one.
func RunLedger(t *testing.T, newStore func(t *testing.T) Store) {
	t.Helper()
	tests := map[string]func(*testing.T, Store){
		"append":        testAppend,
		"twice":         testTwice,
		"missing":       testMissing,
		"search":        testSearch,
		"pages":         testPages,
		"export":        testExport,
		"refused":       testRefused,
		"two writers":   testTwoWriters,
		"down and up":   testDownAndUp,
		"killed":        testKilled,
		"a new process": testNewProcess,
		"text":          testText,
		"verify":        testVerify,
	}
	for name, c := range tampered() {
		tests["verify/"+name] = c.test
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

func testAppend(t *testing.T, s Store) {
	l := open(t, s)
	if h, err := l.Head(t.Context()); err != nil || h != (record.Head{}) {
		t.Errorf("head of nothing: %+v, %v", h, err)
	}
	if added, err := l.Append(t.Context(), nil); err != nil || len(added) != 0 {
		t.Errorf("nothing: %d entries, %v", len(added), err)
	}
	var all []record.Entry
	for n := range 3 {
		all = append(all, fill(t, l, n)...)
	}
	if len(all) != 15 {
		t.Errorf("%d entries", len(all))
	}
	for i := range all {
		all[i].Signed = nil // which is kept beside them
	}
	if d := cmp.Diff(all, stream(t, l)); d != "" {
		t.Errorf("what was returned is not what is kept (-returned +kept)\n%s", d)
	}
	if err := l.Ready(t.Context()); err != nil { // which changes nothing
		t.Error(err)
	}
	if h, err := l.Head(t.Context()); err != nil || h != all[len(all)-1].Head() {
		t.Errorf("head %+v, %v", h, err)
	}
}

// testTwice: deriving the lines again appends nothing twice, and what is new goes to
// the end.
func testTwice(t *testing.T, s Store) {
	l := open(t, s)
	lines := Lines(0)
	if added, err := l.Append(t.Context(), lines[:2]); err != nil || len(added) != 2 {
		t.Fatalf("%d added, %v", len(added), err)
	}
	fill(t, l, 1)
	for range 2 {
		if _, err := l.Append(t.Context(), append(lines, lines...)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range stream(t, l) {
		got = append(got, e.ID)
	}
	want := slices.Concat(record.IDs(lines[:2]), record.IDs(Lines(1)), record.IDs(lines[2:]))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func testMissing(t *testing.T, s Store) {
	l := open(t, s)
	fill(t, l, 0)
	there, absent := record.IDs(Lines(0)), record.IDs(Lines(1))
	got, err := l.Missing(t.Context(), append(slices.Clone(there), absent...))
	slices.Sort(got)
	slices.Sort(absent)
	if d := cmp.Diff(absent, got); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	if got, err := l.Missing(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func testSearch(t *testing.T, s Store) {
	l, mem := open(t, s), &Memory{}
	for n := range 40 {
		fill(t, l, n)
		fill(t, mem, n)
	}
	for name, q := range map[string]record.Query{
		"all":             {Limit: record.MaxPage},
		"a namespace":     {Namespace: "team-1"},
		"an approval":     {Namespace: "team-1", Approval: "apply-000001"},
		"a pipeline":      {Pipeline: "plan-3"},
		"a gate":          {Gate: "gate-2"},
		"who decided":     {Person: "person-09", Kind: record.Decided},
		"who asked":       {Person: "author-3"},
		"an outcome":      {Outcome: approvals.Rejected},
		"a kind":          {Kind: record.Released},
		"from":            {From: ct.T0.Add(20 * time.Minute)},
		"to":              {To: ct.T0.Add(20 * time.Minute)},
		"between":         {From: ct.T0.Add(5 * time.Minute).In(time.FixedZone("JST", 9*3600)), To: ct.T0.Add(7 * time.Minute)},
		"all at once":     {Namespace: "team-2", Pipeline: "plan-8", Gate: "gate-0", Person: "person-18", Kind: record.Decided, Outcome: approvals.Approved, From: ct.T0, To: ct.T0.Add(time.Hour)},
		"nobody":          {Person: "nobody"},
		"only half a one": {Namespace: "team"},
		"a wildcard":      {Namespace: "team-%"},
		"an injection":    {Gate: "' OR 1=1 --"},
	} {
		want, err := mem.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Search(t.Context(), q)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, d)
		}
		if name == "all at once" && len(got.Entries) != 1 {
			t.Errorf("%s: %d found: the question is the wrong one", name, len(got.Entries))
		}
	}
}

// testPages: pages join to the whole, whatever is appended meanwhile.
func testPages(t *testing.T, s Store) {
	l := open(t, s)
	for n := range 30 {
		fill(t, l, n)
	}
	q := record.Query{Namespace: "team-2", Limit: record.MaxPage}
	whole, err := l.Search(t.Context(), q)
	if err != nil || whole.Next != "" || len(whole.Entries) < 20 {
		t.Fatalf("%d entries, next %q, %v", len(whole.Entries), whole.Next, err)
	}
	var got []record.Entry
	for q.Limit = 7; ; {
		p, err := l.Search(t.Context(), q)
		if err != nil || len(p.Entries) > 7 {
			t.Fatalf("%d entries, %v", len(p.Entries), err)
		}
		got = append(got, p.Entries...)
		fill(t, l, 30+len(got)) // later than all of it
		if q.Cursor = p.Next; p.Next == "" {
			break
		}
	}
	if d := cmp.Diff(whole.Entries, got); d != "" {
		t.Errorf("(-whole +pages)\n%s", d)
	}
}

// testExport: what is taken away verifies, in the order of the chain.
func testExport(t *testing.T, s Store) {
	l := open(t, s)
	for _, n := range []int{5, 3, 9, 0} {
		fill(t, l, n)
	}
	var text bytes.Buffer
	w, err := record.NewWriter(&text, record.JSONL)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Each(t.Context(), record.Query{}, w.Write); err != nil {
		t.Fatal(err)
	}
	v := record.Verifier{}
	head, _ := l.Head(t.Context())
	if err := v.Verify(&text); err != nil || v.Head != head || v.Lines != 19 {
		t.Errorf("%d lines to %+v, %v; want 19 to %+v", v.Lines, v.Head, err, head)
	}
	var some []string
	stop := errors.New("enough")
	err = l.Each(t.Context(), record.Query{Kind: record.Decided, Outcome: approvals.Approved}, func(e record.Entry) error {
		if some = append(some, e.Approval); len(some) == 2 {
			return stop
		}
		return nil
	})
	if d := cmp.Diff([]string{"apply-000005", "apply-000003"}, some); d != "" || !errors.Is(err, stop) {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
}

func testRefused(t *testing.T, s Store) {
	l := open(t, s)
	for name, q := range map[string]record.Query{
		"cursor":     {Cursor: "x"},
		"no number":  {Cursor: ct.T0.Format(record.Layout) + "_"},
		"limit":      {Limit: record.MaxPage + 1},
		"less":       {Limit: -1},
		"long":       {Person: strings.Repeat("x", 1000)},
		"characters": {Gate: "a\x00b"},
	} {
		if _, err := l.Search(t.Context(), q); approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %v, want %s", name, err, approvals.CodeInvalid)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := l.(*Memory); !ok {
		if _, err := l.Append(gone, Lines(0)); approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Errorf("a caller that has gone: %v", err)
		}
	}
	if got := stream(t, l); len(got) != 0 {
		t.Errorf("%d entries", len(got))
	}
}

// testTwoWriters: two processes at once keep one chain, and a line that both append
// is there once.
func testTwoWriters(t *testing.T, s Store) {
	const each = 25
	var wg sync.WaitGroup
	writers := []Ledger{open(t, s)}
	writers = append(writers, writers[0])
	if s.Down != nil {
		writers[1] = open(t, s)
	}
	for i, l := range writers {
		wg.Go(func() {
			for n := range each {
				for _, m := range []int{n, each + n, 1000*(i+1) + n} {
					if err := again(t, l, Lines(m)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	got := stream(t, writers[0])
	seen := map[string]bool{}
	for _, e := range got {
		seen[e.ID] = true
	}
	want := 0
	for n := range each {
		for _, m := range []int{n, each + n, 1000 + n, 2000 + n} {
			want += len(Lines(m))
		}
	}
	if len(got) != want || len(seen) != want {
		t.Errorf("%d entries with %d ids, want %d", len(got), len(seen), want)
	}
}

// testDownAndUp: while it is down it says so, in time; afterwards what is appended
// again is there once, in order.
func testDownAndUp(t *testing.T, s Store) {
	if s.Down == nil {
		return
	}
	l := open(t, s)
	fill(t, l, 0)
	s.Down(t)
	since := time.Now()
	for name, call := range map[string]func() error{
		"append":  func() error { _, err := l.Append(t.Context(), Lines(1)); return err },
		"ready":   func() error { return l.Ready(t.Context()) },
		"missing": func() error { _, err := l.Missing(t.Context(), []string{"x"}); return err },
		"search":  func() error { _, err := l.Search(t.Context(), record.Query{}); return err },
		"each":    func() error { return l.Each(t.Context(), record.Query{}, func(record.Entry) error { return nil }) },
	} {
		if s.ReadsWhileDown && name != "append" && name != "ready" {
			continue
		}
		if err := call(); approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Errorf("%s while it is down: %v, want %s", name, err, approvals.CodeUnavailable)
		}
	}
	if took := time.Since(since); took > time.Minute {
		t.Errorf("it took %s to say so", took)
	}
	s.Up(t)
	for n := range 3 {
		if err := again(t, l, Lines(n)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range stream(t, l) {
		got = append(got, e.ID)
	}
	want := slices.Concat(record.IDs(Lines(0)), record.IDs(Lines(1)), record.IDs(Lines(2)))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// testKilled: of a writer that was killed before its commit nothing is left, neither
// lines nor a gap nor a lock.
func testKilled(t *testing.T, s Store) {
	if s.Kill == nil {
		return
	}
	l := open(t, s)
	fill(t, l, 0)
	s.Kill(t)
	fill(t, l, 1)
	if got, want := len(stream(t, l)), len(Lines(0))+len(Lines(1)); got != want {
		t.Errorf("%d entries, want %d", got, want)
	}
}

func testNewProcess(t *testing.T, s Store) {
	if s.Down == nil {
		return
	}
	first := s.Open(t)
	fill(t, first, 0)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, s)
	if added := fill(t, second, 0); len(added) != 0 {
		t.Errorf("%d lines a second time", len(added))
	}
	fill(t, second, 1)
	stream(t, second)
}

// testText: what people write comes back as it is.
func testText(t *testing.T, s Store) {
	l := open(t, s)
	const comment = "line 1\nline 2\t\"quoted\" \\ 'single' <b>&amp; $(uid) \u2028 ✓ 🙂 é %s ? $1 ${x}"
	a := ct.Make("a").With(func(a *approvals.Approval) {
		a.Votes = []approvals.Vote{{Voter: "o'brien\x00\x1b[31m\"", Verdict: approvals.Approve, Comment: comment + "\xff", At: ct.T0}}
	}).Obj()
	if _, err := l.Append(t.Context(), record.Lines(a)); err != nil {
		t.Fatal(err)
	}
	p, err := l.Search(t.Context(), record.Query{Person: `o'brien[31m"`})
	if err != nil || len(p.Entries) != 1 || p.Entries[0].Comment != comment+"\uFFFD" {
		t.Errorf("%+v, %v", p.Entries, err)
	}
	stream(t, l)
}

func open(t *testing.T, s Store) Ledger {
	t.Helper()
	l := s.Open(t)
	l.SignWith(NewSigner())
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// fill appends the lines of the nth Approval.
func fill(t *testing.T, l Ledger, n int) []record.Entry {
	t.Helper()
	added, err := l.Append(t.Context(), Lines(n))
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// again appends as the service does: until it succeeds.
func again(t *testing.T, l Ledger, lines []record.Line) error {
	return whenUp(func() error {
		_, err := l.Append(t.Context(), lines)
		return err
	})
}

// whenUp calls f until the store is available: connections from before are found dead one after the other.
func whenUp(f func() error) error {
	var err error
	for range 50 {
		if err = f(); approvals.CodeOf(err) != approvals.CodeUnavailable {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("50 times: %w", err)
}

// stream is all of it, once it has been verified.
func stream(t *testing.T, l Ledger) []record.Entry {
	t.Helper()
	var out []record.Entry
	v := record.Verifier{}
	err := l.Each(t.Context(), record.Query{}, func(e record.Entry) error {
		out = append(out, e)
		return v.Add(e.Text)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
