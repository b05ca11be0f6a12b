package triggers

import (
	"slices"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
)

// Way is one on which an EventListener has an event come to a Trigger.
type Way struct {
	Group string // the triggerGroup whose interceptors it passes first, "" for none
	Chain []*triggersv1.TriggerInterceptor
}

// Ways returns the interceptor chains from el to x: behind the interceptors of each
// triggerGroup that selects it, and by its own alone if el runs it itself. An event that one
// rejects may pass by another.
func Ways(el *triggersv1.EventListener, x *triggersv1.Trigger) []Way {
	var out []Way
	itself := *el
	itself.Spec.TriggerGroups = nil
	if runs(&itself, x.Namespace, x.Name, x) {
		out = append(out, Way{"", x.Spec.Interceptors})
	}
	for _, g := range el.Spec.TriggerGroups {
		if Selects(el.Namespace, g.TriggerSelector, x) {
			out = append(out, Way{g.Name, slices.Concat(g.Interceptors, x.Spec.Interceptors)})
		}
	}
	if out == nil { // it changed a moment ago
		out = []Way{{"", x.Spec.Interceptors}}
	}
	return out
}
