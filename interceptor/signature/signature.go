// Package signature signs and verifies the events that Countersign posts and
// holds: Standard Webhooks with our own keys, and GitHub's X-Hub-Signature-256
// with a Secret's. It is pure and constant in time where it compares.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

// The headers, in canonical form.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
	HeaderHub       = "X-Hub-Signature-256"
)

// Tolerance bounds the age of a signed event, and how far its time may be ahead.
const Tolerance = 5 * time.Minute

// maxSignatures bounds the signatures looked at in one header.
const maxSignatures = 8

// Sign returns the Standard Webhooks headers for body.
func Sign(ring keyring.Ring, id string, now time.Time, body []byte) map[string]string {
	ts := strconv.FormatInt(now.Unix(), 10)
	sum := ring.Sign(keyring.Event, content(id, ts, body))
	return map[string]string{
		HeaderID:        id,
		HeaderTimestamp: ts,
		HeaderSignature: "v1," + base64.StdEncoding.EncodeToString(sum),
	}
}

// Verify returns an error unless the headers prove that body is an event of ours, signed within
// Tolerance of now, before or after it.
func Verify(ring keyring.Ring, id, ts, sigs string, now time.Time, body []byte) error {
	sec, err := strconv.ParseInt(ts, 10, 64)
	if err != nil {
		return fmt.Errorf("%s is not a number of seconds", HeaderTimestamp)
	}
	proved := false
	for i, s := range strings.Fields(sigs) {
		if i == maxSignatures {
			break
		}
		version, b64, _ := strings.Cut(s, ",")
		sum, err := base64.StdEncoding.DecodeString(b64)
		if version == "v1" && err == nil && ring.Verify(keyring.Event, content(id, ts, body), sum) {
			proved = true
		}
	}
	if !proved {
		return fmt.Errorf("%s is not this service's signature of this body", HeaderSignature)
	}
	if age := now.Sub(time.Unix(sec, 0)); age > Tolerance || age < -Tolerance {
		return fmt.Errorf("the event was signed %s ago, and the limit is %s", age.Round(time.Second), Tolerance)
	}
	return nil
}

// Hub returns the value of X-Hub-Signature-256.
func Hub(secret keyring.Secret, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write(body)
	return "sha256=" + hex.EncodeToString(h.Sum(nil))
}

// VerifyHub reports whether value is body's X-Hub-Signature-256 by secret.
func VerifyHub(secret keyring.Secret, value string, body []byte) bool {
	return len(secret) > 0 && hmac.Equal([]byte(Hub(secret, body)), []byte(value))
}

func content(id, ts string, body []byte) []byte {
	msg := make([]byte, 0, len(id)+len(ts)+len(body)+2)
	msg = append(append(append(append(msg, id...), '.'), ts...), '.')
	return append(msg, body...)
}
