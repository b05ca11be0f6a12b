package approvals

import (
	"regexp"
	"regexp/syntax"
)

// Limits of a regular expression that comes from outside: from a Gate, an expression or an
// event. RE2 takes time in proportion to the text and to the pattern's program, which few
// bytes make large: .{1000} is 1000 instructions.
const (
	MaxPattern     = 1024 // bytes
	MaxPatternSize = 2000 // instructions
	maxPatternDeep = 250
)

// CompilePattern compiles a regular expression within the limits. size is about how many
// instructions it has: what it costs for each byte of a text. It is worked out before the
// program is made.
func CompilePattern(pattern string) (re *regexp.Regexp, size int, err error) {
	if len(pattern) > MaxPattern {
		return nil, 0, Errorf(CodeInvalid, "the regular expression has %d bytes and the limit is %d", len(pattern), MaxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, 0, Errorf(CodeInvalid, "the regular expression does not compile: %v", err)
	}
	if size = patternSize(parsed, 0); size > MaxPatternSize {
		return nil, size, Errorf(CodeInvalid, "the regular expression is too large: %q expands to more than %d steps; use fewer repetitions, for example + instead of {1,1000}", Cut(pattern, MaxQuoted), MaxPatternSize)
	}
	re, err = regexp.Compile(pattern)
	if err != nil {
		return nil, size, Errorf(CodeInvalid, "the regular expression does not compile: %v", err)
	}
	return re, size, nil
}

// patternSize is about how many instructions a program of re has; more than MaxPatternSize
// when it is that or more.
func patternSize(re *syntax.Regexp, depth int) int {
	if depth > maxPatternDeep {
		return MaxPatternSize + 1
	}
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass: // looked for among its ranges
		n = 1 + len(re.Rune)/16
	case syntax.OpCapture:
		n = 2
	case syntax.OpRepeat:
		n = 0 // what is repeated, as often
	default: // the others are one step, beside what is in them
	}
	for _, sub := range re.Sub {
		n = min(n+patternSize(sub, depth+1), MaxPatternSize+1)
	}
	if re.Op == syntax.OpRepeat {
		n = min(n*max(re.Min, re.Max, 1), MaxPatternSize+1)
	}
	return n
}
