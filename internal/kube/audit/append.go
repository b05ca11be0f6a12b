package audit

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals/record"
)

// appendLines appends what the Approval's state tells and the audit log does not have. The lines'
// ids make it idempotent.
func (r *Record) appendLines(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	if x.verified {
		if err := r.append(ctx, x.a.UID, record.Lines(x.a)); err != nil {
			return r.failed(ctx, err)
		}
	}
	r.behind.note(x.name, false)
	return res, false, nil
}

func (r *Record) append(ctx context.Context, uid string, lines []record.Line) error {
	ids := digestOf(lines)
	if known, ok := r.written.of(uid); ok && known == ids {
		return nil
	}
	added, err := r.Ledger.Append(ctx, lines)
	if err != nil {
		return err
	}
	if r.breaker.close() {
		r.Log.Info("the audit store is writable again")
	}
	r.Appended(len(added))
	r.written.note(uid, ids)
	return nil
}

type digest [sha256.Size]byte

func digestOf(lines []record.Line) digest {
	return sha256.Sum256([]byte(strings.Join(record.IDs(lines), " ")))
}

// written is of which Approvals the lines are known to be in the ledger, by UID. Forgetting
// it, as a restart does, costs a look at the ledger.
type written struct {
	mu    sync.Mutex
	lines map[string]digest
}

func (w *written) of(uid string) (digest, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.lines[uid]
	return d, ok
}

func (w *written) note(uid string, ids digest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lines == nil {
		w.lines = map[string]digest{}
	}
	w.lines[uid] = ids
}

func (w *written) forget(uid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.lines, uid)
}

func (w *written) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lines)
}
