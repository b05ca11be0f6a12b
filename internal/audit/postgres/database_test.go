//go:build postgres

package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	kubepostgrestest "github.com/countersign-dev/countersign/internal/audit/postgres/postgrestest"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
)

// shared is the server of all tests but the one that stops its own.
var shared *kubepostgrestest.Server

func TestMain(m *testing.M) {
	if url := os.Getenv(victim); url != "" {
		half(url)
		return
	}
	var err error
	if shared, err = kubepostgrestest.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	shared.Remove()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// victim is where this program, started again, begins to write and waits to be
// killed.
const victim = "COUNTERSIGN_TEST_VICTIM"

func half(url string) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		panic(err)
	}
	for _, q := range []string{
		"BEGIN", "SELECT seq, hash FROM record_head FOR UPDATE",
		`INSERT INTO record_lines (seq, line) VALUES (1000, '{"id":"x/opened","kind":"opened","at":"x"}')`,
		"UPDATE record_head SET seq = 1000, hash = 'x'",
	} {
		if _, err := c.Exec(ctx, q); err != nil {
			panic(err)
		}
	}
	fmt.Println("in the middle")
	time.Sleep(time.Hour)
}

var databases atomic.Int64

// newDatabase is an empty database of s.
func newDatabase(t testing.TB, s *kubepostgrestest.Server) string {
	t.Helper()
	name := fmt.Sprintf("record_%d", databases.Add(1))
	c, err := pgx.Connect(t.Context(), s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return s.URL(name)
}

func store(t *testing.T) recordtest.Store {
	t.Helper()
	s := shared
	if strings.Contains(t.Name(), "down") {
		var err error
		if s, err = kubepostgrestest.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Remove)
	}
	url := newDatabase(t, s)
	return recordtest.Store{
		Open: func(t *testing.T) recordtest.Ledger {
			t.Helper()
			l, err := Open(keyring.Secret(url))
			if err != nil {
				t.Fatal(err)
			}
			return l
		},
		Down: func(t *testing.T) { t.Helper(); must(t, s.Down()) },
		Up:   func(t *testing.T) { t.Helper(); must(t, s.Up()) },
		Kill: func(t *testing.T) { t.Helper(); recordtest.KillInTheMiddle(t, victim, url) },
		Exec: func(t *testing.T, query string) { t.Helper(); tamper(t, url, query) },
	}
}

// tamper does it where neither triggers nor keys are looked at.
func tamper(t *testing.T, url, query string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer c.Close(t.Context())
	_, err = c.PgConn().Exec(t.Context(), "SET session_replication_role = replica; "+query).ReadAll()
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	recordtest.RunLedger(t, store)
}

// Codes of PostgreSQL's errors.
const (
	raised                = "P0001" // by RAISE EXCEPTION, which the triggers of the tables do
	insufficientPrivilege = "42501"
)

func TestEvidence(t *testing.T) {
	t.Parallel()
	recordtest.RunEvidence(t, store, func(l recordtest.Ledger, cluster string) recordtest.Evidence {
		return l.(*sqlstore.Ledger).Evidence(cluster) //nolint:forcetypeassert // it is what Open gives
	})
}

// TestAppendOnly: the database itself refuses to change a line or to take it away.
func TestAppendOnly(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared)
	l, err := Open(keyring.Secret(url))
	must(t, err)
	defer l.Close()
	_, err = l.Append(t.Context(), recordtest.Lines(0))
	must(t, err)
	db, err := sql.Open("pgx", url)
	must(t, err)
	defer db.Close()
	for _, q := range []string{"DELETE FROM record_lines WHERE seq = 2", "UPDATE record_lines SET line = replace(line, 'approve', 'reject')", "TRUNCATE record_lines CASCADE", "DELETE FROM record_people", "UPDATE record_people SET person = 'x'", "DELETE FROM record_signatures", "UPDATE record_keys SET line = 'x'"} {
		_, err := db.Exec(q)
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != raised {
			t.Errorf("%s: %v", q, err)
		}
	}
}

// TestLeastRights: a user who may add and nothing else is enough, once the tables
// are there.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared)
	owner, err := Open(keyring.Secret(url))
	must(t, err)
	defer owner.Close()
	_, err = owner.Append(t.Context(), recordtest.Lines(0))
	must(t, err)
	db, err := sql.Open("pgx", url)
	must(t, err)
	defer db.Close()
	for _, q := range []string{
		"CREATE ROLE appender LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO appender",
		"GRANT INSERT ON record_lines, record_people, record_signatures, record_keys TO appender", "GRANT UPDATE ON record_head TO appender",
		"GRANT INSERT, UPDATE, DELETE ON evidence_bytes TO appender",
	} {
		_, err := db.Exec(q)
		must(t, err)
	}
	l, err := Open(keyring.Secret(strings.Replace(url, "countersign@", "appender@", 1)))
	must(t, err)
	defer l.Close()
	l.SignWith(recordtest.NewSigner())
	if added, err := l.Append(t.Context(), recordtest.Lines(1)); err != nil || len(added) != 5 {
		t.Errorf("%d added, %v", len(added), err)
	}
	e, k := l.Evidence("here"), evidence.Key{Namespace: "prod", Object: "evidence-1", SHA256: "a"}
	must(t, e.Put(t.Context(), k, []byte("data"), time.Now()))
	all, err := e.Page(t.Context(), evidence.Key{})
	must(t, err)
	if deleted, err := e.Delete(t.Context(), all[0]); !deleted || err != nil {
		t.Errorf("deleted %t, %v", deleted, err)
	}
}

func BenchmarkLedger(b *testing.B) {
	l, err := Open(keyring.Secret(newDatabase(b, shared)))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	recordtest.BenchLedger(b, l, 100_000)
}
