package mapping

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// numberOf is a JSON number as expressions see it, exactly as it was written: an integer is
// an int, or a uint when it is too large for one; any other number is a double if that is
// the same number, and otherwise a literal.
//
// Triggers' own interceptor has doubles only, which are wrong from 2^53 on: 9007199254740993
// becomes …992 without a word.
func numberOf(s string) any {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			return u
		}
		return literal(s)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || decimalOf(s) != decimalOf(strconv.FormatFloat(f, 'e', -1, 64)) {
		return literal(s)
	}
	return f
}

// decimal is a number as digits without zeros at either end, and where the point is.
type decimal struct {
	negative bool
	digits   string
	exponent int64 // of 0.DIGITS
}

// decimalOf reads a JSON number without working anything out: 1e999999999 is 11 bytes.
func decimalOf(s string) decimal {
	d := decimal{negative: strings.HasPrefix(s, "-")}
	mantissa, power := strings.TrimPrefix(s, "-"), ""
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		mantissa, power = mantissa[:i], mantissa[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := whole + fraction
	digits := strings.TrimLeft(all, "0")
	d.exponent = int64(len(whole) - (len(all) - len(digits)))
	if d.digits = strings.TrimRight(digits, "0"); d.digits == "" {
		return decimal{}
	}
	// A power that is no int64 is capped: two of those are as far from any double.
	n, _ := strconv.ParseInt(power, 10, 64)
	d.exponent += min(max(n, -1<<40), 1<<40)
	return d
}

// literal is a JSON number that neither an int nor a double keeps. It travels as it was
// written, also within a list or map and by string(); nothing can be worked out with it.
type literal string

var literalType = types.NewOpaqueType("countersign.dev.number")

var _ ref.Val = literal("")

// ConvertToNative implements ref.Val.
func (l literal) ConvertToNative(reflect.Type) (any, error) { return nil, l.cannot() }

// ConvertToType implements ref.Val.
func (l literal) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.StringType:
		return types.String(l)
	case types.TypeType:
		return literalType
	}
	return types.WrapErr(l.cannot())
}

// Equal implements ref.Val.
func (l literal) Equal(other ref.Val) ref.Val {
	o, ok := other.(literal)
	return types.Bool(ok && decimalOf(string(l)) == decimalOf(string(o)))
}

// Type implements ref.Val.
func (l literal) Type() ref.Type { return literalType }

// Value implements ref.Val.
func (l literal) Value() any { return string(l) }

// literals lets string() take one, and has the other conversions say why they can't.
func literals() cel.EnvOption { return cel.Lib(literalLib{}) }

type literalLib struct{}

func (literalLib) CompileOptions() []cel.EnvOption {
	var out []cel.EnvOption
	for name, t := range map[string]*cel.Type{"string": cel.StringType, "int": cel.IntType, "uint": cel.UintType, "double": cel.DoubleType} {
		out = append(out, cel.Function(name, cel.Overload("countersign_number_to_"+name, []*cel.Type{literalType}, t,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return v.ConvertToType(t) }))))
	}
	return out
}

func (literalLib) ProgramOptions() []cel.ProgramOption { return nil }

func (l literal) cannot() error {
	s := string(l)
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return fmt.Errorf("the number %s does not fit exactly into 64 bits: forward it unchanged, or use string()", s)
}
