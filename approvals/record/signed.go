package record

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

// A stream has three kinds of lines: entries, signed heads, and keys. A signed head follows the
// entry that it is the head of, and signs by its hash everything before it. A key line has a public
// key for the verification of heads, and the signature of another key of the same service, so that
// a reader who trusts one of them can trust the others.
const (
	headPrefix = `{"head":`
	keyPrefix  = `{"key":`
	// What is signed begins with these, so that no signature is good for anything else.
	headContext = "countersign record head v1\n"
	keyContext  = "countersign record key v1\n"
	// maxSigned is the most bytes that a signed line may have.
	maxSigned = 1 << 10
)

// SignedHead is the end of a chain at some time, signed.
type SignedHead struct {
	Seq  int64  `json:"head"`
	Hash string `json:"hash"`
	At   string `json:"at"`  // Layout
	Key  string `json:"key"` // KeyID of the key that signed
}

// KeyLine is a public key with the word of another one for it.
type KeyLine struct {
	Key  string `json:"key"`  // base64 of the 32 bytes
	Made string `json:"made"` // Layout
	By   string `json:"by"`   // KeyID of the key that signed this
}

// KeyID is a short name of a public key, and long enough that nobody finds another key for it.
func KeyID(public ed25519.PublicKey) string {
	s := sha256.Sum256(public)
	return hex.EncodeToString(s[:16])
}

// FormatKey is a public key as people note it.
func FormatKey(public ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(public) }

// ParseKey is the reverse of FormatKey.
func ParseKey(s string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != ed25519.PublicKeySize || FormatKey(b) != s {
		return nil, fmt.Errorf("it is not a public key: a key is %d bytes in base64, as countersign keys prints them", ed25519.PublicKeySize)
	}
	return b, nil
}

// Signer signs heads by the newest of the service's keys.
type Signer struct {
	Ring func() keyring.Ring
	Now  func() time.Time
}

// Head is h, signed, as a line of the stream.
func (s *Signer) Head(h Head) ([]byte, error) {
	keys := s.Ring().SigningKeys(keyring.Record)
	if len(keys) == 0 {
		return nil, errors.New("the service has no key to sign the audit log with: check Secret countersign-keys")
	}
	return sign(headContext, SignedHead{Seq: h.Seq, Hash: h.Hash, At: Stamp(s.Now()), Key: KeyID(keys[0].Public())}, keys[0])
}

// Keys are the ring's public keys as lines of the stream, each signed by each other and the
// newest by itself: who noted an older key, or a newer one, can follow a rotation.
func (s *Signer) Keys() ([][]byte, error) {
	keys := s.Ring().SigningKeys(keyring.Record)
	var out [][]byte
	for i, k := range keys {
		for j, by := range keys {
			if i == j && len(keys) > 1 {
				continue
			}
			line, err := sign(keyContext, KeyLine{Key: FormatKey(k.Public()), Made: Stamp(k.Made), By: KeyID(by.Public())}, by)
			if err != nil {
				return nil, err
			}
			out = append(out, line)
		}
	}
	return out, nil
}

// sign writes v with a signature of that text at its end, as an entry has its hash.
func sign(context string, v any, k keyring.SigningKey) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	signature := base64.StdEncoding.EncodeToString(k.Sign(append([]byte(context), body...)))
	return append(body[:len(body)-1], signatureTail(signature)...), nil
}

func signatureTail(s string) []byte { return []byte(`,"signature":"` + s + `"}`) }

// openSigned reads a signed line into v, and returns the signed text and the signature. It does not
// verify the signature, because it does not know the key.
func openSigned(context string, text []byte, v any) (signed, signature []byte, err error) {
	cut := len(text) - len(signatureTail(base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize))))
	if len(text) > maxSigned || cut < 1 {
		return nil, nil, errors.New("it is not a signed line of the audit log")
	}
	body := append(bytes.Clone(text[:cut]), '}')
	rest, ok := bytes.CutPrefix(text[cut:], []byte(`,"signature":"`))
	encoded, closed := bytes.CutSuffix(rest, []byte(`"}`))
	signature, err = base64.StdEncoding.Strict().DecodeString(string(encoded))
	if !ok || !closed || err != nil {
		return nil, nil, errors.New("it does not end in a signature")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return nil, nil, fmt.Errorf("it can't be parsed: %w", err)
	}
	// There is one way to write a line: a field twice, or another one, is not it.
	again, err := json.Marshal(v)
	if err != nil || !bytes.Equal(again, body) {
		return nil, nil, errors.New("it does not have the form in which the service writes it")
	}
	return append([]byte(context), body...), signature, nil
}
