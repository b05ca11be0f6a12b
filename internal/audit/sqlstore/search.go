package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/countersign-dev/countersign/approvals/record"
)

// Search returns one page, newest first. Errors: CodeUnavailable; CodeInvalid for a cursor that
// is none.
func (l *Ledger) Search(ctx context.Context, q record.Query) (record.Page, error) {
	q, err := q.Normal()
	if err != nil {
		return record.Page{}, err
	}
	after, err := q.After()
	if err != nil {
		return record.Page{}, err
	}
	s := selection(q)
	if after != nil {
		s.where("("+s.order+".at, "+s.order+".seq) < (?, ?)", after.At, after.Seq)
	}
	out, err := l.read(ctx, s, " ORDER BY "+s.order+".at DESC, "+s.order+".seq DESC LIMIT ?", q.Limit+1)
	if err != nil || len(out) <= q.Limit {
		return record.Page{Entries: out}, err
	}
	out = out[:q.Limit]
	return record.Page{Entries: out, Next: record.CursorOf(out[len(out)-1])}, nil
}

// Each gives what matches to f, in the chain's order. It holds no connection while
// f works. An entry whose text is not what was written has its place and Text alone.
func (l *Ledger) Each(ctx context.Context, q record.Query, f func(record.Entry) error) error {
	q, err := q.Normal()
	if err != nil {
		return err
	}
	for last := int64(0); ; {
		s := selection(q)
		s.where("l.seq > ?", last)
		page, err := l.read(ctx, s, " ORDER BY l.seq LIMIT ?", chunk)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := f(e); err != nil {
				return err
			}
			last = e.Seq
		}
		if len(page) < chunk {
			return nil
		}
	}
}

// statement is a question that grows.
type statement struct {
	from  string
	order string // the table whose index is in the order of time
	conds []string
	args  []any
}

func (s *statement) where(cond string, args ...any) {
	s.conds, s.args = append(s.conds, cond), append(s.args, args...)
}

func selection(q record.Query) *statement {
	s := &statement{from: "record_lines l", order: "l"}
	if q.Person != "" {
		s.from, s.order = "record_people p JOIN record_lines l ON l.seq = p.seq", "p"
		s.where("p.person = ?", q.Person)
	}
	for _, c := range []struct{ column, value string }{
		{"namespace", q.Namespace},
		{"approval", q.Approval},
		{"pipeline", q.Pipeline},
		{"gate", q.Gate},
		{"kind", string(q.Kind)},
		{"outcome", string(q.Outcome)},
	} {
		if c.value != "" {
			s.where("l."+c.column+" = ?", c.value)
		}
	}
	if !q.From.IsZero() {
		s.where(s.order+".at >= ?", record.Stamp(q.From))
	}
	if !q.To.IsZero() {
		s.where(s.order+".at < ?", record.Stamp(q.To))
	}
	return s
}

func (l *Ledger) read(ctx context.Context, s *statement, end string, limit int) ([]record.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := l.migrate(ctx); err != nil {
		return nil, l.unavailable(err)
	}
	query := "SELECT l.seq, " + s.order + ".at, l.line FROM " + s.from
	if len(s.conds) > 0 {
		query += " WHERE " + strings.Join(s.conds, " AND ")
	}
	var out []record.Entry
	err := each(ctx, l.db, l.bind(query+end), append(s.args, limit), func(rows *sql.Rows) error {
		var seq int64
		var at string
		var text []byte
		if err := rows.Scan(&seq, &at, &text); err != nil {
			return err
		}
		e, err := record.Parse(text)
		if err != nil {
			e = record.Entry{Text: text} // it is shown, and verify says what is wrong with it
		}
		// By these the next page goes on: what a text says of its place must not lead
		// anywhere else, or for ever to the same.
		e.Seq, e.At = seq, at
		out = append(out, e)
		return nil
	})
	if err != nil {
		return nil, l.unavailable(err)
	}
	return out, nil
}
