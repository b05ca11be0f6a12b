package templates

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
)

// What pages may consist of. Anything else got in through somebody's text, or
// would be refused by the Content-Security-Policy.
var (
	pageElements = strings.Fields(`html head meta noscript title link body a header footer main div span section dl dt dd p h1 h2 h3
		b i strong em code datalist pre details summary table thead tbody tr th td form label input textarea select option button nav ol ul li blockquote time svg path circle rect`)
	pageAttributes = strings.Fields(`lang charset name content http-equiv rel href type class id role tabindex title
		aria-label aria-current aria-labelledby aria-hidden aria-describedby scope datetime hreflang method action accept-charset for rows maxlength open inputmode selected autocomplete value checked form list dir autofocus aria-live data-poll viewBox d cx cy r x y width height data-pattern data-rel data-result data-copy required`)
	mailElements   = append(strings.Fields("style h1 br"), pageElements...)
	mailAttributes = append(strings.Fields("style width valign align cellpadding cellspacing border"), pageAttributes...)
)

// leadsOut has the addresses outside of the service to which links of the previews may lead.
var leadsOut = []string{
	"https://tekton.example.com/#/namespaces/demo/pipelineruns/", "https://git.example.com/platform/network", "https://runbooks.example.com/network",
	"https://grafana.example.com/d/net", "https://calendar.example.com/", "https://wiki.example.com/network", "https://x.example.com/",
}

// element is a start tag, with the text directly in it.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

// elements parses markup strictly enough to find unbalanced tags.
func elements(t testing.TB, s string) []element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(s))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "link", "br", "input"}, xml.HTMLEntity
	var all []element
	var open []int
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("markup does not parse: %v", err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			e := element{name: x.Name.Local, attrs: map[string]string{}}
			for _, a := range x.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			all, open = append(all, e), append(open, len(all))
		case xml.EndElement:
			if len(open) == 0 || all[open[len(open)-1]].name != x.Name.Local {
				t.Fatalf("</%s> closes nothing; open are %v", x.Name.Local, open)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				all[open[len(open)-1]].text += string(x)
			}
		}
	}
	if len(open) > 0 {
		t.Fatalf("never closed: %v", open)
	}
	return all
}

// checkPage fails on anything that a page must not have.
func checkPage(t testing.TB, s string) []element {
	t.Helper()
	all := elements(t, s)
	// Each of our scripts once, without text.
	scripts := map[string]int{}
	all = slices.DeleteFunc(all, func(e element) bool {
		script := path.Base(e.attrs["src"])
		if e.name == "script" && e.attrs["type"] == "application/json" && e.attrs["id"] == "words" { // what the scripts say, as data
			return json.Valid([]byte(e.text))
		}
		data := map[string]string{"live.js": e.attrs["data-events"], "times.js": e.attrs["data-now"]}[script]
		if e.name != "script" || e.text != "" || e.attrs["src"] == "" || data == "" && script != "live.js" && script != "keys.js" && script != "filters.js" || len(e.attrs) > 3 || !strings.HasSuffix(e.attrs["src"], "/static/"+script) {
			return false
		}
		scripts[script]++
		return true
	})
	for script, n := range scripts {
		if n > 1 {
			t.Errorf("%s %d times", script, n)
		}
	}
	check(t, all, pageElements, pageAttributes)
	for _, e := range all {
		for _, name := range []string{"href", "src", "action", "data-copy"} {
			v, ok := e.attrs[name]
			if name == "href" && e.attrs["class"] == "out" {
				if e.attrs["rel"] != "noopener noreferrer" || !slices.ContainsFunc(leadsOut, func(to string) bool { return strings.HasPrefix(v, to) }) {
					t.Errorf("leads out: %v", e.attrs)
				}
				continue
			}
			if ok && !strings.HasPrefix(v, "#") && !strings.HasPrefix(v, "?language=") && (!strings.HasPrefix(v, "/") || strings.HasPrefix(v, "//")) {
				t.Errorf("<%s %s=%q> leads elsewhere", e.name, name, v)
			}
		}
	}
	return all
}

func check(t testing.TB, all []element, names, attrs []string) {
	t.Helper()
	ids := map[string]bool{}
	for _, e := range all {
		if !slices.Contains(names, e.name) {
			t.Errorf("<%s> must not be there: %v", e.name, e.attrs)
		}
		for name := range e.attrs {
			if !slices.Contains(attrs, name) {
				t.Errorf("<%s> has attribute %s", e.name, name)
			}
		}
		if id := e.attrs["id"]; id != "" {
			if ids[id] {
				t.Errorf("id %q is there twice", id)
			}
			ids[id] = true
		}
	}
	for _, e := range all {
		for _, name := range []string{"aria-labelledby", "aria-describedby", "for"} {
			if v := e.attrs[name]; v != "" && !ids[v] {
				t.Errorf("<%s %s=%q> refers to nothing", e.name, name, v)
			}
		}
		if v := e.attrs["href"]; strings.HasPrefix(v, "#") && !ids[v[1:]] {
			t.Errorf("<a href=%q> leads nowhere", v)
		}
	}
}
