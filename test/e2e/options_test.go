//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/test/cluster"
)

func listOptions(selector string) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: selector}
}

// counts has the number of the interceptor's answers so far, by answer, at all replicas.
type counts map[string]int

func answers(t *testing.T, e *cluster.Env) counts {
	t.Helper()
	out := counts{}
	for _, p := range e.ServicePods() {
		lines := bufio.NewScanner(strings.NewReader(e.Metrics(p.Status.PodIP)))
		for lines.Scan() {
			rest, ok := strings.CutPrefix(lines.Text(), `countersign_interceptor_requests_total{answer="`)
			if !ok {
				continue
			}
			answer, value, _ := strings.Cut(rest, `"} `)
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			out[answer] += int(n)
		}
	}
	return out
}

func (c counts) sum() int {
	n := 0
	for _, v := range c {
		n += v
	}
	return n
}

// wait waits until n more events have been answered: what an EventListener took
// has then gone all the way, and what is not there is not coming.
func (c counts) wait(t *testing.T, e *cluster.Env, n int) counts {
	t.Helper()
	var now counts
	e.Eventually(time.Minute, "the interceptor's answers", func() error {
		if now = answers(t, e); now.sum() < c.sum()+n {
			return fmt.Errorf("%d of %d", now.sum()-c.sum(), n)
		}
		return nil
	})
	return now
}
