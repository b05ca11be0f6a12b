package mapping

import (
	"errors"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/countersign-dev/countersign/approvals"
)

// meterName is the variable with the meter of an evaluation. No expression can name it,
// because names have no "@".
const meterName = "@meter"

type vars struct {
	values map[string]any
	meter  *meter
}

// ResolveName implements interpreter.Activation.
func (v *vars) ResolveName(name string) (any, bool) {
	if name == meterName {
		return v.meter, true
	}
	x, ok := v.values[name]
	return x, ok
}

// Parent implements interpreter.Activation.
func (v *vars) Parent() interpreter.Activation { return nil }

func meterOf(f *interpreter.ExecutionFrame) *meter {
	m, _ := f.ResolveName(meterName)
	return m.(*meter) // a panic ends the evaluation, which must not run unmetered
}

// perNode is the bytes that one evaluated node allocates, with its value.
const perNode = 64

// metered plans a program whose every step takes from the budget first. ranges are the
// nodes that macros loop over.
//
// CEL's own cost limit is not enough: it counts a call after it has returned, and knows
// few functions; and it keeps every value that it has seen until the loop has ended.
func (c *Compiler) metered(ranges map[int64]bool) cel.ProgramOption {
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		switch x := i.(type) {
		case *meteredAttr, *meteredNode, *meteredCall, interpreter.InterpretableConst:
			return i, nil
		case interpreter.InterpretableAttribute:
			return &meteredAttr{InterpretableAttribute: x, loops: ranges[x.ID()]}, nil
		case interpreter.InterpretableCall:
			return c.meteredCall(x, ranges[x.ID()])
		case interpreter.InterpretableConstructor:
			return &meteredNode{InterpretableV2: x, items: int64(len(x.InitVals())), loops: ranges[x.ID()]}, nil
		}
		return i, nil // its parts are metered, and of a loop each round
	})
}

type meteredAttr struct {
	interpreter.InterpretableAttribute
	loops bool
}

// Exec implements interpreter.InterpretableV2.
func (a *meteredAttr) Exec(f *interpreter.ExecutionFrame) ref.Val {
	m := meterOf(f)
	m.use(1, perNode)
	return m.looped(a.InterpretableAttribute.Exec(f), a.loops)
}

// Eval implements interpreter.Interpretable.
func (a *meteredAttr) Eval(v interpreter.Activation) ref.Val { return a.Exec(interpreter.AsFrame(v)) }

// meteredNode is a list or a map that is written in an expression.
type meteredNode struct {
	interpreter.InterpretableV2
	items int64
	loops bool
}

// Exec implements interpreter.InterpretableV2.
func (n *meteredNode) Exec(f *interpreter.ExecutionFrame) ref.Val {
	m := meterOf(f)
	m.use(1+n.items, 6*perNode+times(perNode, n.items)) // a map has eight places at least
	return m.looped(n.InterpretableV2.Exec(f), n.loops)
}

// Eval implements interpreter.Interpretable.
func (n *meteredNode) Eval(v interpreter.Activation) ref.Val { return n.Exec(interpreter.AsFrame(v)) }

// looped takes what it costs to begin a loop over v: the keys of a map are copied.
func (m *meter) looped(v ref.Val, loops bool) ref.Val {
	if x, ok := v.(traits.Mapper); ok && loops {
		m.use(sizeOf(x), times(perNode, sizeOf(x)))
	}
	return v
}

type meteredCall struct {
	id        int64
	function  string
	overload  string
	args      []interpreter.InterpretableV2
	op        *functions.Overload // nil: == and !=
	nonStrict bool
	rule      rule
	loops     bool
}

func (c *Compiler) meteredCall(x interpreter.InterpretableCall, loops bool) (interpreter.InterpretableV2, error) {
	r, ok := rules[x.Function()]
	if !ok {
		return nil, errors.New(x.Function() + "() is not available in expressions")
	}
	if err := checkPattern(x); err != nil {
		return nil, err
	}
	op := c.ops[x.OverloadID()]
	if op == nil {
		op = c.ops[x.Function()] // which chooses by the arguments
	}
	if op == nil && r.run == nil {
		return nil, errors.New("no such overload: " + x.Function())
	}
	return &meteredCall{
		id: x.ID(), function: x.Function(), overload: x.OverloadID(), args: x.Args(), op: op,
		nonStrict: op != nil && op.NonStrict, rule: r, loops: loops,
	}, nil
}

// checkPattern says what is wrong with a pattern that is written in the expression, before
// anything is held by it.
func checkPattern(x interpreter.InterpretableCall) error {
	if name := x.Function(); name != "matches" && name != "translate" || len(x.Args()) < 2 {
		return nil
	}
	by, ok := x.Args()[1].(interpreter.InterpretableConst)
	if !ok {
		return nil
	}
	if _, _, err := approvals.CompilePattern(string(stringOf(by.Value()))); err != nil {
		return errors.New(approvals.Message(err))
	}
	return nil
}

// ID implements interpreter.Interpretable.
func (c *meteredCall) ID() int64 { return c.id }

// Eval implements interpreter.Interpretable.
func (c *meteredCall) Eval(v interpreter.Activation) ref.Val { return c.Exec(interpreter.AsFrame(v)) }

// Exec implements interpreter.InterpretableV2, as the library's own calls do.
func (c *meteredCall) Exec(f *interpreter.ExecutionFrame) ref.Val {
	m := meterOf(f)
	m.use(1, perNode)
	args := make([]ref.Val, len(c.args))
	for i, a := range c.args {
		args[i] = a.Exec(f)
		if !c.nonStrict && types.IsUnknownOrError(args[i]) {
			return args[i]
		}
	}
	if c.rule.charge != nil {
		c.rule.charge(m, args)
	}
	if c.rule.run != nil {
		if out := c.rule.run(m, args); out != nil {
			return m.looped(types.LabelErrNode(c.id, out), c.loops)
		}
	}
	return m.looped(types.LabelErrNode(c.id, c.call(args)), c.loops)
}

func (c *meteredCall) call(args []ref.Val) ref.Val {
	if c.op != nil && (c.op.OperandTrait == 0 || c.nonStrict || args[0].Type().HasTrait(c.op.OperandTrait)) {
		switch {
		case len(args) == 1 && c.op.Unary != nil:
			return c.op.Unary(args[0])
		case len(args) == 2 && c.op.Binary != nil:
			return c.op.Binary(args[0], args[1])
		case c.op.Function != nil:
			return c.op.Function(args...)
		}
	}
	if r, ok := args[0].(traits.Receiver); ok && args[0].Type().HasTrait(traits.ReceiverType) {
		return r.Receive(c.function, c.overload, args[1:])
	}
	return types.NewErr("no such overload: %s", c.function)
}
