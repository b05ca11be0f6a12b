package release

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Neighbour finds a Trigger on l, other than ours, that our event would start as
// well: EventListeners give every event to every Trigger. "" when there is none.
func Neighbour(ctx context.Context, t *triggers.Triggers, l triggers.Listener, a approvals.Approval, e signedevent.Event) string {
	// One budget for all of their filters, which are others' to write, and one reading of
	// the event, when the first of them needs it.
	read := sync.OnceValues(func() (mapping.Vars, error) {
		vars := mapping.Vars{Header: e.Header, RequestURL: e.Path, Budget: mapping.NewBudget()}
		return vars, json.Unmarshal(e.Body, &vars.Body)
	})
	for _, trigger := range l.Triggers {
		if trigger.Namespace == a.Namespace && trigger.Name == a.Trigger {
			continue
		}
		for _, w := range triggers.Ways(l.EventListener, trigger) {
			if !turnsAway(ctx, t, trigger.Namespace, w.Chain, a, e, read) {
				return trigger.Namespace + "/" + trigger.Name
			}
		}
	}
	return ""
}

// turnsAway reports whether one of the interceptors on the way to a Trigger of namespace stops
// our event. It assumes so of an unknown interceptor, whose purpose is to select events.
func turnsAway(ctx context.Context, t *triggers.Triggers, namespace string, chain []*triggersv1.TriggerInterceptor, a approvals.Approval, e signedevent.Event, read func() (mapping.Vars, error)) bool {
	for _, ti := range chain {
		switch {
		case ti == nil:
		case interceptor.IsOurs(ti):
			return true
		case ti.Webhook != nil:
			return true
		case ti.Ref.Name == "cel":
			// What compares our own secret, which the event carries, may let it through.
			if celStops(ctx, t, ti, read) && !comparesOurs(t, namespace, ti, a) {
				return true
			}
		default:
			kind, ok := triggers.StockSenders()[ti.Ref.Name]
			if !ok || stockStops(ti, kind, a, e) {
				return true
			}
		}
	}
	return false
}

// comparesOurs reports whether a cel interceptor verifies the sender as our event proves it.
func comparesOurs(t *triggers.Triggers, namespace string, ti *triggersv1.TriggerInterceptor, a approvals.Approval) bool {
	return slices.ContainsFunc(triggers.ExpressionsOf(ti), func(x string) bool { return strings.Contains(x, "compareSecret") }) &&
		namespace == a.Namespace && t.CelSender(namespace, ti, *a.Resolved.Policy) == nil
}

// celStops evaluates the filter as the cel interceptor would. A filter that needs
// a Secret counts as stopped: it checks the sender.
func celStops(ctx context.Context, t *triggers.Triggers, ti *triggersv1.TriggerInterceptor, read func() (mapping.Vars, error)) bool {
	filter, ok := triggers.CelFilter(ti)
	if !ok {
		return true
	}
	if filter == "" {
		return false
	}
	vars, err := read()
	if err != nil {
		return true
	}
	if len(filter) > approvals.MaxExpression || strings.Contains(filter, "extensions") || strings.Contains(filter, "requestURL") {
		return false // can't be known here: say so rather than start it again
	}
	is, known := t.CEL.True(ctx, filter, vars)
	return known && !is // else say so, too
}

// stockStops reports whether a stock interceptor stops our event, by its event types, or by a
// secret that is not the one we prove ourselves by.
func stockStops(ti *triggersv1.TriggerInterceptor, kind approvals.SenderKind, a approvals.Approval, e signedevent.Event) bool {
	if types := triggers.EventTypes(ti); types != nil && !slices.Contains(types, e.Header.Get(signature.Kind(kind).EventHeader())) {
		return true
	}
	ref, err := triggers.SecretRefOf(ti)
	return err != nil || ref != nil && a.Resolved.Policy.Secret != approvals.SecretRef{Name: ref.SecretName, Key: ref.SecretKey, Kind: kind}
}
