package triggers

import (
	"fmt"
	"maps"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"k8s.io/client-go/util/jsonpath"

	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// roots are the fields of an event that bindings can read.
var roots = []string{"body", "header", "extensions", "context"}

// checkBindings refuses an expression that does not begin with the field that it reads,
// such as $(..image): it takes what it finds anywhere, the event or what an interceptor
// brings later, so nobody could keep, show or compare what that is.
func checkBindings(params []triggersv1.Param) error {
	if n := countExpressions(params); n > maxExpressions {
		return fmt.Errorf("its bindings read %d values of the event and the limit is %d", n, maxExpressions)
	}
	for _, p := range params {
		for _, x := range ExpressionsIn(p.Value) {
			if path, ok := fieldsOf(x.path); !ok || len(path) == 0 || !slices.Contains(roots, path[0]) {
				return fmt.Errorf("binding %s reads %s, which does not say which field it reads: name the field, beginning with one of %s", p.Name, x.Text, strings.Join(roots, ", "))
			}
		}
	}
	return nil
}

// relaxed is Triggers' form of a JSONPath: with or without braces and first dot.
var relaxed = regexp.MustCompile(`^\{\.?([^{}]+)\}$|^\.?([^{}]+)$`)

// WithUnknown replaces in a binding's value what reads an extension that is not in
// known: another interceptor brings it, and nobody can say here what it will be. So it
// is with body and header when a webhook has rewritten the event.
func WithUnknown(value string, known map[string]any, rewritten bool, unknown string) string {
	for _, x := range ExpressionsIn(value) {
		path, ok := fieldsOf(x.path)
		if !ok || len(path) == 0 {
			continue
		}
		switch {
		case path[0] == "extensions" && len(path) > 1:
			if v, ok := known[path[1]]; ok && (path[1] == interceptor.Name || !concealed(v, path[2:])) {
				continue
			}
		case path[0] == "extensions", rewritten && (path[0] == "body" || path[0] == "header"):
		default:
			continue
		}
		value = strings.ReplaceAll(value, x.Text, unknown)
	}
	return value
}

// concealed reports whether the value at path in v is a secret that was not stored, or
// contains one.
func concealed(v any, path []string) bool {
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			break
		}
		v = m[name]
	}
	return Find(v, "", func(s string) bool { return strings.HasPrefix(s, interceptor.Concealed) }) != ""
}

// Expression is one $(…) of a binding's value.
type Expression struct {
	Text string // as it stands, with $( and )
	path string // what is between, as Triggers reads it
}

// ExpressionsIn finds the expressions of a binding's value as Triggers does: from
// each $( to the first ) that closes it.
func ExpressionsIn(value string) []Expression {
	var out []Expression
	for _, rest := range strings.Split(value, "$(")[1:] {
		open := 0
		for i, ch := range rest {
			switch ch {
			case '(':
				open++
			case ')':
				open--
			}
			if open < 0 {
				path := rest[:i]
				if name, ok := strings.CutPrefix(path, "header."); ok {
					path = "header." + textproto.CanonicalMIMEHeaderKey(name)
				}
				out = append(out, Expression{"$(" + rest[:i] + ")", path})
				break
			}
		}
	}
	return out
}

// fieldsOf are the fields that an expression begins with, by the parser that
// Triggers uses: of extensions.files[0].name they are extensions and files. It is
// not ok for what does not parse, or begins with no field.
func fieldsOf(path string) ([]string, bool) {
	m := relaxed.FindStringSubmatch(path)
	if m == nil {
		return nil, false
	}
	p, err := jsonpath.Parse("", "{."+m[1]+m[2]+"}")
	if err != nil || len(p.Root.Nodes) != 1 {
		return nil, false
	}
	list, ok := p.Root.Nodes[0].(*jsonpath.ListNode)
	if !ok {
		return nil, false
	}
	var out []string
	for _, n := range list.Nodes {
		f, ok := n.(*jsonpath.FieldNode)
		if !ok {
			break
		}
		out = append(out, f.Value)
	}
	return out, true
}

// Find is the first place at or below which a text, or the name of a field, is such; ""
// for none.
func Find(v any, place string, such func(string) bool) string {
	switch x := v.(type) {
	case string:
		if such(x) {
			return Or(place, "it")
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if such(k) {
				return Or(place, "it")
			}
			if at := Find(x[k], place+"."+k, such); at != "" {
				return at
			}
		}
	case []any:
		for i := range x {
			if at := Find(x[i], fmt.Sprintf("%s[%s]", place, pipelinerun.NameIn(x[i], i)), such); at != "" {
				return at
			}
		}
	}
	return ""
}

// maxExpressions bounds what is looked at in the bindings of one Trigger: each takes a look
// at the whole event.
const maxExpressions = 1024

func countExpressions(params []triggersv1.Param) (n int) {
	for _, p := range params {
		n += strings.Count(p.Value, "$(")
	}
	return n
}

// Or is a, or b when a is empty.
func Or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
