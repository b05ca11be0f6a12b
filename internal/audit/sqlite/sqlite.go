// Package sqlite keeps the audit log in a file: for a service of one replica.
package sqlite

import (
	"database/sql"
	"embed"
	"io/fs"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver; in Go, so that the service stays a static binary

	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open returns the audit log in the file at path, which is made when it is not there.
// It opens nothing yet: the first call reports what is wrong with the file.
func Open(path string) (*sqlstore.Ledger, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, err
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	// A transaction that writes begins as one that does: two of them wait for each
	// other at their beginning, where nothing has been read yet.
	return sqlstore.New(db, sqlstore.Dialect{Name: "SQLite", Where: path, Migrations: steps, Begin: "SELECT 1"}), nil
}

// dsn asks for a write-ahead log, in which readers do not wait for the writer, and
// for every commit to be on the disk before it is answered. What is sorted stays in
// memory: a container has no folder for it.
func dsn(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "temp_store(MEMORY)"},
	}.Encode()}
	return u.String()
}
