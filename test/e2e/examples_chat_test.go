//go:build e2e

package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/test/cluster"
)

// chat stands for a chat system: it answers as that one was recorded to, and keeps what it was sent.
type chat struct {
	address string // as the service reaches it, without a slash at its end
	mu      sync.Mutex
	sent    []sent
}

type sent struct{ path, body string }

// serveChat is a server on the cluster's node, behind a Service of the test's namespace: what the
// service is configured with must be https, or within the cluster.
func serveChat(t *testing.T, e *cluster.Env, port int, answer func(path string) (status int, body string)) *chat {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", cluster.NodeAddress, port))
	if err != nil {
		t.Fatal(err)
	}
	c := &chat{address: fmt.Sprintf("http://chat.%s.svc:%d", e.NS, port)}
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		c.mu.Lock()
		c.sent = append(c.sent, sent{r.URL.Path, string(body)})
		c.mu.Unlock()
		status, text := answer(r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	e.Apply(fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: chat}
spec: {ports: [{port: %[1]d}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: chat, labels: {kubernetes.io/service-name: chat}}
addressType: IPv4
ports: [{port: %[1]d, name: "", protocol: TCP}]
endpoints: [{addresses: ["%[2]s"]}]`, port, cluster.NodeAddress))
	return c
}

// to returns the bodies that were sent to a path, in order.
func (c *chat) to(path string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, s := range c.sent {
		if s.path == path {
			out = append(out, s.body)
		}
	}
	return out
}

// channelOf returns the one channel of an example's config.yaml, whole and as the settings of its kind.
func channelOf(t *testing.T, example string) map[string]map[string]any {
	t.Helper()
	b, err := os.ReadFile(os.Getenv("COUNTERSIGN_ROOT") + "/examples/" + example + "/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Channels []map[string]any }
	if err := yaml.Unmarshal(b, &config); err != nil || len(config.Channels) != 1 {
		t.Fatal(config, err)
	}
	kind, _ := config.Channels[0][example].(map[string]any)
	return map[string]map[string]any{"channel": config.Channels[0], "kind": kind}
}

// A message in Slack, a button that alice presses there, and the message says who decided.
func TestExampleSlack(t *testing.T) { // not beside others: the service is configured anew
	const secret, user = "8f742231b10e8888abcd99yyyzzz85a5", "U0123456789"
	e := tried(t, "slack")
	slack := serveChat(t, e, 2527, func(path string) (int, string) {
		if path == "/api/auth.test" {
			return http.StatusOK, `{"ok":true,"url":"https://example.slack.com/","team":"Example","user":"countersign","team_id":"T1","user_id":"U1"}`
		}
		return http.StatusOK, `{"ok":true,"channel":"C0123456789","ts":"1772355600.000100"}`
	})
	c := channelOf(t, "slack")
	c["kind"]["apiURL"] = slack.address + "/api/"
	e.AddChannel(c["channel"], map[string]string{"slack-token": "xoxb-correct-horse", "slack-signing-secret": secret})
	e.ListenerURL("deploy")
	begin(t, e, "slack", "build-1").ends(corev1.ConditionTrue, "Succeeded")
	name := e.OneApproval().Name
	value := ""
	e.Eventually(2*time.Minute, "the message with its buttons", func() error {
		posts := slack.to("/api/chat.postMessage")
		if len(posts) == 0 {
			return fmt.Errorf("nothing was posted")
		}
		form, err := url.ParseQuery(posts[0])
		if err != nil {
			return err
		}
		var blocks []struct {
			Elements []struct {
				ActionID string `json:"action_id"`
				Value    string
			}
		}
		if err := json.Unmarshal([]byte(form.Get("blocks")), &blocks); err != nil {
			return err
		}
		for _, b := range blocks {
			for _, x := range b.Elements {
				if x.ActionID == "countersign-approve" {
					value = x.Value
				}
			}
		}
		if value == "" || form.Get("channel") != "C0123456789" {
			return fmt.Errorf("no button in channel %s: %s", form.Get("channel"), form.Get("blocks"))
		}
		return nil
	})
	press := func(who, with string) int {
		payload, err := json.Marshal(map[string]any{
			"type": "block_actions", "user": map[string]any{"id": who}, "trigger_id": "trigger-" + who + with, "response_url": slack.address + "/answer",
			"actions": []map[string]any{{"type": "button", "block_id": "countersign", "action_id": "countersign-approve", "value": value, "action_ts": "1.1"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		body := url.Values{"payload": {string(payload)}}.Encode()
		at := strconv.FormatInt(time.Now().Unix(), 10)
		mac := hmac.New(sha256.New, []byte(with))
		fmt.Fprintf(mac, "v0:%s:%s", at, body)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/slack/interactions", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Slack-Request-Timestamp": {at}, "X-Slack-Signature": {"v0=" + hex.EncodeToString(mac.Sum(nil))}}
		resp, err := e.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if status := press(user, "guessed"); status/100 == 2 {
		t.Errorf("a button that Slack has not signed: %d", status)
	}
	if status := press("U9999999999", secret); status != http.StatusOK || e.Approval(name).Status.Outcome != "Pending" {
		t.Errorf("a stranger's button: %d, outcome %s", status, e.Approval(name).Status.Outcome)
	}
	if status := press(user, secret); status != http.StatusOK {
		t.Fatalf("alice's button: %d", status)
	}
	two := next(t, e, name)
	two.ends(corev1.ConditionTrue, "Succeeded")
	if got := two.log("deploy"); !strings.Contains(got, "approved by alice@example.com") {
		t.Errorf("deploy printed %q", got)
	}
	e.Eventually(time.Minute, "the outcome in the message", func() error {
		for _, u := range slack.to("/api/chat.update") {
			if form, err := url.ParseQuery(u); err == nil && strings.Contains(form.Get("blocks"), "alice@example.com") && !strings.Contains(form.Get("blocks"), "countersign-approve") {
				return nil
			}
		}
		return fmt.Errorf("%d updates", len(slack.to("/api/chat.update")))
	})
}

// A card in Teams, and another one when it was decided.
func TestExampleTeams(t *testing.T) { // not beside others: the service is configured anew
	e := tried(t, "teams")
	const path = "/workflows/0123/triggers/manual/paths/invoke"
	teams := serveChat(t, e, 2528, func(string) (int, string) { return http.StatusAccepted, "" })
	e.AddChannel(channelOf(t, "teams")["channel"], map[string]string{"teams-url": teams.address + path})
	e.ListenerURL("deploy")
	begin(t, e, "teams", "build-1").ends(corev1.ConditionTrue, "Succeeded")
	name := e.OneApproval().Name
	cards := func(want int, words ...string) {
		t.Helper()
		e.Eventually(2*time.Minute, fmt.Sprintf("%d cards", want), func() error {
			got := teams.to(path)
			if len(got) != want {
				return fmt.Errorf("%d cards", len(got))
			}
			for _, w := range words {
				if !strings.Contains(got[want-1], w) {
					return fmt.Errorf("no %q in %s", w, got[want-1])
				}
			}
			return nil
		})
	}
	cards(1, "AdaptiveCard", "8d1f0c6", "alice@example.com and bob@example.com") // without a login it leads to no page
	run{e.For(t), t, "", ""}.says(name, "bob@example.com", "approve", "")
	next(t, e, name).ends(corev1.ConditionTrue, "Succeeded")
	cards(2, "AdaptiveCard", "bob@example.com")
}
