package interceptor

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

func TestHeldHeaders(t *testing.T) {
	t.Parallel()
	for name, kept := range map[string]bool{
		"Content-Type": true, "X-Github-Event": true, "X-Gitlab-Event": true, "X-Event-Key": true, "X-Github-Delivery": true,
		"User-Agent": true, "Ce-Type": true, "Ce-Id": true, "X-Custom": true, "Accept": true,

		"Authorization": false, "Proxy-Authorization": false, "X-Auth-Request-User": false, "Cookie": false, "Set-Cookie": false,
		"X-Gitlab-Token": false, "X-Hub-Signature": false, "X-Hub-Signature-256": false, "X-Gitea-Signature": false, "X-Api-Key": false,
		"X-Apikey": false, "X-Vault-Secret": false, "X-Db-Password": false, "X-Csrf-Token": false, "Private-Token": false,
		"Webhook-Id": false, "Webhook-Timestamp": false, "Webhook-Signature": false,
		"X-Forwarded-For": false, "X-Forwarded-User": false, "X-Real-Ip": false, "Forwarded": false, "Via": false,
		"Content-Length": false, "Host": false, "Connection": false, "Transfer-Encoding": false, "Accept-Encoding": false, "Traceparent": false,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, spelt := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
				e, err := held("{}", "/", http.Header{spelt: {"value-1", "value-2"}})
				if err != nil {
					t.Fatal(err)
				}
				var want []approvals.Param
				if kept {
					want = []approvals.Param{{Name: name, Value: "value-1,value-2"}}
				}
				if d := cmp.Diff(want, e.Headers); d != "" {
					t.Errorf("spelt %s (-want +got)\n%s", spelt, d)
				}
			}
		})
	}
}

func TestHeldBounds(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	header := http.Header{"X-Long": {strings.Repeat("x", maxHeaderValue+1)}, "x-twice": {"b"}, "X-Twice": {"a"}}
	for i := range 2 * maxHeaders {
		header.Set(fmt.Sprintf("X-Many-%03d", i), "v")
	}
	e, err := held("{}", "/hook?x=1", header)
	if err != nil || len(e.Headers) != maxHeaders || e.URL != "/hook?x=1" {
		t.Errorf("%d headers, url %s, %v", len(e.Headers), e.URL, err)
	}
	e, err = held("{}", "/", http.Header{"X-Long": header["X-Long"], "x-twice": {"b"}, "X-Twice": {"a"}})
	if d := cmp.Diff([]approvals.Param{{Name: "X-Twice", Value: "a"}}, e.Headers); err != nil || d != "" {
		t.Errorf("one header by two spellings would be refused as a list with a key twice: %v\n%s", err, d)
	}
	_, err = held(strings.Repeat("x", maxBody+1), "/", nil)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("a body too large: %v", err)
	}
	said.Check(t, "a body too large", approvals.Message(err))
	if _, err := held(strings.Repeat("x", maxBody), "/", nil); err != nil {
		t.Errorf("the largest body: %v", err)
	}
}

func TestHeldID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header http.Header
		want   string
	}{
		"none":           {nil, ""},
		"GitHub":         {http.Header{"X-Github-Delivery": {"g-1"}}, "g-1"},
		"GitLab":         {http.Header{"X-Gitlab-Event-Uuid": {"l-1"}}, "l-1"},
		"Bitbucket":      {http.Header{"X-Request-Uuid": {"b-1"}}, "b-1"},
		"a CloudEvent":   {http.Header{"Ce-Id": {"c-1"}}, "c-1"},
		"a webhook":      {http.Header{"Webhook-Id": {"msg_1"}}, "msg_1"},
		"a careful curl": {http.Header{"Idempotency-Key": {"k-1"}}, "k-1"},
		"most specific":  {http.Header{"Ce-Id": {"c-1"}, "X-Github-Delivery": {"g-1"}}, "g-1"},
		"far too long":   {http.Header{"X-Github-Delivery": {strings.Repeat("x", 254)}, "Ce-Id": {"c-1"}}, "c-1"},
		"empty":          {http.Header{"X-Github-Delivery": {""}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := held("{}", "/", c.header)
			if err != nil || e.ID != c.want {
				t.Errorf("%q, %v; want %q", e.ID, err, c.want)
			}
		})
	}
	digest := func(body, id string) string {
		e, err := held(body, "/", http.Header{"Idempotency-Key": {id}})
		if err != nil {
			t.Fatal(err)
		}
		return e.Digest
	}
	base := digest(`{"a":1}`, "1")
	if digest(`{"a":1}`, "1") != base || digest(`{"a":1}`, "2") == base || digest(`{"a": 1}`, "1") == base {
		t.Error("the digest is not of exactly body and id")
	}
}

// TestHeldAsItCame: what is kept is kept as it is, and what could not be posted again is
// not held.
func TestHeldAsItCame(t *testing.T) {
	t.Parallel()
	e, err := held("{}", "/hooks?x=1", http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Commit-Author": {"J\u00f6rg"}, "X-Auth-Token": {"a\nb"}})
	want := []approvals.Param{{Name: "Content-Type", Value: "application/json; charset=utf-8"}, {Name: "X-Commit-Author", Value: "J\u00f6rg"}}
	if d := cmp.Diff(want, e.Headers); d != "" || err != nil || e.URL != "/hooks?x=1" {
		t.Errorf("%s, %v\n%s", e.URL, err, d)
	}
	for name, c := range map[string]struct {
		url    string
		header http.Header
	}{
		"another host":        {"%2fx@attacker/", nil},
		"two slashes":         {"//attacker/", nil},
		"a header in a value": {"/", http.Header{"X-A": {"b\r\nHost: attacker"}}},
		"a header in a name":  {"/", http.Header{"X-A\r\nX-B": {"b"}}},
		"a NUL":               {"/", http.Header{"X-A": {"b\x00"}}},
	} {
		if _, err := held("{}", c.url, c.header); approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
