package archtest

import (
	"fmt"
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

// section is a part of a page: from its heading, of level two, to the next one. "" is all of
// the page.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	var text strings.Builder
	in, code := heading == "", false
	for line := range strings.Lines(readFile(t, page)) {
		code = code != strings.HasPrefix(line, "```")
		if heading != "" && !code && strings.HasPrefix(line, "## ") {
			in = strings.TrimSpace(line) == "## "+heading
		}
		if in {
			text.WriteString(line)
		}
	}
	if text.Len() == 0 {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	return text.String()
}

// sourcesBeneath is sources of all packages beneath dir.
func sourcesBeneath(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join(root, dir), func(name string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			rel, _ := filepath.Rel(root, name)
			all.WriteString(readFile(t, rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestDocsAreComplete: what people meet in objects, files and answers is in the docs, at
// the place where it is looked for.
func TestDocsAreComplete(t *testing.T) {
	t.Parallel()
	kube := sourcesBeneath(t, "internal/kube")
	webhook := sources(t, "approvals/notify/webhook")
	const reference = "docs/reference/resources.md"
	for what, c := range map[string]struct {
		found         []string
		least         int // less says that the source is looked at in the wrong way
		page, heading string
		as            string // how the page says one, as an expression; %s is its name
	}{
		"reason of a condition": {
			firstGroups(`(?:[rR]eason\(|problem\(|Reason: +|Reason, .*= metav1.ConditionFalse, |, (?:true|false), |reasonStopped = |SignatureInvalid = )"([A-Z]\w+)"`, kube+sources(t, "approvals")),
			30, reference, "Conditions", "`%s`",
		},
		"reason of a CustomRun's event": {
			append(firstGroups(`EventType(?:Warning|Normal), "(\w+)"`, sources(t, "internal/kube/approvaltask")), "SignatureInvalid"),
			6, "docs/reference/approvaltask.md", "Part 2 of a pipeline that was cut", "`%s`",
		},
		"reason of a Trigger's event":       {firstGroups(`Event\w+ += "(\w+)"`, readFile(t, "internal/kube/triggers/reports.go")), 3, reference, "Where problems are reported", "`%s`"},
		"reason of an ApprovalTask's event": {firstGroups(`EventType(?:Warning|Normal), "(\w+)"`, sources(t, "internal/kube/openshift")), 1, "docs/reference/manual-approval-gate.md", "What is different", "`%s`"},
		"metric":                            {firstGroups(`(?:Name: +|counter\(|desc\()"(\w+)"`, sources(t, "internal/app")+sources(t, "internal/kube/queue")), 14, "docs/reference/metrics.md", "All metrics", "`countersign_%s`"},
		"interceptor param":                 {firstGroups(`case "(\w+)":`, sources(t, "interceptor")), 4, reference, "Interceptor params", "`%s`"},
		"value for bindings":                {structFields(t, sources(t, "interceptor"), "Extension"), 5, reference, "What bindings read", `countersign\.%s\b`},
		"variable of CEL":                   {firstGroups(`cel.Variable\("(\w+)"`, sources(t, "approvals/mapping")), 8, reference, "CEL", "`%s`"},
		"what approval has":                 {firstGroups(`"(\w+)": +(?:a\.|string\(a\.|votes|approvals\.ByName)`, readFile(t, "approvals/mapping/approval.go")), 7, reference, "CEL", "`%s`"},
		"field of a webhook's event":        {structFields(t, webhook, "payload"), 18, reference, "Who is notified", "`%s`"},
		"field of an entry":                 {structFields(t, sources(t, "approvals/record"), "Line"), 24, reference, "The audit log", "`%s`"},
		"kind of an entry":                  {firstGroups(`\w+ +Kind = "(\w+)"`, sources(t, "approvals/record")), 11, reference, "The audit log", "\\| `%s` \\|"},
		"command":                           {firstGroups(`Use: +"([a-z]+)[ "]`, sources(t, "internal/cli")), 10, "docs/reference/tkn-approval.md", "", `tkn approval (gate )?%s\b`},
		"example":                           {folders(t, "examples"), 8, "examples/README.md", "", "\\]\\(%s\\)"},
	} {
		if len(c.found) < c.least {
			t.Errorf("found %d, want %d at least, so this test looks for the wrong thing: %s: %v", len(c.found), c.least, what, c.found)
		}
		text := section(t, c.page, c.heading)
		for _, name := range c.found {
			if !regexp.MustCompile(fmt.Sprintf(c.as, regexp.QuoteMeta(name))).MatchString(text) {
				t.Errorf("%s %s is not in %s, %s", what, name, c.page, c.heading)
			}
		}
	}
}

// TestDocsNameNoOther: the metrics, reasons and fields that the tables name are there.
func TestDocsNameNoOther(t *testing.T) {
	t.Parallel()
	const first = "(?m)^\\| (?:`\\w+`)? *\\| `(\\w+)` \\|" // of a row's second cell
	for what, c := range map[string]struct {
		named []string
		least int
		code  string
		as    string // how the code has one; %s is its name
	}{
		"reason": {firstGroups(first, section(t, "docs/reference/resources.md", "Conditions")), 20, sourcesBeneath(t, "internal/kube") + sources(t, "approvals"), `"%s"`},
	} {
		if len(c.named) < c.least {
			t.Errorf("found %d of %d at least, so this test looks for the wrong thing: %s: %v", len(c.named), c.least, what, c.named)
		}
		for _, name := range c.named {
			if !strings.Contains(c.code, fmt.Sprintf(c.as, name)) {
				t.Errorf("there is no %s %s", what, name)
			}
		}
	}
}

// TestDocsNameEach: what is deployed and set by name is somewhere in the docs.
func TestDocsNameEach(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, page := range docPages(t) {
		all.WriteString(readFile(t, page))
	}
	var names []string
	for _, dir := range folders(t, "deploy/components") {
		names = append(names, "components/"+dir)
	}
	names = append(names, firstGroups(`"(countersign\.dev/[a-z-]+)"`, sourcesBeneath(t, "internal/kube")+sources(t, "api/v1alpha1"))...)
	names = append(names, firstGroups(`(countersign\.dev/protected)`, readFile(t, "deploy/components/protected/runs.yaml"))...)
	if len(names) < 12 {
		t.Errorf("found %v, so this test looks for the wrong thing", names)
	}
	for _, name := range names {
		if !regexp.MustCompile(regexp.QuoteMeta(name) + `\b`).MatchString(all.String()) {
			t.Errorf("%s is in no page of docs", name)
		}
	}
}

// structFields are the names that the fields of a struct have in JSON.
func structFields(t *testing.T, text, name string) []string {
	t.Helper()
	_, fields, ok := strings.Cut(text, "\ntype "+name+" struct {\n")
	if !ok {
		t.Fatalf("there is no struct %s", name)
	}
	fields, _, _ = strings.Cut(fields, "\n}\n")
	return firstGroups(`json:"(\w+)`, fields)
}

func folders(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
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
		text := withoutCode(readFile(t, rel))
		links := append(firstGroups(`\]\(([^)\s]+)\)`, text), firstGroups(`(?:src|srcset|href)="([^"]+)"`, text)...)
		for _, link := range links {
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

// TestPagesAreFound: whoever begins with the README gets to every page of the docs and to
// every example.
func TestPagesAreFound(t *testing.T) {
	t.Parallel()
	seen, todo := map[string]bool{}, []string{"README.md"}
	for len(todo) > 0 {
		page := todo[0]
		todo = todo[1:]
		if seen[page] {
			continue
		}
		if seen[page] = true; !strings.HasSuffix(page, ".md") {
			// A link to a folder shows its README.
			if _, err := os.Stat(filepath.Join(root, page, "README.md")); err == nil {
				todo = append(todo, filepath.Join(page, "README.md"))
			}
			continue
		}
		for _, link := range firstGroups(`\]\(([^)\s#:]+)`, withoutCode(readFile(t, page))) {
			todo = append(todo, filepath.Join(filepath.Dir(page), link))
		}
	}
	for _, page := range docPages(t) {
		if !seen[page] {
			t.Errorf("no link leads from README.md to %s", page)
		}
	}
	for _, dir := range folders(t, "examples") {
		if !seen[filepath.Join("examples", dir)] {
			t.Errorf("no link leads from README.md to examples/%s", dir)
		}
	}
}

// TestTaskPages: a page of docs/tasks leads from a goal to a clean end, and the lists of the
// folders have every page of theirs.
func TestTaskPages(t *testing.T) {
	t.Parallel()
	tasks := 0
	for _, page := range docPages(t) {
		dir, name := filepath.Split(page)
		if dir == "docs/" || dir == "docs/adr/" || name == "README.md" {
			continue
		}
		if list := readFile(t, dir+"README.md"); !strings.Contains(list, "]("+name+")") {
			t.Errorf("%sREADME.md does not list %s", dir, name)
		}
		if dir != "docs/tasks/" {
			continue
		}
		tasks++
		text, at := readFile(t, page), 0
		for _, part := range []string{"\n**Goal:**", "\n## Before you begin\n", "\n## Steps\n\n1. ", "\n## Check that it worked\n", "\n## What goes wrong\n", "\n## Clean up\n", "\n## Related\n"} {
			i := strings.Index(text[at:], part)
			if i < 0 {
				t.Errorf("%s has no %q, or not in this order", page, strings.TrimSpace(part))
				continue
			}
			at += i
		}
	}
	if tasks < 15 {
		t.Errorf("found %d pages of tasks, so this test looks for the wrong thing", tasks)
	}
}

// docPages are the Markdown files of docs and of its folders.
func docPages(t *testing.T) []string {
	t.Helper()
	var pages []string
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".md") {
			rel, _ := filepath.Rel(root, name)
			pages = append(pages, rel)
		}
		return err
	})
	if err != nil || len(pages) < 8 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	return pages
}

func withoutCode(page string) string {
	return regexp.MustCompile("(?s)```.*?```|`[^`\n]*\\]\\([^`\n]*`").ReplaceAllString(page, "")
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
