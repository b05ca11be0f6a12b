package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
	kubepostgres "github.com/countersign-dev/countersign/internal/audit/postgres"
	kubesqlite "github.com/countersign-dev/countersign/internal/audit/sqlite"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/kube/audit"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// OpenRecord is the configured store, nil without one. It need not be there yet.
func OpenRecord(c config.Record) (*sqlstore.Ledger, error) {
	switch {
	case c.SQLite != "":
		return kubesqlite.Open(c.SQLite)
	case len(c.Postgres) > 0:
		l, err := kubepostgres.Open(c.Postgres)
		if err != nil {
			return nil, fmt.Errorf("record.postgres.urlFile: %w", err)
		}
		return l, nil
	default:
		return nil, nil
	}
}

// recording is the controller that keeps the audit log. With nowhere to keep it, it still
// lets go what was opened when there was a store.
//
// What is appended is signed by the newest of the service's keys.
func recording(o Options, store *store.Store, outcomes approvals.OutcomeWriter, kept *sqlstore.Ledger, ring func() keyring.Ring, m *metrics, reg prometheus.Registerer) (*audit.Record, error) {
	signer := &record.Signer{Ring: ring, Now: o.Now}
	if kept != nil {
		kept.SignWith(signer)
	}
	r := &audit.Record{
		Store: store, Outcomes: outcomes, Now: o.Now, Log: o.Log,
		Appended: func(lines int) { m.recorded.Add(float64(lines)) }, Failed: m.recordFailures.Inc, Forget: func(string) {},
	}
	switch {
	case kept == nil:
		s := &record.Stream{W: o.Out, Signer: signer}
		if o.Config.Record.Quiet {
			s.W = io.Discard
		}
		r.Ledger, r.Forget = s, s.Forget
	case o.Config.Record.Quiet:
		r.Ledger, r.Keeps = kept, true
	default:
		r.Ledger, r.Keeps = &printed{Ledger: kept, o: o, signer: signer}, true
	}
	return r, reg.Register(recordBehind(r.Behind))
}

func recordBehind(behind func() int) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "countersign", Name: "record_behind", Help: "Approvals whose entries are not in the audit log yet. Alert if it stays above 0.",
	}, func() float64 { return float64(behind()) })
}

// printed prints what is appended, once it is. It is a copy: what a process prints
// too late, because it was killed, is in the store.
type printed struct {
	*sqlstore.Ledger
	o      Options
	signer *record.Signer

	mu   sync.Mutex
	keys record.PrintedKeys
}

// Append implements controller.Ledger.
func (p *printed) Append(ctx context.Context, lines []record.Line) ([]record.Entry, error) {
	added, err := p.Ledger.Append(ctx, lines)
	if len(added) == 0 {
		return added, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text, keyErr := p.keys.Lines(p.signer)
	for _, e := range added {
		text = append(text, e.Lines()...)
	}
	if _, err := p.o.Out.Write(text); err != nil {
		p.o.Log.Warn("audit log entries were not printed; they are in the store", "lines", len(added), "error", err.Error())
	} else if keyErr == nil {
		p.keys.Printed(p.signer)
	}
	return added, err
}

var errNoStore = errors.New("the configuration has no audit store (record.sqlite or record.postgres): verify the service's output with --file")

// Verify holds the configured store's lines to one another, to what finds them and to
// its head.
func Verify(ctx context.Context, c config.Record, v *record.Verifier) error {
	l, err := OpenRecord(c)
	if err != nil {
		return err
	}
	if l == nil {
		return errNoStore
	}
	defer l.Close()
	return v.VerifyStore(ctx, l)
}

// Export writes what matches, in the order of the chain.
func Export(ctx context.Context, c config.Record, q record.Query, format string, out io.Writer) error {
	l, err := OpenRecord(c)
	if err != nil {
		return err
	}
	if l == nil {
		return approvals.Errorf(approvals.CodeInvalid, "the configuration has no audit store: set record.sqlite or record.postgres")
	}
	defer l.Close()
	if q == (record.Query{}) && format == record.JSONL {
		return exportStream(ctx, l, out)
	}
	w, err := record.NewWriter(out, format)
	if err != nil {
		return err
	}
	if err := l.Each(ctx, q, w.Write); err != nil {
		return err
	}
	return w.Flush()
}

// exportStream writes all of it, with the keys before and each signed head behind the entry
// that it is of: what verify takes from a file.
func exportStream(ctx context.Context, l *sqlstore.Ledger, out io.Writer) error {
	line := func(text []byte) error {
		_, err := out.Write(append(bytes.Clone(text), '\n'))
		return err
	}
	if err := l.Keys(ctx, line); err != nil {
		return err
	}
	return l.Rows(ctx, func(r record.Row) error {
		if r.Text == nil {
			return nil // which is no line, and for verify to say
		}
		if err := line(r.Text); err != nil || r.Signed == nil {
			return err
		}
		return line(r.Signed)
	})
}

// Keys gives the lines of the keys that signed the configured store.
func Keys(ctx context.Context, c config.Record, f func(line []byte) error) error {
	l, err := OpenRecord(c)
	if err != nil {
		return err
	}
	if l == nil {
		return errNoStore
	}
	defer l.Close()
	return l.Keys(ctx, f)
}
