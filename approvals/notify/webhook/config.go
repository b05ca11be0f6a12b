package webhook

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify/outbound"
)

// Config has the address that events are posted to, and the keys that sign them.
type Config struct {
	Name string
	URL  keyring.Secret
	// Hidden marks a URL that came from a file, because it may have a token in it. Such a URL must
	// be https, unless its host is in the cluster or on this machine.
	Hidden bool
	// Keys sign, each; so that a receiver can change to a new one.
	Keys    []keyring.Secret
	Timeout time.Duration
}

// Validate lists everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	u, err := url.Parse(string(c.URL))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		errs = append(errs, errors.New("webhook.url is not an address: use https://HOST/PATH, without a password"))
	}
	if c.Hidden && len(errs) == 0 {
		errs = append(errs, outbound.Address("webhook.urlFile", string(c.URL)))
	}
	if len(c.Keys) == 0 {
		errs = append(errs, errors.New("webhook.secretFile has no key: put whsec_… into it, made by: echo whsec_$(openssl rand -base64 32)"))
	}
	return errors.Join(errs...)
}

// minKey is the least that Standard Webhooks asks of a key, in bytes.
const minKey = 24

// Keys reads a file's keys, one a line, each as whsec_ and base64.
func Keys(file keyring.Secret) ([]keyring.Secret, error) {
	var keys []keyring.Secret
	for line := range strings.FieldsSeq(string(file)) {
		text, ok := strings.CutPrefix(line, "whsec_")
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < minKey {
			return nil, errors.New("each line must be whsec_ and the base64 of at least 24 bytes, made by: echo whsec_$(openssl rand -base64 32)")
		}
		keys = append(keys, key)
	}
	return keys, nil
}
