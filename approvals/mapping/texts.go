package mapping

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/countersign-dev/countersign/approvals"
)

// maxBuilt is the longest text that one call may build.
const maxBuilt = 2 * MaxValue

// make takes a text of size bytes from the budget, and ends the evaluation when the text
// would be longer than one call may build.
func (m *meter) make(size int64) {
	if size > maxBuilt {
		panic(interpreter.EvalCancelledError{
			Cause:   interpreter.CostLimitExceeded,
			Message: fmt.Sprintf("the text would be longer than %d bytes, which is the limit of one call", maxBuilt),
		})
	}
	m.use(size/32, size)
}

// Functions of texts that stand in the place of the libraries' own, which have no end.

func replace(m *meter, args []ref.Val) ref.Val {
	s, old, with := string(stringOf(args[0])), string(stringOf(args[1])), string(stringOf(args[2]))
	n := int64(-1)
	if len(args) == 4 {
		limit, _ := args[3].(types.Int)
		n = int64(limit)
	}
	m.use(int64(len(s))/32, 0)
	count := int64(strings.Count(s, old))
	if n >= 0 {
		count = min(count, n)
	}
	size := int64(len(s)) + count*int64(len(with)-len(old)) // both are too short to overflow
	m.use(count/8, 0)
	m.make(size)
	return types.String(strings.Replace(s, old, with, int(count)))
}

func join(m *meter, args []ref.Val) ref.Val {
	l, ok := args[0].(traits.Lister)
	if !ok {
		return nil
	}
	by := ""
	if len(args) > 1 {
		by = string(stringOf(args[1]))
	}
	items := m.listed(l)
	size := times(int64(len(items)), int64(len(by)))
	for _, x := range items {
		s, ok := x.(types.String)
		if !ok {
			return types.NewErr("join: an item is not a string but a value of type %s", x.Type().TypeName())
		}
		size = plus(size, int64(len(s)))
	}
	m.make(size)
	var b strings.Builder
	b.Grow(int(size))
	for i, x := range items {
		if i > 0 {
			b.WriteString(by)
		}
		b.WriteString(string(x.(types.String)))
	}
	return types.String(b.String())
}

// truncating redefines Triggers' truncate, which reads beyond the text.
func truncating() cel.EnvOption { return cel.Lib(truncateLib{}) }

type truncateLib struct{}

func (truncateLib) CompileOptions() []cel.EnvOption {
	return []cel.EnvOption{cel.Function("truncate",
		cel.MemberOverload("truncate_string_uint", []*cel.Type{cel.StringType, cel.IntType}, cel.StringType, cel.BinaryBinding(truncate)))}
}

func (truncateLib) ProgramOptions() []cel.ProgramOption { return nil }

// truncate is Triggers' own, in whole characters: half of one is text that nobody wrote.
func truncate(text, most ref.Val) ref.Val {
	s, n := string(text.(types.String)), int64(most.(types.Int))
	if int64(len(s)) <= n {
		return types.String(s)
	}
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return types.String(s[:n])
}

type pattern struct {
	re   *regexp.Regexp
	size int64
	err  error
}

// maxPatterns bounds the compiled patterns that one evaluation caches: a loop uses the same
// ones.
const maxPatterns = 8

// Compiling takes this for a byte of the pattern, and for each named class, which is a
// table of some hundred ranges, folded or not.
const (
	perPatternByte  = 600
	perPatternClass = 40 << 10
	perInstruction  = 400
)

func (m *meter) pattern(text string) pattern {
	if p, ok := m.patterns[text]; ok {
		return p
	}
	if len(text) > approvals.MaxPattern {
		return pattern{err: approvals.Errorf(approvals.CodeInvalid, "the regular expression has %d bytes and the limit is %d", len(text), approvals.MaxPattern)}
	}
	classes := int64(strings.Count(text, `\p`)+strings.Count(text, `\P`)) + int64(strings.Count(text, "(?"))
	n := int64(len(text))
	m.use(plus(times(20, n), times(500, classes)), plus(times(perPatternByte, n), times(perPatternClass, classes)))
	re, size, err := approvals.CompilePattern(text)
	p := pattern{re: re, size: int64(size), err: err}
	m.use(times(4, p.size), times(perInstruction, p.size))
	if m.patterns == nil || len(m.patterns) >= maxPatterns {
		m.patterns = map[string]pattern{}
	}
	m.patterns[text] = p
	return p
}

// search takes what it costs to look through n bytes once, with what is kept of each place
// where the pattern might be.
func (m *meter) search(p pattern, n int64) {
	groups := int64(p.re.NumSubexp() + 1)
	m.use(times(n+1, p.size)/4, times(p.size, 48+16*groups))
}

func matches(m *meter, args []ref.Val) ref.Val {
	s, ok := args[0].(types.String)
	by, also := args[1].(types.String)
	if !ok || !also {
		return types.NewErr("no such overload: matches")
	}
	p := m.pattern(string(by))
	if p.err != nil {
		return types.NewErr("matches: %s", approvals.Message(p.err))
	}
	m.search(p, int64(len(s)))
	return types.Bool(p.re.MatchString(string(s)))
}

// translate is Triggers' own, with an end.
func translate(m *meter, args []ref.Val) ref.Val {
	s, with := string(stringOf(args[0])), string(stringOf(args[2]))
	p := m.pattern(string(stringOf(args[1])))
	if p.err != nil {
		return types.NewErr("failed to parse regex for translation: %s", approvals.Message(p.err))
	}
	m.search(p, int64(len(s)))
	// All matches are found at once: one by one they would lose what stands before them.
	perMatch := int64(64 + 32*(p.re.NumSubexp()+1))
	most := m.bytes/perMatch + 1
	found := p.re.FindAllStringSubmatchIndex(s, int(most))
	m.use(int64(len(found)), times(perMatch, int64(len(found))))
	// What is put in is at most its own text, and for each $ in it one group.
	groups, size := int64(strings.Count(with, "$")), int64(len(s))
	for _, at := range found {
		size = plus(size, plus(int64(len(with)), times(groups, int64(at[1]-at[0]))))
	}
	m.make(size)
	m.use(0, size) // once as bytes, and once as a text
	out, last := make([]byte, 0, size), 0
	for _, at := range found {
		out = append(out, s[last:at[0]]...)
		out = p.re.ExpandString(out, with, s, at)
		last = at[1]
	}
	return types.String(append(out, s[last:]...))
}
