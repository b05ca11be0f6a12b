package sqlstore

import (
	"context"
	"database/sql"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
)

// SignWith has s sign the head that each append leaves, in its transaction: no line is there
// without a signature that covers it. It is called before the first append.
func (l *Ledger) SignWith(s *record.Signer) { l.signer = s }

// sign keeps the signed head of the last of added, which gets it, and the keys by which it is
// verified. The same key again changes nothing: its lines follow from the ring.
func (l *Ledger) sign(ctx context.Context, tx *sql.Tx, added []record.Entry) (keyring.Ring, error) {
	if l.signer == nil {
		return nil, nil
	}
	ring := l.signer.Ring()
	if !l.published(ring) {
		lines, err := l.signer.Keys()
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			if _, err := tx.ExecContext(ctx, l.bind("INSERT INTO record_keys (line) VALUES (?) ON CONFLICT DO NOTHING"), string(line)); err != nil {
				return nil, err
			}
		}
	}
	last := &added[len(added)-1]
	signed, err := l.signer.Head(last.Head())
	if err != nil {
		return nil, err
	}
	last.Signed = signed
	_, err = tx.ExecContext(ctx, l.bind("INSERT INTO record_signatures (seq, head) VALUES (?, ?)"), last.Seq, string(signed))
	return ring, err
}

// published reports whether the keys of ring are known to be in the store.
func (l *Ledger) published(ring keyring.Ring) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring != nil && l.ring.Same(ring)
}

func (l *Ledger) publish(ring keyring.Ring) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring = ring
}

// Keys gives the lines of the keys that signed heads, the oldest first.
func (l *Ledger) Keys(ctx context.Context, f func(line []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := l.migrate(ctx); err != nil {
		return l.unavailable(err)
	}
	var lines [][]byte
	err := each(ctx, l.db, "SELECT line FROM record_keys ORDER BY line", nil, func(rows *sql.Rows) error {
		var line []byte
		err := rows.Scan(&line)
		lines = append(lines, line)
		return err
	})
	if err != nil {
		return l.unavailable(err)
	}
	for _, line := range lines {
		if err := f(line); err != nil {
			return err
		}
	}
	return nil
}
