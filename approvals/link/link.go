// Package link makes and reads the signed links that are mailed to approvers. A
// link names one person, the address that it was mailed to, one Approval and an end.
// Anyone who holds it reads that mailbox; whether that makes them the person is for the rules.
// It is pure.
package link

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
)

// maxToken bounds what is parsed at all.
const maxToken = 2048

// Claims are the signed contents of a mailed link.
type Claims struct {
	Namespace string `json:"ns"`
	Name      string `json:"n"`
	UID       string `json:"u"`
	Voter     string `json:"v"`
	// Address is where it was mailed to: what the link proves.
	Address string    `json:"a,omitempty"`
	Expires time.Time `json:"e"`
}

// Key names the Approval that the link is for.
func (c Claims) Key() approvals.Key {
	return approvals.Key{Namespace: c.Namespace, Name: c.Name, UID: c.UID}
}

// Sign returns the token for c. Signed twice with one ring it is the same token,
// so a mail that has to be sent again is the same mail.
func Sign(ring keyring.Ring, c Claims) (string, error) {
	c.Expires = c.Expires.UTC().Truncate(time.Second)
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	if len(ring) == 0 {
		return "", approvals.Errorf(approvals.CodeUnavailable, "no signing key is loaded yet")
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString(payload) + "." + enc.EncodeToString(ring.Sign(keyring.Link, payload)), nil
}

// Parse returns the claims of a token. Errors: CodeUnauthenticated when it was
// not signed by any key of ring, CodeGone when it has expired (the claims are
// returned with it, to say what it was for).
func Parse(ring keyring.Ring, token string, now time.Time) (Claims, error) {
	bad := approvals.Errorf(approvals.CodeUnauthenticated,
		"this link is incomplete: open it again from the mail, or copy all of it")
	if len(token) > maxToken {
		return Claims{}, bad
	}
	head, tail, ok := strings.Cut(token, ".")
	enc := base64.RawURLEncoding.Strict()
	payload, err1 := enc.DecodeString(head)
	sum, err2 := enc.DecodeString(tail)
	if !ok || err1 != nil || err2 != nil || !ring.Verify(keyring.Link, payload, sum) {
		return Claims{}, bad
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, bad
	}
	if !now.Before(c.Expires) {
		return c, approvals.Errorf(approvals.CodeGone,
			"this link expired at %s; run the pipeline again to request a new approval", c.Expires.Format(time.RFC3339))
	}
	return c, nil
}
