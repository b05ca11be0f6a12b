package report

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// maskJSON leaves values out of a plan as JSON, which has to be valid. It goes over the text
// itself, so that all else stays as it is: order, numbers, and what is there twice.
func maskJSON(text string) (string, int) {
	m := &masker{s: text, variables: sensitiveVariables(text), marked: markedNames(text), secrets: map[string]bool{}, work: maxDepth * len(text)}
	m.value(m.space(0), place{})
	slices.SortFunc(m.edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	at := 0
	for _, e := range m.edits {
		b.WriteString(text[at:e.from])
		b.WriteString(`"` + e.with + `"`)
		at = e.to
	}
	b.WriteString(text[at:])
	return b.String(), len(m.edits)
}

// sensitiveVariables returns the variables that the configuration declares sensitive: their
// values have no marks.
func sensitiveVariables(text string) map[string]bool {
	var doc struct {
		Configuration struct {
			RootModule struct {
				Variables map[string]struct{ Sensitive bool } `json:"variables"`
			} `json:"root_module"`
		} `json:"configuration"`
	}
	_ = json.Unmarshal([]byte(text), &doc) // of another shape: there are none
	out := map[string]bool{}
	for name, v := range doc.Configuration.RootModule.Variables {
		if v.Sensitive {
			out[name] = true
		}
	}
	return out
}

const marker = "_sensitive" // what the name of a member ends with that marks another

// markedNames returns the members that others mark: x, where text has an x_sensitive. Newer
// versions of terraform have more of them.
func markedNames(text string) map[string]bool {
	out := map[string]bool{}
	for end := 0; ; end += len(marker) + 1 {
		n := strings.Index(text[end:], marker+`"`)
		if n < 0 {
			return out
		}
		end += n
		if begin := strings.LastIndexByte(text[max(0, end-64):end], '"'); begin >= 0 {
			out[strings.ToLower(text[max(0, end-64)+begin+1:end])] = true
		}
	}
}

// masker goes over valid JSON.
type masker struct {
	s         string
	variables map[string]bool
	marked    map[string]bool
	secrets   map[string]bool // what SecretName said of keys, of which most are there often
	edits     []edit
	// work is the rest of the bytes of marks that may be read. A text that names one thing many
	// times would have its marks read as often. When it is used up, every value that has a mark is
	// left out whole.
	work int
}

type edit struct {
	from, to int
	with     string
}

// place has what is known of a value before it is read.
type place struct {
	depth int
	// named: its keys are names that people gave to things, not to values.
	named bool
	// variables: it is what the plan was made with.
	variables bool
	// hidden replaces the value of such a thing, "" when the value is shown.
	hidden string
	// values: it is a value, or a part of one.
	values bool
	// marks are the offsets of terraform's marks for it: each is true, or has the value's own
	// shape. The offset all marks the whole value.
	marks []int
}

const (
	all      = -1 // as a mark: true
	maxMarks = 8  // of one value; terraform has two
	// maxRemembered bounds the keys in the cache of secretName.
	maxRemembered = 4096
)

// things are members whose keys are names of things.
var things = []string{"variables", "outputs", "output_changes", "module_calls", "expressions", "provider_config"}

// valued are the members of a thing that have its value, with the members that mark it. What
// is sensitive before or after is shown neither before nor after.
var valued = map[string][]string{
	"before": {"before_sensitive", "after_sensitive"}, "after": {"before_sensitive", "after_sensitive"},
	"values": {"sensitive_values"}, "value": {"sensitive"}, "default": {"sensitive"}, "constant_value": nil,
}

var markers = []string{"before_sensitive", "after_sensitive", "sensitive_values", "sensitive"}

// value goes over what is at a place, and returns where it ends.
func (m *masker) value(at int, p place) (end int) {
	c := m.s[at]
	p.marks = slices.DeleteFunc(slices.Clone(p.marks), func(x int) bool { return x != all && (m.s[x] == 'f' || m.s[x] == 'n') })
	for _, x := range p.marks {
		if m.marksAll(x) || m.work < 0 || m.s[x] != c && m.marksAny(x) {
			return m.hide(at, sensitive)
		}
	}
	p.marks = slices.DeleteFunc(p.marks, func(x int) bool { return m.s[x] != c }) // of another shape, and nothing in it is true
	switch {
	case p.depth >= maxDepth && (c == '{' || c == '['):
		return m.hide(at, "(nested too deeply to be shown)")
	case c == '{':
		return m.object(at, p)
	case c == '[':
		return m.list(at, p)
	default:
		return m.skip(at)
	}
}

// object goes over the members of an object. Those that have a value wait until it is known
// what marks it, which may come after.
func (m *masker) object(at int, p place) (end int) {
	type member struct {
		key, lower string
		from       int
		place
	}
	var waiting []member
	beside := map[string][]int{}
	mark := func(name string, from int) {
		if of := beside[name]; len(of) <= maxMarks { // one more is too many
			beside[name] = append(of, from)
		}
	}
	marks := make([]map[string]int, 0, len(p.marks))
	for _, x := range p.marks {
		marks = append(marks, m.membersOf(x))
	}
	for at = m.space(at + 1); m.s[at] != '}'; {
		key, from := m.key(at)
		sub := place{depth: p.depth + 1, values: p.values}
		for _, of := range marks {
			if x, ok := of[key]; ok {
				sub.marks = append(sub.marks, x)
			}
		}
		lower := strings.ToLower(key)
		_, isValue := valued[lower]
		structure := !p.values && !p.named // where keys are terraform's own
		sub.named, sub.variables = structure && slices.Contains(things, lower), p.depth == 0 && lower == "variables"
		switch {
		case structure && isValue && p.hidden != "" && (p.hidden == sensitive || texty(m.s[from])):
			at = m.hide(from, p.hidden)
		case structure && slices.Contains(markers, lower):
			mark(lower, from)
			at = m.skip(from)
		case structure && (isValue || strings.HasSuffix(lower, marker) || m.marked[lower] || m.marked[strings.TrimSuffix(lower, "_values")]):
			if strings.HasSuffix(lower, marker) {
				mark(lower, from)
			}
			waiting = append(waiting, member{key, lower, from, sub})
			at = m.skip(from)
		default:
			at = m.member(key, from, p, sub)
		}
		at = m.next(at)
	}
	marked := map[string]bool{}
	for _, w := range waiting {
		marked[strings.TrimSuffix(w.lower, "_values")] = true
	}
	for _, w := range waiting {
		by, isValue := valued[w.lower]
		names := append(slices.Clone(by), w.lower+marker, strings.TrimSuffix(w.lower, "_values")+marker)
		slices.Sort(names)
		var marks []int
		for _, name := range slices.Compact(names) {
			marks = append(marks, beside[name]...)
		}
		if len(marks) > maxMarks {
			marks = []int{all}
		}
		of, isMark := strings.CutSuffix(w.lower, marker)
		switch {
		case isValue:
			// The state has its resources in a member of that name too.
			m.value(w.from, place{depth: p.depth + 1, marks: marks, values: w.lower != "values" || len(marks) > 0})
		case isMark && marked[of] && m.s[w.from] != '"': // it has no values
		default:
			w.marks, w.values = append(w.marks, marks...), w.values || len(marks) > 0
			m.member(w.key, w.from, p, w.place)
		}
	}
	return at + 1
}

// member goes over what a key has, of an object at p.
func (m *masker) member(key string, from int, p, sub place) (end int) {
	if m.secretName(key) && texty(m.s[from]) && !(p.named && m.s[from] == '{') && !slices.ContainsFunc(sub.marks, m.marksAll) {
		return m.hide(from, concealed)
	}
	switch {
	case p.variables && m.variables[key] && m.s[from] != '{':
		sub.marks = []int{all}
	case p.variables && m.variables[key]:
		sub.hidden = sensitive
	case p.named && m.secretName(key):
		sub.hidden = concealed
	}
	return m.value(from, sub)
}

// secretName is approvals.SecretName, which takes long, with a cache of at most maxRemembered keys.
func (m *masker) secretName(key string) bool {
	is, known := m.secrets[key]
	if !known {
		if is = approvals.SecretName(key); len(m.secrets) < maxRemembered {
			m.secrets[key] = is
		}
	}
	return is
}

// list goes over the elements of a list, and of what marks it.
func (m *masker) list(at int, p place) (end int) {
	marks := make([]int, 0, len(p.marks))
	for _, x := range p.marks {
		marks = append(marks, m.space(x+1))
	}
	for at = m.space(at + 1); m.s[at] != ']'; {
		sub := place{depth: p.depth + 1, values: p.values}
		for i, x := range marks {
			if m.s[x] == ']' { // it has fewer
				continue
			}
			sub.marks = append(sub.marks, x)
			end := m.skip(x)
			m.work -= end - x
			marks[i] = m.next(end)
		}
		at = m.next(m.value(at, sub))
	}
	return at + 1
}

// hide leaves the value out that is at a place.
func (m *masker) hide(at int, with string) (end int) {
	end = m.skip(at)
	if s := m.s[at:end]; s != "null" && s != `""` {
		m.edits = append(m.edits, edit{at, end, with})
	}
	return end
}

// texty reports, by its first byte, whether a JSON value can be a secret: it is not true, false or
// null.
func texty(c byte) bool { return c != 't' && c != 'f' && c != 'n' }

// marksAll reports whether a mark is true.
func (m *masker) marksAll(at int) bool { return at == all || m.s[at] == 't' }

// marksAny reports whether a mark is, or has in it, true.
func (m *masker) marksAny(at int) bool {
	end := m.skip(at)
	m.work -= end - at
	return strings.Contains(m.s[at:end], "true")
}

// membersOf returns the offsets of a mark's members. A member that is there twice marks all of
// its value.
func (m *masker) membersOf(at int) map[string]int {
	out := map[string]int{}
	begin := at
	for at = m.space(at + 1); m.s[at] != '}'; {
		key, from := m.key(at)
		at = m.next(m.skip(from))
		switch _, twice := out[key]; {
		case twice:
			out[key] = all
		case m.s[from] != 'f' && m.s[from] != 'n':
			out[key] = from
		}
	}
	m.work -= at - begin
	return out
}

// key reads the key at an offset, and returns the offset of its value.
func (m *masker) key(at int) (key string, from int) {
	end := m.skip(at)
	if key = m.s[at+1 : end-1]; strings.Contains(key, `\`) {
		_ = json.Unmarshal([]byte(m.s[at:end]), &key) // it is valid
	}
	return key, m.space(m.space(end) + 1) // after the colon
}

// next returns the offset of the next member or element, or of the bracket that ends them.
func (m *masker) next(at int) int {
	if at = m.space(at); m.s[at] == ',' {
		at = m.space(at + 1)
	}
	return at
}

func (m *masker) space(at int) int {
	for at < len(m.s) && (m.s[at] == ' ' || m.s[at] == '\n' || m.s[at] == '\t' || m.s[at] == '\r') {
		at++
	}
	return at
}

// skip returns the offset after the value at a place.
func (m *masker) skip(at int) int {
	open := 0
	for ; at < len(m.s); at++ {
		switch m.s[at] {
		case '"':
			for at++; m.s[at] != '"'; at++ {
				if m.s[at] == '\\' {
					at++
				}
			}
		case '{', '[':
			open++
			continue
		case '}', ']':
			open--
		default:
			if open > 0 {
				continue
			}
			for at < len(m.s) && !endsScalar(m.s[at]) {
				at++
			}
			return at
		}
		if open == 0 {
			return at + 1
		}
	}
	return at
}

func endsScalar(c byte) bool {
	switch c {
	case ',', ']', '}', ' ', '\n', '\t', '\r':
		return true
	}
	return false
}
