//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/test/cluster"
)

const (
	webhookSecret = "c0ffee0123456789c0ffee0123456789"
	pushedCommit  = "8d1f0c6a4b7e2d5f9081726354a1b2c3d4e5f607"
)

// webhook is one request of a forge.
type webhook struct {
	event, body string
	unproved    bool // not signed, or with another token
}

// forge proves itself as the real one does: header returns the headers of a webhook.
type forge struct {
	example, secret string
	header          func(h webhook) map[string]string
	good            webhook
	bad             map[string]webhook
	requester       string
}

func signedHeader(name string, h webhook) map[string]string {
	secret := webhookSecret
	if h.unproved {
		secret = "guessed"
	}
	return map[string]string{name: signature.Hub(keyring.Secret(secret), []byte(h.body))}
}

var github = forge{
	example: "github-push", secret: "github-webhook",
	header: func(h webhook) map[string]string {
		x := signedHeader("X-Hub-Signature-256", h)
		x["X-GitHub-Event"] = h.event
		return x
	},
	good: webhook{event: "push", body: githubPush("main", pushedCommit)},
	bad: map[string]webhook{
		"GitHub's ping":    {event: "ping", body: `{"zen":"Keep it logically awesome.","hook_id":1,"repository":{"default_branch":"main"}}`},
		"not signed":       {event: "push", body: githubPush("main", pushedCommit), unproved: true},
		"another branch":   {event: "push", body: githubPush("topic", pushedCommit)},
		"a deleted branch": {event: "push", body: strings.Replace(githubPush("main", strings.Repeat("0", 40)), `"deleted":false`, `"deleted":true`, 1)},
	},
	requester: "rob@example.com",
}

func githubPush(branch, commit string) string {
	return `{"ref":"refs/heads/` + branch + `","after":"` + commit + `","deleted":false,"head_commit":{"id":"` + commit + `","message":"Fix the door"},` +
		`"repository":{"default_branch":"main","clone_url":"https://github.com/example/shop.git","full_name":"example/shop"},` +
		`"pusher":{"name":"rob","email":"rob@example.com"},"sender":{"login":"rob"}}`
}

func TestExampleGitHubPush(t *testing.T) { t.Parallel(); pushed(t, github) }

func TestExampleGitLabPush(t *testing.T) {
	t.Parallel()
	body := func(branch, commit string) string {
		return `{"object_kind":"push","ref":"refs/heads/` + branch + `","checkout_sha":` + commit + `,"user_email":"rob@example.com",` +
			`"project":{"default_branch":"main","git_http_url":"https://gitlab.com/example/shop.git"}}`
	}
	quoted := `"` + pushedCommit + `"`
	pushed(t, forge{
		example: "gitlab-push", secret: "gitlab-webhook",
		header: func(h webhook) map[string]string {
			token := webhookSecret
			if h.unproved {
				token = "guessed"
			}
			return map[string]string{"X-Gitlab-Event": h.event, "X-Gitlab-Token": token}
		},
		good: webhook{event: "Push Hook", body: body("main", quoted)},
		bad: map[string]webhook{
			"a tag":            {event: "Tag Push Hook", body: body("main", quoted)},
			"another token":    {event: "Push Hook", body: body("main", quoted), unproved: true},
			"another branch":   {event: "Push Hook", body: body("topic", quoted)},
			"a deleted branch": {event: "Push Hook", body: body("main", "null")},
		},
		requester: "rob@example.com",
	})
}

