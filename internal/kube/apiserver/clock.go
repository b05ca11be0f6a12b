package apiserver

import (
	"net/http"
	"sync"
	"time"
)

// Clock is the API server's clock, as far as this process knows it. Deadlines are counted from
// what the API server stamped, so it is by that clock that they are over: replicas whose own
// clocks differ, or jump, would else let one Approval expire early and another too late.
//
// It goes by this machine's monotonic clock, which nobody sets, and is put right by the Date of
// each answer (of the API server alone, by its certificate), which is in whole seconds: it is never off by more than one, and not touched at
// all while the two agree to what a Date can tell.
type Clock struct {
	own func() time.Time // believed until the API server has answered

	mu   sync.Mutex
	wall time.Time // what it was
	at   time.Time // and when, by the monotonic clock
}

// NewClock returns a Clock that gives own's time until the API server has answered once.
func NewClock(own func() time.Time) *Clock { return &Clock{own: own} }

// Now returns the API server's time, as far as its answers tell.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.as(time.Now()) //nolint:forbidigo // only how long ago something was counts
}

// as converts a moment of the monotonic clock to this clock.
func (c *Clock) as(moment time.Time) time.Time {
	if c.at.IsZero() {
		c.wall, c.at = c.own().Round(0), moment
	}
	return c.wall.Add(moment.Sub(c.at))
}

// answered takes note of an answer to what was sent at a moment of the monotonic clock. Its Date
// was written after that and before now; what contradicts this is how far the clock is off at
// least. Other answers may have moved it since the request was sent, so that moment is looked at
// by the clock as it is now.
func (c *Clock) answered(sent time.Time, h http.Header) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return // an answer need not have one
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now, end := c.as(time.Now()), date.Add(time.Second) //nolint:forbidigo // see above
	switch began := c.as(sent); {
	case now.Before(date):
		c.wall = c.wall.Add(date.Sub(now))
	case !began.Before(end):
		c.wall = c.wall.Add(end.Sub(began))
	}
}
