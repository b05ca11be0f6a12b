package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sentencesAllowed are the files whose tests look for words in what an error or a condition says,
// each with the reason why no code, reason or field does.
var sentencesAllowed = map[string]string{
	"templates/set_test.go": "the errors of html/template have no kinds",
}

// TestTestsAssertNoSentences: which fault it is, a test knows by a code, a reason, a field or a
// type; the sentence is in a file that -update writes (internal/golden). So it can be rewritten
// without a change of tests, and is read beside its neighbours.
func TestTestsAssertNoSentences(t *testing.T) {
	t.Parallel()
	looked, used := 0, map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, name)
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") || strings.HasPrefix(rel, "tools/") { // tools are modules of their own
			return err
		}
		looked++
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		found, err := sentencesIn(string(src))
		if err != nil {
			return err
		}
		if sentencesAllowed[rel] != "" && len(found) > 0 {
			used[rel] = true
			return nil
		}
		for _, line := range found {
			t.Errorf("%s:%s: assert a code, a reason, a field or a type, and put the sentence into a file by internal/golden", rel, line)
		}
		return nil
	})
	if err != nil || looked < 300 {
		t.Errorf("looked at %d files, %v: this looks in the wrong place", looked, err)
	}
	for name := range sentencesAllowed {
		if !used[name] {
			t.Errorf("%s is an exception, and needs none", name)
		}
	}
}

var (
	twoWords = regexp.MustCompile(`[A-Za-z']+,? [A-Za-z']+`)
	// A status and a reason, or the type of an Event and its reason, with more behind them.
	withSentence = regexp.MustCompile("^[\"`](True|False|Unknown|Warning|Normal) [A-Z][A-Za-z]+ [^\"`]")
)

// sentencesIn returns the lines of src in which a test looks for words in a message. A test may
// look for what must not be there, such as a secret.
func sentencesIn(src string) ([]string, error) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	negated := map[ast.Expr]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if u, ok := n.(*ast.UnaryExpr); ok && u.Op == token.NOT {
			negated[u.X] = true
		}
		c, ok := n.(*ast.CallExpr)
		if !ok || !looksFor(c) {
			return true
		}
		if slices.ContainsFunc(textsIn(c.Args[1]), withSentence.MatchString) || isMessage(c.Args[0]) && (negated[c] || hasWords(c.Args[1])) {
			found = append(found, fmt.Sprint(files.Position(c.Pos()).Line))
		}
		return true
	})
	return found, nil
}

// looksFor is whether c looks for a text in another.
func looksFor(c *ast.CallExpr) bool {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || len(c.Args) != 2 {
		return false
	}
	from, ok := s.X.(*ast.Ident)
	return ok && from.Name == "strings" && (s.Sel.Name == "Contains" || s.Sel.Name == "HasPrefix" || s.Sel.Name == "HasSuffix" || s.Sel.Name == "EqualFold")
}

// isMessage is whether e is what an error, a condition or an answer says.
func isMessage(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "Error" || s.Sel.Name == "Message" || s.Sel.Name == "Discreet") {
			found = true
		}
		return true
	})
	return found
}

func hasWords(e ast.Expr) bool {
	return slices.ContainsFunc(textsIn(e), twoWords.MatchString)
}

func textsIn(e ast.Expr) []string {
	var texts []string
	ast.Inspect(e, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			texts = append(texts, l.Value)
		}
		return true
	})
	return texts
}

func TestSentencesAreFound(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]bool{
		`!strings.Contains(err.Error(), "try again")`:                                   true,
		`!strings.Contains(err.Error(), c.want)`:                                        true,
		`strings.HasPrefix(approvals.Message(err), "there is no")`:                      true,
		`!strings.HasSuffix(problem.Message, want)`:                                     true,
		`!strings.HasPrefix(got, "False NotResolved there is no Gate")`:                 true,
		`strings.Contains(strings.ToLower(v.Error.Message), "in a moment")`:             true,
		`strings.Contains(err.Error(), secret)`:                                         false,
		`!strings.HasPrefix(got, "False NotResolved ")`:                                 false,
		`approvals.CodeOf(err) != approvals.CodeInvalid`:                                false,
		`!strings.Contains(page, "data-result")`:                                        false,
		`strings.Contains(approvals.Message(err), "hunter2")`:                           false,
		`errors.Is(err, fs.ErrNotExist) && !strings.Contains(path, "a folder of mine")`: false,
	} {
		found, err := sentencesIn("package a\n\nvar _ = " + expr + "\n")
		if err != nil || (len(found) > 0) != want {
			t.Errorf("%s: found %v, %v; want %t", expr, found, err, want)
		}
	}
}
