package intake

import "time"

// Limits are of one listener.
type Limits struct {
	// Connections bounds the connections that are open at once.
	Connections int
	// Requests bounds the requests that are worked on at once; the others wait for their turn.
	Requests int
	// Bytes bounds all bodies in memory at once, together. Of a body of known length they are
	// reserved before the first byte is read, of another as much as it may have.
	Bytes int64
	// Body is the largest body of one request.
	Body int64
	// Wait bounds a request's wait for bytes and for its turn.
	Wait time.Duration
	// ReadFor bounds the time that the sending of a body may take, however large it is.
	ReadFor time.Duration
}

const (
	// graceful is the time for which a sender may be silent before leastRate is required.
	graceful = 5 * time.Second
	// leastRate is the rate that a sender has to keep up, in bytes a second.
	leastRate = 16 << 10
	// slowAfter is the time, silent or below leastRate, after which a sender may be cut in favour
	// of others, while there is not enough for all.
	slowAfter = time.Second
	// longAfter is the time after which a sender that keeps up may be cut, too.
	longAfter = 3 * time.Second
	// piece is the first size of the buffer for a body of unknown length, in bytes.
	piece = 64 << 10
	// share is the part of bytes and requests, one in share, that those keep for
	// themselves who were proved. No source has it alone.
	share = 4
	// mostLarge are the bodies that are too large which are looked through at once, and
	// largest is the largest such: GitHub sends up to 25 MB, which escaping may double.
	mostLarge = 4
	largest   = 64 << 20
	// retryAfter is the value of header Retry-After, in seconds.
	retryAfter = "2"
)

// open returns the part of n that everybody together may have who was not authenticated.
func open(n int64) int64 { return n - n/share }
