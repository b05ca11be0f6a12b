package render

import (
	"bytes"
	"encoding/json"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/template"

	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

const (
	// maxMade is the most bytes that bindings may give, and that a template may make of
	// them: more than one object that the API server keeps. Anyone who writes a Trigger could
	// otherwise have us fill in $(body) a million times.
	maxMade = 4 << 20
	// maxUnlooked is the rough bound up to which nobody has to work out the exact size.
	maxUnlooked = 16 << 20
)

// boundBindings returns false, with the binding that is too much, when all bindings together would
// give more than maxMade bytes. Where a rough bound does not rule that out, it works out each
// expression alone, and never all of them together.
func boundBindings(rt template.ResolvedTrigger, e signedevent.Event, extensions map[string]any, trigger template.TriggerContext) (binding string, ok bool) {
	brought, err := json.Marshal(extensions)
	if err != nil {
		return "", true // said where it is worked out
	}
	most, all := len(e.Body)+len(brought), 0
	for name, values := range e.Header {
		most += len(name) + len(strings.Join(values, ","))
	}
	for _, p := range rt.BindingParams {
		all += len(p.Value) + len(triggers.ExpressionsIn(p.Value))*most
	}
	if all <= maxUnlooked {
		return "", true
	}
	long := map[string]int{} // what an expression gives
	all = 0
	for _, p := range rt.BindingParams {
		for _, x := range triggers.ExpressionsIn(p.Value) {
			n, known := long[x.Text]
			if !known {
				one := template.ResolvedTrigger{BindingParams: []triggersv1.Param{{Name: p.Name, Value: x.Text}}}
				if got, err := template.ResolveParams(one, e.Body, e.Header, extensions, trigger); err == nil && len(got) == 1 {
					n = len(got[0].Value)
				}
				long[x.Text] = n
			}
			all += n
		}
		if all += len(p.Value); all > maxMade {
			return p.Name, false
		}
	}
	return "", true
}

// madeSize returns the bytes of tt's resources with params filled in.
func madeSize(tt *triggersv1.TriggerTemplate, params []triggersv1.Param) int {
	all := 0
	for i := range tt.Spec.ResourceTemplates {
		raw := tt.Spec.ResourceTemplates[i].Raw
		all += len(raw)
		for _, p := range params {
			// Triggers escapes each $( by one more $, and in its old way each quote by a \.
			all += bytes.Count(raw, []byte("$(tt.params."+p.Name+")")) * (len(p.Value) + strings.Count(p.Value, "$(") + strings.Count(p.Value, `"`))
		}
	}
	return all
}
