package templates

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Dashboard is the address of a run in a dashboard, with {namespace} and {name} in it, which
// ParseDashboard has checked. "" makes no links.
type Dashboard string

var placeholders = regexp.MustCompile(`\{[^{}]*\}|[{}]`)

// ParseDashboard reads a Dashboard, "" for none. It refuses an address that is the same for all runs,
// has other placeholders, or is not http or https of one host.
func ParseDashboard(s string) (Dashboard, error) {
	const such = "use an address such as https://tekton.example.com/#/namespaces/{namespace}/pipelineruns/{name}"
	if s == "" {
		return "", nil
	}
	for _, p := range placeholders.FindAllString(s, -1) {
		if p != "{namespace}" && p != "{name}" {
			return "", fmt.Errorf("%q has %s, and only {namespace} and {name} are known: %s", s, p, such)
		}
	}
	if !strings.Contains(s, "{name}") {
		return "", fmt.Errorf("%q has no {name}, so it is the same for all runs: %s", s, such)
	}
	u, err := url.Parse(s) // which takes no brace for a part of a host
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return "", fmt.Errorf("%q is no http or https address of a host: %s", s, such)
	}
	return Dashboard(s), nil
}

// Run returns the address of a run, "" without a dashboard, a namespace or a name.
func (d Dashboard) Run(namespace, name string) string {
	if d == "" || namespace == "" || name == "" {
		return ""
	}
	return strings.NewReplacer("{namespace}", url.PathEscape(namespace), "{name}", url.PathEscape(name)).Replace(string(d))
}
