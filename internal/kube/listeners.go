package kube

import (
	"cmp"
	"context"
	"slices"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/destination"
)

// listener is an EventListener that runs a Trigger, and the Triggers beside it.
type listener struct {
	*triggersv1.EventListener
	triggers []*triggersv1.Trigger
	to       destination.Destination
}

// listenerFor finds the EventListener that runs a Trigger: inline, by triggerRef,
// or by label and namespace selector, as the EventListener itself does. Of
// several the first by namespace and name is taken, so that every replica takes
// the same. CodeNotFound says what to add.
func (t *Triggers) listenerFor(ctx context.Context, namespace, trigger string) (listener, error) {
	var list triggersv1.EventListenerList
	if err := t.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return listener{}, translate(err, "the list of event listeners")
	}
	var found []listener
	for i := range list.Items {
		el := &list.Items[i]
		all, err := t.runBy(ctx, el)
		if err != nil {
			return listener{}, err
		}
		if slices.ContainsFunc(all, func(x *triggersv1.Trigger) bool { return x.Namespace == namespace && x.Name == trigger }) {
			found = append(found, listener{EventListener: el, triggers: all})
		}
	}
	if len(found) == 0 {
		return listener{}, approvals.Errorf(approvals.CodeNotFound,
			"no EventListener runs trigger %s/%s: add {triggerRef: %s} to an EventListener of the namespace, or a selector that matches it", namespace, trigger, trigger)
	}
	slices.SortFunc(found, func(a, b listener) int {
		if x, y := a.Namespace == namespace, b.Namespace == namespace; x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	var why error
	for _, l := range found {
		// Anybody may make an EventListener that selects every namespace. One of
		// another namespace gets our event only when its account may read Triggers
		// here, without which it could not run them either.
		err := error(approvals.Errorf(approvals.CodeUnavailable,
			"the service account of EventListener %s/%s may not list Triggers in namespace %s, so it can't run trigger %s: look at its roles", l.Namespace, l.Name, namespace, trigger))
		if l.Namespace == namespace || t.mayList(ctx, l.account(), namespace) {
			if l.to, err = t.destinationOf(ctx, l.EventListener); err == nil {
				return l, nil
			}
		}
		if why == nil {
			why = err
		}
	}
	return listener{}, why
}

// account is what an EventListener reads Triggers and creates runs as.
func (l listener) account() account {
	return account{l.Namespace, cmp.Or(l.Spec.ServiceAccountName, "default")}
}

func (t *Triggers) mayList(ctx context.Context, a account, namespace string) bool {
	return t.MayListTriggers != nil && t.MayListTriggers(ctx, a.namespace, a.name, namespace)
}

// runBy is every Trigger that el runs for an event, each once.
func (t *Triggers) runBy(ctx context.Context, el *triggersv1.EventListener) ([]*triggersv1.Trigger, error) {
	var out []*triggersv1.Trigger
	for _, s := range inlineOf(el) {
		out = append(out, s.Trigger)
	}
	add := func(trigger *triggersv1.Trigger) {
		if !slices.ContainsFunc(out, func(x *triggersv1.Trigger) bool { return x.Namespace == trigger.Namespace && x.Name == trigger.Name }) {
			out = append(out, trigger)
		}
	}
	for _, x := range el.Spec.Triggers {
		if x.Template == nil && x.TriggerRef != "" {
			// One that is not there is skipped by the EventListener too.
			if trigger, err := read(ctx, t.Client, el.Namespace, x.TriggerRef, &triggersv1.Trigger{}); err == nil {
				add(trigger)
			}
		}
	}
	selectors := []triggersv1.EventListenerTriggerSelector{{NamespaceSelector: el.Spec.NamespaceSelector, LabelSelector: el.Spec.LabelSelector}}
	for _, g := range el.Spec.TriggerGroups {
		selectors = append(selectors, g.TriggerSelector)
	}
	for _, s := range selectors {
		selected, err := t.selected(ctx, el.Namespace, s)
		if err != nil {
			return nil, err
		}
		for _, trigger := range selected {
			add(trigger)
		}
	}
	return out, nil
}

// selected follows the EventListener's own rules: "*" is every namespace, no
// names with a label selector is its own namespace, neither selects nothing.
func (t *Triggers) selected(ctx context.Context, own string, s triggersv1.EventListenerTriggerSelector) ([]*triggersv1.Trigger, error) {
	match := labels.Everything()
	if s.LabelSelector != nil {
		var err error
		if match, err = metav1.LabelSelectorAsSelector(s.LabelSelector); err != nil {
			return nil, nil //nolint:nilerr // the EventListener runs nothing by a selector it can't read
		}
	}
	namespaces := s.NamespaceSelector.MatchNames
	switch {
	case len(namespaces) == 0 && s.LabelSelector == nil:
		return nil, nil
	case len(namespaces) == 0:
		namespaces = []string{own}
	case len(namespaces) == 1 && namespaces[0] == "*":
		namespaces = []string{""}
	}
	var out []*triggersv1.Trigger
	for _, ns := range namespaces {
		var list triggersv1.TriggerList
		err := t.Client.List(ctx, &list, client.InNamespace(ns), client.MatchingLabelsSelector{Selector: match}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, translate(err, "the list of triggers")
		}
		for i := range list.Items {
			out = append(out, &list.Items[i])
		}
	}
	return out, nil
}
