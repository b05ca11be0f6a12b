package slack

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// request is which one a vote came by. Another replica may be sent it again while its
// signature is good: the vote that it stands for is then known by id, and by made to be
// older than what its voter did since.
type request struct {
	id   string
	made time.Time
}

// requestOf is the request whose signature, which covers both, has been verified. Its time
// has whole seconds, and is the end of that second.
func requestOf(h http.Header, body []byte) request {
	at := h.Get("X-Slack-Request-Timestamp")
	sum := sha256.Sum256(append([]byte(at+"\n"), body...))
	rq := request{id: hex.EncodeToString(sum[:8])}
	if sec, err := strconv.ParseInt(at, 10, 64); err == nil {
		rq.made = time.Unix(sec+1, 0).UTC()
	}
	return rq
}

// maxSeen bounds the remembered requests. It is far more than people send in the five minutes
// for which Slack's signature is valid.
const maxSeen = 10_000

// replays remembers requests, the newest maxSeen of them.
type replays struct {
	mu   sync.Mutex
	seen map[[sha256.Size]byte]bool
	ring [][sha256.Size]byte
	next int
}

// first reports whether a request is new, and remembers it.
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
