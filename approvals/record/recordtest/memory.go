package recordtest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/countersign-dev/countersign/approvals/record"
)

// Memory is a ledger in memory.
type Memory struct {
	mu      sync.Mutex
	entries []record.Entry
	ids     map[string]bool
	signer  *record.Signer
	keys    [][]byte
	signed  map[int64][]byte
	fault   error
}

// Fail makes every call answer err until Fail(nil).
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

// Ready returns the error that Fail set, nil when lines are accepted.
func (m *Memory) Ready(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fault
}

// Append appends those of lines that are not there yet.
func (m *Memory) Append(_ context.Context, lines []record.Line) ([]record.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return nil, m.fault
	}
	added, err := m.head().Chain(lines, func(id string) bool { return m.ids[id] })
	if err != nil {
		return nil, err
	}
	if m.ids == nil {
		m.ids = map[string]bool{}
	}
	for _, e := range added {
		m.ids[e.ID] = true
	}
	m.entries = append(m.entries, added...)
	return added, m.sign(added)
}

// SignWith has s sign the head that each append leaves.
func (m *Memory) SignWith(s *record.Signer) { m.signer = s }

func (m *Memory) sign(added []record.Entry) error {
	if m.signer == nil || len(added) == 0 {
		return nil
	}
	keys, err := m.signer.Keys()
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !slices.ContainsFunc(m.keys, func(o []byte) bool { return bytes.Equal(o, k) }) {
			m.keys = append(m.keys, k)
		}
	}
	if m.signed == nil {
		m.signed = map[int64][]byte{}
	}
	last := &added[len(added)-1]
	last.Signed, err = m.signer.Head(last.Head())
	m.signed[last.Seq] = last.Signed
	return err
}

// Keys gives the lines of the keys that signed.
func (m *Memory) Keys(_ context.Context, f func([]byte) error) error {
	m.mu.Lock()
	keys := slices.Clone(m.keys)
	m.mu.Unlock()
	for _, k := range keys {
		if err := f(k); err != nil {
			return err
		}
	}
	return nil
}

// Missing returns the ids that are not stored.
func (m *Memory) Missing(_ context.Context, ids []string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return nil, m.fault
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return m.ids[id] }), nil
}

// Head is the chain's end.
func (m *Memory) Head(context.Context) (record.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head(), m.fault
}

func (m *Memory) head() record.Head {
	if len(m.entries) == 0 {
		return record.Head{}
	}
	return m.entries[len(m.entries)-1].Head()
}

// Search is one page, newest first.
func (m *Memory) Search(_ context.Context, q record.Query) (record.Page, error) {
	q, err := q.Normal()
	if err != nil {
		return record.Page{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return record.Page{}, m.fault
	}
	after, _ := q.After()
	var out []record.Entry
	for _, e := range m.entries {
		if matches(q, e) && (after == nil || before(e, *after)) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(x, y record.Entry) int { return cmp.Or(cmp.Compare(y.At, x.At), cmp.Compare(y.Seq, x.Seq)) })
	if len(out) <= q.Limit {
		return record.Page{Entries: out}, nil
	}
	out = out[:q.Limit]
	return record.Page{Entries: out, Next: record.CursorOf(out[len(out)-1])}, nil
}

// Each passes the entries that match to f, in the order of the chain.
func (m *Memory) Each(_ context.Context, q record.Query, f func(record.Entry) error) error {
	q, err := q.Normal()
	if err != nil {
		return err
	}
	m.mu.Lock()
	entries, fault := slices.Clone(m.entries), m.fault
	m.mu.Unlock()
	if fault != nil {
		return fault
	}
	for _, e := range entries {
		if !matches(q, e) {
			continue
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// Rows gives every entry with those whom it is about.
func (m *Memory) Rows(ctx context.Context, f func(record.Row) error) error {
	return m.Each(ctx, record.Query{}, func(e record.Entry) error {
		m.mu.Lock()
		r := record.Row{Seq: e.Seq, Text: e.Text, Signed: m.signed[e.Seq]}
		m.mu.Unlock()
		for _, p := range e.Persons() {
			r.Mentions = append(r.Mentions, record.Mention(p, e.At))
		}
		slices.Sort(r.Mentions)
		return f(r)
	})
}

// Close does nothing.
func (*Memory) Close() error { return nil }

func before(e record.Entry, p record.Place) bool { return e.At < p.At || e.At == p.At && e.Seq < p.Seq }

func matches(q record.Query, e record.Entry) bool {
	for _, c := range [][2]string{
		{q.Namespace, e.Namespace},
		{q.Approval, e.Approval},
		{q.Pipeline, e.Pipeline},
		{q.Gate, e.Gate},
		{string(q.Kind), string(e.Kind)},
		{string(q.Outcome), e.Outcome},
	} {
		if c[0] != "" && c[0] != c[1] {
			return false
		}
	}
	return (q.Person == "" || slices.Contains(e.Persons(), q.Person)) &&
		(q.From.IsZero() || e.At >= record.Stamp(q.From)) && (q.To.IsZero() || e.At < record.Stamp(q.To))
}
