package app

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/golden"
)

// filled is a store with three Approvals' lines.
func filled(t *testing.T) config.Record {
	t.Helper()
	c := config.Record{SQLite: filepath.Join(t.TempDir(), "record.db")}
	l, err := OpenRecord(c)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.SignWith(recordtest.NewSigner())
	for n := range 3 {
		if _, err := l.Append(t.Context(), recordtest.Lines(n)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestVerify: what is wrong with the configured store is found; what can be is in
// recordtest.
func TestVerify(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	conf := filled(t)
	v := record.Verifier{Signed: true}
	if err := Verify(t.Context(), conf, &v); err != nil || v.Lines != 15 {
		t.Errorf("%d lines, %v", v.Lines, err)
	}
	db, err := sql.Open("sqlite", conf.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE record_head SET hash = 'x'"); err != nil {
		t.Fatal(err)
	}
	err = Verify(t.Context(), conf, &record.Verifier{})
	if f, ok := errors.AsType[*record.Fault](err); !ok || f.Line != 15 {
		t.Fatalf("another head: %v", err)
	}
	said.Check(t, "another head", err.Error())
	if err := Verify(t.Context(), config.Record{}, &record.Verifier{}); !errors.Is(err, errNoStore) {
		t.Errorf("no store: %v", err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	c := filled(t)
	var all, some bytes.Buffer
	if err := Export(t.Context(), c, record.Query{}, record.JSONL, &all); err != nil {
		t.Fatal(err)
	}
	v := record.Verifier{Signed: true}
	if err := v.Verify(&all); err != nil || v.Lines != 15 {
		t.Errorf("%d lines, %v", v.Lines, err)
	}
	if err := Export(t.Context(), c, record.Query{Namespace: "team-1"}, record.CSV, &some); err != nil || strings.Count(some.String(), "\n") != 6 {
		t.Errorf("%v\n%s", err, &some)
	}
	if err := Export(t.Context(), c, record.Query{}, "xml", &some); err == nil {
		t.Error("xml was taken")
	}
	if err := Export(t.Context(), config.Record{}, record.Query{}, record.CSV, &some); approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("no store: %v", err)
	}
}

// TestRecording: where lines go, by configuration, and whether anything may be
// removed.
func TestRecording(t *testing.T) {
	t.Parallel()
	m, err := newMetrics(prometheus.NewRegistry(), ct.NewMemStore(), "v0.1.0", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		kept, quiet, prints bool
	}{
		"by default":         {prints: true},
		"nowhere":            {quiet: true},
		"a store":            {kept: true, prints: true},
		"a store, and quiet": {kept: true, quiet: true},
	} {
		var out bytes.Buffer
		o := Options{Out: &out, Log: slog.New(slog.DiscardHandler), Now: time.Now}
		if c.kept {
			o.Config.Record.SQLite = filepath.Join(t.TempDir(), "record.db")
		}
		o.Config.Record.Quiet = c.quiet
		kept, err := OpenRecord(o.Config.Record)
		if err != nil {
			t.Fatal(err)
		}
		if kept != nil {
			defer kept.Close()
		}
		r, err := recording(o, nil, approvals.OutcomeWriter{}, kept, recordtest.NewRing().Now, m, prometheus.NewRegistry())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for range 2 {
			if _, err := r.Ledger.Append(t.Context(), recordtest.Lines(0)); err != nil {
				t.Fatal(err)
			}
		}
		v := record.Verifier{Signed: true, Keys: recordtest.PublicKeys(recordtest.NewSigner())}
		if err := v.Verify(&out); err != nil || (v.Lines == 5) != c.prints || r.Keeps != c.kept {
			t.Errorf("%s: %d lines printed, %v, keeps %t", name, v.Lines, err, r.Keeps)
		}
	}
	if _, err := OpenRecord(config.Record{Postgres: []byte("hunter2-hunter2")}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no URL: %v", err)
	}
}
