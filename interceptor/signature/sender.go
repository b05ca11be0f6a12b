package signature

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC with it is not broken, and Bitbucket Server's stock interceptor takes it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

// Kind is the scheme by which a sender proves that it has a secret.
type Kind string

// The kinds.
const (
	GitHub           Kind = "GitHub"
	GitLab           Kind = "GitLab"
	BitbucketServer  Kind = "BitbucketServer"
	StandardWebhooks Kind = "StandardWebhooks"
	Bearer           Kind = "Bearer"
)

// The headers of proof, in canonical form.
const (
	HeaderGitLab        = "X-Gitlab-Token"
	HeaderBitbucket     = "X-Hub-Signature"
	HeaderAuthorization = "Authorization"
)

// Header is the header that proves a sender.
func (k Kind) Header() string {
	switch k {
	case GitHub:
		return HeaderHub
	case GitLab:
		return HeaderGitLab
	case BitbucketServer:
		return HeaderBitbucket
	case StandardWebhooks:
		return HeaderSignature
	case Bearer:
		return HeaderAuthorization
	}
	return ""
}

// EventHeader is the header by which a stock interceptor tells this kind's events
// apart, "" for kinds that have no such interceptor.
func (k Kind) EventHeader() string {
	switch k {
	case GitHub:
		return "X-Github-Event"
	case GitLab:
		return "X-Gitlab-Event"
	case BitbucketServer:
		return "X-Event-Key"
	default:
		return ""
	}
}

// VerifySender returns an error unless header and body prove that their sender has the secret. The
// error has nothing of either. now matters to StandardWebhooks alone.
func VerifySender(k Kind, secret keyring.Secret, header http.Header, body []byte, now time.Time) error {
	value := header.Get(k.Header())
	if value == "" {
		return fmt.Errorf("it has no header %s", k.Header())
	}
	ok := false
	switch k {
	case GitHub:
		ok = VerifyHub(secret, value, body)
	case GitLab:
		if err := sendable(secret); err != nil {
			return err
		}
		ok = same(value, string(secret))
	case Bearer:
		if err := sendable(secret); err != nil {
			return err
		}
		scheme, token, _ := strings.Cut(value, " ")
		ok = strings.EqualFold(scheme, "bearer") && same(strings.TrimSpace(token), bearer(secret))
	case BitbucketServer:
		ok = verifyBitbucket(secret, value, body)
	case StandardWebhooks:
		return verifyStandard(secret, header, body, now)
	}
	if !ok {
		return fmt.Errorf("its header %s does not match the secret", k.Header())
	}
	return nil
}

// ProveSender sets in header what a sender with the secret would. Of Standard Webhooks
// it adds a signature to that of Sign, which has to be there.
func ProveSender(k Kind, secret keyring.Secret, header http.Header, body []byte) error {
	if len(secret) == 0 {
		return errors.New("it is empty")
	}
	switch k {
	case GitHub:
		header.Set(HeaderHub, Hub(secret, body))
	case GitLab:
		if err := sendable(secret); err != nil {
			return err
		}
		header.Set(HeaderGitLab, string(secret))
	case Bearer:
		if err := sendable(secret); err != nil {
			return err
		}
		header.Set(HeaderAuthorization, "Bearer "+bearer(secret))
	case BitbucketServer:
		header.Set(HeaderBitbucket, Hub(secret, body))
	case StandardWebhooks:
		key, err := standardKey(secret)
		if err != nil {
			return err
		}
		sum := mac(sha256.New, key, content(header.Get(HeaderID), header.Get(HeaderTimestamp), body))
		header.Set(HeaderSignature, strings.TrimSpace(header.Get(HeaderSignature)+" v1,"+base64.StdEncoding.EncodeToString(sum)))
	default:
		return fmt.Errorf("kind %q is unknown", string(k))
	}
	return nil
}

// same compares in constant time, whatever the lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return b != "" && subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bearer is the token of a secret that may have the word Bearer in it, as the whole
// header that some filters compare.
func bearer(secret keyring.Secret) string {
	if scheme, token, ok := strings.Cut(string(secret), " "); ok && strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return string(secret)
}

// sendable returns an error for a secret that can't be a header's value: no sender could have sent
// it.
func sendable(secret keyring.Secret) error {
	if len(secret) == 0 {
		return errors.New("the secret is empty")
	}
	if strings.TrimSpace(string(secret)) != string(secret) || strings.ContainsFunc(string(secret), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("the secret has a line break or a space at its end, or a control character, which a header can't contain: create it again without them (kubectl create secret generic --from-literal, or printf instead of echo)")
	}
	return nil
}

// verifyBitbucket takes the hashes that the stock interceptor takes.
func verifyBitbucket(secret keyring.Secret, value string, body []byte) bool {
	name, sum, _ := strings.Cut(value, "=")
	h := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}[name]
	got, err := hex.DecodeString(sum)
	return h != nil && err == nil && len(secret) > 0 && hmac.Equal(got, mac(h, secret, body))
}

func verifyStandard(secret keyring.Secret, header http.Header, body []byte, now time.Time) error {
	key, err := standardKey(secret)
	if err != nil {
		return err
	}
	id, ts := header.Get(HeaderID), header.Get(HeaderTimestamp)
	sec, err := strconv.ParseInt(ts, 10, 64)
	if err != nil || id == "" {
		return fmt.Errorf("it has no %s, or %s is not a number of seconds", HeaderID, HeaderTimestamp)
	}
	want, proved := mac(sha256.New, key, content(id, ts, body)), false
	for i, s := range strings.Fields(header.Get(HeaderSignature)) {
		if i == maxSignatures {
			break
		}
		version, b64, _ := strings.Cut(s, ",")
		sum, err := base64.StdEncoding.DecodeString(b64)
		if version == "v1" && err == nil && hmac.Equal(sum, want) {
			proved = true
		}
	}
	if !proved {
		return fmt.Errorf("its header %s does not match the secret", HeaderSignature)
	}
	if age := now.Sub(time.Unix(sec, 0)); age > Tolerance || age < -Tolerance {
		return fmt.Errorf("it was signed %s ago, and the limit is %s", age.Round(time.Second), Tolerance)
	}
	return nil
}

// standardKey is the key of a Standard Webhooks secret: whsec_ and base64, or the bytes
// as they are.
func standardKey(secret keyring.Secret) ([]byte, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(string(secret)), "whsec_")
	if !ok {
		if len(secret) == 0 {
			return nil, errors.New("the secret is empty")
		}
		return secret, nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return nil, errors.New("the secret begins with whsec_, but the rest is not base64")
	}
	return key, nil
}

func mac(h func() hash.Hash, key, msg []byte) []byte {
	m := hmac.New(h, key)
	m.Write(msg)
	return m.Sum(nil)
}
