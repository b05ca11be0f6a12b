package templates

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	tparse "text/template/parse"

	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

// message is a key of the catalogue: many is "" where nothing is counted.
type message struct{ one, many string }

// messages are all keys that templates, Go code and scripts have, with where each stands.
func messages(t *testing.T) map[message]string {
	t.Helper()
	all := map[message]string{{"English", ""}: "language.go"}
	s := newSet(t)
	for _, x := range s.in(English).html.Templates() {
		inTree(t, x.Tree, all)
	}
	for _, x := range s.in(English).text.Templates() {
		inTree(t, x.Tree, all)
	}
	inGo(t, all)
	inScripts(t, all)
	for _, key := range slices.Concat(toldKeys, tails) {
		all[message{key, ""}] = "tolds.go"
	}
	return all
}

// inTree finds the calls of t and n in a template.
func inTree(t *testing.T, tree *tparse.Tree, all map[message]string) {
	t.Helper()
	if tree == nil || tree.Root == nil {
		return
	}
	literal := func(n tparse.Node) string {
		s, ok := n.(*tparse.StringNode)
		if !ok {
			t.Errorf("%s: %s is no literal, so that no file of a language can have it", tree.Name, n)
			return "?"
		}
		return s.Text
	}
	var walk func(n tparse.Node)
	pipe := func(p *tparse.PipeNode) {
		if p == nil {
			return
		}
		for _, c := range p.Cmds {
			if id, ok := c.Args[0].(*tparse.IdentifierNode); ok {
				switch id.Ident {
				case "t":
					all[message{literal(c.Args[1]), ""}] = tree.Name
				case "n":
					all[message{literal(c.Args[2]), literal(c.Args[3])}] = tree.Name
				}
			}
			for _, a := range c.Args {
				walk(a)
			}
		}
	}
	list := func(l *tparse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(n)
			}
		}
	}
	walk = func(n tparse.Node) {
		switch n := n.(type) {
		case *tparse.PipeNode:
			pipe(n)
		case *tparse.ActionNode:
			pipe(n.Pipe)
		case *tparse.TemplateNode:
			pipe(n.Pipe)
		case *tparse.IfNode:
			pipe(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *tparse.WithNode:
			pipe(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *tparse.RangeNode:
			pipe(n.Pipe)
			list(n.List)
			list(n.ElseList)
		}
	}
	list(tree.Root)
}

// inGo finds the calls of a printer's t and n in this package, and of a Card's Say in the channels.
func inGo(t *testing.T, all map[message]string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	channels, err := filepath.Glob("../approvals/notify/*/*.go")
	if err != nil || len(channels) == 0 {
		t.Fatal(channels, err)
	}
	files = append(files, channels...)
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := c.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch {
			case (sel.Sel.Name == "t" || sel.Sel.Name == "Say") && len(c.Args) > 0:
				if s, ok := literalOf(c.Args[0]); ok {
					all[message{s, ""}] = f
				}
			case sel.Sel.Name == "n" && len(c.Args) > 2:
				one, ok := literalOf(c.Args[1])
				many, too := literalOf(c.Args[2])
				if ok && too {
					all[message{one, many}] = f
				}
			}
			return true
		})
	}
}

