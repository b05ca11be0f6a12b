package mapping

import (
	"errors"
	"fmt"
	"maps"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
)

// Limits of what an expression may look like. They bound what it takes to compile it, of
// which CEL's checker knows no end: it works out the type of each part, and a type may
// double with each 13 bytes, as in [1].map(x, {x: x}).map(x, {x: x}).
const (
	maxNested   = 100 // parts within parts
	maxLoops    = 32  // macros
	maxTypeSize = 32  // lists and maps within lists and maps
)

// form has what follows from the text of an expression, before its types are known.
type form struct {
	ranges map[int64]bool // the parts that macros loop over
	loops  int
	plain  map[string]bool
	scope  map[string]int // the sizes of the types of macros' variables
	err    error
}

// plainFunctions returns the functions that never give a list or a map.
func plainFunctions(env *cel.Env) map[string]bool {
	plain := map[string]bool{}
	for name, f := range env.Functions() {
		plain[name] = true
		for _, o := range f.OverloadDecls() {
			switch o.ResultType().Kind() {
			case types.StringKind, types.BytesKind, types.BoolKind, types.IntKind, types.UintKind, types.DoubleKind, types.TimestampKind, types.DurationKind:
			default:
				plain[name] = false
			}
		}
	}
	return plain
}

// formOf looks at a parsed expression. plain are the functions that give no list and no map.
func formOf(parsed *cel.Ast, plain map[string]bool) (*form, error) {
	f := &form{plain: plain, ranges: map[int64]bool{}, scope: map[string]int{}}
	f.size(parsed.NativeRep().Expr(), 0)
	return f, f.err
}

// size is at least as large as the type of e: a list is one larger than its items, and a
// map than its keys and values together.
func (f *form) size(e ast.Expr, depth int) int {
	if depth > 4*maxNested {
		f.fail(fmt.Errorf("it is nested more than %d levels deep", maxNested))
	}
	if f.err != nil {
		return 1
	}
	size := 1
	down := func(part ast.Expr) int { return f.size(part, depth+1) }
	switch e.Kind() {
	case ast.IdentKind:
		size = max(f.scope[e.AsIdent()], 1)
	case ast.SelectKind:
		size = down(e.AsSelect().Operand())
	case ast.CallKind:
		// What a function gives is a part of an argument, or a list of such. A split or a
		// range is a list of a plain type.
		size = 2
		call := e.AsCall()
		if call.IsMemberFunction() {
			size = max(size, down(call.Target()))
		}
		for _, a := range call.Args() {
			size = max(size, down(a))
		}
		if f.plain[call.FunctionName()] {
			size = 1
		}
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			size = max(size, down(item)+1)
		}
	case ast.MapKind:
		keys, values := 1, 1
		for _, x := range e.AsMap().Entries() {
			keys, values = max(keys, down(x.AsMapEntry().Key())), max(values, down(x.AsMapEntry().Value()))
		}
		size = keys + values + 1
	case ast.StructKind:
		f.fail(errors.New("it builds a protobuf message, which is not supported: build a map"))
	case ast.ComprehensionKind:
		size = f.loop(e.AsComprehension(), down)
	default: // a literal
	}
	if size > maxTypeSize {
		f.fail(fmt.Errorf("it nests lists or maps more than %d levels deep: use several expressions, or simpler values", maxTypeSize))
	}
	return size
}

func (f *form) loop(c ast.ComprehensionExpr, down func(ast.Expr) int) int {
	if f.loops++; f.loops > maxLoops {
		f.fail(fmt.Errorf("it has more than %d macros (map, filter, all, …)", maxLoops))
		return 1
	}
	f.ranges[c.IterRange().ID()] = true
	over, result := down(c.IterRange()), down(c.AccuInit())
	outer := map[string]int{}
	for _, name := range []string{c.IterVar(), c.IterVar2(), c.AccuVar()} {
		outer[name] = f.scope[name]
	}
	f.scope[c.IterVar()], f.scope[c.IterVar2()], f.scope[c.AccuVar()] = over, over, result
	result = max(result, down(c.LoopStep()))
	f.scope[c.AccuVar()] = result
	down(c.LoopCondition())
	result = down(c.Result())
	maps.Copy(f.scope, outer)
	return result
}

func (f *form) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}
