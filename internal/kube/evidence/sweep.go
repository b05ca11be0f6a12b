package evidence

import (
	"context"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

const (
	// sweepEvery is the pause between two looks at what the audit store has.
	sweepEvery = time.Hour
	// OrphanFor is how long bytes stay for which no object stands any more. It is much longer than
	// an upload takes, and gives anyone who restores a cluster from a backup time to restore its
	// Evidence objects.
	OrphanFor = 24 * time.Hour
)

// Sweeper deletes bytes from the audit store for which no Evidence object stands any more: the
// garbage collector took it with its last owner, or a process died before it made it. Since when
// that is so is in the store, so that nothing is forgotten with the process. A finalizer on the
// objects would be quicker, and keep namespaces from going while the store is down.
type Sweeper struct {
	Store *Store
	Now   func() time.Time
	Log   *slog.Logger
}

// Start implements manager.Runnable. It runs in the leader alone.
func (s *Sweeper) Start(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		switch n, err := s.Sweep(ctx); {
		case err != nil && ctx.Err() == nil:
			s.Log.Warn("evidence in the audit store was not cleaned up; it is tried again within the hour", "error", err.Error())
		case n > 0:
			s.Log.Info("evidence deleted from the audit store, because no Evidence object stands for it any more", "pieces", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep looks at every row once, and says how many it deleted. When it fails it has deleted
// nothing that an object stands for.
func (s *Sweeper) Sweep(ctx context.Context) (deleted int, err error) {
	w := sweep{Sweeper: s}
	var rows []evidence.Stored // of one object
	for last := (evidence.Key{}); ; {
		page, err := s.Store.Bytes.Page(ctx, last)
		if err != nil {
			return w.deleted, err
		}
		for _, r := range page {
			if len(rows) > 0 && (rows[0].Namespace != r.Namespace || rows[0].Object != r.Object) {
				if err := w.object(ctx, rows); err != nil {
					return w.deleted, err
				}
				rows = rows[:0]
			}
			rows, last = append(rows, r), r.Key
		}
		if len(page) == 0 {
			return w.deleted, w.object(ctx, rows)
		}
	}
}

// sweep is one look at all rows. It has the names of the Evidence objects of the namespace that
// it is at.
type sweep struct {
	*Sweeper
	namespace string
	there     map[string]bool
	deleted   int
}

// object sees to the rows that have the name of one object. Of two writers of one name the
// object tells which was first; the bytes of the other are an orphan.
func (w *sweep) object(ctx context.Context, rows []evidence.Stored) error {
	if len(rows) == 0 {
		return nil
	}
	there, err := w.exists(ctx, rows[0].Key)
	if err != nil {
		return err
	}
	sum := rows[0].SHA256
	if there && len(rows) > 1 {
		var o v1alpha1.Evidence
		err := w.Store.Client.Get(ctx, types.NamespacedName{Namespace: rows[0].Namespace, Name: rows[0].Object}, &o)
		if err != nil && !apierrors.IsNotFound(err) {
			return kubeutil.Translate(err, "evidence "+rows[0].Object)
		}
		there, sum = err == nil, o.Spec.SHA256
	}
	for _, r := range rows {
		if err := w.row(ctx, r, there && r.SHA256 == sum); err != nil {
			return err
		}
	}
	return nil
}

// row notes whether r is an orphan, and deletes it when it has been one for long enough.
func (w *sweep) row(ctx context.Context, r evidence.Stored, wanted bool) error {
	now := w.Now()
	switch {
	case wanted && r.OrphanedAt.IsZero():
		return nil
	case wanted:
		return w.Store.Bytes.Orphan(ctx, r, time.Time{})
	case r.OrphanedAt.IsZero():
		return w.Store.Bytes.Orphan(ctx, r, now)
	case now.Sub(r.OrphanedAt) < OrphanFor:
		return nil
	}
	deleted, err := w.Store.Bytes.Delete(ctx, r)
	if deleted {
		w.deleted++
	}
	return err
}

// exists reports whether the API server has the object of k.
func (w *sweep) exists(ctx context.Context, k evidence.Key) (bool, error) {
	if w.there == nil || w.namespace != k.Namespace {
		all, err := w.Store.metadata(ctx, k.Namespace)
		if err != nil {
			return false, err
		}
		w.namespace, w.there = k.Namespace, make(map[string]bool, len(all))
		for _, o := range all {
			w.there[o.Name] = true
		}
	}
	return w.there[k.Object], nil
}
