package mapping

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	celast "github.com/google/cel-go/common/ast"
)

// guard says how expr can be written so that it works without what v does not have: which
// field is null or absent, and the words that ask for it first. "" when that is not why it
// fails. Events have nulls where people forget them: a push that deletes a branch has no
// head_commit.
func (c *Compiler) guard(expr string, v Vars) string {
	parsed, issues := c.env.Parse(expr)
	if issues.Err() != nil {
		return ""
	}
	for _, path := range paths(parsed) {
		if hint := missing(path, v.activation()); hint != "" {
			return hint
		}
	}
	return ""
}

// paths are the fields that an expression reads, such as body.head_commit.id, each as far
// as it goes, without those that it only asks for with has().
func paths(parsed *cel.Ast) [][]string {
	var out [][]string
	inner := map[int64]bool{} // a part of a longer one
	visit := func(e celast.Expr) {
		if e.Kind() == celast.SelectKind && !inner[e.ID()] {
			if path := pathOf(e, inner); path != nil && !e.AsSelect().IsTestOnly() {
				out = append(out, path)
			}
		}
	}
	celast.PreOrderVisit(parsed.NativeRep().Expr(), celast.NewExprVisitor(visit))
	return out
}

// pathOf is e as the names of which it is made, nil for what is not made of names alone.
func pathOf(e celast.Expr, inner map[int64]bool) []string {
	switch e.Kind() {
	case celast.IdentKind:
		return []string{e.AsIdent()}
	case celast.SelectKind:
		s := e.AsSelect()
		inner[s.Operand().ID()] = true
		if before := pathOf(s.Operand(), inner); before != nil {
			return append(before, s.FieldName())
		}
		return nil
	default:
		return nil
	}
}

func missing(path []string, vars map[string]any) string {
	at, known := vars[path[0]]
	if !known {
		return "" // a variable of the expression's own, as in a macro
	}
	for i, name := range path[1:] {
		here := strings.Join(path[:i+2], ".")
		is, ask := "null", fmt.Sprintf("has(%[1]s) && %[1]s != null", here)
		switch m := at.(type) {
		case map[string]any:
			next, ok := m[name]
			if ok && next != nil {
				at = next
				continue
			}
			if !ok {
				is = "missing"
			}
		case map[string]string:
			next, ok := m[name]
			if ok {
				at = next
				continue
			}
			is, ask = "missing", "has("+here+")" // of strings, which are never null
		default:
			return ""
		}
		return fmt.Sprintf("%s is %s here: check for it first, as in %s ? %s : ''", here, is, ask, strings.Join(path, "."))
	}
	return ""
}
