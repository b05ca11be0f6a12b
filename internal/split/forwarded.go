package split

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// noteForwarded adds a note that what goes from part to part can be read, and warns of each value that
// is called like a secret.
func (g *dataFlow) noteForwarded(add func(string, ...any)) {
	var names []string
	for _, v := range g.values {
		if v.param != "" && v.last > v.from {
			names = append(names, v.param)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return
	}
	add("These values are forwarded: %s. Anyone who can read the Approval sees them, mails and the audit log contain them, and the EventListener logs them.", strings.Join(slices.Compact(names), ", "))
	for _, v := range g.values {
		if why := g.secretive(v); v.last > v.from && v.result == "" && why != "" {
			add("WARNING: %s looks like a secret (%s), and it would be shown and kept as the others are: have the part that needs it read it from a Secret, or fetch it again.", v.param, why)
		}
	}
}

// noteStaying warns of what does not travel, and is shown all the same: an Approval has all
// params of the run that it is about.
func (g *dataFlow) noteStaying(add func(string, ...any)) {
	for _, p := range g.typed.Spec.Params {
		travels := slices.ContainsFunc(g.values, func(v *value) bool { return v.param == p.Name && v.last > v.from })
		if isSecretName(p.Name) && !travels && !g.first {
			add("WARNING: %s looks like a secret (param %s), and the Approval has all params of part 1's run: have the task that needs it read it from a Secret.", p.Name, p.Name)
		}
	}
}

// secretive returns why a value may be a secret: by its own names, by those under which it
// is read, or by where it stands in an address. "" for nothing.
func (g *dataFlow) secretive(v *value) string {
	why := ""
	say := func(what, name string) {
		if why == "" && isSecretName(name) {
			why = what + " " + name
		}
	}
	say("param", v.param)
	for id, x := range g.known {
		if x == v {
			say("it is read as", strings.Trim(id, "."))
		}
	}
	for _, t := range slices.Concat(g.order, g.finally) {
		for _, r := range t.refs {
			if g.known[r.id()] == v && r.of == "tasks" {
				say("it is a result of task", r.name)
			}
		}
		why = cmp.Or(why, g.readAsSecret(t, v))
	}
	return why
}

// readAsSecret returns why t reads v as a secret: it gives v to a name that a secret has, or puts it
// where an address has a password. It is "" for neither.
func (g *dataFlow) readAsSecret(t *task, v *value) string {
	why := ""
	var look func(n *yaml.Node)
	look = func(n *yaml.Node) {
		for _, of := range []string{"value", "default"} {
			if x := field(n, of); x != nil && isSecretName(name(n)) && g.has(x, v) {
				why = cmp.Or(why, "it is given to "+name(n))
			}
		}
		for _, c := range n.Content {
			look(c)
		}
	}
	look(t.node)
	scalars(t.node, func(s *yaml.Node) {
		for _, r := range referencesIn(s) {
			if g.known[r.id()] == v && inUserinfo(s.Value, r.raw) {
				why = cmp.Or(why, "it is a password in an address")
			}
		}
	})
	return why
}

// has reports whether a text beneath n refers to v.
func (g *dataFlow) has(n *yaml.Node, v *value) bool {
	return slices.ContainsFunc(referencesBeneath(n), func(r reference) bool { return g.known[r.id()] == v })
}

// inUserinfo reports whether ref stands before the host of an address: https://user:ref@host.
func inUserinfo(s, ref string) bool {
	_, after, ok := strings.Cut(s, "://")
	for ok {
		user, rest, found := strings.Cut(after, "@")
		if found && !strings.ContainsAny(strings.ReplaceAll(user, ref, ""), "/ \n") && strings.Contains(user, ref) {
			return true
		}
		_, after, ok = strings.Cut(rest, "://")
	}
	return false
}

var (
	secretWords = []string{
		"token", "tokens", "password", "passwd", "passphrase", "pwd", "secret", "secrets", "credential", "credentials", "creds", "cred",
		"apikey", "dockerconfigjson", "dockerconfig", "kubeconfig", "privatekey", "bearer", "authorization", "cookie", "jwt", "otp", "netrc", "htpasswd", "pem",
	}
	// lastWords are others' words too: they count at the end of a name alone.
	lastWords = []string{"pass", "pw", "pat", "auth", "pin", "seed", "cert", "sas"}
	keyOf     = []string{"api", "access", "private", "ssh", "signing", "deploy", "secret", "encryption", "gpg", "pgp", "cosign", "sa", "account", "master", "license"}
	// pointers end names of what is no secret, but what one is called or where it is.
	pointers = []string{"name", "names", "ref", "namespace", "path", "file", "dir", "url", "uri", "id", "enabled", "type", "ttl", "expiry", "expires", "digest", "hash"}
	wordEnds = regexp.MustCompile(`[A-Za-z][a-z]+|[A-Z]+|[0-9]+`)
)

// isSecretName reports whether secrets are called so, in whatever case: registry-password,
// GITHUB_TOKEN, apiKey, but not token-secret-name.
func isSecretName(s string) bool {
	var words []string
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if strings.ToUpper(w) == w || strings.ToLower(w) == w {
			words = append(words, strings.ToLower(w))
			continue
		}
		for _, part := range wordEnds.FindAllString(w, -1) {
			words = append(words, strings.ToLower(part))
		}
	}
	if len(words) == 0 || slices.Contains(pointers, words[len(words)-1]) {
		return false
	}
	if slices.Contains(lastWords, words[len(words)-1]) {
		return true
	}
	words = append(words, strings.ToLower(s))
	for i, w := range words {
		if slices.Contains(secretWords, w) || (w == "key" || w == "keys") && i > 0 && slices.Contains(keyOf, words[i-1]) {
			return true
		}
		for _, within := range []string{"password", "passphrase", "secret", "token", "credential"} { // dbpassword
			if strings.Contains(w, within) {
				return true
			}
		}
	}
	return false
}
