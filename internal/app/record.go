package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/kube"
	"github.com/countersign-dev/countersign/internal/kube/controller"
	"github.com/countersign-dev/countersign/internal/ledger"
	"github.com/countersign-dev/countersign/internal/postgres"
	"github.com/countersign-dev/countersign/internal/sqlite"
)

// OpenRecord is the configured store, nil without one. It need not be there yet.
func OpenRecord(c config.Record) (*ledger.Ledger, error) {
	switch {
	case c.SQLite != "":
		return sqlite.Open(c.SQLite)
	case len(c.Postgres) > 0:
		l, err := postgres.Open(c.Postgres)
		if err != nil {
			return nil, fmt.Errorf("record.postgres.urlFile: %w", err)
		}
		return l, nil
	default:
		return nil, nil
	}
}

// recording is the controller that keeps the record. With nowhere to keep it, it still
// lets go what was opened when there was a store.
func recording(o Options, store *kube.Store, kept *ledger.Ledger, m *metrics, reg prometheus.Registerer) (*controller.Record, error) {
	r := &controller.Record{
		Store: store, Now: o.Now, Log: o.Log,
		Appended: func(lines int) { m.recorded.Add(float64(lines)) }, Failed: m.recordFailures.Inc, Forget: func(string) {},
	}
	switch {
	case kept == nil:
		s := &record.Stream{W: o.Out}
		if o.Config.Record.Quiet {
			s.W = io.Discard
		}
		r.Ledger, r.Forget = s, s.Forget
	case o.Config.Record.Quiet:
		r.Ledger, r.Keeps = kept, true
	default:
		r.Ledger, r.Keeps = printed{kept, o}, true
	}
	return r, reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "countersign", Name: "record_behind", Help: "Approvals whose lines are not in the record yet.",
	}, func() float64 { return float64(r.Behind()) }))
}

// printed prints what is appended, once it is. It is a copy: what a process prints
// too late, because it was killed, is in the store.
type printed struct {
	*ledger.Ledger
	o Options
}

// Append implements controller.Ledger.
func (p printed) Append(ctx context.Context, lines []record.Line) ([]record.Entry, error) {
	added, err := p.Ledger.Append(ctx, lines)
	for _, e := range added {
		if _, err := p.o.Out.Write(append(slices.Clip(e.Text), '\n')); err != nil {
			p.o.Log.Warn("a line of the record was not printed; it is in the store", "id", e.ID, "error", err.Error())
		}
	}
	return added, err
}

var errNoStore = errors.New("the configuration has no store of the record (record.sqlite or record.postgres): verify what the service printed with --file")

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
		return approvals.Errorf(approvals.CodeInvalid, "the configuration has no store of the record: record.sqlite or record.postgres")
	}
	defer l.Close()
	w, err := record.NewWriter(out, format)
	if err != nil {
		return err
	}
	if err := l.Each(ctx, q, w.Write); err != nil {
		return err
	}
	return w.Flush()
}
