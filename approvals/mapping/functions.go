package mapping

import (
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types/ref"
)

// rule says how one function is bounded. What it charges is taken before the function is
// called; run stands in the place of a library's function that can't be bounded so.
type rule struct {
	// bound says it in words, for the documentation.
	bound  string
	charge func(m *meter, args []ref.Val)
	// run gives nil where the library's function is to be called after all.
	run func(m *meter, args []ref.Val) ref.Val
}

// The ways in which functions are bounded. An argument of another type than the function
// takes counts as one byte, and the call fails.
func fixed() rule { return rule{bound: "one step: what it gives has a fixed size"} }

func scan(i int) rule {
	return rule{bound: "the bytes that it reads", charge: func(m *meter, args []ref.Val) { m.use(sizeOf(args[i])/64, 0) }}
}

// text allocates factor bytes for each of the text that a method is called on.
func text(factor int64) rule {
	return rule{bound: "the bytes that it copies, before it copies them", charge: func(m *meter, args []ref.Val) {
		n := sizeOf(args[0])
		m.use(n/32, times(factor, n))
	}}
}

// rules is the table of all functions of the environment, by name. A function that is not
// here can't be called: TestEveryFunctionIsInTheTable fails when a library gets one.
var rules = map[string]rule{
	// Operators.
	operators.LogicalNot: fixed(), operators.Negate: fixed(),
	operators.Subtract: fixed(), operators.Multiply: fixed(), operators.Divide: fixed(), operators.Modulo: fixed(),
	operators.Add:              {bound: "the size of what it gives, before it is made; lists are copied", run: add},
	operators.Equals:           {bound: "the values as trees, walked first", charge: chargeEqual, run: equal},
	operators.NotEquals:        {bound: "the values as trees, walked first", charge: chargeEqual, run: notEqual},
	operators.Less:             scan(0),
	operators.LessEquals:       scan(0),
	operators.Greater:          scan(0),
	operators.GreaterEquals:    scan(0),
	operators.In:               {bound: "the list as a tree, walked first", charge: chargeIn},
	"_in_":                     {bound: "the list as a tree, walked first", charge: chargeIn},
	"in":                       {bound: "the list as a tree, walked first", charge: chargeIn},
	operators.NotStrictlyFalse: fixed(),
	"__not_strictly_false__":   fixed(),
	// These four are no calls when an expression is evaluated: their parts are counted.
	operators.LogicalAnd: fixed(), operators.LogicalOr: fixed(), operators.Conditional: fixed(), operators.Index: fixed(),

	// Conversions. An error quotes the text.
	"bool": text(4), "int": text(4), "uint": text(4), "double": text(4), "timestamp": text(4), "duration": text(4),
	"bytes":  text(2),
	"string": text(2),
	"dyn":    fixed(),
	"type":   fixed(),
	"size":   scan(0),

	// Strings. Those that count characters make a list of them.
	"contains": scan(0), "startsWith": scan(1), "endsWith": scan(1),
	"charAt":        text(5),
	"indexOf":       {bound: "the bytes copied, and the one text times the other", charge: chargeSearch},
	"lastIndexOf":   {bound: "the bytes copied, and the one text times the other", charge: chargeSearch},
	"lowerAscii":    text(8),
	"upperAscii":    text(8),
	"trim":          scan(0),
	"truncate":      scan(0),
	"substring":     text(8),
	"strings.quote": text(20),
	"replace":       {bound: "the size of what it gives, before it is made", run: replace},
	"split":         {bound: "the number of pieces, before they are made", charge: chargeSplit},
	"join":          {bound: "the size of what it gives, before it is made", run: join},
	"format":        {bound: "its arguments as trees, walked first; a precision is at most 100", charge: chargeFormat},
	"matches":       {bound: "the pattern's program (see patterns), times the text", run: matches},
	"translate":     {bound: "the pattern's program (see patterns), times the text, and the size of what it gives as it grows", run: translate},
	"base64.decode": text(4),
	"base64.encode": text(4),

	// JSON, YAML, URLs.
	"marshalJSON":  {bound: "each piece that it writes, before it is written", run: marshalJSON},
	"json.encode":  {bound: "each piece that it writes, before it is written", run: marshalJSON},
	parseJSONValue: {bound: "the number of values in the text and their depth, before it is read", run: parseJSON},
	parseYAMLValue: {bound: "the number of values in the text, its depth and what aliases multiply it to, before it is read", run: parseYAML},
	"parseJSON":    {bound: "not called: a macro puts this package's own in its place", run: parseJSON},
	"parseYAML":    {bound: "not called: a macro puts this package's own in its place", run: parseYAML},
	"parseURL":     {bound: "the bytes of the text, and the number of its parameters", charge: chargeURL},

	// Headers, and Secrets, which are not available.
	"match":         {bound: "the header as a tree, walked first", charge: chargeHeader},
	"canonical":     {bound: "the header as a tree, walked first", charge: chargeHeader},
	"compareSecret": fixed(),

	// Lists.
	"first": fixed(), "last": fixed(),
	"slice":                 {bound: "the number of items, before they are copied", charge: chargeItems},
	"reverse":               {bound: "the number of items, or of bytes, before they are copied", charge: chargeReverse},
	"flatten":               {bound: "the list as a tree, times its depth", charge: chargeFlatten},
	"distinct":              {bound: "the list as a tree, times its length", run: distinct},
	"sort":                  {bound: "the list as a tree, times the logarithm of its length", run: sorted},
	"@sortByAssociatedKeys": {bound: "the keys as a tree, times the logarithm of their number", run: sorted},
	"lists.range":           {bound: "the number of items, before they are made", charge: chargeRange},
	"sets.contains":         {bound: "the one list as a tree, times the length of the other", charge: chargeSets},
	"sets.intersects":       {bound: "the one list as a tree, times the length of the other", charge: chargeSets},
	"sets.equivalent":       {bound: "the one list as a tree, times the length of the other, twice", charge: chargeSets},

	// Numbers.
	"math.@min": {bound: "the number of items", charge: chargeItems}, "math.@max": {bound: "the number of items", charge: chargeItems},
	"math.ceil": fixed(), "math.floor": fixed(), "math.round": fixed(), "math.trunc": fixed(),
	"math.isInf": fixed(), "math.isNaN": fixed(), "math.isFinite": fixed(),
	"math.abs": fixed(), "math.sign": fixed(), "math.sqrt": fixed(),
	"math.bitAnd": fixed(), "math.bitOr": fixed(), "math.bitXor": fixed(), "math.bitNot": fixed(),
	"math.bitShiftLeft": fixed(), "math.bitShiftRight": fixed(),

	// Times. With a time zone they read it from a file.
	"getFullYear": zoned(), "getMonth": zoned(), "getDate": zoned(), "getDayOfMonth": zoned(), "getDayOfWeek": zoned(), "getDayOfYear": zoned(),
	"getHours": zoned(), "getMinutes": zoned(), "getSeconds": zoned(), "getMilliseconds": zoned(),
}
