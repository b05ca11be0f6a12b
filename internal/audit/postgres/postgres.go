// Package postgres keeps the audit log in PostgreSQL: for a service of several
// replicas.
package postgres

import (
	"embed"
	"errors"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open returns the audit log in the database at url. It does not connect yet: a
// database that is down must not keep the service from starting.
func Open(url keyring.Secret) (*sqlstore.Ledger, error) {
	c, err := pgx.ParseConfig(string(url))
	if err != nil {
		// The cause would quote the URL, which has the password in it.
		return nil, errors.New("it is not a PostgreSQL URL: use postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full")
	}
	c.ConnectTimeout = 5 * time.Second
	// What a client that vanished leaves behind ends by itself: it holds the head's
	// lock.
	for name, value := range map[string]string{
		"application_name": "countersign", "statement_timeout": "10s", "lock_timeout": "8s", "idle_in_transaction_session_timeout": "15s",
	} {
		if _, ok := c.RuntimeParams[name]; !ok {
			c.RuntimeParams[name] = value
		}
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return sqlstore.New(stdlib.OpenDB(*c), sqlstore.Dialect{
		Name: "PostgreSQL", Migrations: steps, Numbered: true, ForUpdate: " FOR UPDATE",
		Begin: "SELECT pg_advisory_xact_lock(7203117251903)", // any number that is ours
	}), nil
}
