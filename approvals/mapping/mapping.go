// Package mapping is the CEL shim: it turns what is held into forwarded params,
// and a decision into results. Expressions see what Triggers' CEL interceptor
// gives them (body, header, extensions, requestURL, and its functions, by its
// own library) and run, params, results and approval.
//
// It is the only package that imports cel-go.
package mapping

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	"github.com/google/cel-go/interpreter"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	triggerscel "github.com/tektoncd/triggers/pkg/interceptors/cel"

	"github.com/countersign-dev/countersign/approvals"
)

// MaxValue is the most bytes that an expression may give: all comments that an Approval
// may have, joined. The CRD schema takes twice that, which covers what is put in
// to neutralise it.
const MaxValue = approvals.MaxComments + approvals.MaxVotes

// Vars are the variables of an expression. Absent maps are empty, never null.
type Vars struct {
	Body       map[string]any
	Header     map[string][]string
	Extensions map[string]any
	RequestURL string
	Run        map[string]any    // name, uid, namespace, pipeline, labels, annotations, claims by workspace
	Params     map[string]string // of part 1; an array or object is its JSON text
	Results    map[string]string // likewise
	Approval   map[string]any    // outcome, votes, requester, ... (see ApprovalVars)
	// Budget is what the expressions that see these may use together; nil: each has its own.
	Budget *Budget
}

// Compiler compiles expressions, each once. It is safe for concurrent use.
type Compiler struct {
	// People says what else a requester is called; nil: nothing is known of anybody.
	People *approvals.Directory

	env    *cel.Env
	ops    map[string]*functions.Overload
	plain  map[string]bool
	limits Limits
	cache  cache
	// slots are the places of expensive evaluations, and compiling those of compilations.
	slots, compiling chan struct{}
}

