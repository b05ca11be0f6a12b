package mapping

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// maxBuilt is the longest string that one call may build. The cost limit is looked
// at only after a call has returned, and these functions multiply: a short chain
// of them would take all memory first.
const maxBuilt = 2 * MaxValue

// bounded redefines the libraries' functions that can build a string of any
// length from short ones.
func bounded() cel.EnvOption {
	return cel.Lib(boundedLib{})
}

type boundedLib struct{}

func (boundedLib) CompileOptions() []cel.EnvOption {
	str := cel.StringType
	return []cel.EnvOption{
		cel.Function("truncate", cel.MemberOverload("truncate_string_uint", []*cel.Type{str, cel.IntType}, str, cel.BinaryBinding(truncate))),
		cel.Function("translate", cel.MemberOverload("translate_string_string", []*cel.Type{str, str, str}, str, cel.FunctionBinding(translate))),
		cel.Function("replace",
			cel.MemberOverload("string_replace_string_string", []*cel.Type{str, str, str}, str, cel.FunctionBinding(replace)),
			cel.MemberOverload("string_replace_string_string_int", []*cel.Type{str, str, str, cel.IntType}, str, cel.FunctionBinding(replace))),
	}
}

func (boundedLib) ProgramOptions() []cel.ProgramOption { return nil }

func tooLong() ref.Val { return types.NewErr("the string would be longer than %d bytes", maxBuilt) }

func replace(args ...ref.Val) ref.Val {
	s, old, with := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	n := -1
	if len(args) == 4 {
		n = int(args[3].(types.Int))
	}
	count := strings.Count(s, old)
	if n >= 0 && n < count {
		count = n
	}
	if len(s)+count*(len(with)-len(old)) > maxBuilt {
		return tooLong()
	}
	return types.String(strings.Replace(s, old, with, n))
}

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

// translate is Triggers' own, with an end.
func translate(args ...ref.Val) ref.Val {
	s, pattern, with := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	re, err := regexp.Compile(pattern)
	if err != nil {
		return types.NewErr("failed to parse regex for translation: %v", err)
	}
	if len(s) > maxBuilt {
		return tooLong()
	}
	var out []byte
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
		out = append(out, s[last:m[0]]...)
		out = re.ExpandString(out, with, s, m)
		if last = m[1]; len(out) > maxBuilt {
			return tooLong()
		}
	}
	if out = append(out, s[last:]...); len(out) > maxBuilt {
		return tooLong()
	}
	return types.String(out)
}
