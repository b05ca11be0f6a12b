package slack

import (
	"crypto/sha256"
	"sync"
)

// maxSeen is how many requests are remembered: far more than people press in the
// five minutes for which Slack's signature is good.
const maxSeen = 10_000

// replays remembers requests, the newest maxSeen of them.
type replays struct {
	mu   sync.Mutex
	seen map[[sha256.Size]byte]bool
	ring [][sha256.Size]byte
	next int
}

// first says whether request was not seen before, and remembers it.
func (r *replays) first(request []byte) bool {
	sum := sha256.Sum256(request)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[sum] {
		return false
	}
	if r.seen == nil {
		r.seen = map[[sha256.Size]byte]bool{}
	}
	if len(r.ring) < maxSeen {
		r.ring = append(r.ring, sum)
	} else {
		delete(r.seen, r.ring[r.next])
		r.ring[r.next] = sum
		r.next = (r.next + 1) % maxSeen
	}
	r.seen[sum] = true
	return true
}
