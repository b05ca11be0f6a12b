package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
)

// victim names the file in which this program, started again, begins to write and
// waits to be killed.
const victim = "COUNTERSIGN_TEST_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victim); path != "" {
		half(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// half writes half of a transaction.
func half(path string) {
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		panic(err)
	}
	tx, err := db.Begin()
	if err != nil {
		panic(err)
	}
	e, err := record.Head{Seq: 1000, Hash: "x"}.Next(recordtest.Lines(7)[0])
	if err != nil {
		panic(err)
	}
	if _, err := tx.Exec("INSERT INTO record_lines (seq, line) VALUES (?, ?)", e.Seq, string(e.Text)); err != nil {
		panic(err)
	}
	if _, err := tx.Exec("UPDATE record_head SET seq = seq + 1"); err != nil {
		panic(err)
	}
	fmt.Println("in the middle")
	time.Sleep(time.Hour)
}

func store(t *testing.T) recordtest.Store {
	dir := t.TempDir()
	path := filepath.Join(dir, "a ?%#&=é.db") // a name is a name
	var other *sql.DB
	return recordtest.Store{
		Open: func(t *testing.T) recordtest.Ledger {
			t.Helper()
			l, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			return l
		},
		// What keeps a file from being written is another writer that does not end.
		Down:           func(t *testing.T) { t.Helper(); other = hold(t, path) },
		Up:             func(t *testing.T) { t.Helper(); release(t, other) },
		ReadsWhileDown: true,
		Kill:           func(t *testing.T) { t.Helper(); recordtest.KillInTheMiddle(t, victim, path) },
		Exec:           func(t *testing.T, query string) { t.Helper(); tamper(t, path, query) },
	}
}

// tamper takes away first what keeps rows as they are.
func tamper(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const free = "PRAGMA foreign_keys = OFF; DROP TRIGGER record_lines_no_update; DROP TRIGGER record_lines_no_delete; " +
		"DROP TRIGGER record_people_no_update; DROP TRIGGER record_people_no_delete; " +
		"DROP TRIGGER record_signatures_no_update; DROP TRIGGER record_signatures_no_delete; DROP TRIGGER record_keys_no_update; DROP TRIGGER record_keys_no_delete; "
	if _, err := db.Exec(free + query); err != nil {
		t.Fatal(err)
	}
}

// hold takes the right to write, as a process does that hangs in a transaction.
func hold(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return db
}

func release(t *testing.T, db *sql.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	recordtest.RunLedger(t, store)
}

// TestFolderComesLater: a volume that is not there yet keeps nobody from starting,
// and what is wrong is said by anyone who asks.
func TestFolderComesLater(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "volume")
	path := filepath.Join(dir, "record.db")
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = l.Append(t.Context(), recordtest.Lines(0))
	if e, ok := errors.AsType[*sqlite.Error](err); approvals.CodeOf(err) != approvals.CodeUnavailable || !ok || e.Code() != sqlite3.SQLITE_CANTOPEN {
		t.Errorf("%v", err)
	}
	if strings.Contains(approvals.Message(err), path) {
		t.Errorf("everybody is told where the file is: %s", approvals.Message(err))
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if added, err := l.Append(t.Context(), recordtest.Lines(0)); err != nil || len(added) != 5 {
		t.Errorf("%d added, %v", len(added), err)
	}
}

// TestAppendOnly: the database itself refuses to change a line or to take it away.
func TestAppendOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "record.db")
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Append(t.Context(), recordtest.Lines(0)); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{"DELETE FROM record_lines WHERE seq = 2", "UPDATE record_lines SET line = replace(line, 'approve', 'reject')", "DELETE FROM record_people", "UPDATE record_people SET person = 'x'"} {
		_, err := db.Exec(q)
		if e, ok := errors.AsType[*sqlite.Error](err); !ok || e.Code() != sqlite3.SQLITE_CONSTRAINT_TRIGGER {
			t.Errorf("%s: %v", q, err)
		}
	}
}

func BenchmarkLedger(b *testing.B) {
	l, err := Open(filepath.Join(b.TempDir(), "record.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	recordtest.BenchLedger(b, l, 100_000)
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	recordtest.RunEvidence(t, store, func(l recordtest.Ledger, cluster string) recordtest.Evidence {
		return l.(*sqlstore.Ledger).Evidence(cluster) //nolint:forcetypeassert // it is what Open gives
	})
}
