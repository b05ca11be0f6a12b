package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

const (
	// evidenceAtOnce bounds the connections that evidence takes of those that a Ledger has: uploads
	// of megabytes must not keep the audit log waiting.
	evidenceAtOnce = 2
	// maxStored bounds the bytes of one row that are read: as many as evidence has at most, which
	// gzip could not make smaller. Somebody else may have written more.
	maxStored = evidence.MaxSize + 64<<10
)

// Evidence keeps the compressed bytes of evidence beside the audit log. Every call says whether
// the database is there.
type Evidence struct {
	ledger  *Ledger
	cluster string
	turns   chan struct{}
}

// Evidence returns the bytes of evidence in l's database that are a cluster's. It is called once for a
// Ledger. Services of several clusters may have one database by mistake, or while a cluster is replaced:
// each lists, counts and deletes what it wrote itself.
func (l *Ledger) Evidence(cluster string) *Evidence {
	return &Evidence{ledger: l, cluster: cluster, turns: make(chan struct{}, evidenceAtOnce)}
}

// do calls f with the database, within the time of one transaction and in its turn.
func (e *Evidence) do(ctx context.Context, f func(ctx context.Context, l *Ledger) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case e.turns <- struct{}{}:
		defer func() { <-e.turns }()
	case <-ctx.Done():
		return e.ledger.unavailable(ctx.Err())
	}
	err := e.ledger.migrate(ctx)
	if err == nil {
		err = f(ctx, e.ledger)
	}
	if err != nil {
		return e.ledger.unavailable(err)
	}
	return nil
}

// Put keeps packed under k. Doing it again writes it again, and anyone who found k to be an orphan
// before has to look again.
func (e *Evidence) Put(ctx context.Context, k evidence.Key, packed []byte, now time.Time) error {
	return e.do(ctx, func(ctx context.Context, l *Ledger) error {
		_, err := l.db.ExecContext(ctx, l.bind("INSERT INTO evidence_bytes (namespace, object, sha256, cluster, bytes, kept_at, orphaned_at, data) VALUES (?, ?, ?, ?, ?, ?, 0, ?) "+
			"ON CONFLICT (namespace, object, sha256, cluster) DO UPDATE SET bytes = excluded.bytes, kept_at = excluded.kept_at, orphaned_at = 0, data = excluded.data"),
			k.Namespace, k.Object, k.SHA256, e.cluster, len(packed), now.UnixMicro(), packed)
		return err
	})
}

// Get returns the bytes under k as they are in the database: the caller compares them with what
// was approved. Those that another cluster wrote are as good: somebody restored its objects in this one.
//
// Errors: CodeNotFound, CodeConflict (there are more than evidence can have), CodeUnavailable.
func (e *Evidence) Get(ctx context.Context, k evidence.Key) (packed []byte, err error) {
	err = e.do(ctx, func(ctx context.Context, l *Ledger) error {
		err := l.db.QueryRowContext(ctx, l.bind("SELECT CASE WHEN length(data) <= ? THEN data END FROM evidence_bytes WHERE namespace = ? AND object = ? AND sha256 = ? ORDER BY CASE WHEN cluster = ? THEN 0 ELSE 1 END LIMIT 1"),
			maxStored, k.Namespace, k.Object, k.SHA256, e.cluster).Scan(&packed)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return approvals.Errorf(approvals.CodeNotFound, "the audit store (%s) has no bytes of Evidence %s of namespace %s", l.dialect.Name, k.Object, k.Namespace)
		case err == nil && packed == nil:
			return approvals.Errorf(approvals.CodeConflict, "the audit store (%s) has more bytes of Evidence %s of namespace %s than evidence can have: they were changed there", l.dialect.Name, k.Object, k.Namespace)
		}
		return err
	})
	return packed, err
}

// Used returns how many bytes a namespace of the cluster has in the database, and how many all of them
// together, those of orphans too.
func (e *Evidence) Used(ctx context.Context, namespace string) (n, all int64, err error) {
	err = e.do(ctx, func(ctx context.Context, l *Ledger) error {
		return l.db.QueryRowContext(ctx, l.bind("SELECT CAST(COALESCE(SUM(CASE WHEN namespace = ? THEN bytes ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM evidence_bytes WHERE cluster = ?"),
			namespace, e.cluster).Scan(&n, &all)
	})
	return n, all, err
}

// Page returns the cluster's next rows after a Key, in the order of their keys, without their bytes. The
// zero Key is before all.
func (e *Evidence) Page(ctx context.Context, after evidence.Key) (out []evidence.Stored, err error) {
	err = e.do(ctx, func(ctx context.Context, l *Ledger) error {
		query := "SELECT namespace, object, sha256, bytes, kept_at, orphaned_at FROM evidence_bytes WHERE cluster = ? AND (namespace, object, sha256) > (?, ?, ?) ORDER BY namespace, object, sha256 LIMIT ?"
		return each(ctx, l.db, l.bind(query), []any{e.cluster, after.Namespace, after.Object, after.SHA256, chunk}, func(rows *sql.Rows) error {
			var s evidence.Stored
			var kept, orphaned int64
			err := rows.Scan(&s.Namespace, &s.Object, &s.SHA256, &s.Bytes, &kept, &orphaned)
			if s.KeptAt = time.UnixMicro(kept).UTC(); orphaned != 0 {
				s.OrphanedAt = time.UnixMicro(orphaned).UTC()
			}
			out = append(out, s)
			return err
		})
	})
	return out, err
}

// Orphan notes since when nothing stands for s, or with the zero time that something does. It
// changes nothing that was written since s was read.
func (e *Evidence) Orphan(ctx context.Context, s evidence.Stored, since time.Time) error {
	_, err := e.change(ctx, "UPDATE evidence_bytes SET orphaned_at = ?", s, micros(since))
	return err
}

// Delete deletes s, unless it was written since it was read. It says whether it did.
func (e *Evidence) Delete(ctx context.Context, s evidence.Stored) (bool, error) {
	return e.change(ctx, "DELETE FROM evidence_bytes", s)
}

// change does it to the row that s is, while it is as s says.
func (e *Evidence) change(ctx context.Context, what string, s evidence.Stored, args ...any) (changed bool, err error) {
	err = e.do(ctx, func(ctx context.Context, l *Ledger) error {
		args = append(args, e.cluster, s.Namespace, s.Object, s.SHA256, micros(s.KeptAt), micros(s.OrphanedAt))
		res, err := l.db.ExecContext(ctx, l.bind(what+" WHERE cluster = ? AND namespace = ? AND object = ? AND sha256 = ? AND kept_at = ? AND orphaned_at = ?"), args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		changed = n > 0
		return err
	})
	return changed, err
}

// micros is t in a row: 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
