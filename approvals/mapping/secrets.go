package mapping

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/countersign-dev/countersign/approvals"
)

// maxForeign bounds expressions of cel interceptors that are read here.
const maxForeign = 16 << 10

// Comparison is one compareSecret of a cel interceptor's expression: which header is
// compared with which Secret. What is not written plainly in the expression is "".
type Comparison struct {
	Header, Key, Secret, Namespace string
}

// Comparisons are the compareSecret calls of an expression of a cel interceptor. The
// expression is parsed, not evaluated. An error is CodeInvalid: it can't be read.
func (c *Compiler) Comparisons(expr string) ([]Comparison, error) {
	if len(expr) > maxForeign {
		return nil, approvals.Errorf(approvals.CodeInvalid, "it has %d bytes and the limit is %d", len(expr), maxForeign)
	}
	parsed, issues := c.env.Parse(expr)
	if issues.Err() != nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "it can't be parsed: %s", firstLine(issues.Err().Error()))
	}
	return comparisons(parsed), nil
}

func comparisons(parsed *cel.Ast) []Comparison {
	var out []Comparison
	for _, e := range ast.MatchDescendants(ast.NavigateAST(parsed.NativeRep()), ast.FunctionMatcher("compareSecret")) {
		call := e.AsCall()
		// Method: VALUE.compareSecret(key, secret[, namespace]).
		var x Comparison
		if call.IsMemberFunction() {
			x.Header = headerIn(call.Target())
		}
		for i, arg := range call.Args() {
			switch i {
			case 0:
				x.Key = textOf(arg)
			case 1:
				x.Secret = textOf(arg)
			case 2:
				if x.Namespace = textOf(arg); x.Namespace == "" {
					x.Secret = "" // of a namespace that is worked out
				}
			}
		}
		out = append(out, x)
	}
	return out
}

// headerIn is the one header that an expression reads, "" when it reads none, several, or
// anything else.
func headerIn(e ast.Expr) string {
	name, reads := "", 0
	var walk func(ast.Expr)
	walk = func(e ast.Expr) {
		switch e.Kind() {
		case ast.CallKind:
			call := e.AsCall()
			args := call.Args()
			switch {
			case call.IsMemberFunction() && call.FunctionName() == "canonical" && isHeader(call.Target()) && len(args) == 1:
				name = textOf(args[0])
				reads++
				return
			case call.FunctionName() == operators.Index && len(args) == 2 && isHeader(args[0]):
				name = textOf(args[1])
				reads++
				return
			}
			if call.IsMemberFunction() {
				walk(call.Target())
			}
			for _, a := range args {
				walk(a)
			}
		case ast.LiteralKind:
		default: // whatever else it reads is not a header alone
			reads += 2
		}
	}
	walk(e)
	if reads != 1 {
		return ""
	}
	return name
}

func isHeader(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "header" }

func textOf(e ast.Expr) string {
	if e.Kind() != ast.LiteralKind {
		return ""
	}
	s, _ := e.AsLiteral().(types.String)
	return string(s)
}
