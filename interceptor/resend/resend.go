// Package resend decides what of a held event may be sent again: which path, which headers, to
// which address. Anyone who calls the interceptor directly chooses all of them, so they are looked
// at before they are held, and again before they are posted.
//
// It imports little, so that its fuzz targets build in seconds.
package resend

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/countersign-dev/countersign/approvals"
)

// maxAddress is the longest path with query that is held.
const maxAddress = 2048

// Path is the path with its query of the address that an event was sent to, as it may be
// posted again: rooted, in the form in which EventListeners give it, and nothing that
// could be read as a host. "" is "/". What can't have come through an EventListener is
// refused.
func Path(address string) (string, error) {
	if address == "" {
		return "/", nil
	}
	refuse := func(why string) (string, error) {
		return "", approvals.Errorf(approvals.CodeInvalid, "the event's address %s: send it to a path such as /hooks?x=1", why)
	}
	if len(address) > maxAddress {
		return refuse("is longer than 2048 bytes")
	}
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") {
		return refuse("is not a path that begins with one /")
	}
	if !utf8.ValidString(address) || strings.ContainsFunc(address, bad) {
		return refuse("has a backslash, a #, a space or a character that can't be printed")
	}
	u, err := URL("http", "listener", address)
	if err != nil {
		return refuse("is not a valid path in HTTP")
	}
	// An EventListener redirects from any other form, and redirects are not followed.
	if strings.TrimSuffix(u.Path, "/") != strings.TrimSuffix(path.Clean(u.Path), "/") || strings.Contains(u.Path, "//") || !plain(u.Path) {
		return refuse("has . or .. or an empty part in its path, or a character that can't be printed")
	}
	return address, nil
}

func bad(r rune) bool { return r == '\\' || r == '#' || unicode.IsSpace(r) || !unicode.IsPrint(r) }

// plain reports whether a decoded path has nothing that is bad but what was written as %20 or
// %23.
func plain(decoded string) bool {
	return utf8.ValidString(decoded) && !strings.ContainsFunc(decoded, func(r rune) bool { return r != ' ' && r != '#' && bad(r) })
}

// Header returns CodeInvalid for a header that can't be posted.
func Header(name, value string) error {
	if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || !utf8.ValidString(value) || http.CanonicalHeaderKey(name) != name {
		return approvals.Errorf(approvals.CodeInvalid,
			"header %s of the event has a name or a value that HTTP can't carry (a line break, for example), so the event can't be posted again: have the sender omit the header", approvals.Cut(name, approvals.MaxQuoted))
	}
	return nil
}

// URL is the address of path at host. It is read again as others will read it, and must
// still be that host with that path.
func URL(scheme, host, path string) (*url.URL, error) {
	u, err := url.Parse(scheme + "://" + host + path)
	if err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsFunc(path, bad) ||
		u.Scheme != scheme || u.Host != host || u.User != nil || u.Opaque != "" || u.Fragment != "" || u.RequestURI() != path {
		return nil, approvals.Errorf(approvals.CodeInvalid, "the event's address is not a plain path: send it to a path such as /hooks?x=1")
	}
	return u, nil
}
