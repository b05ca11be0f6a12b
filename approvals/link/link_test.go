package link_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/link"
)

var (
	t0     = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	older  = keyring.Key{Made: t0.Add(-24 * time.Hour), Secret: bytes.Repeat([]byte{1}, keyring.Size)}
	newer  = keyring.Key{Made: t0, Secret: bytes.Repeat([]byte{2}, keyring.Size)}
	claims = link.Claims{Namespace: "prod", Name: "apply-abc", UID: "u-1", Voter: "alice@example.com", Expires: t0.Add(time.Hour)}
)

func sign(tb testing.TB, ring keyring.Ring, c link.Claims) string {
	tb.Helper()
	token, err := link.Sign(ring, c)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("JST", 9*3600)
	for name, c := range map[string]link.Claims{
		"plain":              claims,
		"empty":              {Expires: t0.Add(time.Hour)},
		"hostile names":      {Namespace: "..", Name: "a.b/c?d#e", UID: "\"", Voter: "<é\n&=%>", Expires: t0.Add(time.Hour)},
		"another zone":       {Voter: "alice", Expires: t0.Add(time.Hour).In(tokyo)},
		"part of a second":   {Voter: "alice", Expires: t0.Add(time.Hour + 900*time.Millisecond)},
		"the longest fields": {Namespace: strings.Repeat("n", 63), Name: strings.Repeat("a", 63), UID: strings.Repeat("u", 36), Voter: strings.Repeat("v", 253), Expires: t0.Add(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring := keyring.Ring{older}
			token := sign(t, ring, c)
			if again := sign(t, ring, c); again != token {
				t.Error("signed again it is another token: the mail sent again would be another mail")
			}
			if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
				t.Errorf("%q does not fit into a path as it is", token)
			}
			want := c
			want.Expires = c.Expires.UTC().Truncate(time.Second)
			got, err := link.Parse(keyring.Ring{newer, older}, token, t0)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if k := (approvals.Key{Namespace: c.Namespace, Name: c.Name, UID: c.UID}); got.Key() != k {
				t.Errorf("key %+v", got.Key())
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	ring := keyring.Ring{older}
	good := sign(t, ring, claims)
	head, tail, _ := strings.Cut(good, ".")
	enc := base64.RawURLEncoding
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	mac := func(p keyring.Purpose, payload string) string {
		return enc.EncodeToString(ring.Sign(p, []byte(payload)))
	}
	for name, c := range map[string]struct {
		ring  keyring.Ring
		token string
		at    time.Time
		want  approvals.Code
	}{
		"expired":                              {ring, good, t0.Add(time.Hour), approvals.CodeGone},
		"long expired":                         {ring, good, t0.Add(9000 * time.Hour), approvals.CodeGone},
		"a second before":                      {ring, good, t0.Add(time.Hour - 1), ""},
		"another key":                          {keyring.Ring{newer}, good, t0, approvals.CodeUnauthenticated},
		"no key":                               {nil, good, t0, approvals.CodeUnauthenticated},
		"nothing":                              {ring, "", t0, approvals.CodeUnauthenticated},
		"a dot":                                {ring, ".", t0, approvals.CodeUnauthenticated},
		"no signature":                         {ring, head + ".", t0, approvals.CodeUnauthenticated},
		"no dot":                               {ring, head + tail, t0, approvals.CodeUnauthenticated},
		"cut by a mail tool":                   {ring, good[:len(good)-1], t0, approvals.CodeUnauthenticated},
		"more behind it":                       {ring, good + "." + tail, t0, approvals.CodeUnauthenticated},
		"padded":                               {ring, good + "=", t0, approvals.CodeUnauthenticated},
		"broken into lines":                    {ring, good[:70] + "\r\n" + good[70:], t0, ""}, // as mail tools do; it says the same
		"oversize":                             {ring, good + strings.Repeat("A", 4096), t0, approvals.CodeUnauthenticated},
		"a signature of an Approval as a link": {ring, enc.EncodeToString(payload) + "." + mac(keyring.Approval, string(payload)), t0, approvals.CodeUnauthenticated},
		"an event as a link":                   {ring, enc.EncodeToString(payload) + "." + mac(keyring.Event, string(payload)), t0, approvals.CodeUnauthenticated},
		"signed, not JSON":                     {ring, enc.EncodeToString([]byte("x")) + "." + mac(keyring.Link, "x"), t0, approvals.CodeUnauthenticated},
		"expired, other key":                   {keyring.Ring{newer}, good, t0.Add(time.Hour), approvals.CodeUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := link.Parse(c.ring, c.token, c.at)
			if approvals.CodeOf(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
			if known := c.want == "" || c.want == approvals.CodeGone; (got != link.Claims{}) != known {
				t.Errorf("claims %+v", got)
			}
		})
	}
	if _, err := link.Sign(nil, claims); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("sign without a key: %v", err)
	}
}

// TestTampered changes every byte of a token, in every bit.
func TestTampered(t *testing.T) {
	t.Parallel()
	ring := keyring.Ring{older}
	token := []byte(sign(t, ring, claims))
	for i := range token {
		for bit := range 8 {
			token[i] ^= 1 << bit
			if _, err := link.Parse(ring, string(token), t0); approvals.CodeOf(err) != approvals.CodeUnauthenticated {
				t.Errorf("byte %d, bit %d: %v", i, bit, err)
			}
			token[i] ^= 1 << bit
		}
	}
}

func FuzzParse(f *testing.F) {
	ring := keyring.Ring{older}
	good := sign(f, ring, claims)
	for _, s := range []string{good, "", ".", "a.b", good[:20], good + "=", strings.ToUpper(good)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := link.Parse(ring, token, t0)
		if strings.NewReplacer("\r", "", "\n", "").Replace(token) == good {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if approvals.CodeOf(err) != approvals.CodeUnauthenticated || got != (link.Claims{}) {
			t.Errorf("%q: %+v, %v", token, got, err)
		}
	})
}
