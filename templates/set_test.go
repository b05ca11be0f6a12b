package templates

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

func TestOverrides(t *testing.T) {
	s, err := New(fstest.MapFS{
		"brand.html":   {Data: []byte(`{{define "brand"}}<b>ACME releases</b>{{end}}`)},
		"problem.html": {Data: []byte(`<p>{{.Title}}</p>`)},
		"subject.txt":  {Data: []byte("[ACME]\n{{.Trigger}}")},
		"notes.md":     {Data: []byte("{{ not a template")},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := preview(t, "pending")
	if got := page(t, s, d); !strings.Contains(got, "ACME releases") || !strings.Contains(got, "<form") {
		t.Error("the part was not redefined, or more than that")
	}
	if got := problemPage(t, s); got != "<p>This link has expired</p>" {
		t.Errorf("the file was not replaced: %q", got)
	}
	if m := mail(t, s, d); m.Subject != "[ACME] terraform-apply" {
		t.Errorf("subject %q", m.Subject)
	}
	if got := page(t, newSet(t), d); strings.Contains(got, "ACME") {
		t.Error("an override is seen by another Set")
	}
}

// TestOverridesAreTried: a mistake in an override is found when it is parsed or
// tried, and the message names it.
func TestOverridesAreTried(t *testing.T) {
	for name, c := range map[string]struct{ file, content, want string }{
		"syntax":        {"approval.html", "{{if}}", "approval.html"},
		"unknown field": {"x.html", `{{define "form"}}{{.Nope}}{{end}}`, "Nope"},
		"unsafe place":  {"problem.html", `<a href={{.Title}}{{if .Base}}"{{end}}>`, "problem.html"},
		"in the mail":   {"mail.txt", "{{.Approval}}", "Approval"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(fstest.MapFS{c.file: {Data: []byte(c.content)}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestVersion: every page ends with the version of the service, in each language, and with nothing where it is not known.
func TestVersion(t *testing.T) {
	s := newSet(t)
	d := preview(t, "pending")
	if got := page(t, s, d); strings.Contains(got, "Countersign v") {
		t.Error("a page names a version that nobody gave")
	}
	s = newSet(t)
	s.Version("v0.1.0-<rc>")
	for _, tag := range []string{English, "de", "ja"} {
		d.Language = tag
		if got := page(t, s, d); !strings.Contains(got, `<footer class="wrap version">Countersign v0.1.0-&lt;rc&gt;`) {
			t.Errorf("the page in %s does not end with the version", tag)
		}
	}
}

// TestErrorWritesNothing: half an approval page is worse than none.
func TestErrorWritesNothing(t *testing.T) {
	s := newSet(t)
	if _, err := s.in(English).html.New("record").Parse(`{{.Nope}}`); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Approval(&b, preview(t, "pending")); err == nil || b.Len() > 0 {
		t.Errorf("error %v after %d bytes", err, b.Len())
	}
}

func TestStatic(t *testing.T) {
	css, err := fs.ReadFile(Static, "countersign.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []string{"url(", "@import", "//"} {
		if bytes.Contains(css, []byte(x)) {
			t.Errorf("the style sheet has %q: it must stand alone", x)
		}
	}
	for _, name := range []string{"live.js", "times.js", "keys.js", "filters.js"} {
		script, err := fs.ReadFile(Static, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []string{"eval", "Function(", "innerHTML", "insertAdjacent", "document.write", "http:", "import("} {
			if bytes.Contains(script, []byte(x)) {
				t.Errorf("%s has %q", name, x)
			}
		}
		if n := bytes.Count(script, []byte("\n")); n > 120 {
			t.Errorf("%s has %d lines: it is to be read at a glance", name, n)
		}
	}
	if _, err := fs.Stat(Static, "icon.svg"); err != nil {
		t.Error(err)
	}
}

// TestContrast checks text against what it is written on, WCAG AA, in both themes.
func TestContrast(t *testing.T) {
	css, err := fs.ReadFile(Static, "countersign.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(css), "prefers-color-scheme: dark")
	for theme, css := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([\w-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			if colours[m[1]] == "" {
				colours[m[1]] = m[2]
			}
		}
		pairs := []string{"on-accent accent", "on-accent accent-hi", "red card", "blue card", "amber page"}
		for _, on := range []string{"page", "card", "well", "grey-bg", "red-bg", "green-bg", "amber-bg", "blue-bg", "violet-bg"} {
			pairs = append(pairs, "ink "+on, "soft "+on)
		}
		for _, c := range []string{"green", "red", "amber", "blue", "violet", "grey"} {
			pairs = append(pairs, c+" "+c+"-bg", "card "+c)
		}
		for c := range 8 {
			pairs = append(pairs, fmt.Sprintf("c%d well", c), fmt.Sprintf("card c%d", c))
		}
		for _, p := range pairs {
			a, b, _ := strings.Cut(p, " ")
			if colours[a] == "" || colours[b] == "" {
				t.Fatalf("%s: no colours for %s", theme, p)
			}
			if r := contrast(luminance(t, colours[a]), luminance(t, colours[b])); r < 4.5 {
				t.Errorf("%s: %s has contrast %.2f, needs 4.5", theme, p, r)
			}
		}
	}
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
