package record_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// chain is the lines of n Approvals, as text.
func chain(t interface{ Fatal(...any) }, n int) (lines [][]byte, head record.Head) {
	for i := range n {
		es, err := head.Chain(recordtest.Lines(i), func(string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			lines, head = append(lines, e.Text), e.Head()
		}
	}
	return lines, head
}

func join(lines [][]byte) *bytes.Reader {
	return bytes.NewReader(append(bytes.Join(lines, []byte("\n")), '\n'))
}

// TestForm is the form on disk, which other programs read: the hash is the SHA-256
// of the line without its last field.
func TestForm(t *testing.T) {
	t.Parallel()
	lines, _ := chain(t, 1)
	const voted = `"kind":"voted","at":"2026-03-01T09:01:00.000000Z","namespace":"team-0","approval":"apply-000000","uid":"uid-apply-000000","trigger":"apply",` +
		`"pipeline":"plan-0","run":"plan-1","gate":"gate-0","person":"person-00","verdict":"approve","comment":"as agreed – ✓ \"quoted\" <b>","authMethod":"Token","credentialID":"uid:person-00","hash":"`
	if !strings.HasPrefix(string(lines[2]), `{"seq":3,"prev":"`) || !strings.Contains(string(lines[2]), voted) {
		t.Errorf("%s\nwant %s", lines[2], voted)
	}
	body, tail, _ := strings.Cut(string(lines[2]), `,"hash":"`)
	if got := fmt.Sprintf("%x\"}", sha256.Sum256([]byte(body+"}"))); got != tail {
		t.Errorf("hash %s, and by hand %s", tail, got)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	good, head := chain(t, 3)
	other := record.Line{ID: "x/opened", Kind: record.Opened, At: record.Stamp(ct.T0)}
	forged, err := (record.Head{Seq: 6, Hash: strings.Repeat("a", 64)}).Next(other)
	if err != nil {
		t.Fatal(err)
	}
	second, err := record.Head{}.Next(other)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func([][]byte) [][]byte) [][]byte {
		var c [][]byte
		for _, l := range good {
			c = append(c, bytes.Clone(l))
		}
		return change(c)
	}
	for name, c := range map[string]struct {
		lines [][]byte
		logs  bool
		line  int // 0 for none
	}{
		"as it was": {lines: good},
		"changed": {lines: with(func(l [][]byte) [][]byte {
			l[7] = bytes.Replace(l[7], []byte("approve"), []byte("reject"), 1)
			return l
		}), line: 8},
		"one letter":          {lines: with(func(l [][]byte) [][]byte { l[2] = bytes.Replace(l[2], []byte("agreed"), []byte("Agreed"), 1); return l }), line: 3},
		"missing":             {lines: with(func(l [][]byte) [][]byte { return append(l[:4], l[5:]...) }), line: 5},
		"the first":           {lines: good[1:], line: 1},
		"reordered":           {lines: with(func(l [][]byte) [][]byte { l[3], l[8] = l[8], l[3]; return l }), line: 4},
		"twice":               {lines: with(func(l [][]byte) [][]byte { return append(l[:5], l[4:]...) }), line: 6},
		"twice, later":        {lines: with(func(l [][]byte) [][]byte { return append(l, l[4]) }), line: 16},
		"replaced":            {lines: with(func(l [][]byte) [][]byte { l[6] = forged.Text; return l }), line: 7},
		"other line ends":     {lines: with(func(l [][]byte) [][]byte { l[3] = append(l[3], '\r'); return l }), line: 4},
		"an empty line":       {lines: with(func(l [][]byte) [][]byte { l[3] = nil; return l }), line: 4},
		"a long line":         {lines: with(func(l [][]byte) [][]byte { l[3] = bytes.Repeat([]byte("x"), 1<<20); return l }), line: 4},
		"a second log's line": {lines: append(bytesClone(good), second.Text), line: 16},
		"logs":                {lines: append(append(bytesClone(good), []byte(`{"time":"2026","msg":"serving"}`)), second.Text), logs: true},
		"logs, changed":       {lines: with(func(l [][]byte) [][]byte { l[2][20]++; return l }), logs: true, line: 3},
		"logs, missing":       {lines: good[1:], logs: true, line: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := record.Verifier{Logs: c.logs}
			err := v.Verify(join(c.lines))
			if c.line == 0 {
				if err != nil || v.Lines < len(good) || !c.logs && v.Head != head {
					t.Errorf("%d lines, %v", v.Lines, err)
				}
				return
			}
			f, ok := errors.AsType[*record.Fault](err)
			if !ok || f.Line != c.line {
				t.Fatalf("%v, want a fault of line %d", err, c.line)
			}
			said.Check(t, name, f.Error())
		})
	}
	empty := record.Verifier{}
	if err := empty.Verify(strings.NewReader("")); err != nil || empty.Lines != 0 {
		t.Errorf("of nothing: %v", err)
	}
}

func bytesClone(l [][]byte) [][]byte { return append([][]byte(nil), l...) }

