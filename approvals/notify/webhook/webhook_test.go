package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/notifytest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/templates"
)

func TestMain(m *testing.M) {
	time.Local = time.FixedZone("JST", 9*3600) // the process's own zone is seen nowhere
	goleak.VerifyTestMain(m)
}

const (
	thePath = "/hooks/T0p-Secret-Path-Token"
	theKey  = "correct-horse-battery-staple-key"
	theLink = "https://approve.example.com/approvals/prod/apply-1"
)

func data(a approvals.Approval, _ string) (templates.Data, error) {
	return templates.Data{Approval: a, Link: theLink, Now: ct.T0}, nil
}

func channel(t *testing.T, address string, timeout time.Duration) *Channel {
	t.Helper()
	c := New(Config{Name: "audit", URL: keyring.Secret(address + thePath), Keys: []keyring.Secret{keyring.Secret(theKey), keyring.Secret("the-one-before-that-key-was-made")}, Timeout: timeout}, data, func() time.Time { return ct.T0 })
	t.Cleanup(c.Close)
	return c
}

func TestKit(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, notifytest.Kit{
		New: func(t *testing.T, address string, timeout time.Duration) notify.Channel {
			return channel(t, address, timeout)
		},
		Secrets: []string{theKey, thePath}, MaxBody: 640 << 10,
		Safe: func(t *testing.T, body []byte) {
			// A page that shows it by mistake still shows text.
			if strings.ContainsAny(string(body), "<>") {
				t.Errorf("markup in %.200s", body)
			}
		},
	})
}

// TestSend: the event as a receiver sees it, and the signature as it checks it.
func TestSend(t *testing.T) {
	t.Parallel()
	for _, kind := range notifytest.Kinds {
		var header http.Header
		var body []byte
		s := notifytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
			header = r.Header
			body, _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
		})
		id, err := channel(t, s.URL, 5*time.Second).Send(t.Context(), notifytest.Message(kind, nil))
		if err != nil || id != "0123456789abcdef0123456789abcdef" || header.Get("Webhook-Id") != id || header.Get("Content-Type") != "application/cloudevents+json" {
			t.Fatalf("%s: %q, %v, %v", kind, id, err, header)
		}
		h := hmac.New(sha256.New, []byte(theKey))
		h.Write([]byte(id + "." + header.Get("Webhook-Timestamp") + "." + string(body)))
		first, second, ok := strings.Cut(header.Get("Webhook-Signature"), " ")
		if first != "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)) || !ok || second == first {
			t.Errorf("%s: signature %s", kind, header.Get("Webhook-Signature"))
		}
		var e map[string]any
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		d := e["data"].(map[string]any)
		want := map[string]any{"type": "dev.countersign.approval." + string(kind) + ".v1", "source": "/apis/countersign.dev/v1alpha1/namespaces/prod/approvals/apply-1", "url": theLink, "outcome": "Pending"}
		if kind == notify.Decided || kind == notify.RunEnded {
			want["outcome"] = "Approved"
		}
		ended, _ := d["secondRun"].(map[string]any)
		if kind == notify.RunEnded != (ended["outcome"] == "Failed" && ended["failedTask"] == "apply" && ended["message"] != "") {
			t.Errorf("%s: secondRun is %v", kind, ended)
		}
		if diff := cmp.Diff(want, map[string]any{"type": e["type"], "source": e["source"], "url": d["url"], "outcome": d["outcome"]}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", kind, diff)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	good := "whsec_" + base64.StdEncoding.EncodeToString([]byte(theKey))
	if keys, err := Keys(keyring.Secret(good + "\n" + good + "\n")); err != nil || len(keys) != 2 || string(keys[1]) != theKey {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	for name, file := range map[string]string{"no prefix": good[6:], "no base64": "whsec_$$$$", "short": "whsec_c2hvcnQ="} {
		_, err := Keys(keyring.Secret(file))
		if err == nil || strings.Contains(err.Error(), file[6:]) {
			t.Fatalf("%s: %v", name, err)
		}
		said.Check(t, name, err.Error())
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	keys := []keyring.Secret{keyring.Secret(theKey)}
	for name, c := range map[string]Config{
		"good":       {URL: keyring.Secret("http://hooks.shop.svc/x"), Keys: keys},
		"no scheme":  {URL: keyring.Secret("hooks.example.com"), Keys: keys},
		"a password": {URL: keyring.Secret("https://me:pass@hooks.example.com"), Keys: keys},
		"no key":     {URL: keyring.Secret("https://hooks.example.com")},
	} {
		err := c.Validate()
		if (err == nil) != (name == "good") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			said.Check(t, name, err.Error())
		}
	}
}
