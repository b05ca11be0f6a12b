package templates

import (
	"regexp"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// concealed is shown in the place of a value whose name says that it is a secret.
// People approve a digest of it, and need not read it.
const concealed = "(not shown: its name says that it is a secret)"

var (
	// edges are where a word ends within letters: apiToken, DBPassword.
	edges = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)
	words = regexp.MustCompile(`[A-Za-z0-9]+`)
	// asides are last words that say nothing of what it is: token-2, secret-v1, password_base64.
	asides = regexp.MustCompile(`^(v?[0-9]+|base64|b64|value)$`)
	// secrets may have words before them without a sign between: dbpassword, clientsecret.
	secrets = regexp.MustCompile(`(passwords?|passwd|passphrase|secret|token|credentials?|(api|access|private|secret|signing|encryption)key)[0-9]*$`)
)

// secretive says whether a name is that of a secret itself: db-password and apiToken,
// and not of what only leads to one: secret-name and token-url.
func secretive(name string) bool {
	name = strings.TrimRight(name, "-_. ")
	name = name[max(0, len(name)-64):] // its last words say it, however long it is
	all := words.FindAllString(edges.ReplaceAllString(name, "$1$3 $2$4"), -1)
	for i, w := range all {
		all[i] = strings.ToLower(w)
	}
	for len(all) > 1 && asides.MatchString(all[len(all)-1]) {
		all = all[:len(all)-1]
	}
	if n := len(all); n > 1 && all[n-1] == "key" { // private-key
		all = append(all[:n-2], all[n-2]+"key")
	}
	return len(all) > 0 && secrets.MatchString(all[len(all)-1])
}

// shown is what may be shown of p's value.
func shown(p approvals.Param) string {
	if secretive(p.Name) && p.Value != "" {
		return concealed
	}
	return p.Value
}

// pairs are what was filled in, bounded.
func pairs(inputs []approvals.Param) (out []Pair) {
	for _, in := range inputs {
		out = append(out, Pair{line(in.Name), line(shown(in))})
	}
	return out
}
