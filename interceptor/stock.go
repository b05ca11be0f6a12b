package interceptor

import (
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
)

// StockParams are the values, as JSON, that one of Tekton's own interceptors takes by the
// name of a param. It reads its params as encoding/json reads a struct, which takes a name
// in any case: anyone who writes a Trigger could otherwise have it verify, or write, what we
// do not see.
func StockParams(ti *triggersv1.TriggerInterceptor, name string) [][]byte {
	var out [][]byte
	for _, p := range ti.Params {
		if strings.EqualFold(p.Name, name) {
			out = append(out, p.Value.Raw)
		}
	}
	return out
}
