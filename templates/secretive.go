package templates

import (
	"regexp"
	"slices"
	"strings"
)

// concealed is shown in the place of a value whose name says that it is a secret.
// People approve a digest of it, and need not read it.
const concealed = "(not shown: its name says that it is a secret)"

var words = regexp.MustCompile(`[A-Z]+(?:[a-z0-9]*)|[a-z0-9]+`)

// secretive says whether a name is that of a secret itself: db-password and apiToken,
// and not of what only leads to one: secret-name and token-url.
func secretive(name string) bool {
	var all []string
	for _, w := range words.FindAllString(name[max(0, len(name)-64):], -1) { // its last words say it, however long it is
		all = append(all, strings.ToLower(w))
	}
	if len(all) == 0 {
		return false
	}
	last, before := all[len(all)-1], ""
	if len(all) > 1 {
		before = all[len(all)-2]
	}
	if last == "key" {
		return slices.Contains([]string{"api", "access", "private", "secret", "signing", "encryption"}, before)
	}
	return slices.Contains([]string{"password", "passwd", "passphrase", "secret", "token", "credential", "credentials", "apikey", "secretkey", "privatekey"}, last)
}