func TestExampleBitbucketPush(t *testing.T) {
	t.Parallel()
	body := func(changes string) string {
		return `{"eventKey":"repo:refs_changed","actor":{"name":"rob","emailAddress":"rob@example.com"},` +
			`"repository":{"slug":"shop","links":{"clone":[{"href":"https://bitbucket.example.com/scm/team/shop.git","name":"http"}]}},"changes":[` + changes + `]}`
	}
	change := func(branch, kind, commit string) string {
		return `{"ref":{"id":"refs/heads/` + branch + `"},"refId":"refs/heads/` + branch + `","type":"` + kind + `","toHash":"` + commit + `"}`
	}
	main := change("main", "UPDATE", pushedCommit)
	pushed(t, forge{
		example: "bitbucket-push", secret: "bitbucket-webhook",
		header: func(h webhook) map[string]string {
			x := signedHeader("X-Hub-Signature", h)
			x["X-Event-Key"] = h.event
			return x
		},
		good: webhook{event: "repo:refs_changed", body: body(change("topic", "ADD", strings.Repeat("1", 40)) + "," + main)},
		bad: map[string]webhook{
			"the test of the connection": {event: "diagnostics:ping", body: `{"test":true}`},
			"not signed":                 {event: "repo:refs_changed", body: body(main), unproved: true},
			"another branch":             {event: "repo:refs_changed", body: body(change("topic", "UPDATE", pushedCommit))},
			"a deleted branch":           {event: "repo:refs_changed", body: body(change("main", "DELETE", strings.Repeat("0", 40)))},
		},
		requester: "rob@example.com",
	})
}

// pushed tries an example of a forge: nothing that is bad starts anything; what is good is built,
// approved and deployed.
func pushed(t *testing.T, f forge) {
	e := tried(t, f.example)
	secretOf(t, e, f.secret, "secret", webhookSecret)
	listener := e.ListenerURL("push")
	e.ListenerURL("deploy")
	for name, h := range f.bad {
		if a := e.Post(listener, f.header(h), []byte(h.body)); a.Status != 202 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	e.Post(listener, f.header(f.good), []byte(f.good.body))
	one := ran(t, e, "build")
	e.Consistently(3*time.Second, "no other run", func() error {
		if n := len(e.Runs("push")); n != 1 {
			return fmt.Errorf("%d runs", n)
		}
		return nil
	})
	one.ends(corev1.ConditionTrue, "Succeeded")
	a := e.OneApproval()
	if a.Spec.Resolved.Requester != f.requester {
		t.Errorf("requester %q, want %q", a.Spec.Resolved.Requester, f.requester)
	}
	one.says(a.Name, "alice@example.com", "approve", "looks right")
	two := next(t, e, a.Name)
	two.ends(corev1.ConditionTrue, "Succeeded")
	if got, want := two.log("deploy"), "deploying "+pushedCommit+" ("+sum(pushedCommit)+"), approved by alice@example.com: looks right"; got != want {
		t.Errorf("deploy printed %q, want %q", got, want)
	}
}

// The push itself is held, and posted again when it was approved.
func TestExampleHoldFirst(t *testing.T) {
	t.Parallel()
	e := tried(t, "hold-first")
	secretOf(t, e, "github-webhook", "secret", webhookSecret)
	listener := e.ListenerURL("deliver")
	for _, h := range github.bad {
		e.Post(listener, github.header(h), []byte(h.body))
	}
	for range 3 { // one delivery, repeated
		header := github.header(github.good)
		header["X-GitHub-Delivery"] = "delivery-1"
		e.Post(listener, header, []byte(github.good.body))
	}
	a := e.OneApproval()
	if n := len(e.Runs("deliver")); n != 0 {
		t.Fatalf("%d runs before anybody has decided", n)
	}
	if a.Spec.Source.Event.Body != github.good.body {
		t.Errorf("held as %q", a.Spec.Source.Event.Body)
	}
	who := run{e.For(t), t, "", ""}
	who.says(a.Name, "bob@example.com", "approve", "")
	two := next(t, e, a.Name)
	two.ends(corev1.ConditionTrue, "Succeeded")
	if got, want := two.log("deliver"), "delivering "+pushedCommit+" (Fix the door), approved by bob@example.com"; got != want {
		t.Errorf("deliver printed %q, want %q", got, want)
	}
	if n := len(e.Approvals()); n != 1 {
		t.Errorf("%d approvals, want 1", n)
	}
}

func secretOf(t *testing.T, e *cluster.Env, name, key, value string) {
	t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: name}, StringData: map[string]string{key: value}}
	if err := e.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}
