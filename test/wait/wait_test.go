package wait

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// failing is a test that notes how it fails.
type failing struct {
	testing.TB
	message string
}

func (*failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	panic(f)
}

// run returns how f fails, "" when it does not, and how long it takes.
func run(f func(testing.TB)) (message string, took time.Duration) {
	t, start := &failing{}, time.Now()
	defer func() {
		if p := recover(); p != nil && p != t {
			panic(p)
		}
		message, took = t.message, time.Since(start)
	}()
	f(t)
	return
}

func TestEventually(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		later := func(d time.Duration) func() error {
			return func() error {
				if time.Since(start) < d {
					return errors.New("not yet")
				}
				return nil
			}
		}
		if message, took := run(func(t testing.TB) { Eventually(t, time.Minute, "it", later(10*time.Second)) }); message != "" || took != 10*time.Second {
			t.Errorf("after %s: %q, want nothing after 10s", took, message)
		}
		if message, took := run(func(t testing.TB) { Eventually(t, time.Second, "it", later(time.Hour)) }); message != "it: not within 1s: not yet" || took > 2*time.Second {
			t.Errorf("after %s: %q", took, message)
		}
	})
}

func TestConsistently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if message, took := run(func(t testing.TB) { Consistently(t, 3*time.Second, "it", func() error { return nil }) }); message != "" || took != 3*time.Second {
			t.Errorf("after %s: %q, want nothing after 3s", took, message)
		}
		start := time.Now()
		once := func() error { // it is so in the middle alone
			if at := time.Since(start); at > time.Second && at < 1100*time.Millisecond {
				return errors.New("it happened")
			}
			return nil
		}
		if message, took := run(func(t testing.TB) { Consistently(t, 3*time.Second, "it", once) }); !strings.HasSuffix(message, "it happened") || took > 1100*time.Millisecond {
			t.Errorf("after %s: %q, want it to fail in the second second", took, message)
		}
	})
}
