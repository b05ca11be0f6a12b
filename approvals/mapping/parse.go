package mapping

import (
	"math"

	"github.com/google/cel-go/cel"
	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"sigs.k8s.io/yaml"
)

// parsed redefines Triggers' parseJSON, parseYAML and marshalJSON, which round integers
// beyond 2^53 and read objects only. Here a result of part 1 that is a list can be taken
// apart too: results.machines.parseJSON()[0].name.
func parsed() cel.EnvOption { return cel.Lib(parsedLib{}) }

type parsedLib struct{}

// The functions that stand behind the two methods: CEL lets nobody change the type that a
// declared method gives, and theirs is an object.
const (
	parseJSONValue = "countersign.parseJSON"
	parseYAMLValue = "countersign.parseYAML"
)

func (parsedLib) CompileOptions() []cel.EnvOption {
	call := func(function string) cel.MacroFactory {
		return func(f cel.MacroExprFactory, target celast.Expr, _ []celast.Expr) (celast.Expr, *cel.Error) {
			return f.NewCall(function, target), nil
		}
	}
	return []cel.EnvOption{
		cel.Macros(
			cel.ReceiverMacro("parseJSON", 0, call(parseJSONValue)),
			cel.ReceiverMacro("parseYAML", 0, call(parseYAMLValue)),
		),
		cel.Function(parseJSONValue, cel.Overload("countersign_parse_json", []*cel.Type{cel.StringType}, cel.DynType, cel.UnaryBinding(unmetered))),
		cel.Function(parseYAMLValue, cel.Overload("countersign_parse_yaml", []*cel.Type{cel.StringType}, cel.DynType, cel.UnaryBinding(unmetered))),
		cel.Function("marshalJSON",
			cel.MemberOverload("marshalJSON_map", []*cel.Type{cel.MapType(cel.StringType, cel.DynType)}, cel.StringType, cel.UnaryBinding(unmetered)),
			cel.MemberOverload("marshalJSON_list", []*cel.Type{cel.ListType(cel.DynType)}, cel.StringType, cel.UnaryBinding(unmetered))),
	}
}

func (parsedLib) ProgramOptions() []cel.ProgramOption { return nil }

// unmetered stands where CEL wants a function. What is called is in the table of rules,
// with a meter.
func unmetered(ref.Val) ref.Val { return types.NewErr("this function can't be called without a meter") }

func parseJSON(m *meter, args []ref.Val) ref.Val {
	value, err := m.decodeJSON([]byte(stringOf(args[0])))
	if err != nil {
		return types.NewErr("parseJSON: the text is not JSON: %v", err)
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

func parseYAML(m *meter, args []ref.Val) ref.Val {
	text := string(stringOf(args[0]))
	if err := m.takeYAML(text); err != nil {
		return types.NewErr("parseYAML: %v", err)
	}
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return types.NewErr("parseYAML: the text is not YAML: %v", err)
	}
	value, err := m.decodeJSON(raw)
	if err != nil {
		return types.NewErr("parseYAML: %v", err)
	}
	return types.DefaultTypeAdapter.NativeToValue(doubted(value))
}

// doubted refuses the numbers of YAML of which nobody can tell what was written: the library
// makes doubles of integers that 64 bits don't hold.
func doubted(v any) any {
	switch x := v.(type) {
	case literal:
		return types.NewErr("parseYAML: the number %s is too large to be represented exactly: quote it", string(x))
	case float64:
		if math.Abs(x) >= 1<<63 {
			return types.NewErr("parseYAML: the number %g is too large to be represented exactly: quote it", x)
		}
	case map[string]any:
		for k, e := range x {
			x[k] = doubted(e)
		}
	case []any:
		for i, e := range x {
			x[i] = doubted(e)
		}
	}
	return v
}

func marshalJSON(m *meter, args []ref.Val) ref.Val {
	s, err := m.encodeJSON(args[0])
	if err != nil {
		return types.NewErr("marshalJSON: %v", err)
	}
	return types.String(s)
}
