package sqlstore

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/countersign-dev/countersign/approvals/record"
)

var _ record.Rows = (*Ledger)(nil)

// Rows gives every row as it is kept, whatever number is in its text, with the lines
// of the index of people that have its number. It holds no connection while f works.
func (l *Ledger) Rows(ctx context.Context, f func(record.Row) error) error {
	for last := int64(math.MinInt64); ; {
		rows, err := l.rows(ctx, last)
		if err != nil {
			return l.unavailable(err)
		}
		for _, r := range rows {
			if err := f(r); err != nil {
				return err
			}
			last = r.Seq
		}
		if len(rows) == 0 {
			break
		}
	}
	strays, err := l.strays(ctx)
	if err != nil {
		return l.unavailable(err)
	}
	for _, r := range strays {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// rows are the next ones after a number. A line that is there has all its people
// there: they came in one transaction.
func (l *Ledger) rows(ctx context.Context, last int64) ([]record.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := l.migrate(ctx); err != nil {
		return nil, err
	}
	var out []record.Row
	at := map[int64]int{}
	err := each(ctx, l.db, l.bind("SELECT seq, line FROM record_lines WHERE seq > ? ORDER BY seq LIMIT ?"), []any{last, chunk}, func(rows *sql.Rows) error {
		r := record.Row{Text: []byte{}}
		err := rows.Scan(&r.Seq, &r.Text)
		at[r.Seq], out = len(out), append(out, r)
		return err
	})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	query := "SELECT seq, head FROM record_signatures WHERE seq > ? AND seq <= ?"
	err = each(ctx, l.db, l.bind(query), []any{last, out[len(out)-1].Seq}, func(rows *sql.Rows) error {
		var seq int64
		signed := []byte{}
		err := rows.Scan(&seq, &signed)
		if i, ok := at[seq]; ok { // others are strays
			out[i].Signed = signed
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	query = "SELECT seq, person, at FROM record_people WHERE seq > ? AND seq <= ?"
	err = each(ctx, l.db, l.bind(query), []any{last, out[len(out)-1].Seq}, func(rows *sql.Rows) error {
		seq, mention, err := scanMention(rows)
		if i, ok := at[seq]; ok { // others are strays
			out[i].Mentions = append(out[i].Mentions, mention)
		}
		return err
	})
	for _, r := range out {
		slices.Sort(r.Mentions)
	}
	return out, err
}

// strays are lines of the index of people, and signed heads, that lead nowhere. A few show
// that.
func (l *Ledger) strays(ctx context.Context) ([]record.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var out []record.Row
	query := "SELECT p.seq, p.person, p.at FROM record_people p LEFT JOIN record_lines l ON l.seq = p.seq WHERE l.seq IS NULL ORDER BY p.seq LIMIT 10"
	err := each(ctx, l.db, query, nil, func(rows *sql.Rows) error {
		seq, mention, err := scanMention(rows)
		out = append(out, record.Row{Seq: seq, Mentions: []string{mention}})
		return err
	})
	if err != nil {
		return nil, err
	}
	query = "SELECT s.seq, s.head FROM record_signatures s LEFT JOIN record_lines l ON l.seq = s.seq WHERE l.seq IS NULL ORDER BY s.seq LIMIT 10"
	err = each(ctx, l.db, query, nil, func(rows *sql.Rows) error {
		r := record.Row{Signed: []byte{}}
		err := rows.Scan(&r.Seq, &r.Signed)
		out = append(out, r)
		return err
	})
	return out, err
}

func scanMention(rows *sql.Rows) (seq int64, mention string, err error) {
	var person, at string
	err = rows.Scan(&seq, &person, &at)
	return seq, record.Mention(person, at), err
}
