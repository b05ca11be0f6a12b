package approvals

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// edges are where a word ends within letters: apiToken, DBPassword.
	edges = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)
	words = regexp.MustCompile(`[A-Za-z0-9]+`)
	// asides are last words that say nothing of what it is: token-2, secret-v1, password_base64.
	asides = regexp.MustCompile(`^(v?[0-9]+|base64|b64|value)$`)
	// secrets may have words before them without a sign between: dbpassword, clientsecret.
	secrets = regexp.MustCompile(`(passwords?|passwd|passphrase|passcode|secret|token|credentials?|jwt|` +
		`(api|access|account|client|deploy|encryption|functions|license|master|private|secret|shared|signing|ssh|storage|subscription|tls)key)[0-9]*$`)
	// alone are words that are secrets as they stand, and within no other word.
	alone = regexp.MustCompile(`^(pats?|pwd|creds?|kubeconfig|otp|dsn|npmrc|netrc|pgpass|docker(config(json)?|cfg)|authorization|bearer|cookies?|sessionid|keystore|connectionstring)[0-9]*$`)
	// proofs are further words that a header with a credential, or with a signature that
	// takes its place, has in its name.
	proofs = regexp.MustCompile(`^(signatures?|sig|hmac.*|cookies?2?|session(id)?|assertion|bearer|otp|dpop|pats?|pwd|creds?|crumb|ticket|oidc|userinfo)$`)
	// authors are words with "auth" in them that are about somebody's authorship.
	authors = regexp.MustCompile(`^(co|commit)?author(s|ed|ship|name|email|id|login)?$`)
)

// SecretName reports whether a name is that of a secret itself: db-password and apiToken, and
// not of what only leads to one: secret-name and token-url.
func SecretName(name string) bool {
	name = strings.TrimRight(name, "-_. ")
	all := wordsOf(name[max(0, len(name)-64):]) // its last words say it, however long it is
	for len(all) > 1 && asides.MatchString(all[len(all)-1]) {
		all = all[:len(all)-1]
	}
	n := len(all)
	return n > 0 && (secrets.MatchString(all[n-1]) || alone.MatchString(all[n-1]) || n > 1 && alone.MatchString(all[n-2]+all[n-1]))
}

// SecretHeader reports whether a header's name is that of a credential or signature: by the
// words of SecretName, wherever in the name they stand, and some of its own. It says so too
// often rather than too seldom: what is dropped is not stored.
func SecretHeader(name string) bool {
	return slices.ContainsFunc(wordsOf(name), func(w string) bool {
		return secrets.MatchString(w) || alone.MatchString(w) || proofs.MatchString(w) || strings.Contains(w, "auth") && !authors.MatchString(w)
	})
}

// wordsOf are a name's words in lower case; private-key is one.
func wordsOf(name string) []string {
	var out []string
	for _, w := range words.FindAllString(edges.ReplaceAllString(name, "$1$3 $2$4"), -1) {
		w = strings.ToLower(w)
		if n := len(out); n > 0 && (w == "key" || w == "keys") {
			out[n-1] += "key"
			continue
		}
		out = append(out, w)
	}
	return out
}
