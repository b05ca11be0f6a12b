package config

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify/github"
	"github.com/countersign-dev/countersign/approvals/notify/slack"
	"github.com/countersign-dev/countersign/approvals/notify/teams"
	"github.com/countersign-dev/countersign/approvals/notify/webhook"
	"github.com/countersign-dev/countersign/internal/golden"
)

const head = "externalURL: https://a.example.com\nchannels:\n"

func TestChannels(t *testing.T) {
	t.Parallel()
	secret := write(t, "secret", " hunter2-hunter2\n")
	hook := write(t, "hook", "https://hooks.slack.com/services/T/B/hunter2-hunter2\n")
	key := write(t, "key", "whsec_"+base64.StdEncoding.EncodeToString([]byte("hunter2-hunter2-hunter2-hunter2"))+"\n")
	c, err := Load(write(t, "config.yaml", strings.NewReplacer("SECRET", secret, "HOOK", hook, "KEY", key).Replace(head+`
- {name: news, slack: {webhookURLFile: HOOK}}
- {name: ops, timeout: 3s, slack: {tokenFile: SECRET, signingSecretFile: SECRET, channel: C0123456789, users: {U0123: alice}}}
- {name: office, teams: {webhookURLFile: HOOK}}
- {name: audit, webhook: {url: "https://audit.example.com/x", secretFile: KEY}}
- {name: hidden, webhook: {urlFile: HOOK, secretFile: KEY}}
- {name: status, github: {tokenFile: SECRET}}
- {name: ghes, github: {tokenFile: SECRET, apiURL: "https://ghe.example.com/api/v3", context: gate, repositoryParam: r, revisionParam: s}}
`)))
	if err != nil {
		t.Fatal(err)
	}
	url, hunter := keyring.Secret("https://hooks.slack.com/services/T/B/hunter2-hunter2"), keyring.Secret("hunter2-hunter2")
	keys := []keyring.Secret{keyring.Secret("hunter2-hunter2-hunter2-hunter2")}
	want := Channels{
		Slack: []slack.Config{
			{Name: "news", WebhookURL: url, Timeout: 10 * time.Second},
			{Name: "ops", API: slack.DefaultAPI, Token: hunter, SigningSecret: hunter, Room: "C0123456789", Users: map[string]string{"U0123": "alice"}, Timeout: 3 * time.Second},
		},
		Teams:   []teams.Config{{Name: "office", URL: url, Timeout: 10 * time.Second}},
		Webhook: []webhook.Config{{Name: "audit", URL: keyring.Secret("https://audit.example.com/x"), Keys: keys, Timeout: 10 * time.Second}, {Name: "hidden", URL: url, Hidden: true, Keys: keys, Timeout: 10 * time.Second}},
		GitHub: []github.Config{
			{Name: "status", API: "https://api.github.com", Token: hunter, Context: "countersign", RepositoryParam: "repo-full-name", RevisionParam: "revision", Timeout: 10 * time.Second},
			{Name: "ghes", API: "https://ghe.example.com/api/v3", Token: hunter, Context: "gate", RepositoryParam: "r", RevisionParam: "s", Timeout: 10 * time.Second},
		},
	}
	nothing := cmp.Transformer("empty", func(s keyring.Secret) string { return string(s) })
	if d := cmp.Diff(want, c.Channels, nothing); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if s := fmt.Sprintf("%+v %#v", c, c); strings.Contains(s, "hunter2") {
		t.Errorf("it prints its secrets: %s", s)
	}
}

func TestChannelsRefuse(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, channels := range map[string]string{
		"no name":            "- {teams: {webhookURLFile: HOOK}}",
		"a name for metrics": "- {name: \"Ops room\", teams: {webhookURLFile: HOOK}}",
		"mail's name":        "- {name: email, teams: {webhookURLFile: HOOK}}",
		"twice":              "- {name: a, teams: {webhookURLFile: HOOK}}\n- {name: a, teams: {webhookURLFile: HOOK}}",
		"no kind":            "- {name: a}",
		"two kinds":          "- {name: a, teams: {webhookURLFile: HOOK}, slack: {webhookURLFile: HOOK}}",
		"unknown field":      "- {name: a, teams: {webhookURL: x}}",
		"a secret in it":     "- {name: a, slack: {token: hunter2}}",
		"no file":            "- {name: a, slack: {tokenFile: /nonexistent, signingSecretFile: SECRET, channel: C01}}",
		"timeout":            "- {name: a, timeout: soon, teams: {webhookURLFile: HOOK}}",
		"timeout too long":   "- {name: a, timeout: 2h, teams: {webhookURLFile: HOOK}}",
		"no address":         "- {name: a, teams: {webhookURLFile: SECRET}}",
		"both addresses":     "- {name: a, webhook: {url: 'https://x.example.com', urlFile: HOOK, secretFile: KEY}}",
		"a token in clear":   "- {name: a, webhook: {urlFile: CLEAR, secretFile: GOOD}}",
		"a key that is none": "- {name: a, webhook: {url: 'https://x.example.com', secretFile: SECRET}}",
		"no key":             "- {name: a, webhook: {url: 'https://x.example.com'}}",
		"no token":           "- {name: a, github: {}}",
		"too many":           strings.Repeat("- {name: a, teams: {webhookURLFile: HOOK}}\n", 65),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			yaml := strings.NewReplacer("SECRET", write(t, "secret", "hunter2-hunter2"), "HOOK", write(t, "hook", "https://h.example.com/hunter2-hunter2"), "KEY", write(t, "key", ""),
				"CLEAR", write(t, "clear", "http://h.example.com/hunter2-hunter2"), "GOOD", write(t, "good", "whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 24)))).Replace(head + channels)
			_, err := Load(write(t, "config.yaml", yaml))
			if err == nil || strings.Contains(err.Error(), "hunter2-hunter2") {
				t.Fatal(err)
			}
			said.Check(t, name, plain(err))
		})
	}
}
