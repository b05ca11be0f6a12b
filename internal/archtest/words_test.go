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

// gone are words that people had to read twice, each with what to write.
var gone = []struct{ word, instead string }{
	{`whoever`, `"anyone who", or who it is: "the requester", "the leader"`},
	{`anew`, `"again"; a run is "recreated", a process "restarted"`},
	{`is said`, `who says it: "the log has it", "the condition reports it"`},
	{`mend`, `"fix" or "correct"`},
	{`let go`, `"start", for a pending run`},
	{`bro(ke|ken|eaks|eaking)? the glass|breaking the glass`, `"break-glass" or "emergency approval"`},
	{`nobody proved it`, `"not verified"`},
	{`was recorded before`, `"already counted"`},
	{`is taken back`, `"is withdrawn"`},
	{`goes on by itself`, `"continues automatically"`},
	{`the most is`, `"the limit is"`},
}

// TestWordsAreGone holds what people read to plain English: the docs, the pages, the
// mails and the messages in the code, whose pages of the docs must be there. Names of tests
// and of files are code.
func TestWordsAreGone(t *testing.T) {
	t.Parallel()
	words := make([]*regexp.Regexp, len(gone))
	for i, g := range gone {
		words[i] = regexp.MustCompile(`(?i)\b(` + strings.ReplaceAll(g.word, " ", `\s+`) + `)\b`)
	}
	look := func(where, text string) {
		for i, w := range words {
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
		case strings.HasSuffix(rel, ".md"), strings.HasPrefix(rel, "templates/html"), strings.HasPrefix(rel, "templates/text"):
			looked++
			look(rel, withoutCode(readFile(t, rel)))
		case strings.HasSuffix(rel, ".go") && !strings.HasSuffix(rel, "_test.go") && !strings.Contains(rel, "test/") && !strings.HasPrefix(rel, "internal/archtest"):
			looked++
			return literals(name, func(line int, s string) {
				where := rel + ":" + strconv.Itoa(line)
				look(where, s)
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

// literals gives each text in a Go file, with its line.
func literals(name string, look func(line int, s string)) error {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				look(files.Position(l.Pos()).Line, s)
			}
		}
		return true
	})
	return nil
}