// TestAnyChangeIsFound: one byte changed, one line removed, two swapped, one
// repeated, or one from another chain, wherever it is. What was cut off the end
// shows by the head.
func TestAnyChangeIsFound(t *testing.T) {
	t.Parallel()
	good, head := chain(t, 4)
	foreign, _ := chain(t, 5)
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) int { return rapid.IntRange(0, len(good)-1).Draw(t, name) }
		lines, first := bytesClone(good), at("line")
		switch rapid.SampledFrom([]string{"byte", "drop", "add", "remove", "swap", "repeat", "insert", "cut"}).Draw(t, "what") {
		case "byte":
			l := bytes.Clone(lines[first])
			i := rapid.IntRange(0, len(l)-1).Draw(t, "byte")
			l[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
			lines[first] = l
		case "drop":
			l := bytes.Clone(lines[first])
			i := rapid.IntRange(0, len(l)-1).Draw(t, "byte")
			lines[first] = append(l[:i], l[i+1:]...)
		case "add":
			l := bytes.Clone(lines[first])
			i := rapid.IntRange(0, len(l)).Draw(t, "byte")
			lines[first] = append(l[:i:i], append([]byte{rapid.Byte().Draw(t, "value")}, l[i:]...)...)
			if bytes.HasSuffix(lines[first], []byte("\n")) && len(bytes.TrimSuffix(lines[first], []byte("\n"))) == len(good[first]) && first == len(lines)-1 {
				t.Skip("an empty last line is what a text file may end with")
			}
		case "remove":
			lines = append(lines[:first], lines[first+1:]...)
		case "swap":
			second := at("other")
			if second == first {
				t.Skip("swapped with itself")
			}
			first, second = min(first, second), max(first, second)
			lines[first], lines[second] = lines[second], lines[first]
		case "repeat":
			to := at("to")
			lines = append(lines[:to:to], append([][]byte{good[first]}, lines[to:]...)...)
			first = to
		case "insert":
			lines = append(lines[:first:first], append([][]byte{foreign[len(foreign)-1]}, lines[first:]...)...)
		case "cut":
			lines = lines[:first]
		}
		v := record.Verifier{}
		err := v.Verify(join(lines))
		f, ok := errors.AsType[*record.Fault](err)
		if !ok && (err != nil || v.Head == head) {
			t.Fatalf("not found: %v", err)
		}
		if ok && (f.Line < first || f.Line > first+2) {
			t.Fatalf("line %d was touched, and it says %v", first+1, f)
		}
	})
}

func TestWriter(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	a := ct.Make("a").Voted("alice", approvals.Approve, "=HYPERLINK(\"http://x\")\nsecond").Obj()
	es, err := record.Head{}.Chain(record.Lines(a), func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	w, err := record.NewWriter(&b, record.CSV)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"seq,at,kind,", `"'=HYPERLINK(""http://x"")` + "\nsecond\"", ",Approved,alice,", es[3].Hash + "\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s\nlacks %q", b.String(), want)
		}
	}
	if _, err = record.NewWriter(&b, "xml"); err == nil {
		t.Fatal("a format that there is not")
	}
	said.Check(t, "a format that there is not", err.Error())
}

// TestStream: each line once, until the Approval is forgotten; a writer that fails
// is asked again, and the chain has no gap.
func TestStream(t *testing.T) {
	t.Parallel()
	out := &flaky{}
	s := &record.Stream{W: out}
	out.err = errors.New("broken pipe")
	if _, err := s.Append(t.Context(), recordtest.Lines(0)); !errors.Is(err, out.err) {
		t.Errorf("%v", err)
	}
	out.err = nil
	for range 2 {
		for n := range 3 {
			if _, err := s.Append(t.Context(), recordtest.Lines(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	ids := append(record.IDs(recordtest.Lines(2)), "uid/opened")
	if missing, _ := s.Missing(t.Context(), ids); cmp.Diff([]string{"uid/opened"}, missing) != "" {
		t.Errorf("missing %v", missing)
	}
	v := record.Verifier{}
	if err := v.Verify(&out.Buffer); err != nil || v.Lines != 15 {
		t.Errorf("%d lines, %v", v.Lines, err)
	}
	s.Forget("uid-apply-000002")
	if missing, _ := s.Missing(t.Context(), ids); len(missing) != len(ids) {
		t.Errorf("missing %v", missing)
	}
}

type flaky struct {
	bytes.Buffer
	err error
}

func (f *flaky) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Buffer.Write(p)
}

// FuzzVerify: whatever is given, it is refused or it is a chain, and nothing panics.
func FuzzVerify(f *testing.F) {
	lines, _ := chain(f, 1)
	f.Add(bytes.Join(lines, []byte("\n")), false)
	f.Add([]byte(`{"seq":1,"prev":"","hash":""}`), true)
	f.Fuzz(func(t *testing.T, text []byte, logs bool) {
		v := record.Verifier{Logs: logs}
		if err := v.Verify(bytes.NewReader(text)); err != nil || v.Lines == 0 || logs {
			return
		}
		if n := bytes.Count(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) + 1; n != v.Lines || v.Head.Seq != int64(n) {
			t.Errorf("%d lines of %d to %+v", v.Lines, n, v.Head)
		}
	})
}
