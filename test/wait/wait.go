// Package wait has the two ways in which tests wait for what somebody else does: until
// something holds, and for as long as it has to hold.
package wait

import (
	"testing"
	"time"
)

// interval is between two looks. It is short beside what is waited for, and long enough that
// looking does not slow down what is looked at.
const interval = 50 * time.Millisecond

// Eventually returns once check returns nil, and fails t with its last error when that is not
// so within the given time.
func Eventually(t testing.TB, within time.Duration, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, within, err)
		}
		time.Sleep(interval)
	}
}

// Consistently returns after the given time, and fails t as soon as check returns an error. It
// is for what must not happen: what is undone before the end of a plain sleep would not be seen.
func Consistently(t testing.TB, during time.Duration, what string, check func() error) {
	t.Helper()
	start := time.Now()
	for {
		if err := check(); err != nil {
			t.Fatalf("%s: no longer so after %s: %v", what, time.Since(start).Round(time.Millisecond), err)
		}
		left := time.Until(start.Add(during))
		if left <= 0 {
			return
		}
		time.Sleep(min(left, interval))
	}
}
