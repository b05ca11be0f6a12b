package resend

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

const host = "el-hooks.shop.svc:8080"

// notPaths are addresses that lead elsewhere when they are written behind a host, or
// that are no path as HTTP writes it.
var notPaths = []string{
	"%2fx@attacker/", "%2fx@attacker", "@attacker/", ".attacker/", ":80@attacker/x", "1/x", "attacker/x", "//attacker/x", "///x", "/\\attacker/x", "\\\\attacker", "\\/attacker",
	"http://attacker/x", "https:attacker", "HTTP://el-hooks.shop.svc:8080/", "/x#y", "/#", "/x\r\nHost: attacker", "/x y", "/x\x00", "/x\x7f", "/x\u202ey", "?x=1", "*", "/%zz", "/a|b", "/\xff",
}

// unclean are paths that an EventListener answers with a redirect, or that can't be
// printed once they are decoded.
var unclean = []string{"/..", "/../x", "/x/../y", "/./x", "/x/.", "/x//y", "/%2e%2e/x", "/a%2F%2Fb", "/%2F/attacker", "/%5C%5Cattacker", "/x%00", "/x%0d%0aHost:%20attacker", "/x%E2%80%AEy", "/%ff", "/%2fx@attacker/"}

var paths = []string{
	"/", "/hooks", "/hooks/", "/hooks/a%2Fb?env=prod", "/x?", "/x??", "/@attacker/x", "/x?next=http://user@attacker/", "/x..y/..z", "/x%20y%23z", "/;x", "/%C3%A9", "/x?\u00e9", "/x?q=%00",
}

func TestPath(t *testing.T) {
	t.Parallel()
	for _, p := range paths {
		if got, err := Path(p); got != p || err != nil {
			t.Errorf("%q: %q, %v", p, got, err)
		}
	}
	if got, err := Path(""); got != "/" || err != nil {
		t.Errorf("none: %q, %v", got, err)
	}
	for _, p := range append(append([]string{"/" + strings.Repeat("x", maxAddress)}, notPaths...), unclean...) {
		if got, err := Path(p); approvals.CodeOf(err) != approvals.CodeInvalid || got != "" || len(approvals.Message(err)) > 200 || strings.Contains(approvals.Message(err), "attacker") {
			t.Errorf("%q: %q, %v", p, got, err)
		}
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for _, p := range paths {
		if u, err := URL("https", host, p); err != nil || u.String() != "https://"+host+p {
			t.Errorf("%q: %s, %v", p, u, err)
		}
	}
	for _, p := range append([]string{""}, notPaths...) {
		if u, err := URL("http", host, p); err == nil && !strings.HasPrefix(u.String(), "http://"+host+"/") {
			t.Errorf("%q leads to %s", p, u)
		}
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		name, value string
		ok          bool
	}{
		"plain":             {"X-Github-Event", "push", true},
		"empty":             {"X-A", "", true},
		"a tab, and UTF-8":  {"X-Commit-Author", "J\u00f6rg\t<j@example.com>", true},
		"a line break":      {"X-A", "b\r\nHost: attacker", false},
		"a line feed":       {"X-A", "b\n", false},
		"NUL":               {"X-A", "b\x00", false},
		"DEL":               {"X-A", "b\x7f", false},
		"not UTF-8":         {"X-A", "b\xff", false},
		"no name":           {"", "b", false},
		"a name with space": {"X A", "b", false},
		"a name with break": {"X-A\r\nX-B", "b", false},
		"a name in UTF-8":   {"X-\u00e9", "b", false},
		"not canonical":     {"x-a", "b", false},
		"a pseudo header":   {":authority", "b", false},
	} {
		if err := Header(c.name, c.value); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzPath: whatever an event says of the address that it was sent to, it is posted to
// our host or not at all, as anyone who reads the request understands it.
func FuzzPath(f *testing.F) {
	for _, list := range [][]string{notPaths, unclean, paths} {
		for _, s := range list {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, address string) {
		if p, err := Path(address); err == nil {
			if u, err := URL("http", host, p); err != nil {
				t.Fatalf("%q is held, and can't be posted to: %v", address, err)
			} else if u.Path != "/" && strings.Contains(u.Path, "//") {
				t.Fatalf("%q has an empty part", address)
			}
		}
		u, err := URL("http", host, address) // what is stored may never have been looked at
		if err != nil {
			return
		}
		if u.Host != host || u.User != nil || !strings.HasPrefix(u.Path, "/") || !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") {
			t.Fatalf("%q leads to %s", address, u)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), nil)
		if err != nil {
			t.Fatalf("%q: %v", address, err)
		}
		var wire bytes.Buffer
		if req.Write(&wire) != nil {
			return
		}
		read, err := http.ReadRequest(bufio.NewReader(&wire))
		if err != nil {
			t.Fatalf("%q is not read: %v", address, err)
		}
		if read.Host != host || read.RequestURI != address || read.URL.Host != "" {
			t.Fatalf("%q is read as %s %s", address, read.Host, read.RequestURI)
		}
	})
}

// FuzzHeader: a header that may be posted arrives as the one that it was, beside no other.
func FuzzHeader(f *testing.F) {
	for name, value := range map[string]string{"X-A": "b\r\nHost: attacker", "X-Github-Event": "push", "X-A\r\nX-B": "c", "X-B": " a\tb ", "Content-Length": "0", "X-C": "\u00e9"} {
		f.Add(name, value)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if Header(name, value) != nil || name == "Host" || name == "Content-Length" || name == "Transfer-Encoding" || name == "Trailer" || name == "User-Agent" || name == "Connection" {
			return // the client's own, which are never held
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(name, value)
		var wire bytes.Buffer
		if err := req.Write(&wire); err != nil {
			t.Fatalf("%q: %q is not sent: %v", name, value, err)
		}
		read, err := http.ReadRequest(bufio.NewReader(&wire))
		if err != nil {
			t.Fatalf("%q: %q is not read: %v", name, value, err)
		}
		if read.Host != host || len(read.Header) > 3 || read.Header.Get(name) != strings.Trim(value, " \t") {
			t.Fatalf("%q: %q is read as %s, %v", name, value, read.Host, read.Header)
		}
	})
}