func literalOf(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

var scriptKey = regexp.MustCompile(`\bt\(("(?:[^"\\]|\\.)*")`)

// inScripts finds the calls of t in the scripts.
func inScripts(t *testing.T, all map[message]string) {
	t.Helper()
	files, err := fs.Glob(embedded, "static/*.js")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range files {
		text, err := fs.ReadFile(embedded, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range scriptKey.FindAllStringSubmatch(string(text), -1) {
			key, err := strconv.Unquote(m[1])
			if err != nil {
				t.Fatal(err)
			}
			found[key] = true
			if !slices.Contains(scriptKeys, key) {
				t.Errorf("%s says %q, which is not in scriptKeys", path.Base(f), key)
			}
		}
	}
	for _, key := range scriptKeys {
		all[message{key, ""}] = "scripts.go"
		if !found[key] {
			t.Errorf("no script says %q", key)
		}
	}
}

// TestEveryLanguageIsComplete: each file has each message, and none that nobody says.
func TestEveryLanguageIsComplete(t *testing.T) {
	all := messages(t)
	if len(all) < 400 {
		t.Fatalf("only %d messages were found", len(all))
	}
	files, err := filepath.Glob("locales/*.po")
	if err != nil || len(files) < 4 {
		t.Fatalf("files of languages: %v, %v", files, err)
	}
	for _, f := range files {
		for _, e := range entriesOf(t, f) {
			key := message{e.id, e.many}
			if all[key] == "" {
				t.Errorf("%s line %d: nobody says %q", f, e.line, e.id)
			}
			for _, form := range e.forms {
				if got, want := verbs(form), verbs(cmpOr(e.many, e.id)); !slices.Equal(got, want) && !slices.Equal(got, verbs(e.id)) {
					t.Errorf("%s line %d: %q has the values %v, and its translation %q has %v", f, e.line, e.id, want, form, got)
				}
			}
		}
		have := map[message]bool{}
		for _, e := range entriesOf(t, f) {
			have[message{e.id, e.many}] = true
		}
		for m, where := range all {
			if !have[m] {
				t.Errorf("%s has no translation of %q (%s)", f, m.one, where)
			}
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func entriesOf(t *testing.T, file string) []entry {
	t.Helper()
	text, err := fs.ReadFile(embedded, filepath.ToSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	all, err := parsePO(string(text))
	if err != nil {
		t.Fatal(file, err)
	}
	return all
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([a-z%])`)

// verbs are the values of a message, "1s" for the first as a string, in order.
func verbs(s string) []string {
	var out []string
	next := 1
	for _, m := range verb.FindAllStringSubmatch(s, -1) {
		if m[2] == "%" {
			continue
		}
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		v := strconv.Itoa(next) + m[2]
		next++
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// TestPartsOfOtherPackages: each sentence that is translated as it comes is one that somebody says.
func TestPartsOfOtherPackages(t *testing.T) {
	said := map[string]bool{}
	for _, dir := range []string{"../approvals", "../approvals/evidence/report", "../approvals/link", "../approvals/notify/slack", "../approvals/web"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if s, ok := literalOf(e); ok {
						said[s] = true
					}
				}
				return true
			})
		}
	}
	whole := func(key string) bool {
		return said[key] || said[strings.TrimSuffix(key, "%s")] || slices.ContainsFunc(tails, func(x string) bool { return said[key+strings.TrimPrefix(x, "%s")] })
	}
	for _, key := range toldKeys {
		if !whole(key) {
			t.Errorf("no package says %q", key)
		}
	}
	for _, key := range tails {
		if tail := strings.TrimPrefix(key, "%s"); !said[tail] && !said[key] {
			t.Errorf("no package says %q", tail)
		}
	}
}

// TestRefusalsInChats: each refusal of a channel is one that is translated.
func TestRefusalsInChats(t *testing.T) {
	files, err := filepath.Glob("../approvals/notify/slack/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	found := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			at := -1
			switch fun := c.Fun.(type) {
			case *ast.SelectorExpr: // approvals.Errorf(code, sentence, …)
				if x, ok := fun.X.(*ast.Ident); ok && x.Name == "approvals" && fun.Sel.Name == "Errorf" {
					at = 1
				}
			case *ast.Ident: // refuse(why)
				if fun.Name == "refuse" {
					at = 0
				}
			}
			if at < 0 {
				return true
			}
			found++
			if s, ok := literalOf(c.Args[at]); !ok || !slices.Contains(toldKeys, s) {
				t.Errorf("%s: %q is not in toldKeys", f, s)
			}
			return true
		})
	}
	if found < 8 {
		t.Errorf("only %d refusals were found", found)
	}
}

// TestSums: what package evidence counts has a translation of each of its parts.
func TestSums(t *testing.T) {
	all := evidence.Summary{
		Format: "terraform-plan", Add: 1, Change: 2, Destroy: 3, Replace: 1, Import: 4, Forget: 5, Move: 6, Drift: 7, Tests: 30, Failed: 8, Skipped: 9,
		Critical: 1, High: 2, Medium: 3, Low: 4, Note: 5, Incomplete: true,
	}
	diff, replaced := all, evidence.Summary{Format: "terraform-plan", Replace: 2}
	diff.Format = "diff"
	p := printerOf("de")
	known := sums(printerOf(English))
	for _, s := range []evidence.Summary{all, diff, replaced, {Format: "junit"}, {Format: "sarif"}, {Format: "diff"}} {
		for part := range strings.SplitSeq(s.Line(), " · ") {
			if key := numerals.ReplaceAllString(part, "%d"); !slices.Contains(known, key) {
				t.Errorf("%q is not among sums", key)
			}
		}
	}
	if got, want := p.sum(all.Line()), "4 importieren · 1 anlegen · 2 ändern · 3 löschen (1 ersetzt) · 5 nicht mehr verwalten · 6 verschieben · 7 außerhalb geändert · 8 fehlgeschlagen · 9 übersprungen · 13 bestanden · 1 kritisch · 2 hoch · 3 mittel · 4 niedrig · 5 Hinweise · unvollständig"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestUnits: each unit of a text's parts has a translation, although templates put it together.
func TestUnits(t *testing.T) {
	p := printerOf(English)
	known := units(p, 2)
	for _, f := range []report.Format{report.Plan, report.Diff, report.HelmDiff, report.JUnit, report.SARIF, report.Text} {
		unit := Output{Format: string(f)}.Unit()
		for _, got := range []string{p.plural(2, unit), p.plural(2, "more "+unit)} {
			if !slices.Contains(known, got) {
				t.Errorf("%q is not among units", got)
			}
		}
	}
}

// TestToldIsBounded: what a tenant writes into a sentence costs no more than that sentence, and a name stays
// what it is.
func TestToldIsBounded(t *testing.T) {
	t.Parallel()
	for _, p := range catalogue() {
		if p.english {
			continue
		}
		tag := p.Tag
		for _, part := range []string{" already b this at c", "; x can decide", "nobody can decide this yet: "} {
			long := strings.Repeat(part, 32<<10/len(part))
			if got := p.told(long); got != long {
				t.Errorf("%s: a text of %d bytes is taken for a sentence of ours", tag, len(long))
			}
		}
		if got := p.told("a" + strings.Repeat("; x can decide", 60)); !strings.Contains(got, "; x can decide; x can decide") {
			t.Errorf("%s: a sentence within a sentence has no end: %.200s", tag, got)
		}
		if got := p.value("Board", 1); got != "Board" {
			t.Errorf("%s: somebody called Board is called %q", tag, got)
		}
	}
}
