package forge

import (
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// node is a place in a JSON document of unknown shape.
type node struct{ value any }

func (n node) is() bool { return n.value != nil }

// at is the first of places that is there. A number in a path is a place in a list.
func (n node) at(places ...string) node {
	for _, p := range places {
		x := n.value
		for name := range strings.SplitSeq(p, ".") {
			switch v := x.(type) {
			case map[string]any:
				x = v[name]
			case []any:
				x = nil
				if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
					x = v[i]
				}
			default:
				x = nil
			}
		}
		if x != nil {
			return node{x}
		}
	}
	return node{}
}

// all is the text at each of places that has any.
func (n node) all(places ...string) []string {
	var out []string
	for _, p := range places {
		if s := strings.TrimSpace(n.long(p)); s != "" {
			out = append(out, first(s))
		}
	}
	return out
}

// first is the first text at one of places.
func (n node) first(places ...string) string {
	if all := n.all(places...); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (n node) long(place string) string {
	s, _ := n.at(place).value.(string)
	return s
}

func (n node) yes() bool {
	b, _ := n.value.(bool)
	return b
}

func (n node) number() int {
	f, _ := n.value.(float64)
	if f < 1 || f > 1<<31 {
		return 0
	}
	return int(f)
}

var (
	hosts = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	paths = regexp.MustCompile(`^(/[A-Za-z0-9._~+-]+){1,12}$`)
)

// WebAddress is s when it is a web address that reads as what it is, and else "": no other
// scheme, nobody's name before the host, no letters that look like others, no query.
func WebAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > 512 || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "" {
		return ""
	}
	p := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), ".git")
	if !hosts.MatchString(u.Host) || strings.Contains(u.Host, "..") || !paths.MatchString(p) || path.Clean(p) != p {
		return ""
	}
	return u.Scheme + "://" + u.Host + p
}
