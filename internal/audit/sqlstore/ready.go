package sqlstore

import "context"

// Ready says why the store takes no lines now. It writes, because a disk that is full, a
// writer that hangs and a standby can all be read. The head goes forth and back in one
// transaction, which changes nothing for anybody: what a statement leaves as it was, a
// database need not write at all.
func (l *Ledger) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := l.migrate(ctx); err != nil {
		return l.unavailable(err)
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return l.unavailable(err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing, before it there is nothing to save
	for _, move := range []string{"UPDATE record_head SET seq = seq + 1", "UPDATE record_head SET seq = seq - 1"} {
		if _, err := tx.ExecContext(ctx, move); err != nil {
			return l.unavailable(err)
		}
	}
	if err := tx.Commit(); err != nil {
		return l.unavailable(err)
	}
	return nil
}
