package identity

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Bounds on TokenReviews of tokens that nobody knows. Anybody who reaches the port can
// make tokens up, as many as they like.
const (
	// refusedTTL is the time for which a token that the API server refused is not asked about
	// again. A token that is good was not refused before: a new one works at once.
	refusedTTL = 3 * time.Second
	// A source may have so many unknown tokens asked about at once, and so many a second
	// after that. One that turns out to be good is given back.
	unknownAtOnce, unknownRate = 256, 5
	maxSources                 = 4096
)

var tooManyTokens = approvals.Errorf(approvals.CodeLimited,
	"your address sent too many bearer tokens that the cluster does not accept, so this one was not checked: send it again in a second")

// unknown remembers tokens that were refused, in this process only.
type unknown struct {
	mu      sync.Mutex
	refused map[[sha256.Size]byte]refusal
	left    map[string]*allowance // by source
}

type refusal struct {
	why error
	at  time.Time
}

// allowance is a source's, of tokens that it may still have asked about.
type allowance struct {
	n  float64
	at time.Time
}

func (a *allowance) fill(now time.Time) {
	a.n = min(unknownAtOnce, a.n+max(0, now.Sub(a.at).Seconds())*unknownRate)
	a.at = now
}

// wasRefused returns the error by which a token was refused within refusedTTL before now, nil for
// none.
func (u *unknown) wasRefused(sum [sha256.Size]byte, now time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if r, ok := u.refused[sum]; ok && now.Sub(r.at) < refusedTTL {
		return r.why
	}
	return nil
}

func (u *unknown) refuse(sum [sha256.Size]byte, why error, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.refused == nil || len(u.refused) >= maxTokens {
		u.refused = map[[sha256.Size]byte]refusal{}
	}
	u.refused[sum] = refusal{why, now}
}

// take reports whether an unknown token of source may be looked at now, and counts it.
func (u *unknown) take(source string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	a := u.left[source]
	if a == nil {
		if len(u.left) >= maxSources {
			for k, a := range u.left {
				if a.fill(now); a.n >= unknownAtOnce {
					delete(u.left, k)
				}
			}
		}
		if len(u.left) >= maxSources { // as many at once as there are: nobody is kept apart
			u.left = nil
		}
		if u.left == nil {
			u.left = map[string]*allowance{}
		}
		a = &allowance{n: unknownAtOnce, at: now}
		u.left[source] = a
	}
	a.fill(now)
	if a.n < 1 {
		return false
	}
	a.n--
	return true
}

// giveBack is told that a token of source was not refused.
func (u *unknown) giveBack(source string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if a := u.left[source]; a != nil {
		a.n = min(unknownAtOnce, a.n+1)
	}
}
