package preflight

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// chain looks whether the other interceptors on one way to the Trigger would turn our event
// away. The EventListener asks all of them, and of a refusal nobody but its log hears.
func (p *Preflights) chain(ctx context.Context, r *triggers.Resolved, w triggers.Way, a approvals.Approval, e signedevent.Event, f *findings) error {
	vars := mapping.Vars{Header: e.Header, RequestURL: e.Path, Budget: mapping.NewBudget()}
	if err := json.Unmarshal(e.Body, &vars.Body); err != nil {
		return nil //nolint:nilerr // it was held as an object, and is one of our own making else
	}
	foreign := false // something may have added extensions that are not known here
	own := len(w.Chain) - len(r.Spec.Interceptors)
	for i, ti := range w.Chain {
		of := "trigger " + r.Name
		if i < own {
			of = "triggerGroup " + w.Group + ", in which trigger " + r.Name + " is run,"
		}
		switch {
		case ti == nil:
		case interceptor.IsOurs(ti):
			ext, err := render.Plain(interceptor.ExtensionOf(a))
			if err != nil {
				return err
			}
			vars.Extensions = map[string]any{interceptor.Name: ext}
		case ti.Webhook != nil:
			foreign = true
		case ti.Ref.Name == "cel":
			if filter, _ := triggers.CelFilter(ti); filter != "" && knowable(filter, foreign) {
				if is, known := p.Triggers.CEL.True(ctx, filter, vars); known && !is {
					f.add("EventRejectedByTrigger", "the cel interceptor of %s would reject the released event, because its filter %s is not true for it: let it through, as in 'Webhook-Id' in header || (%s)", of, filter, filter)
				}
			}
			foreign = foreign || len(interceptor.StockParams(ti, "overlays")) > 0
		default:
			kind, stock := triggers.StockSenders()[ti.Ref.Name]
			if types, ours := triggers.EventTypes(ti), e.Header.Get(signature.Kind(kind).EventHeader()); stock && types != nil && !slices.Contains(types, ours) {
				f.add("EventRejectedByTrigger", "the %s interceptor of %s would reject the released event, because its eventTypes do not include %q: add it", ti.Ref.Name, of, ours)
			}
			foreign = true
		}
	}
	if err := p.Triggers.SenderCheck(r.Namespace, w.Chain, *a.Resolved.Policy); err != nil {
		return f.fromError("EventRejectedByTrigger", err)
	}
	return nil
}

// knowable reports whether a filter reads only values that are known here: no Secret, not the
// address by which the EventListener was reached, and no extensions that others may have
// added.
func knowable(filter string, foreign bool) bool {
	return len(filter) <= approvals.MaxExpression && !strings.Contains(filter, "compareSecret") && !strings.Contains(filter, "requestURL") &&
		(!foreign || !strings.Contains(filter, "extensions"))
}

// chains looks whether our event would be turned away before it starts anything, on every
// way to its Trigger. What is wrong with one is told only when there is no other.
func (p *Preflights) chains(ctx context.Context, l triggers.Listener, r *triggers.Resolved, a approvals.Approval, e signedevent.Event, f *findings) error {
	var first findings
	for i, w := range triggers.Ways(l.EventListener, r.Trigger) {
		var found findings
		if err := p.chain(ctx, r, w, a, e, &found); err != nil {
			return err
		}
		if len(found.all) == 0 {
			return nil
		}
		if i == 0 {
			first = found
		}
	}
	f.all = append(f.all, first.all...)
	return nil
}
