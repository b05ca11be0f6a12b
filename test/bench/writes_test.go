//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/cluster"
)

// 200 runs of part 1 that finish at 10 a second, until all are pending.
func TestFinishingRuns(t *testing.T) {
	s := newStage(t)
	const n, rate = 200, 10
	start := time.Now()
	var last time.Time
	for i := range n {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / rate)))
		s.Part1(fmt.Sprintf("fin-%d", i), "1")
		last = time.Now()
	}
	s.Eventually(time.Minute, "all pending", func() error {
		if got := len(s.Approvals()); got != n {
			return fmt.Errorf("%d of %d", got, n)
		}
		return nil
	})
	fmt.Printf("bench: %d runs finishing at %d/s: the last was pending %.0f ms after it had finished (the finishing took %.1f s)\n",
		n, rate, ms(time.Since(last)), last.Sub(start).Seconds())
}

// What the API server is asked to write for one Approval until its second run is there, while
// it waits, and when that run ends.
func TestWrites(t *testing.T) {
	s := newStage(t)
	const n = 20
	before := writes(t, s.Env)
	names := s.pend(t, "w", n)
	time.Sleep(5 * time.Second) // mails, had there been any, and the conditions that everybody can wait for
	opened := writes(t, s.Env)
	time.Sleep(30 * time.Second)
	waited := writes(t, s.Env)
	for _, name := range names {
		s.approve(t, name)
	}
	s.runs.wait(t, names, time.Minute)
	s.Eventually(time.Minute, "all confirmed", func() error {
		for _, name := range names {
			if s.Approval(name).Status.SecondRun == nil {
				return fmt.Errorf("%s is not", name)
			}
		}
		return nil
	})
	time.Sleep(2 * time.Second)
	done := writes(t, s.Env)
	life := float64(done-before) / n
	fmt.Printf("bench: API writes for one Approval until its second run is seen, without mail: %.2f (one more with mail; goal ≤ 4); while %d wait for 30 s: %d (goal 0)\n",
		life, n, waited-opened)
	if life > 4 || waited != opened {
		t.Errorf("an approval costs %.2f writes, and %d while waiting", life, waited-opened)
	}

	for _, name := range names {
		run := s.RunOf(name)
		s.FinishRun(&run)
	}
	s.Eventually(time.Minute, "all ends written", func() error {
		for _, name := range names {
			if s.Approval(name).Status.SecondRun.Outcome == "" {
				return fmt.Errorf("that of %s is not", name)
			}
		}
		return nil
	})
	time.Sleep(2 * time.Second)
	end := float64(writes(t, s.Env)-done) / n
	fmt.Printf("bench: API writes for the end of its second run: %.2f (goal ≤ 1)\n", end)
	if end > 1 {
		t.Errorf("the end of a second run costs %.2f writes", end)
	}
}

// writes counts what the API server has written of our kinds and of Events, for
// everybody. Deletions, and what is refused because its namespace is going, are left
// out: the namespaces of the tests before are.
func writes(t *testing.T, e *cluster.Env) int {
	t.Helper()
	b, err := e.Clientset.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for lines := bufio.NewScanner(strings.NewReader(string(b))); lines.Scan(); {
		l := lines.Text()
		if !strings.HasPrefix(l, "apiserver_request_total{") || !strings.Contains(l, `group="countersign.dev"`) || !strings.Contains(l, `code="2`) {
			continue
		}
		for _, verb := range []string{"POST", "PUT", "PATCH", "APPLY"} {
			if strings.Contains(l, `verb="`+verb+`"`) {
				v, err := strconv.ParseFloat(l[strings.LastIndexByte(l, ' ')+1:], 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += int(v)
			}
		}
	}
	return sum
}
