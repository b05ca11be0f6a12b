package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// gone are words that people had to read twice, or that meant several things, each with what
// to write. Those with everywhere are gone from comments, too.
var gone = []struct {
	word, instead string
	everywhere    bool
}{
	{`whoever`, `"anyone who", or who it is: "the requester", "the leader"`, true},
	{`anew`, `"again"; a run is "recreated", a process "restarted"`, true},
	{`mend(s|ed|ing)?`, `"fix" or "correct"`, true},
	{`let go`, `"start", for a pending run`, true},
	{`genuine`, `"valid" or "verified"`, true},
	{`seals?|sealed`, `"signature" and "signed", as in sourceSignature`, true},
	{`deput(y|ies)`, `"delegate": the kind is called Delegation`, true},
	{`the record('s)?`, `"the audit log", "the audit store"; record is only in names that programs use (docs/adr/0021-names-that-stay.md)`, true},
	{`lines? of the record`, `"entries of the audit log"`, false},
	{`terms are|the terms|fixed terms`, `"resolved": the spec is resolved once`, true},
	{`is said`, `who says it: "the log has it", "the condition reports it"`, false},
	{`is told|are told|was told|were told`, `"is notified", or what they get: "gets the answer"`, false},
	{`rooms?`, `"channel", "package", or "space" for bytes`, false},
	{`bro(ke|ken|eaks|eaking)? the glass|breaking the glass`, `"break-glass" or "emergency approval"`, false},
	{`not proved|nobody proved`, `"not verified"`, false},
	{`was recorded before`, `"already counted"`, false},
	{`is taken back|takes? (it|this) back`, `"is withdrawn"`, false},
	{`goes on by itself`, `"continues automatically"`, false},
	{`the most is`, `"the limit is"`, false},
}

// TestWordsAreGone holds what people read to plain English: the docs, the pages, the
// mails, the manifests, the messages in the code and its comments. The pages of the docs that
// a message names must be there. Names of tests and of files are code.
func TestWordsAreGone(t *testing.T) {
	t.Parallel()
	words := make([]*regexp.Regexp, len(gone))
	for i, g := range gone {
		words[i] = regexp.MustCompile(`(?i)\b(` + strings.ReplaceAll(g.word, " ", `\s+`) + `)\b`)
	}
	look := func(where, text string, comment bool) {
		for i, w := range words {
			if comment && !gone[i].everywhere {
				continue
			}
			if found := w.FindString(text); found != "" {
				t.Errorf("%s: %q; write %s", where, found, gone[i].instead)
			}
		}
	}
	looked := 0
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, name)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if base := d.Name(); base == ".git" || base == "dist" || base == "bin" || base == "testdata" || rel == "docs/adr" || rel == "cluster" || rel == "test" {
				return fs.SkipDir
			}
			return nil
		case rel == "CHANGELOG.md": // it has the names of before
			return nil
		case strings.HasSuffix(rel, ".md"):
			looked++
			look(rel, withoutCode(readFile(t, rel)), false)
		case strings.HasPrefix(rel, "templates/html/"), strings.HasPrefix(rel, "templates/text/"):
			looked++
			look(rel, action.ReplaceAllString(readFile(t, rel), ""), false)
		case (strings.HasPrefix(rel, "deploy") || strings.HasPrefix(rel, "examples")) && strings.HasSuffix(rel, ".yaml"):
			looked++
			look(rel, readFile(t, rel), true)
		case strings.HasSuffix(rel, ".go") && !strings.HasSuffix(rel, "_test.go") && !strings.Contains(rel, "test/") && !strings.HasPrefix(rel, "internal/archtest"):
			looked++
			return literals(name, func(line int, s string, comment bool) {
				where := rel + ":" + strconv.Itoa(line)
				look(where, s, comment)
				for _, page := range pages.FindAllString(s, -1) {
					if _, err := os.Stat(filepath.Join(root, page)); err != nil {
						t.Errorf("%s: it leads to %s, which is not there", where, page)
					}
				}
			})
		}
		return nil
	})
	if err != nil || looked < 300 {
		t.Errorf("looked at %d files, %v: this looks in the wrong place", looked, err)
	}
}

// pages are those of the docs that a message leads to.
var pages = regexp.MustCompile(`\bdocs/[\w/-]+\.md\b`)

// action is what a template does, whose names are code.
var action = regexp.MustCompile(`\{\{.*?\}\}`)

// literals gives each text and each comment in a Go file, with its line.
func literals(name string, look func(line int, s string, comment bool)) error {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return err
	}
	for _, c := range f.Comments {
		look(files.Position(c.Pos()).Line, c.Text(), true)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				look(files.Position(l.Pos()).Line, s, false)
			}
		}
		return true
	})
	return nil
}
