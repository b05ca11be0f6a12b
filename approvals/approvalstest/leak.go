package approvalstest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// AssertLeaksNothing fails when text has one of secrets in it: as it is, escaped
// for a URL, in base64, in hex, or with its first half alone.
func AssertLeaksNothing(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for i, s := range secrets {
		if len(s) < 8 {
			t.Fatalf("secret %d is too short to be looked for", i)
		}
		for form, x := range map[string]string{
			"as it is":      s,
			"half":          s[:len(s)/2],
			"query escaped": url.QueryEscape(s),
			"path escaped":  url.PathEscape(s),
			"base64":        base64.RawStdEncoding.EncodeToString([]byte(s)),
			"base64url":     base64.RawURLEncoding.EncodeToString([]byte(s)),
			"hex":           fmt.Sprintf("%x", s),
		} {
			if strings.Contains(text, x) {
				t.Errorf("%s has secret %d %s: %q", where, i, form, text)
			}
		}
	}
}
