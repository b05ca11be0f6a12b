package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sources is the text of the Go files of a folder that are no tests.
func sources(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no Go files in %s: %v", dir, err)
	}
	var all strings.Builder
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			rel, _ := filepath.Rel(root, name)
			all.WriteString(readFile(t, rel))
		}
	}
	return all.String()
}

func firstGroups(pattern, text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// TestDocsAreComplete: what people meet in objects and files is in the docs.
func TestDocsAreComplete(t *testing.T) {
	t.Parallel()
	reference, configuration := readFile(t, "docs/reference.md"), readFile(t, "docs/configuration.md")
	kube := sources(t, "internal/kube") + sources(t, "internal/kube/controller")
	reasons := firstGroups(`(?:reason\(|problem\(|Reason: +|Reason, .*= metav1.ConditionFalse, |, (?:true|false), )"([A-Z]\w+)"`, kube)
	if len(reasons) < 15 {
		t.Errorf("found %d reasons of conditions in the source, so this test looks for the wrong thing: %v", len(reasons), reasons)
	}
	for _, r := range reasons {
		if !strings.Contains(reference, "`"+r+"`") {
			t.Errorf("reason %s is not in docs/reference.md", r)
		}
	}
	for _, f := range firstGroups(`json:"(\w+)`, sources(t, "internal/config")) {
		if !regexp.MustCompile("`([a-z]+\\.)*" + f + "`").MatchString(configuration) {
			t.Errorf("field %s is not in docs/configuration.md", f)
		}
	}
	spec, _, ok := strings.Cut(readFile(t, "api/v1alpha1/gate_types.go"), "type Approvers struct")
	_, spec, ok2 := strings.Cut(spec, "type GateSpec struct")
	if !ok || !ok2 {
		t.Fatal("gate_types.go is not as this test expects it")
	}
	for _, f := range firstGroups(`json:"(\w+)`, spec) {
		if !regexp.MustCompile("`" + f + `(\.|\[|` + "`)").MatchString(reference) {
			t.Errorf("field %s of a Gate is not in docs/reference.md", f)
		}
	}
}

// TestLinksLead: no relative link of a page leads nowhere, headings included.
func TestLinksLead(t *testing.T) {
	t.Parallel()
	var pages []string
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			pages = append(pages, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		rel, _ := filepath.Rel(root, page)
		for _, link := range firstGroups(`\]\(([^)\s]+)\)`, withoutCode(readFile(t, rel))) {
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			path, heading, _ := strings.Cut(link, "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			info, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s links to %s, which is not there", rel, link)
				continue
			}
			if heading != "" && !info.IsDir() && !hasHeading(t, target, heading) {
				t.Errorf("%s links to %s, and there is no such heading", rel, link)
			}
		}
	}
}

func withoutCode(page string) string {
	return regexp.MustCompile("(?s)```.*?```").ReplaceAllString(page, "")
}

// hasHeading compares anchors as GitHub makes them.
func hasHeading(t *testing.T, page, anchor string) bool {
	t.Helper()
	rel, _ := filepath.Rel(root, page)
	for _, h := range firstGroups(`(?m)^#+ (.+)$`, withoutCode(readFile(t, rel))) {
		h = regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(h), "")
		if strings.ReplaceAll(h, " ", "-") == anchor {
			return true
		}
	}
	return false
}
