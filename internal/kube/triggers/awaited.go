package triggers

import (
	"context"
	"fmt"
	"slices"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// AwaitsNamespace is the index of Triggers, and of EventListeners with inline ones, by
// the other namespaces whose runs they wait for.
const AwaitsNamespace = "awaits"

// AwaitedBy are the other namespaces whose runs the Triggers in an object wait for.
func AwaitedBy(obj client.Object) []string {
	var standing []Standing
	switch o := obj.(type) {
	case *triggersv1.Trigger:
		standing = []Standing{{Trigger: o}}
	case *triggersv1.EventListener:
		standing = inlineOf(o)
	}
	var out []string
	for _, s := range standing {
		// A line that can't be read waits for nothing; it is reported where it is seen.
		if line, err := ParamsOf(s.Trigger); err == nil && line != nil && line.After.Namespace != "" && !slices.Contains(out, line.After.Namespace) {
			out = append(out, line.After.Namespace)
		}
	}
	return out
}

// TriggerIndexes returns the index functions for Triggers and EventListeners.
func TriggerIndexes() map[string]client.IndexerFunc {
	return map[string]client.IndexerFunc{AwaitsNamespace: AwaitedBy}
}

// IndexTriggers makes the informers keep the indexes of Triggers and EventListeners, from
// their first list on.
func IndexTriggers(ctx context.Context, to client.FieldIndexer) error {
	for name, f := range TriggerIndexes() {
		for _, obj := range []client.Object{&triggersv1.Trigger{}, &triggersv1.EventListener{}} {
			if err := to.IndexField(ctx, obj, name, f); err != nil {
				return fmt.Errorf("index %T by %s: %w", obj, name, err)
			}
		}
	}
	return nil
}
