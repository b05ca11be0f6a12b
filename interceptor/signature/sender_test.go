package signature_test

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Bitbucket Server's stock interceptor takes it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/golden"
)

var kinds = []signature.Kind{signature.GitHub, signature.GitLab, signature.BitbucketServer, signature.StandardWebhooks, signature.Bearer}

func hexMAC(h func() hash.Hash, secret, body string) string {
	m := hmac.New(h, []byte(secret))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

func standard(key []byte, id, ts, body string) string {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%s.%s.%s", id, ts, body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// TestVerifySender: what the senders themselves make is taken, and nothing near it.
func TestVerifySender(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const secret, body = "It's a Secret", `{"ref":"main"}`
	now := time.Unix(1_700_000_000, 0)
	whsec := "whsec_" + base64.StdEncoding.EncodeToString([]byte("twenty-four-bytes-of-key"))
	std := func(key, ts string) http.Header {
		return http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {ts}, "Webhook-Signature": {"v1,AAAA " + standard([]byte(key), "msg_1", ts, body)}}
	}
	h := func(name, value string) http.Header { return http.Header{name: {value}} }
	for name, c := range map[string]struct {
		kind    signature.Kind
		secret  string
		header  http.Header
		refused bool
	}{
		"GitHub":                       {signature.GitHub, secret, h("X-Hub-Signature-256", "sha256="+hexMAC(sha256.New, secret, body)), false},
		"GitHub, of another body":      {signature.GitHub, secret, h("X-Hub-Signature-256", "sha256="+hexMAC(sha256.New, secret, "{}")), true},
		"GitHub, by the old header":    {signature.GitHub, secret, h("X-Hub-Signature", "sha256="+hexMAC(sha256.New, secret, body)), true},
		"GitHub, without a secret":     {signature.GitHub, "", h("X-Hub-Signature-256", "sha256="+hexMAC(sha256.New, "", body)), true},
		"GitLab":                       {signature.GitLab, secret, h("X-Gitlab-Token", secret), false},
		"GitLab, another token":        {signature.GitLab, secret, h("X-Gitlab-Token", "other"), true},
		"GitLab, a part of it":         {signature.GitLab, secret, h("X-Gitlab-Token", secret[:3]), true},
		"GitLab, no token":             {signature.GitLab, secret, http.Header{}, true},
		"GitLab, empty for empty":      {signature.GitLab, "", h("X-Gitlab-Token", ""), true},
		"GitLab, something for empty":  {signature.GitLab, "", h("X-Gitlab-Token", "x"), true},
		"GitLab, a Secret by echo":     {signature.GitLab, secret + "\n", h("X-Gitlab-Token", secret), true},
		"Bitbucket":                    {signature.BitbucketServer, secret, h("X-Hub-Signature", "sha256="+hexMAC(sha256.New, secret, body)), false},
		"Bitbucket, older":             {signature.BitbucketServer, secret, h("X-Hub-Signature", "sha1="+hexMAC(sha1.New, secret, body)), false},
		"Bitbucket, longer":            {signature.BitbucketServer, secret, h("X-Hub-Signature", "sha512="+hexMAC(sha512.New, secret, body)), false},
		"Bitbucket, of another body":   {signature.BitbucketServer, secret, h("X-Hub-Signature", "sha1="+hexMAC(sha1.New, secret, "{}")), true},
		"Bitbucket, no hash named":     {signature.BitbucketServer, secret, h("X-Hub-Signature", hexMAC(sha256.New, secret, body)), true},
		"Bitbucket, an unknown hash":   {signature.BitbucketServer, secret, h("X-Hub-Signature", "md5=00"), true},
		"Bitbucket, without a secret":  {signature.BitbucketServer, "", h("X-Hub-Signature", "sha256="+hexMAC(sha256.New, "", body)), true},
		"Standard":                     {signature.StandardWebhooks, secret, std(secret, "1700000000"), false},
		"Standard, whsec_":             {signature.StandardWebhooks, whsec + "\n", std("twenty-four-bytes-of-key", "1700000000"), false},
		"Standard, no base64":          {signature.StandardWebhooks, "whsec_%", std("%", "1700000000"), true},
		"Standard, of another":         {signature.StandardWebhooks, secret, std("other", "1700000000"), true},
		"Standard, old":                {signature.StandardWebhooks, secret, std(secret, "1699999000"), true},
		"Standard, ahead":              {signature.StandardWebhooks, secret, std(secret, "1700001000"), true},
		"Standard, no time":            {signature.StandardWebhooks, secret, std(secret, "soon"), true},
		"Bearer":                       {signature.Bearer, secret, h("Authorization", "Bearer "+secret), false},
		"Bearer, in small letters":     {signature.Bearer, secret, h("Authorization", "bearer "+secret), false},
		"Bearer, the word in a Secret": {signature.Bearer, "Bearer " + secret, h("Authorization", "Bearer "+secret), false},
		"Bearer, another":              {signature.Bearer, secret, h("Authorization", "Bearer other"), true},
		"Bearer, no scheme":            {signature.Bearer, secret, h("Authorization", secret), true},
		"Bearer, basic":                {signature.Bearer, secret, h("Authorization", "Basic "+secret), true},
		"unknown":                      {"Gitea", secret, h("Authorization", secret), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := signature.VerifySender(c.kind, keyring.Secret(c.secret), c.header, []byte(body), now)
			if (err != nil) != c.refused {
				t.Errorf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, err.Error())
			}
			if err != nil && c.secret != "" && strings.Contains(err.Error(), strings.TrimSpace(c.secret)) {
				t.Errorf("the secret is in %v", err)
			}
		})
	}
}

