package render

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"math/big"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/template"

	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// mostExact is 2^53: EventListeners read numbers as doubles, and those have not every
// integer beyond it.
var mostExact = new(big.Int).Lsh(big.NewInt(1), 53)

// rounded reports bindings that read an integer which the EventListener would make another
// one of, without a word: of a held event, or of what interceptors before ours brought. The
// bindings are tried on a copy in which a mark stands for each such number, so that any
// path that leads to one is found.
func (out *Rendered) rounded(r *triggers.Resolved, bindings []triggersv1.Param, e signedevent.Event, extensions map[string]any) {
	mark := "rounded-" + strings.ToLower(rand.Text())
	body, inBody := marked(decodeNumbers(e.Body), mark)
	more, inMore := marked(withNumbers(extensions), mark)
	if !inBody && !inMore {
		return
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return
	}
	more, err = Plain(more) // Triggers knows no json.Number
	if err != nil {
		return
	}
	brought, _ := more.(map[string]any)
	for i, p := range bindings {
		one := r.Template
		one.BindingParams = bindings[i : i+1]
		all, err := template.ResolveParams(one, raw, e.Header, brought, template.NewTriggerContext(out.Unknown))
		if err != nil {
			continue // said already, by the event as it is
		}
		for _, got := range all {
			if got.Name == p.Name && strings.Contains(got.Value, mark) {
				out.problem(ReasonTemplateError, "binding %s of trigger %s reads %s, which is or contains an integer beyond 2^53, and an EventListener changes such numbers: forward it (forward: {NAME: body.PATH}) and bind $(extensions.countersign.params.NAME), or have it sent as text",
					p.Name, r.Name, r.Template.BindingParams[i].Value)
			}
		}
	}
}

// decodeNumbers is JSON with its numbers as they were written, nil for what is none.
func decodeNumbers(raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// withNumbers is v, decoded JSON, with its numbers as they are written.
func withNumbers(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return decodeNumbers(raw)
}

// marked is v with mark in the place of each integer beyond 2^53, and whether there is one.
func marked(v any, mark string) (_ any, found bool) {
	switch x := v.(type) {
	case json.Number:
		if n, ok := new(big.Int).SetString(x.String(), 10); ok && n.CmpAbs(mostExact) > 0 {
			return mark, true
		}
	case map[string]any:
		for k := range x {
			var here bool
			x[k], here = marked(x[k], mark)
			found = found || here
		}
	case []any:
		for i := range x {
			var here bool
			x[i], here = marked(x[i], mark)
			found = found || here
		}
	}
	return v, found
}