// New returns a Compiler.
func New() (*Compiler, error) {
	dyn := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewEnv(
		triggerscel.Triggers(context.Background(), "", noSecrets{}),
		ext.Strings(), ext.Encoders(), ext.Sets(), ext.Lists(), ext.Math(),
		truncating(), parsed(), literals(),
		cel.ExpressionNestingDepthLimit(maxNested),
		cel.Variable("body", dyn), cel.Variable("header", dyn), cel.Variable("extensions", dyn),
		cel.Variable("requestURL", cel.StringType),
		cel.Variable("run", dyn),
		cel.Variable("params", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("results", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("approval", dyn),
	)
	if err != nil {
		return nil, err
	}
	c := &Compiler{
		env: env, ops: map[string]*functions.Overload{}, plain: plainFunctions(env), limits: DefaultLimits(),
		slots: make(chan struct{}, maxExpensive), compiling: make(chan struct{}, maxExpensive),
	}
	for _, f := range env.Functions() {
		ops, err := f.Bindings()
		if err != nil {
			return nil, err
		}
		for _, op := range ops {
			c.ops[op.Operator] = op
		}
	}
	return c, nil
}

// Check says why expr does not compile, with the position. The error is
// CodeInvalid.
func (c *Compiler) Check(expr string) error {
	_, err := c.program(expr)
	return err
}

// String evaluates expr to the string that travels: a string as it is, a bool or
// number in its shortest form (an integer of JSON exactly), a timestamp or duration as CEL's string() has it,
// a list or map as JSON. Null, an error, a value of more than MaxValue bytes and what costs
// more than the limits are CodeInvalid. CodeUnavailable: it was interrupted, and nothing is
// known about expr.
func (c *Compiler) String(ctx context.Context, expr string, v Vars) (string, error) {
	s := ""
	err := c.evaluate(ctx, expr, v, func(m *meter, out ref.Val) (err error) {
		s, err = m.text(out)
		return err
	})
	if approvals.CodeOf(err) == approvals.CodeUnavailable {
		return "", err
	}
	if err != nil {
		if approvals.CodeOf(err) == approvals.CodeInvalid { // it does not compile
			return "", err
		}
		why := approvals.Cut(err.Error(), maxReason)
		if cut := (interpreter.EvalCancelledError{}); errors.As(err, &cut) {
			return "", &approvals.Error{Code: approvals.CodeInvalid, Message: fmt.Sprintf("expression %q: %s", expr, why), Err: errTooCostly}
		}
		if hint := c.guard(expr, v); hint != "" {
			return "", approvals.Errorf(approvals.CodeInvalid, "expression %q: %s. %s", expr, why, hint)
		}
		return "", approvals.Errorf(approvals.CodeInvalid, "expression %q: %s", expr, why)
	}
	if len(s) > MaxValue {
		return "", approvals.Errorf(approvals.CodeInvalid, "expression %q returns %d bytes and the limit is %d", expr, len(s), MaxValue)
	}
	return s, nil
}

var errTooCostly = errors.New("it exceeds the limits of an evaluation")

// TooCostly reports whether err is of an expression that would cost more than it may, which
// it would whatever is decided.
func TooCostly(err error) bool { return errors.Is(err, errTooCostly) }

var errInterrupted = errors.New("the evaluation was interrupted")

// Interrupted reports whether err is of an evaluation that was ended from outside. It gives
// something when it is tried again.
func Interrupted(err error) bool { return errors.Is(err, errInterrupted) }

func within(field string, err error) error {
	out := &approvals.Error{Code: approvals.CodeOf(err), Message: field + ": " + approvals.Message(err)}
	for _, kind := range []error{errTooCostly, errInterrupted} {
		if errors.Is(err, kind) {
			out.Err = kind
		}
	}
	return out
}

// maxReason bounds the part of a library's error that is repeated, in bytes: it may quote the
// wrong value.
const maxReason = 512

// True reports whether expr is exactly true of v, as a cel interceptor's filter must be; an
// error of any kind is not. known is false when the expression costs more than is evaluated
// here, although Triggers' own interceptor has no such bound.
func (c *Compiler) True(ctx context.Context, expr string, v Vars) (is, known bool) {
	err := c.evaluate(ctx, expr, v, func(_ *meter, out ref.Val) error {
		is = out == types.True
		return nil
	})
	if cut := (interpreter.EvalCancelledError{}); errors.As(err, &cut) || TooCostly(err) || approvals.CodeOf(err) == approvals.CodeUnavailable {
		return false, false
	}
	return err == nil && is, true
}

// evaluate is the one place where expressions run: within the limits of one expression, and
// within v's budget. then sees what expr gives, within the same limits.
//
// Errors are CodeInvalid where expr does not compile, CodeUnavailable where it was
// interrupted, and others as they are. A panic, which no expression should be able to
// bring about, is an error like any other.
func (c *Compiler) evaluate(ctx context.Context, expr string, v Vars, then func(*meter, ref.Val) error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interpreter.EvalCancelledError:
			err = r
		default:
			err = fmt.Errorf("internal error: %v", r)
		}
		if cut := (interpreter.EvalCancelledError{}); ctx.Err() != nil || errors.As(err, &cut) && cut.Cause == interpreter.ContextCancelled {
			err = &approvals.Error{
				Code: approvals.CodeUnavailable, Err: errInterrupted,
				Message: fmt.Sprintf("the evaluation of expression %q was interrupted; try again in a moment", expr),
			}
		}
	}()
	prg, err := c.program(expr)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, c.limits.Time)
	defer cancel()
	m := c.meter(limited, v.Budget)
	defer m.done()
	if b, before := v.Budget, *m; b != nil {
		defer func() { b.settle(before, *m) }()
	}
	out, _, err := prg.ContextEval(limited, &vars{values: v.activation(), meter: m})
	if errors.As(err, &interpreter.InterruptError{}) {
		return interpreter.EvalCancelledError{Cause: interpreter.ContextCancelled, Message: err.Error()}
	}
	if err != nil {
		return err
	}
	return then(m, out)
}

func (v Vars) activation() map[string]any {
	return map[string]any{
		// Triggers' header.match() and header.canonical() take no other map type.
		"body": orEmpty(v.Body), "header": http.Header(orEmpty(v.Header)), "extensions": orEmpty(v.Extensions),
		"requestURL": v.RequestURL, "run": orEmpty(v.Run),
		"params": orEmpty(v.Params), "results": orEmpty(v.Results), "approval": orEmpty(v.Approval),
	}
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// text is the string form of a CEL value.
func (m *meter) text(v ref.Val) (string, error) {
	switch x := v.(type) {
	case types.String:
		return string(x), nil
	case types.Bool:
		return strconv.FormatBool(bool(x)), nil
	case types.Int:
		return strconv.FormatInt(int64(x), 10), nil
	case types.Uint:
		return strconv.FormatUint(uint64(x), 10), nil
	case types.Double:
		return strconv.FormatFloat(float64(x)+0, 'f', -1, 64), nil
	case types.Null:
		return "", errors.New("the value is null: guard it with has() or a default")
	case types.Bytes:
		return "", errors.New("the value is bytes: use base64.encode()")
	case literal:
		return string(x), nil
	case types.Timestamp, types.Duration:
		return fmt.Sprint(v.ConvertToType(types.StringType).Value()), nil
	}
	return m.encodeJSON(v)
}

// noSecrets refuses compareSecret: expressions here shape what is forwarded, and
// nothing that is forwarded may depend on a Secret.
type noSecrets struct{}

func (noSecrets) Get(context.Context, string, *triggersv1.SecretRef) ([]byte, error) {
	return nil, errors.New("compareSecret is not available here: verify the sender in an interceptor before countersign")
}
