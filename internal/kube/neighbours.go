package kube

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
)

// neighbour finds a Trigger on l, other than ours, that our event would start as
// well: EventListeners give every event to every Trigger. "" when there is none.
func (t *Triggers) neighbour(ctx context.Context, l listener, a approvals.Approval, e event) string {
	for _, trigger := range l.triggers {
		if trigger.Namespace == a.Namespace && trigger.Name == a.Trigger {
			continue
		}
		if !t.turnsAway(ctx, trigger, a, e) {
			return trigger.Namespace + "/" + trigger.Name
		}
	}
	return ""
}

// turnsAway says whether one of a Trigger's interceptors stops our event. Of an
// interceptor that we do not know it is assumed: it is there to choose.
func (t *Triggers) turnsAway(ctx context.Context, trigger *triggersv1.Trigger, a approvals.Approval, e event) bool {
	for _, ti := range trigger.Spec.Interceptors {
		switch {
		case interceptor.IsOurs(ti):
			return true
		case ti.Webhook != nil:
			return true
		case ti.Ref.Name == "cel":
			if t.celStops(ctx, ti, e) {
				return true
			}
		case ti.Ref.Name == "github":
			if githubStops(ti, a, e) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// celStops evaluates the filter as the cel interceptor would. A filter that needs
// a Secret counts as stopped: it checks the sender.
func (t *Triggers) celStops(ctx context.Context, ti *triggersv1.TriggerInterceptor, e event) bool {
	for _, p := range ti.Params {
		if p.Name != "filter" {
			continue
		}
		var filter string
		vars := mapping.Vars{Header: e.header, RequestURL: e.path}
		if json.Unmarshal(p.Value.Raw, &filter) != nil || json.Unmarshal(e.body, &vars.Body) != nil {
			return true
		}
		if len(filter) > approvals.MaxExpression || strings.Contains(filter, "extensions") || strings.Contains(filter, "requestURL") {
			return false // can't be known here: say so rather than start it again
		}
		return filter != "" && !t.CEL.True(ctx, filter, vars)
	}
	return false
}

// githubStops says whether a github interceptor stops our event, by its event
// types, or by a secret that is not the one we sign with.
func githubStops(ti *triggersv1.TriggerInterceptor, a approvals.Approval, e event) bool {
	for _, p := range ti.Params {
		switch p.Name {
		case "eventTypes":
			var types []string
			if json.Unmarshal(p.Value.Raw, &types) == nil && !slices.Contains(types, e.header.Get("X-Github-Event")) {
				return true
			}
		case "secretRef":
			var ref triggersv1.SecretRef
			if json.Unmarshal(p.Value.Raw, &ref) != nil {
				return true
			}
			if s := a.Terms.Policy.Secret; ref.SecretName != s.Name || ref.SecretKey != s.Key {
				return true
			}
		}
	}
	return false
}
