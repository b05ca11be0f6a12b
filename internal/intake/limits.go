package intake

import "time"

// Limits are of one listener.
type Limits struct {
	// Connections are those that are open at once.
	Connections int
	// Requests are those that are worked on at once; the others wait for their turn.
	Requests int
	// Bytes are those of all bodies in memory at once. Of a body of known length they are
	// reserved before the first byte is read, of another as much as it may have.
	Bytes int64
	// Body is the largest body of one request.
	Body int64
	// Wait is how long a request waits for bytes and for its turn.
	Wait time.Duration
	// ReadFor is how long the sending of a body may take, however large it is.
	ReadFor time.Duration
}

const (
	// graceful is how long a sender may be silent before the least rate is asked for.
	graceful = 5 * time.Second
	// leastRate is what a sender has to keep up, in bytes a second.
	leastRate = 16 << 10
	// slowAfter is when a sender below leastRate is cut in favour of others, while there is
	// not enough for all.
	slowAfter = time.Second
	// longAfter is when a sender that keeps up is, too.
	longAfter = 3 * time.Second
	// piece is how large the buffer of a body of unknown length is at first.
	piece = 64 << 10
	// share is the part of bytes and requests, one in share, that those keep for
	// themselves who were proved. No source has it alone.
	share = 4
	// mostLarge are the bodies that are too large which are looked through at once, and
	// largest is the largest such: GitHub sends up to 25 MB, which escaping may double.
	mostLarge = 4
	largest   = 64 << 20
	// retryAfter is what Retry-After says, in seconds.
	retryAfter = "2"
)

// open returns the part of n that everybody together may have who was not authenticated.
func open(n int64) int64 { return n - n/share }
