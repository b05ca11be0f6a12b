//go:build postgres

package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
)

// TestClustersShareADatabase: each cluster has a schema of its own in one database, as
// docs/tasks/many-clusters.md has it. Each chain is whole by itself, none shows what is another
// cluster's, though their namespaces have the same names, and a view has all.
func TestClustersShareADatabase(t *testing.T) {
	url := newDatabase(t, shared)
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	exec := func(query string) {
		t.Helper()
		if _, err := c.Exec(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	clusters := map[string]int{"berlin": 2, "tokyo": 3}
	lines := map[string]int{}
	exec("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	for name, approvals := range clusters {
		exec("CREATE USER " + name + " PASSWORD 'secret'")
		exec("CREATE SCHEMA " + name + " AUTHORIZATION " + name)
		own := strings.Replace(url, "countersign@", name+":secret@", 1) + "&search_path=" + name
		l, err := Open(keyring.Secret(own))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		for n := range approvals {
			added, err := l.Append(t.Context(), recordtest.Lines(n+1))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			lines[name] += len(added)
		}
	}
	for name := range clusters {
		l, err := Open(keyring.Secret(url + "&search_path=" + name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		head, err := l.Head(t.Context())
		if err != nil || int(head.Seq) != lines[name] {
			t.Errorf("%s: head %d, %v; want %d, which is what that cluster wrote", name, head.Seq, err, lines[name])
		}
	}
	exec(`CREATE VIEW public.history AS
		SELECT 'berlin' AS cluster, seq, at, kind, namespace, approval, gate, outcome, line FROM berlin.record_lines
		UNION ALL
		SELECT 'tokyo', seq, at, kind, namespace, approval, gate, outcome, line FROM tokyo.record_lines`)
	exec("CREATE USER auditor PASSWORD 'secret'")
	exec("GRANT SELECT ON public.history TO auditor")
	for name, want := range lines {
		var n int
		if err := c.QueryRow(t.Context(), "SELECT count(*) FROM public.history WHERE cluster = $1", name).Scan(&n); err != nil || n != want {
			t.Errorf("the view has %d lines of %s, %v; want %d", n, name, err, want)
		}
	}
	for user, query := range map[string]string{
		"berlin":  "SELECT count(*) FROM tokyo.record_lines",
		"auditor": "SELECT count(*) FROM tokyo.record_lines",
		"tokyo":   "CREATE TABLE public.mine (x int)",
	} {
		as, err := pgx.Connect(t.Context(), strings.Replace(url, "countersign@", user+":secret@", 1))
		if err != nil {
			t.Fatal(err)
		}
		_, err = as.Exec(t.Context(), query)
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != insufficientPrivilege {
			t.Errorf("%s may %s: %v", user, query, err)
		}
		as.Close(t.Context())
	}
}
