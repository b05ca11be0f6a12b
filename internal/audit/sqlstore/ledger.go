package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
)

const (
	// within bounds one transaction or one page.
	within = 10 * time.Second
	// chunk is how many ids are asked for at once, and how many lines make a page of
	// an export.
	chunk = 500
)

// Dialect has the differences between SQLite and PostgreSQL.
type Dialect struct {
	Name string // for messages
	// Where it is, for anyone who may read the log; "" when what the database says of an
	// error tells it.
	Where string
	// Migrations are *.sql files, run once each in the order of their names.
	Migrations fs.FS
	// Begin, the first statement of the transaction that migrates, keeps other
	// processes from doing so at once.
	Begin string
	// ForUpdate ends the statement that reads the head in order to move it.
	ForUpdate string
	// Numbered: parameters are $1, $2, … and not ?.
	Numbered bool
}

// Ledger is the audit log in a database. The database may come later than the process
// and go meanwhile: each call says whether it is there.
type Ledger struct {
	db      *sql.DB
	dialect Dialect
	signer  *record.Signer // nil: heads are not signed

	mu       sync.Mutex
	migrated bool
	ring     keyring.Ring // whose public keys are in the store
}

// New returns a Ledger over db, which it closes in the end. It does not connect.
func New(db *sql.DB, d Dialect) *Ledger {
	db.SetMaxOpenConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return &Ledger{db: db, dialect: d}
}

// Close ends every connection.
func (l *Ledger) Close() error { return l.db.Close() }

// Append appends those of lines whose id is not there yet, in their order, in one
// transaction with the head's move. When it fails nothing was appended, or, if the
// answer to the commit was lost, all: the same call again is right in both cases.
func (l *Ledger) Append(ctx context.Context, lines []record.Line) ([]record.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := l.migrate(ctx); err != nil {
		return nil, l.unavailable(err)
	}
	// Most of what is derived again is there: no lock for that.
	there, err := l.there(ctx, l.db, record.IDs(lines))
	if err != nil {
		return nil, l.unavailable(err)
	}
	if !slices.ContainsFunc(lines, func(x record.Line) bool { return !there[x.ID] }) {
		return nil, nil
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, l.unavailable(err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing, before it there is nothing to save
	var head record.Head
	if err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM record_head"+l.dialect.ForUpdate).Scan(&head.Seq, &head.Hash); err != nil {
		return nil, l.unavailable(err)
	}
	if there, err = l.there(ctx, tx, record.IDs(lines)); err != nil {
		return nil, l.unavailable(err)
	}
	added, err := head.Chain(lines, func(id string) bool { return there[id] })
	if err != nil || len(added) == 0 {
		return nil, err
	}
	if err := l.insert(ctx, tx, added); err != nil {
		return nil, l.unavailable(err)
	}
	ring, err := l.sign(ctx, tx, added)
	if err != nil {
		return nil, l.unavailable(err)
	}
	if err := tx.Commit(); err != nil {
		return nil, l.unavailable(err)
	}
	l.publish(ring)
	return added, nil
}

func (l *Ledger) insert(ctx context.Context, tx *sql.Tx, added []record.Entry) error {
	for _, e := range added {
		if _, err := tx.ExecContext(ctx, l.bind("INSERT INTO record_lines (seq, line) VALUES (?, ?)"), e.Seq, string(e.Text)); err != nil {
			return err
		}
		for _, p := range e.Persons() {
			if _, err := tx.ExecContext(ctx, l.bind("INSERT INTO record_people (person, at, seq) VALUES (?, ?, ?)"), p, e.At, e.Seq); err != nil {
				return err
			}
		}
	}
	head := added[len(added)-1].Head()
	_, err := tx.ExecContext(ctx, l.bind("UPDATE record_head SET seq = ?, hash = ?"), head.Seq, head.Hash)
	return err
}

// Missing returns those of ids that are not stored, in their order. Errors: CodeUnavailable.
func (l *Ledger) Missing(ctx context.Context, ids []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := l.migrate(ctx); err != nil {
		return nil, l.unavailable(err)
	}
	there, err := l.there(ctx, l.db, ids)
	if err != nil {
		return nil, l.unavailable(err)
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return there[id] }), nil
}

// Head returns the zero Head for a store without entries. Errors: CodeUnavailable.
func (l *Ledger) Head(ctx context.Context) (record.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var h record.Head
	if err := l.migrate(ctx); err != nil {
		return h, l.unavailable(err)
	}
	if err := l.db.QueryRowContext(ctx, "SELECT seq, hash FROM record_head").Scan(&h.Seq, &h.Hash); err != nil {
		return h, l.unavailable(err)
	}
	return h, nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (l *Ledger) there(ctx context.Context, q querier, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	for some := range slices.Chunk(ids, chunk) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		query := "SELECT id FROM record_lines WHERE id IN (?" + strings.Repeat(", ?", len(some)-1) + ")"
		err := each(ctx, q, l.bind(query), args, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			there[id] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

func each(ctx context.Context, q querier, query string, args []any, f func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// bind writes a query's parameters as the database wants them.
func (l *Ledger) bind(query string) string {
	if !l.dialect.Numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}

// unavailable makes CodeUnavailable of any failure of a database: the same call may work
// later.
func (l *Ledger) unavailable(err error) error {
	if _, ok := errors.AsType[*approvals.Error](err); ok {
		return err
	}
	if l.dialect.Where != "" {
		err = fmt.Errorf("%s: %w", l.dialect.Where, err)
	}
	return &approvals.Error{
		Code: approvals.CodeUnavailable, Err: err,
		Message: fmt.Sprintf("the audit store (%s) did not answer or refused the request; check the service's log, and try again in a moment", l.dialect.Name),
	}
}
