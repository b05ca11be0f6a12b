package keyring

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"time"
)

// Record keys sign the heads of the audit log. They are Ed25519 keys, so that anyone who verifies
// needs no secret.
const Record Purpose = "countersign/record/v1"

// SigningKey is an Ed25519 key that follows from a key of the ring. It cannot be printed.
type SigningKey struct {
	Made time.Time // of the ring's key
	seed Secret
}

// SigningKeys are keys of the purpose's own, one for each key of r, in its order: the first
// one signs.
func (r Ring) SigningKeys(p Purpose) []SigningKey {
	out := make([]SigningKey, 0, len(r))
	for _, k := range r {
		seed, err := hkdf.Key(sha256.New, k.Secret, nil, string(p), ed25519.SeedSize)
		if err != nil {
			panic(err) // only for a length that no hash can give
		}
		out = append(out, SigningKey{Made: k.Made, seed: seed})
	}
	return out
}

// Format hides the key from every verb: fmt reads past the methods of a field.
func (SigningKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// Public is the key that verifies.
func (k SigningKey) Public() ed25519.PublicKey {
	public, _ := ed25519.NewKeyFromSeed(k.seed).Public().(ed25519.PublicKey)
	return public
}

// Sign signs msg.
func (k SigningKey) Sign(msg []byte) []byte { return ed25519.Sign(ed25519.NewKeyFromSeed(k.seed), msg) }
