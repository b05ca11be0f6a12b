package triggers

import (
	"encoding/json"
	"fmt"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/interceptor"
)

// CelFilter is a cel interceptor's filter, "" for none. It is not ok when that can't be
// read.
func CelFilter(ti *triggersv1.TriggerInterceptor) (filter string, ok bool) {
	for _, raw := range interceptor.StockParams(ti, "filter") {
		if json.Unmarshal(raw, &filter) != nil {
			return "", false
		}
	}
	return filter, true
}

// EventTypes returns the event types that a stock interceptor accepts, nil for all.
func EventTypes(ti *triggersv1.TriggerInterceptor) []string {
	var types []string
	for _, raw := range interceptor.StockParams(ti, "eventTypes") {
		if json.Unmarshal(raw, &types) != nil {
			return nil
		}
	}
	return types
}

// SecretRefOf is an interceptor's secretRef, nil for none.
func SecretRefOf(ti *triggersv1.TriggerInterceptor) (*triggersv1.SecretRef, error) {
	var found *triggersv1.SecretRef
	for _, raw := range interceptor.StockParams(ti, "secretRef") {
		if len(raw) == 0 { // null
			continue
		}
		var ref *triggersv1.SecretRef
		if json.Unmarshal(raw, &ref) != nil {
			return nil, fmt.Errorf("interceptor %s has a secretRef that can't be read: use {secretName: NAME, secretKey: KEY}", ti.Ref.Name)
		}
		if found != nil && ref != nil && *found != *ref {
			return nil, fmt.Errorf("interceptor %s has two params named secretRef: keep one", ti.Ref.Name)
		}
		if ref != nil {
			found = ref
		}
	}
	return found, nil
}

// ExpressionsOf are the filter and the overlays of a cel interceptor.
func ExpressionsOf(ti *triggersv1.TriggerInterceptor) []string {
	var out []string
	for _, raw := range interceptor.StockParams(ti, "filter") {
		var filter string
		if json.Unmarshal(raw, &filter) == nil {
			out = append(out, filter)
		}
	}
	for _, raw := range interceptor.StockParams(ti, "overlays") {
		var overlays []struct {
			Expression string `json:"expression"`
		}
		if json.Unmarshal(raw, &overlays) == nil {
			for _, o := range overlays {
				out = append(out, o.Expression)
			}
		}
	}
	return out
}
