package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// migrate brings the tables to this program's form, once a process. The database
// need not be there when the process starts.
func (l *Ledger) migrate(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.migrated {
		return nil
	}
	names, err := fs.Glob(l.dialect.Migrations, "*.sql")
	if err != nil {
		return err
	}
	// A user who may not change tables need not, once somebody did.
	if l.done(ctx, names) {
		l.migrated = true
		return nil
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing, before it there is nothing to save
	for _, first := range []string{l.dialect.Begin, "CREATE TABLE IF NOT EXISTS record_migrations (name TEXT PRIMARY KEY)"} {
		if _, err := tx.ExecContext(ctx, first); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := l.run(ctx, tx, name); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	l.migrated = true
	return nil
}

// done reports whether all of names have run. A database without tables has none.
func (l *Ledger) done(ctx context.Context, names []string) bool {
	var ran []string
	err := each(ctx, l.db, "SELECT name FROM record_migrations", nil, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		ran = append(ran, name)
		return err
	})
	return err == nil && !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(ran, n) })
}

func (l *Ledger) run(ctx context.Context, tx *sql.Tx, name string) error {
	var found string
	err := tx.QueryRowContext(ctx, l.bind("SELECT name FROM record_migrations WHERE name = ?"), name).Scan(&found)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	text, err := fs.ReadFile(l.dialect.Migrations, name)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, l.bind("INSERT INTO record_migrations (name) VALUES (?)"), name)
	return err
}
