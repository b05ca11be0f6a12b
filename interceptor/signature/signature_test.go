package signature_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/golden"
)

var (
	t0    = time.Unix(1674087231, 0)
	older = keyring.Key{Secret: bytes.Repeat([]byte{1}, keyring.Size)}
	newer = keyring.Key{Secret: bytes.Repeat([]byte{2}, keyring.Size)}
	ring  = keyring.Ring{older}
	body  = []byte(`{"type":"approval"}`)
)

const id = "countersign/prod/apply-abc/u-1"

// TestByHand makes the signature as the Standard Webhooks specification words it:
// HMAC-SHA256 over "id.timestamp.body" in base64 behind "v1,". The key is the
// ring's for events.
func TestByHand(t *testing.T) {
	t.Parallel()
	derive := hmac.New(sha256.New, older.Secret)
	derive.Write([]byte("countersign/event/v1"))
	h := hmac.New(sha256.New, derive.Sum(nil))
	fmt.Fprintf(h, "%s.%d.%s", id, t0.Unix(), body)
	want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))

	got := signature.Sign(ring, id, t0, body)
	if got["Webhook-Id"] != id || got["Webhook-Timestamp"] != "1674087231" || got["Webhook-Signature"] != want || len(got) != 3 {
		t.Errorf("%v, want the signature %s", got, want)
	}
	if err := signature.Verify(ring, id, "1674087231", want, t0, body); err != nil {
		t.Error(err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const ts = "1674087231"
	good := signature.Sign(ring, id, t0, body)[signature.HeaderSignature]
	other := signature.Sign(keyring.Ring{newer}, id, t0, body)[signature.HeaderSignature]
	zero := signature.Sign(ring, id, time.Unix(0, 0), body)[signature.HeaderSignature]
	for name, c := range map[string]struct {
		ring     keyring.Ring
		id, ts   string
		sigs     string
		at       time.Duration
		body     string
		refused  bool
		signedAt time.Time
	}{
		"ours":                     {},
		"after rotation":           {ring: keyring.Ring{newer, older}},
		"several, ours last":       {sigs: other + " v1a,AAAA " + good},
		"several, ours first":      {sigs: good + " " + other},
		"tabs between":             {sigs: other + "\t" + good},
		"as old as may be":         {at: signature.Tolerance},
		"as far ahead as may be":   {at: -signature.Tolerance},
		"too old":                  {at: signature.Tolerance + 1, refused: true},
		"too far ahead":            {at: -signature.Tolerance - 1, refused: true},
		"another key":              {ring: keyring.Ring{newer}, refused: true},
		"no key":                   {ring: keyring.Ring{}, refused: true},
		"another body":             {body: `{"type":"rejection"}`, refused: true},
		"another id":               {id: "countersign/prod/apply-abc/u-2", refused: true},
		"another time":             {ts: "1674087232", refused: true},
		"part of the id in time":   {id: "countersign/prod/apply-abc/u-1.1674087231", ts: "", refused: true},
		"time is no number":        {ts: "now", refused: true},
		"time with a space":        {ts: " " + ts, refused: true},
		"time with a plus":         {ts: "+" + ts, refused: true},
		"time of ages ago":         {ts: "0", sigs: zero, refused: true},
		"no signature":             {sigs: " ", refused: true},
		"without the version":      {sigs: strings.TrimPrefix(good, "v1,"), refused: true},
		"another version":          {sigs: "v2" + strings.TrimPrefix(good, "v1"), refused: true},
		"not base64":               {sigs: "v1,%%%", refused: true},
		"an empty one":             {sigs: "v1,", refused: true},
		"ours behind too many":     {sigs: strings.Repeat(other+" ", 8) + good, refused: true},
		"made for another purpose": {sigs: "v1," + base64.StdEncoding.EncodeToString(ring.Sign(keyring.Link, []byte(id+"."+ts+"."+string(body)))), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.ring == nil {
				c.ring = ring
			}
			if c.id == "" {
				c.id = id
			}
			if c.ts == "" && name != "part of the id in time" {
				c.ts = ts
			}
			if c.sigs == "" {
				c.sigs = good
			}
			if c.body == "" {
				c.body = string(body)
			}
			err := signature.Verify(c.ring, c.id, c.ts, c.sigs, t0.Add(c.at), []byte(c.body))
			if (err != nil) != c.refused {
				t.Errorf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, err.Error())
			}
		})
	}
}

// TestHub has the example of GitHub's documentation.
func TestHub(t *testing.T) {
	t.Parallel()
	const want = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	secret, body := keyring.Secret("It's a Secret to Everybody"), []byte("Hello, World!")
	if got := signature.Hub(secret, body); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for name, c := range map[string]struct {
		secret keyring.Secret
		value  string
		body   string
		want   bool
	}{
		"GitHub's":       {secret, want, "Hello, World!", true},
		"another body":   {secret, want, "Hello, World", false},
		"another secret": {keyring.Secret("x"), want, "Hello, World!", false},
		"no value":       {secret, "", "Hello, World!", false},
		"bare":           {secret, strings.TrimPrefix(want, "sha256="), "Hello, World!", false},
		"upper case":     {secret, strings.ToUpper(want), "Hello, World!", false},
		"no secret":      {nil, signature.Hub(nil, body), "Hello, World!", false},
		"empty secret":   {keyring.Secret{}, signature.Hub(nil, body), "Hello, World!", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := signature.VerifyHub(c.secret, c.value, []byte(c.body)); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	good := signature.Sign(ring, id, t0, body)
	f.Add(good[signature.HeaderID], good[signature.HeaderTimestamp], good[signature.HeaderSignature], body)
	f.Add("", "", "", []byte(nil))
	f.Add(id, "1e9", "v1,", body)
	f.Add(id+".1", "674087231", good[signature.HeaderSignature], body)
	f.Fuzz(func(t *testing.T, id, ts, sigs string, b []byte) {
		if err := signature.Verify(ring, id, ts, sigs, t0, b); err != nil {
			return
		}
		// The dots of id and timestamp do not make two events one: only ours passes.
		if id != good[signature.HeaderID] || ts != good[signature.HeaderTimestamp] || !bytes.Equal(b, body) {
			t.Errorf("%q %q %q %q verified", id, ts, sigs, b)
		}
	})
}
