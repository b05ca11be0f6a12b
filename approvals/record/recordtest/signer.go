package recordtest

import (
	"bytes"
	"sync"
	"time"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
)

// NewSigner signs with the key of a number, 0 for one that is always the same.
func NewSigner(keys ...byte) *record.Signer {
	r := NewRing(keys...)
	return &record.Signer{Ring: r.Now, Now: func() time.Time { return ct.T0 }}
}

// Ring is a ring that rotates when told to.
type Ring struct {
	mu   sync.Mutex
	keys keyring.Ring
}

// NewRing holds the keys of some numbers, the newest first.
func NewRing(keys ...byte) *Ring {
	if len(keys) == 0 {
		keys = []byte{0}
	}
	r := &Ring{}
	r.Set(keys...)
	return r
}

// Set makes it another ring.
func (r *Ring) Set(keys ...byte) {
	var out keyring.Ring
	for _, k := range keys {
		out = append(out, keyring.Key{Made: ct.T0.Add(time.Duration(k) * time.Hour), Secret: bytes.Repeat([]byte{k + 1}, keyring.Size)})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = out
}

// Now is the ring as it is.
func (r *Ring) Now() keyring.Ring {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}
