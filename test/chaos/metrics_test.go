//go:build chaos

package chaos

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// counter adds up what the API server was asked to write of our kinds, through its restarts.
type counter struct {
	last             map[string]float64
	written, refused float64
}

func (c *counter) add(now map[string]float64) {
	for k, n := range now {
		d := n - c.last[k]
		switch {
		case c.last == nil: // from here on
			continue
		case d < 0: // it was started again
			d = n
		}
		if strings.Contains(k, `code="2`) {
			c.written += d
		} else {
			c.refused += d
		}
	}
	c.last = now
}

func (v *replicaView) count(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	b, err := v.k.clientset.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return
	}
	now := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(string(b))); lines.Scan(); {
		l := lines.Text()
		ours := strings.HasPrefix(l, "apiserver_request_total{") && strings.Contains(l, `group="countersign.dev"`)
		if !ours || !slices.ContainsFunc([]string{`verb="POST"`, `verb="PUT"`, `verb="PATCH"`}, func(s string) bool { return strings.Contains(l, s) }) {
			continue
		}
		i := strings.LastIndexByte(l, ' ')
		if n, err := strconv.ParseFloat(l[i+1:], 64); err == nil {
			now[l[:i]] = n
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests.add(now)
}

// sample reads how much each replica carries.
func (v *replicaView) sample(ctx context.Context) {
	v.mu.Lock()
	all := slices.Clone(v.replicas)
	v.mu.Unlock()
	for _, r := range all {
		if r.ip == "" || r.going {
			continue
		}
		if m := v.metricsOf(ctx, r.ip); len(m) > 0 {
			v.o.Add(history.SamplesFile, history.Sample{
				At: time.Now(), Pod: r.name, Started: m["process_start_time_seconds"], Goroutines: m["go_goroutines"],
				RSS: m["process_resident_memory_bytes"], Heap: m["go_memstats_heap_inuse_bytes"], FDs: m["process_open_fds"],
			})
		}
	}
}

// unrecorded returns a sentence when the leader has Approvals with lines that are not in the audit log
// yet. It returns none when the leader does not answer.
func (v *replicaView) unrecorded(ctx context.Context) []string {
	leader, _ := v.roles()
	if n := v.metricsOf(ctx, leader.ip)["countersign_record_behind"]; n > 0 {
		return []string{strconv.FormatFloat(n, 'f', 0, 64) + " approvals have lines that are not in the record"}
	}
	return nil
}

func (v *replicaView) metricsOf(ctx context.Context, ip string) map[string]float64 {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+ip+":9090/metrics", nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+v.token)
	resp, err := web.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	m := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				m[name] = n
			}
		}
	}
	return m
}
