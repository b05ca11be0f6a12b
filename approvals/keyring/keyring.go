// Package keyring holds the service's own signing keys. The newest key signs,
// all of them verify, so that keys rotate while links and events signed with the
// one before are still on their way.
package keyring

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Size is the length of a key's secret in bytes.
const Size = 32

// Secret is bytes that cannot be printed.
type Secret []byte

// String hides the secret.
func (Secret) String() string { return "***" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "***" }

// Format hides the secret from every verb, %x among them.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// LogValue hides the secret from logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// Key is one signing key.
type Key struct {
	Made   time.Time
	Secret Secret
}

// Ring is keys, newest first. A Ring is never changed; rotation makes a new one.
type Ring []Key

// NewKey makes a random key.
func NewKey(now time.Time) Key {
	secret := make([]byte, Size)
	rand.Read(secret) // never fails, by its contract
	return Key{Made: now, Secret: secret}
}

// Purpose separates what is signed: a MAC for one purpose never verifies for
// another.
type Purpose string

// The purposes.
const (
	Link     Purpose = "countersign/link/v1"
	Event    Purpose = "countersign/event/v1"
	Approval Purpose = "countersign/approval/v1"
	Run      Purpose = "countersign/run/v1" // names of runs
	// Evidence is what the service took of a pod, or read of a log.
	Evidence Purpose = "countersign/evidence/v1"

	// Session keys sign people's cookies, SessionCipher keys encrypt them.
	Session       Purpose = "countersign/session/v1"
	SessionCipher Purpose = "countersign/session-cipher/v1"
)

// Rotate returns r with a new key when the newest is older than every, without
// the keys that are older than keep, and says whether anything changed.
func (r Ring) Rotate(now time.Time, every, keep time.Duration) (Ring, bool) {
	out := slices.Clone(r)
	slices.SortFunc(out, func(a, b Key) int { return b.Made.Compare(a.Made) })
	out = slices.DeleteFunc(out, func(k Key) bool { return now.Sub(k.Made) > keep })
	if len(out) == 0 || now.Sub(out[0].Made) >= every {
		out = append(Ring{NewKey(now)}, out...)
	}
	same := len(out) == len(r) && slices.EqualFunc(out, r, func(a, b Key) bool { return a.Made.Equal(b.Made) })
	return out, !same
}

// Same reports whether o is this very ring. A Ring never changes, so another one is another
// value.
func (r Ring) Same(o Ring) bool {
	return len(r) == len(o) && (len(r) == 0 || &r[0] == &o[0])
}

// Sign returns the MAC of msg by the newest key. An empty ring returns nil, which
// never verifies.
func (r Ring) Sign(p Purpose, msg []byte) []byte {
	if len(r) == 0 {
		return nil
	}
	return mac(r[0].Secret, p, msg)
}

// Verify reports whether sum is the MAC of msg by any key of r. It takes the same time for
// every wrong sum of the right length.
func (r Ring) Verify(p Purpose, msg, sum []byte) bool { return r.Signer(p, msg, sum) != nil }

// Signer is the one key of r that sum is the MAC of msg by, nil for none. What is derived
// from it stays what it is when keys rotate.
func (r Ring) Signer(p Purpose, msg, sum []byte) Ring {
	var by Ring
	for i, k := range r {
		if hmac.Equal(mac(k.Secret, p, msg), sum) {
			by = r[i : i+1 : i+1]
		}
	}
	return by
}

// Derive returns a key of the purpose's own for each key of r, newest first, for
// what must be given a key. Such a purpose is for that alone: nothing is signed
// for it here.
func (r Ring) Derive(p Purpose) []Secret {
	out := make([]Secret, 0, len(r))
	for _, k := range r {
		out = append(out, derive(k.Secret, p))
	}
	return out
}

// mac signs with a key of the purpose's own.
func mac(secret Secret, p Purpose, msg []byte) []byte {
	h := hmac.New(sha256.New, derive(secret, p))
	h.Write(msg)
	return h.Sum(nil)
}

func derive(secret Secret, p Purpose) Secret {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(p))
	return h.Sum(nil)
}
