package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"
)

var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func key(age time.Duration, b byte) Key {
	return Key{Made: t0.Add(-age), Secret: bytes.Repeat([]byte{b}, Size)}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ring    Ring
		want    []time.Duration // ages, newest first
		changed bool
	}{
		"none":               {nil, []time.Duration{0}, true},
		"young":              {Ring{key(29*day, 1)}, []time.Duration{29 * day}, false},
		"due":                {Ring{key(30*day, 1)}, []time.Duration{0, 30 * day}, true},
		"overlap":            {Ring{key(day, 1), key(31*day, 2)}, []time.Duration{day, 31 * day}, false},
		"kept to its end":    {Ring{key(day, 1), key(121*day, 2)}, []time.Duration{day, 121 * day}, false},
		"gone":               {Ring{key(day, 1), key(121*day+1, 2)}, []time.Duration{day}, true},
		"all gone":           {Ring{key(200*day, 1), key(300*day, 2)}, []time.Duration{0}, true},
		"oldest first":       {Ring{key(31*day, 2), key(day, 1)}, []time.Duration{day, 31 * day}, true},
		"of a faster clock":  {Ring{key(-time.Hour, 1)}, []time.Duration{-time.Hour}, false},
		"due, one of it old": {Ring{key(31*day, 1), key(122*day, 2)}, []time.Duration{0, 31 * day}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := fmt.Sprint(ages(c.ring))
			got, changed := c.ring.Rotate(t0, 30*day, 121*day)
			if fmt.Sprint(ages(got)) != fmt.Sprint(c.want) || changed != c.changed {
				t.Errorf("ages %v, changed %t; want %v, %t", ages(got), changed, c.want, c.changed)
			}
			if fmt.Sprint(ages(c.ring)) != before {
				t.Error("the ring that was rotated is another now")
			}
			if again, changed := got.Rotate(t0, 30*day, 121*day); changed {
				t.Errorf("and at once again: %v", ages(again))
			}
		})
	}
}

func ages(r Ring) []time.Duration {
	out := []time.Duration{}
	for _, k := range r {
		out = append(out, t0.Sub(k.Made))
	}
	return out
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	a, b := NewKey(t0), NewKey(t0)
	if len(a.Secret) != Size || bytes.Equal(a.Secret, b.Secret) || bytes.Equal(a.Secret, make([]byte, Size)) {
		t.Error("the secret is not random")
	}
}

// TestSign: what any key signed verifies while the key is in the ring, for its
// purpose and message alone.
func TestSign(t *testing.T) {
	t.Parallel()
	older, newer := key(day, 1), key(0, 2)
	msg := []byte("approve 1")
	sum := Ring{older}.Sign(Link, msg)
	flipped := bytes.Clone(sum)
	flipped[31] ^= 1
	for name, c := range map[string]struct {
		ring    Ring
		purpose Purpose
		msg     string
		sum     []byte
		want    bool
	}{
		"its own":         {Ring{older}, Link, "approve 1", sum, true},
		"after rotation":  {Ring{newer, older}, Link, "approve 1", sum, true},
		"after its end":   {Ring{newer}, Link, "approve 1", sum, false},
		"another purpose": {Ring{older}, Event, "approve 1", sum, false},
		"an approval's":   {Ring{older}, Approval, "approve 1", sum, false},
		"another message": {Ring{older}, Link, "approve 2", sum, false},
		"a bit":           {Ring{older}, Link, "approve 1", flipped, false},
		"half of it":      {Ring{older}, Link, "approve 1", sum[:16], false},
		"nothing":         {Ring{older}, Link, "approve 1", nil, false},
		"no keys":         {nil, Link, "approve 1", sum, false},
		"nothing, none":   {nil, Link, "approve 1", Ring(nil).Sign(Link, msg), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.ring.Verify(c.purpose, []byte(c.msg), c.sum); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
	if !bytes.Equal((Ring{newer, older}).Sign(Link, msg), (Ring{newer}).Sign(Link, msg)) {
		t.Error("it is not the newest that signs")
	}
}

// TestUnprintable: a secret can't be printed, whichever way somebody tries.
// TestDerive: each key gives one of the purpose's own, which tells nothing of it.
func TestDerive(t *testing.T) {
	t.Parallel()
	r := Ring{key(0, 1), key(0, 2)}
	a, b := r.Derive(Session), r.Derive(SessionCipher)
	if len(a) != 2 || len(b) != 2 || len(a[0]) != Size || len(Ring(nil).Derive(Session)) != 0 {
		t.Fatalf("%d and %d keys", len(a), len(b))
	}
	seen := map[string]bool{}
	for _, k := range append(append(a, b...), r[0].Secret, r[1].Secret) {
		seen[string(k)] = true
	}
	if len(seen) != 6 || string(r.Derive(Session)[0]) != string(a[0]) {
		t.Error("keys are the same, or not the same twice")
	}
}

func TestUnprintable(t *testing.T) {
	t.Parallel()
	secret := Secret("hunter2-hunter2-hunter2-hunter2!")
	k := Key{Made: t0, Secret: secret}
	type config struct {
		Name     string
		Password Secret
	}
	values := map[string]any{
		"secret": secret, "pointer": &secret, "key": k, "key pointer": &k, "ring": Ring{k}, "in a struct": config{"x", secret}, "in a map": map[string]Secret{"a": secret},
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "%s", "%q", "%d", "%o", "%b", "% x", "%#x"} {
			if got := fmt.Sprintf(verb, v); leaks(got) {
				t.Errorf("%s by %s: %s", name, verb, got)
			}
		}
		if b, err := json.Marshal(v); err != nil || leaks(string(b)) {
			t.Errorf("%s by JSON: %s, %v", name, b, err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v, slog.Group("g", "v", v))
		if leaks(log.String()) {
			t.Errorf("%s by slog: %s", name, log.String())
		}
	}
	if got := fmt.Errorf("auth with %v: %w", secret, errors.New("no")).Error(); got != "auth with ***: no" {
		t.Errorf("in an error: %s", got)
	}
	if got := secret.String() + secret.GoString(); got != "******" {
		t.Error(got)
	}
}

func leaks(text string) bool {
	for _, form := range []string{"hunter2", "68756e74", "68 75 6e", "aHVudGVy", "104 117", "104,117", "0x68", "150 165"} {
		if bytes.Contains(bytes.ToLower([]byte(text)), bytes.ToLower([]byte(form))) {
			return true
		}
	}
	return false
}

func BenchmarkVerifyWrong(b *testing.B) {
	ring := Ring{key(0, 1), key(day, 2)}
	msg, sum := []byte("approve 1"), make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		if ring.Verify(Link, msg, sum) {
			b.Fatal("verified")
		}
	}
}
