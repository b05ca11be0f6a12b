package templates

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// sentence is an error's message as a page shows it: with a capital and a full
// stop, with times and service accounts as people write them. Errors are written
// for programs and logs too, where none of that belongs.
func sentence(s string) string {
	s = strings.TrimSpace(text(s))
	if s == "" {
		return ""
	}
	s = instants.ReplaceAllStringFunc(s, func(x string) string {
		t, err := time.Parse(time.RFC3339, x)
		if err != nil {
			return x
		}
		return t.UTC().Format("Mon 2 Jan 2006, 15:04 UTC")
	})
	s = accounts.ReplaceAllString(s, "service account $2 of namespace $1")
	s = yourself.ReplaceAllString(s, "You")
	// A name stays as it is: "alice@example.com" is no "Alice@example.com".
	if word, _, _ := strings.Cut(s, " "); !strings.ContainsAny(word, "@:/.-_0123456789") {
		r, n := utf8.DecodeRuneInString(s)
		s = string(unicode.ToUpper(r)) + s[n:]
	}
	if !strings.ContainsAny(s[len(s)-1:], ".!?:…") && !strings.HasSuffix(s, "…") {
		s += "."
	}
	return s
}

var (
	// An API names the caller; the top of a page has done that.
	yourself = regexp.MustCompile(`^you \([^()]*\)`)
	instants = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)
	accounts = regexp.MustCompile(`\bsystem:serviceaccount:([a-z0-9-]+):([a-z0-9.-]*[a-z0-9])`)
)
