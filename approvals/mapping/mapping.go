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
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	triggerscel "github.com/tektoncd/triggers/pkg/interceptors/cel"

	"github.com/countersign-dev/countersign/approvals"
)

// Bounds on one expression.
const (
	costLimit   = 1_000_000
	checkEvery  = 1_000
	maxPrograms = 4096
	// MaxValue is the most bytes that an expression may give: all comments that an Approval
	// may have, joined. The CRD schema takes twice that, which covers what is put in
	// to neutralise it.
	MaxValue = approvals.MaxComments + approvals.MaxVotes
)

// Vars is what an expression sees. Absent maps are empty, never null.
type Vars struct {
	Body       map[string]any
	Header     map[string][]string
	Extensions map[string]any
	RequestURL string
	Run        map[string]any    // name, uid, namespace, pipeline, labels, annotations, claims by workspace
	Params     map[string]string // of part 1; an array or object is its JSON text
	Results    map[string]string // likewise
	Approval   map[string]any    // outcome, votes, requester, ... (see ApprovalVars)
}

// Compiler compiles expressions, each once. It is safe for concurrent use.
type Compiler struct {
	// People says what else a requester is called; nil: nothing is known of anybody.
	People *approvals.Directory

	env *cel.Env

	mu       sync.RWMutex
	programs map[string]cel.Program
}

// New returns a Compiler.
func New() (*Compiler, error) {
	dyn := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewEnv(
		triggerscel.Triggers(context.Background(), "", noSecrets{}),
		ext.Strings(), ext.Encoders(), ext.Sets(), ext.Lists(), ext.Math(),
		bounded(), parsed(), literals(),
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
	return &Compiler{env: env, programs: map[string]cel.Program{}}, nil
}

// Check says why expr does not compile, with the position. The error is
// CodeInvalid.
func (c *Compiler) Check(expr string) error {
	_, err := c.program(expr)
	return err
}

// String evaluates expr to the string that travels: a string as it is, a bool or
// number in its shortest form (an integer of JSON exactly), a timestamp or duration as CEL's string() has it,
// a list or map as JSON. Null, an error and a value of more than MaxValue bytes
// are CodeInvalid.
func (c *Compiler) String(ctx context.Context, expr string, v Vars) (string, error) {
	prg, err := c.program(expr)
	if err != nil {
		return "", err
	}
	out, _, err := prg.ContextEval(ctx, v.activation())
	s := ""
	if err == nil {
		s, err = text(out)
	}
	if err != nil {
		if hint := c.guard(expr, v); hint != "" {
			return "", approvals.Errorf(approvals.CodeInvalid, "expression %q: %v. %s", expr, err, hint)
		}
		return "", approvals.Errorf(approvals.CodeInvalid, "expression %q: %v", expr, err)
	}
	if len(s) > MaxValue {
		return "", approvals.Errorf(approvals.CodeInvalid, "expression %q gives %d bytes and the most is %d", expr, len(s), MaxValue)
	}
	return s, nil
}

// True says whether expr is exactly true of v, as a cel interceptor's filter must
// be; an error of any kind is not.
func (c *Compiler) True(ctx context.Context, expr string, v Vars) bool {
	prg, err := c.program(expr)
	if err != nil {
		return false
	}
	out, _, err := prg.ContextEval(ctx, v.activation())
	return err == nil && out == types.True
}

func (c *Compiler) program(expr string) (cel.Program, error) {
	c.mu.RLock()
	prg, ok := c.programs[expr]
	c.mu.RUnlock()
	if ok {
		return prg, nil
	}
	if len(expr) > approvals.MaxExpression {
		return nil, approvals.Errorf(approvals.CodeInvalid, "an expression has %d bytes and the most is %d", len(expr), approvals.MaxExpression)
	}
	ast, issues := c.env.Compile(expr)
	if issues.Err() != nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "expression %q does not compile: %s", expr, firstLine(issues.Err().Error()))
	}
	prg, err := c.env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit), cel.InterruptCheckFrequency(checkEvery))
	if err != nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "expression %q: %v", expr, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Expressions come from Triggers and Gates, so there are few; the bound is
	// against somebody who edits one in a loop.
	if len(c.programs) >= maxPrograms {
		clear(c.programs)
	}
	c.programs[expr] = prg
	return prg, nil
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
func text(v ref.Val) (string, error) {
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
	return encodeJSON(v)
}

func firstLine(s string) string {
	lines := strings.SplitN(s, "\n", 2)
	return strings.TrimPrefix(lines[0], "ERROR: ")
}

// noSecrets refuses compareSecret: expressions here shape what is forwarded, and
// nothing that is forwarded may depend on a Secret.
type noSecrets struct{}

func (noSecrets) Get(context.Context, string, *triggersv1.SecretRef) ([]byte, error) {
	return nil, errors.New("compareSecret is not available here: verify the sender in an interceptor before countersign")
}
