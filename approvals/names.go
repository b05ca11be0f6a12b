package approvals

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SamePerson compares names as identity providers do not: without regard to case, so
// that Bob cannot approve what bob asked for. It takes people for one rather than for
// two, so it may exclude and count, and never gives anybody a right: for that there is
// SameName.
func SamePerson(a, b string) bool { return strings.EqualFold(a, b) }

// SameName reports whether a name that was proved is the name that a Gate lists. Addresses are
// compared without regard to the case of ASCII letters, as mail is delivered; other letters
// have foldings by which two addresses that are different look alike. Any other name is
// compared exactly: bob and Bob may be two accounts.
func SameName(a, b string) bool { return a == b || SameAddress(a, b) }

// SameAddress reports whether a and b are one e-mail address.
func SameAddress(a, b string) bool {
	// What is quickly told first: pages ask this of thousands.
	return len(a) == len(b) && strings.EqualFold(a, b) && lower(a) == lower(b) && IsAddress(a)
}

// mailbox is the same for two addresses that one person may read: the part of the name
// behind a plus is for sorting mail, and what is in parentheses is a comment (RFC 5322). It
// is "" for what is no address.
func mailbox(address string) string {
	if len(address) > maxAddress || !IsAddress(address) {
		return ""
	}
	if strings.Contains(address, "(") {
		address = comments.ReplaceAllString(address, "")
	}
	name, domain, _ := strings.Cut(lower(address), "@")
	if base, _, tagged := strings.Cut(name, "+"); tagged && base != "" {
		name = base
	}
	return name + "@" + strings.TrimSuffix(domain, ".")
}

var comments = regexp.MustCompile(`\([^()]*\)`)

// maxAddress is the most bytes of an address that mail can be sent to (RFC 5321).
const maxAddress = 320

// lower folds ASCII letters alone.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// Groups that hold everybody, or everybody who is nobody in particular. A Gate that
// lists one has no policy.
var everybody = []string{"system:authenticated", "system:unauthenticated", "system:serviceaccounts"}

// CheckName says why nobody can have the user name n, nil when somebody may. The error
// is CodeInvalid and its message a part of a sentence: what is wrong, and what to write.
func CheckName(n string) error { return checkName("name", "person", n) }

// CheckGroup says why n is no group that may decide.
func CheckGroup(n string) error {
	if slices.Contains(everybody, n) {
		return Errorf(CodeInvalid, "group %q, which contains every user of the cluster: list the groups of the people who may decide", n)
	}
	return checkName("group", "group", n)
}

func checkName(what, each, n string) error {
	is := func(why string) error {
		return Errorf(CodeInvalid, "%s %q, which is not valid: %s", what, Cut(n, maxSaid), why)
	}
	switch {
	case n == "":
		return Errorf(CodeInvalid, "a %s without a name: name it or remove it", each)
	case !utf8.ValidString(n) || strings.ContainsFunc(n, invisible):
		return is("it contains invisible characters, such as a line break; remove them")
	case strings.TrimSpace(n) != n:
		return is("it begins or ends with a space; remove that")
	case n == "system:anonymous":
		return is("it means every user who is not signed in; name a person")
	case len(n) > 1 && strings.ContainsRune("\"'`[", rune(n[0])):
		return is("it is in quotes or brackets; write only the name, and several names as a list")
	case strings.ContainsAny(n, "<>"):
		return is("write only the address, without the person's name and < >")
	case isSpelled(n):
		return is("its domain has letters outside ASCII; write the domain as xn--…")
	case several(n):
		return is("it looks like several names in one string; write a list with one entry per " + each)
	}
	return nil
}

// isSpelled reports whether n is an address with a domain in other letters than ASCII's.
func isSpelled(n string) bool {
	name, domain, ok := strings.Cut(n, "@")
	return ok && name != "" && strings.ContainsFunc(domain, func(r rune) bool { return r > unicode.MaxASCII })
}

// maxSaid bounds the part of a name that an error repeats, in bytes.
const maxSaid = 80

// invisible reports whether people see nothing of r: some letters and marks are blank.
func invisible(r rune) bool {
	return !unicode.IsPrint(r) || r == '\u2800' || unicode.In(r, unicode.Bidi_Control, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// several reports whether n is a list of names and not a name. A comma is part of one name in
// the distinguished names of a directory alone, such as CN=sre,OU=groups.
func several(n string) bool {
	if strings.Count(n, "@") > 1 && strings.ContainsAny(n, " |&/+") {
		return true
	}
	if strings.ContainsAny(n, ";；，、､") { // the latter are how Chinese and Japanese write lists
		return true
	}
	parts := strings.Split(strings.ReplaceAll(n, `\,`, ""), ",")
	return len(parts) > 1 && slices.ContainsFunc(parts, func(p string) bool {
		key, _, ok := strings.Cut(strings.TrimSpace(p), "=")
		return !ok || key == "" || strings.ContainsAny(key, " @")
	})
}
