package split

import (
	"fmt"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
)

// findParam has part p read a param of the pipeline, which what starts the first part
// gives, or leaves to its default.
func (g *dataFlow) findParam(r reference, p int) *value {
	i := slices.IndexFunc(g.typed.Spec.Params, func(s pipelinev1.ParamSpec) bool { return s.Name == r.name })
	if i < 0 {
		return nil
	}
	spec, node := g.typed.Spec.Params[i], items(field(g.spec, "params"))[i]
	plain := r.rest == "" && spec.Type == pipelinev1.ParamTypeString
	if !plain && (r.whole() || r.rest == "") {
		g.rs.refuse(r.line, "%s is the whole %s %s, but only strings can be forwarded to part %d: read its values one by one, or make it a string", r.raw, spec.Type, r.name, p)
		return nil
	}
	expr, err := g.given(spec, r.rest, nil)
	if err != nil {
		g.rs.refuse(node.Line, "param %s is read in part %d (line %d), and %v", r.name, p, r.line, err)
		return nil
	}
	v := &value{from: 1, expr: expr, last: 1}
	if plain { // it keeps its name
		v.param, v.decl = r.name, clone(node)
		put(v.decl, "default", nil) // what runs is what was decided on
		v.key = g.pick(g.keys, plainName(r.name))
		return v
	}
	g.call(v, r.name+r.rest, "one value of param "+r.name)
	return v
}

// given returns the expression for a param, or for one value of it, as the run of the first part
// has it. Where people are asked before any run, it reads the event's body. seen has the params
// whose defaults led here.
func (g *dataFlow) given(spec pipelinev1.ParamSpec, rest string, seen []string) (string, error) {
	if slices.Contains(seen, spec.Name) || len(seen) > 9 { // as Tekton has it
		return "", fmt.Errorf("its default refers back to itself, or through too many params: write it out")
	}
	seen = append(seen, spec.Name)
	said := g.run.given(spec.Name)
	if said == nil && g.first && g.run != nil {
		said = spec.Default // what the run would have had; no event is asked
	}
	if said != nil && (g.first || strings.Contains(fmt.Sprint(*said), "$(")) {
		return g.constant(*said, rest, seen)
	}
	of, in := "params", member("params", spec.Name)
	if g.first {
		of, in = "body", member("body", spec.Name)
	}
	expr := in
	switch {
	case g.first: // a number, too, arrives as text
		if rest != "" {
			expr += element(rest)
		}
		expr = "string(" + expr + ")"
	case rest == "":
	default:
		expr += ".parseJSON()" + element(rest)
	}
	if spec.Default == nil {
		return expr, nil
	}
	otherwise, err := g.constant(*spec.Default, rest, seen)
	if err != nil {
		return "", err
	}
	has := quote(spec.Name) + " in " + of
	if rest != "" && spec.Type == pipelinev1.ParamTypeObject { // a run may give some keys alone
		object := in
		if !g.first {
			object += ".parseJSON()"
		}
		has += " && " + quote(key(rest)) + " in " + object
	}
	return fmt.Sprintf("%s ? %s : %s", has, expr, otherwise), nil
}

// constant is the expression for a value that is written in the text, or for one value of
// it.
func (g *dataFlow) constant(v pipelinev1.ParamValue, rest string, seen []string) (string, error) {
	text := v.StringVal
	switch {
	case g.first && strings.Contains(fmt.Sprint(v), "{{"):
		return "", fmt.Errorf("Pipelines-as-Code fills in its value, in a run and nowhere else: write it out")
	case rest == "":
	case v.Type == pipelinev1.ParamTypeArray:
		i := -1
		if _, err := fmt.Sscanf(rest, "[%d]", &i); err != nil || i < 0 || i >= len(v.ArrayVal) {
			return "", fmt.Errorf("its %d values have no %s: give it in every run, or read one that is there", len(v.ArrayVal), rest)
		}
		text = v.ArrayVal[i]
	case v.Type == pipelinev1.ParamTypeObject:
		var ok bool
		if text, ok = v.ObjectVal[key(rest)]; !ok {
			return "", fmt.Errorf("its values have no %s: give it in every run, or read one that is there", key(rest))
		}
	}
	return g.phrase(text, func(r reference) (string, error) { return g.within(r, seen) })
}

// within is the expression for what a default, or a param of the run, refers to.
func (g *dataFlow) within(r reference, seen []string) (string, error) {
	if r.of == "context" {
		switch _, what, run := strings.Cut(r.name, "pipelineRun."); {
		case r.name == "pipeline.name":
			return quote(g.typed.Name), nil
		case run && !g.first && (what == "name" || what == "uid" || what == "namespace"):
			return member("run", what), nil
		case run && g.first:
			return "", fmt.Errorf("its value uses %s, which is not known before there is a run: write it out", r.raw)
		}
	}
	if r.of == "params" && !r.whole() {
		for _, s := range g.typed.Spec.Params {
			if s.Name != r.name || (r.rest == "") != (s.Type == pipelinev1.ParamTypeString) {
				continue
			}
			expr, err := g.given(s, r.rest, seen)
			if strings.Contains(expr, " ? ") {
				expr = "(" + expr + ")"
			}
			return expr, err
		}
	}
	return "", fmt.Errorf("its value uses %s, which can't be forwarded: give it in every run, or write it out", r.raw)
}

// phrase is the expression for a text with references in it.
func (g *dataFlow) phrase(s string, of func(reference) (string, error)) (string, error) {
	var words []string
	rest := s
	for _, r := range referencesIn(str(s)) {
		before, after, _ := strings.Cut(rest, r.raw)
		expr, err := of(r)
		if err != nil {
			return "", err
		}
		if before != "" {
			words = append(words, quote(before))
		}
		words, rest = append(words, expr), after
	}
	if rest != "" || len(words) == 0 {
		words = append(words, quote(rest))
	}
	return strings.Join(words, " + "), nil
}

// key is an object's key, as a reference names it.
func key(rest string) string { return strings.Trim(strings.TrimPrefix(rest, "."), `[]"'`) }

// element returns the CEL expression for a part of an array or object.
func element(rest string) string {
	if strings.HasPrefix(rest, "[") && !strings.ContainsAny(rest, `"'`) {
		return rest
	}
	return memberOf(key(rest))
}
