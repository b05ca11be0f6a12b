package kube

import (
	"slices"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
)

// way is one on which an EventListener has an event come to a Trigger.
type way struct {
	group string // the triggerGroup whose interceptors it passes first, "" for none
	chain []*triggersv1.TriggerInterceptor
}

// ways are those of el to x: behind the interceptors of each triggerGroup that selects it,
// and by its own alone where el runs it itself. An event that is turned away on one may
// come by another.
func ways(el *triggersv1.EventListener, x *triggersv1.Trigger) []way {
	var out []way
	itself := *el
	itself.Spec.TriggerGroups = nil
	if runs(&itself, x.Namespace, x.Name, x) {
		out = append(out, way{"", x.Spec.Interceptors})
	}
	for _, g := range el.Spec.TriggerGroups {
		if selects(el.Namespace, g.TriggerSelector, x) {
			out = append(out, way{g.Name, slices.Concat(g.Interceptors, x.Spec.Interceptors)})
		}
	}
	if out == nil { // it changed a moment ago
		out = []way{{"", x.Spec.Interceptors}}
	}
	return out
}
