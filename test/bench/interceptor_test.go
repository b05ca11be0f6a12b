//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/test/cluster"
)

// target is one interceptor, called as an EventListener calls it.
type target struct {
	name, url string
	process   string // the program's name, whose CPU time is read
	params    map[string]any
}

// An unrelated push through our interceptor, against Triggers' own cel (a filter
// that is false) and github (an event type that is not wanted), in turns: as many
// as one connection and as eight bring. Over one, the time between two requests is
// the client's, and part of the CPU is the server's going to sleep and waking up.
func TestUnrelatedEvent(t *testing.T) {
	e := begin(t)
	core := podIP(t, e, "tekton-pipelines", "app.kubernetes.io/component=interceptors")
	ours := podIP(t, e, cluster.ServiceNamespace, "app.kubernetes.io/name=countersign")
	targets := []target{
		{"countersign", "https://" + ours + ":8443/", "countersign", map[string]any{"gate": "production", "after": map[string]any{"pipeline": "plan"}, "forward": map[string]any{"digest": "results.digest"}}},
		{"cel", "https://" + core + ":8443/cel", "interceptors", map[string]any{"filter": "header.match('X-GitHub-Event', 'release') && body.ref == 'refs/heads/main'"}},
		{"github", "https://" + core + ":8443/github", "interceptors", map[string]any{"eventTypes": []string{"release"}}},
	}
	for _, connections := range []int{1, 8} {
		rate, cpu := map[string][]float64{}, map[string][]float64{}
		for range 5 {
			for _, x := range targets {
				r, c := load(t, x, connections, 2*time.Second)
				rate[x.name] = append(rate[x.name], r)
				cpu[x.name] = append(cpu[x.name], c)
			}
		}
		over := fmt.Sprintf(", connections: %d", connections)
		report("CPU of an unrelated event, countersign / cel"+over, cpu["countersign"], cpu["cel"], "µs", 0.15)
		reportAtLeast("requests/s, countersign / github"+over, rate["countersign"], rate["github"], "/s", 1)
		reportAtLeast("requests/s, countersign / cel"+over, rate["countersign"], rate["cel"], "/s", 1)
	}
}

// load posts for a while and returns requests a second and CPU µs a request.
func load(t *testing.T, x target, connections int, d time.Duration) (perSecond, cpuMicros float64) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"body":               githubPush(),
		"header":             map[string][]string{"X-Github-Event": {"push"}, "Content-Type": {"application/json"}, "User-Agent": {"GitHub-Hookshot/1"}, "X-Github-Delivery": {"1"}},
		"extensions":         map[string]any{},
		"interceptor_params": x.params,
		"context":            map[string]string{"event_url": "/", "event_id": "1", "trigger_id": "namespaces/default/triggers/apply"},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: connections, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // loopback
	}}
	defer client.CloseIdleConnections()
	post := func() {
		resp, err := client.Post(x.url, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || !bytes.Contains(b, []byte(`"continue":false`)) {
			t.Errorf("%s: %s %s", x.name, resp.Status, b)
		}
	}
	for range 50 {
		post()
	}
	before, start := cpuOf(t, x.process), time.Now()
	var n atomic.Int64
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for time.Since(start) < d && !t.Failed() {
				post()
				n.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	// Of several replicas the one that was called is the one that has worked.
	most := 0.0
	for pid, after := range cpuOf(t, x.process) {
		most = max(most, after-before[pid])
	}
	return float64(n.Load()) / took.Seconds(), most * 1e6 / float64(n.Load())
}

// cpuOf is the CPU seconds that each process of a program has used.
func cpuOf(t *testing.T, program string) map[int]float64 {
	t.Helper()
	used := map[int]float64{}
	for _, pid := range pidsOf(t, program) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:]))
		for _, i := range []int{11, 12} { // user and system ticks
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				t.Fatal(err)
			}
			used[pid] += v / 100
		}
	}
	return used
}

// pidsOf are the processes whose program is /ko-app/NAME.
func pidsOf(t *testing.T, program string) []int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue
		}
		if arg0, _, _ := strings.Cut(string(b), "\x00"); arg0 == "/ko-app/"+program {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(d)))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, pid)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no process of %s", program)
	}
	return out
}

// rssOf is the largest resident memory of a program's processes, in MiB.
func rssOf(t *testing.T, program string) float64 {
	t.Helper()
	most := 0.0
	for _, pid := range pidsOf(t, program) {
		f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
				kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
				if err != nil {
					t.Fatal(err)
				}
				most = max(most, kb/1024)
			}
		}
		f.Close()
	}
	return most
}

func podIP(t *testing.T, e *cluster.Env, namespace, selector string) string {
	t.Helper()
	l, err := e.Clientset.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range l.Items {
		if p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			return p.Status.PodIP
		}
	}
	t.Fatalf("no running pod %s in %s", selector, namespace)
	return ""
}

// githubPush is about as large as GitHub's own: 7 kB.
func githubPush() string {
	commits := make([]map[string]any, 8)
	for i := range commits {
		commits[i] = map[string]any{
			"id": strings.Repeat("0123456789abcdef", 3)[:40], "message": "Make the thing do what it says\n\nIt did not.", "timestamp": "2026-01-02T03:04:05Z",
			"author": map[string]string{"name": "Mona", "email": "mona@example.com", "username": "mona"},
			"added":  []string{"cmd/main.go", "README.md"}, "modified": []string{"internal/app/app.go", "internal/app/serve.go"}, "removed": []string{},
			"url": "https://git.example.com/org/repository/commit/0123456789abcdef0123456789abcdef01234567",
		}
	}
	b, err := json.Marshal(map[string]any{
		"ref": "refs/heads/feature", "before": strings.Repeat("0", 40), "after": strings.Repeat("1", 40), "commits": commits,
		"repository": map[string]any{"full_name": "org/repository", "clone_url": "https://git.example.com/org/repository.git", "description": strings.Repeat("words and more ", 100)},
		"pusher":     map[string]string{"name": "mona"}, "sender": map[string]string{"login": "mona"},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}
