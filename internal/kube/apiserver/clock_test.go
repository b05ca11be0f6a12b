package apiserver

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"
)

// TestClock: whatever a process's own clock says when it starts, and wherever the API server's
// goes, it is known to a second after an answer; one that agrees is left alone.
func TestClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		off   time.Duration // of the own clock
		delay time.Duration // of an answer, on its way there and back
		want  time.Duration // at most off after an answer
	}{
		"agrees": {}, "a little ahead": {off: 300 * time.Millisecond, want: 300 * time.Millisecond},
		"an hour ahead": {off: time.Hour, want: time.Second}, "an hour behind": {off: -time.Hour, want: time.Second},
		"two seconds ahead, slow answers":  {off: 2 * time.Second, delay: 400 * time.Millisecond, want: 1500 * time.Millisecond},
		"a minute behind, slow answers":    {off: -time.Minute, delay: 400 * time.Millisecond, want: 1500 * time.Millisecond},
		"answers that are slower than all": {off: 0, delay: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock := NewClock(func() time.Time { return time.Now().Add(c.off) })
				if got := time.Until(clock.Now()); got != c.off {
					t.Errorf("before any answer it is off by %s, want %s, as its own clock is", got, c.off)
				}
				jump := time.Duration(0)
				w := &wire{}
				w.state.Store(func(req *http.Request) (*http.Response, error) {
					time.Sleep(c.delay)
					h := http.Header{"Date": {time.Now().Add(jump).UTC().Format(http.TimeFormat)}}
					time.Sleep(c.delay)
					return &http.Response{StatusCode: http.StatusNotFound, Header: h, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
				})
				r := &Reach{Clock: clock}
				way, err := rest.TransportFor(r.Guard(&rest.Config{Host: "https://api", Transport: w}, false))
				if err != nil {
					t.Fatal(err)
				}
				ask := func(want time.Duration) {
					t.Helper()
					for range 20 {
						time.Sleep(730 * time.Millisecond)
						req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api/x", nil)
						if err != nil {
							t.Fatal(err)
						}
						resp, err := way.RoundTrip(req)
						if err != nil {
							t.Fatal(err)
						}
						resp.Body.Close()
					}
					if off := (time.Until(clock.Now()) - jump).Abs(); off > want {
						t.Errorf("after answers it is off by %s, want %s at most", off, want)
					}
				}
				ask(c.want)
				for _, jump = range []time.Duration{10 * time.Minute, -3 * time.Hour} {
					ask(time.Second + 2*c.delay)
				}
			})
		})
	}
}

// TestClockWithoutDate: an answer without a Date, or with one that is none, says nothing.
func TestClockWithoutDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock(time.Now)
		for _, h := range []http.Header{{}, {"Date": {"yesterday"}}} {
			clock.answered(time.Now(), h)
		}
		if off := time.Until(clock.Now()); off != 0 {
			t.Errorf("off by %s, want nothing", off)
		}
	})
}

// TestClockMovesOnce: several answers that say the same, to what was sent before the first of
// them came, move the clock once.
func TestClockMovesOnce(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			clock := NewClock(func() time.Time { return time.Now().Add(off) })
			clock.Now()
			sent := time.Now()
			time.Sleep(300 * time.Millisecond)
			for range 5 {
				clock.answered(sent, http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}})
			}
			if got := time.Until(clock.Now()).Abs(); got > time.Second {
				t.Errorf("off by %s after five answers, want a second at most", got)
			}
		})
	}
}