// TestProveSender: what we make, we take, with our own signature beside it.
func TestProveSender(t *testing.T) {
	t.Parallel()
	now, body := time.Unix(1_700_000_000, 0), []byte(`{"a":1}`)
	for _, k := range kinds {
		h := http.Header{}
		for name, v := range signature.Sign(ring, "countersign/a/b/c", now, body) {
			h.Set(name, v)
		}
		if err := signature.ProveSender(k, keyring.Secret("s3cret"), h, body); err != nil {
			t.Fatalf("%s: %v", k, err)
		}
		if err := signature.VerifySender(k, keyring.Secret("s3cret"), h, body, now); err != nil {
			t.Errorf("%s: %v", k, err)
		}
		if err := signature.VerifySender(k, keyring.Secret("other"), h, body, now); err == nil {
			t.Errorf("%s: another secret is as good", k)
		}
		if err := signature.Verify(ring, h.Get(signature.HeaderID), h.Get(signature.HeaderTimestamp), h.Get(signature.HeaderSignature), now, body); err != nil {
			t.Errorf("%s: our own signature is lost: %v", k, err)
		}
		if err := signature.ProveSender(k, nil, h, body); err == nil {
			t.Errorf("%s: by an empty secret", k)
		}
	}
	for _, k := range []signature.Kind{signature.GitLab, signature.Bearer} {
		h := http.Header{}
		if err := signature.ProveSender(k, keyring.Secret("a\r\nHost: attacker"), h, body); err == nil || len(h) > 0 {
			t.Errorf("%s: %v, %v", k, h, err)
		}
	}
	if err := signature.ProveSender("Gitea", keyring.Secret("x"), http.Header{}, body); err == nil {
		t.Error("an unknown kind proves")
	}
}

// FuzzVerifySender: whatever a stranger sends, it proves nobody and breaks nothing.
func FuzzVerifySender(f *testing.F) {
	for _, v := range []string{"", "sha256=", "sha1=00", "Bearer ", "Bearer x", "v1,", "v1,AAAA v1,BBBB", "v1,AAAA " + strings.Repeat("v1,x ", 20), "token\r\n"} {
		f.Add(v, "1700000000", "{}")
	}
	secret, now := keyring.Secret("a-secret-that-nobody-can-guess-0123456789"), time.Unix(1_700_000_000, 0)
	f.Fuzz(func(t *testing.T, value, ts, body string) {
		for _, k := range kinds {
			h := http.Header{"Webhook-Id": {"x"}, "Webhook-Timestamp": {ts}}
			h[k.Header()] = []string{value}
			if err := signature.VerifySender(k, secret, h, []byte(body), now); err == nil {
				t.Fatalf("%s: %q proves the sender", k, value)
			}
		}
	})
}
