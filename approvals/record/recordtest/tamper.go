package recordtest

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals/record"
)

// testVerify: what nobody touched is whole, also while it is written to.
func testVerify(t *testing.T, s Store) {
	l := open(t, s)
	v := record.Verifier{Signed: true}
	if err := v.VerifyStore(t.Context(), l); err != nil || v.Lines != 0 {
		t.Errorf("of nothing: %d lines, %v", v.Lines, err)
	}
	for n := range 300 { // more than one page of rows
		fill(t, l, n)
	}
	v = record.Verifier{Signed: true, Keys: PublicKeys(NewSigner())}
	if err := v.VerifyStore(t.Context(), l); err != nil || v.Lines < 1200 {
		t.Errorf("%d lines, %v", v.Lines, err)
	}
	stop, n := make(chan struct{}), make(chan int)
	go func() {
		for i := 300; ; i++ {
			select {
			case <-stop:
				n <- i
				return
			default:
				_, _ = l.Append(t.Context(), Lines(i))
			}
		}
	}()
	for range 5 {
		v := record.Verifier{Signed: true}
		if err := v.VerifyStore(t.Context(), l); err != nil {
			t.Errorf("while it is written to: %v", err)
		}
	}
	close(stop)
	<-n
}

// tampering is a change of three Approvals' fifteen lines, and the finding that it must cause.
type tampering struct {
	query, want string
	// noted: the service's key was noted elsewhere.
	noted bool
}

// text is a line's as it stands in a query.
func text(head record.Head, n, line int) string {
	e, err := head.Next(Lines(n)[line])
	if err != nil {
		panic(err)
	}
	return "'" + strings.ReplaceAll(string(e.Text), "'", "''") + "'"
}

// tampered are the cases. NEXT in a query is the text of the line that would come
// next, NAMELESS of one that is about nobody.
func tampered() map[string]tampering {
	insert := "INSERT INTO record_lines (seq, line) VALUES "
	cases := signatureTampering()
	maps.Copy(cases, map[string]tampering{
		"a vote changed":             {query: "UPDATE record_lines SET line = replace(line, 'approve', 'reject') WHERE kind = 'voted' AND seq < 5", want: "line 3: its hash does not match its text"},
		"a line removed":             {query: "DELETE FROM record_lines WHERE seq = 7", want: "line 7: number 8 comes where number 7 should be, which is missing"},
		"the first removed":          {query: "DELETE FROM record_lines WHERE seq = 1", want: "line 1: number 2 comes where"},
		"the last removed":           {query: "DELETE FROM record_lines WHERE seq > 12; DELETE FROM record_people WHERE seq > 12", want: "line 13: the head of number 15 is signed, but there is no such line: lines were cut off"},
		"all removed":                {query: "DELETE FROM record_lines; DELETE FROM record_people", want: "line 1: the head of number 5 is signed, but there is no such line: lines were cut off"},
		"moved":                      {query: "UPDATE record_lines SET seq = 100 WHERE seq = 4", want: "line 4: number 5 comes where number 4"},
		"the last moved":             {query: "UPDATE record_lines SET seq = 16 WHERE seq = 15", want: "line 15: number 15 is stored as number 16"},
		"another head":               {query: "UPDATE record_head SET hash = 'x'", want: "line 15: number 15 does not match the store's head"},
		"an earlier head":            {query: "UPDATE record_head SET seq = 0, hash = ''", want: "line 1: number 1 comes after the store's head, which is number 0"},
		"a line after the head":      {query: insert + "(16, NEXT)", want: "line 16: the index of people lists number 16 under [], but it is about"},
		"a nameless one after it":    {query: insert + "(16, NAMELESS)", want: "line 16: number 16 comes after the store's head, which is number 15"},
		"a line of another number":   {query: insert + "(16, " + text(record.Head{}, 9, 0) + ")", want: "line 16: number 1 comes after number 15"},
		"a line before all":          {query: insert + "(-1, " + text(record.Head{}, 9, 0) + ")", want: "line 1: number 1 is stored as number -1"},
		"a person removed":           {query: "DELETE FROM record_people WHERE seq = 3", want: "line 3: the index of people lists number 3 under []"},
		"a person changed":           {query: "UPDATE record_people SET person = 'mallory' WHERE seq = 3", want: "line 3: the index of people lists number 3 under"},
		"a person added":             {query: "INSERT INTO record_people (person, at, seq) VALUES ('mallory', '2026-03-01T09:00:00.000000Z', 3)", want: "line 3: the index of people lists number 3 under"},
		"a person at another time":   {query: "UPDATE record_people SET at = '2026-01-01T00:00:00.000000Z' WHERE seq = 3", want: "line 3: the index of people lists number 3 under"},
		"a person of no line":        {query: "INSERT INTO record_people (person, at, seq) VALUES ('mallory', '2026-03-01T09:00:00.000000Z', 99)", want: "line 16: the index of people has number 99, but there is no such line"},
		"a person of no line before": {query: "INSERT INTO record_people (person, at, seq) VALUES ('mallory', '2026-03-01T09:00:00.000000Z', -9)", want: "line 16: the index of people has number -9, but there is no such line"},
	})
	return cases
}

func (c tampering) test(t *testing.T, s Store) {
	if s.Exec == nil {
		return
	}
	l := open(t, s)
	for n := range 3 {
		fill(t, l, n)
	}
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nameless, err := head.Next(record.Line{ID: "x/opened", Kind: record.Opened, At: Lines(9)[0].At})
	if err != nil {
		t.Fatal(err)
	}
	s.Exec(t, strings.NewReplacer("NEXT", text(head, 9, 1), "NAMELESS", "'"+string(nameless.Text)+"'").Replace(c.query))
	v := record.Verifier{Signed: true}
	if c.noted {
		v.Keys = PublicKeys(NewSigner())
	}
	err = v.VerifyStore(t.Context(), l)
	if c.want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if f, ok := errors.AsType[*record.Fault](err); !ok || !strings.HasPrefix(f.Error(), c.want) {
		t.Errorf("%v, want %s", err, c.want)
	}
	// Whatever a row contains, reading ends and returns each row once.
	seen := map[int64]bool{}
	err = l.Each(t.Context(), record.Query{}, func(e record.Entry) error {
		if seen[e.Seq] {
			return fmt.Errorf("number %d comes twice", e.Seq)
		}
		seen[e.Seq] = true
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	q := record.Query{Limit: 2}
	for range 20 {
		p, err := l.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if q.Cursor = p.Next; p.Next == "" {
			return
		}
	}
	t.Error("pages without end")
}
