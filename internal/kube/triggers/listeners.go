package triggers

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
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Listener is an EventListener that runs a Trigger, and the Triggers beside it.
type Listener struct {
	*triggersv1.EventListener
	Triggers []*triggersv1.Trigger
	To       destination.Destination
}

// ListenerFor finds the EventListener that runs a Trigger: inline, by triggerRef,
// or by label and namespace selector, as the EventListener itself does. Of
// several the first by namespace and name is taken, so that every replica takes
// the same. CodeNotFound says what to add.
func (t *Triggers) ListenerFor(ctx context.Context, namespace, trigger string) (Listener, error) {
	l, why, err := t.pick(ctx, namespace, trigger)
	if err = cmp.Or(err, why); err != nil {
		return Listener{}, err
	}
	l.Triggers, err = t.runBy(ctx, l.EventListener)
	return l, err
}

// pick is listenerFor without the Triggers beside it. Why says that there is none, and
// what to do; err that nobody can say. The Trigger's own namespace comes first, and others
// are looked at only when nothing there can be posted to: anybody may make EventListeners
// that select every namespace, as many as they like.
func (t *Triggers) pick(ctx context.Context, namespace, trigger string) (l Listener, why, err error) {
	object, err := t.object(ctx, namespace, trigger)
	if err != nil {
		return Listener{}, nil, err
	}
	for _, where := range []string{namespace, ""} {
		var list triggersv1.EventListenerList
		if err := t.Client.List(ctx, &list, client.InNamespace(where), client.UnsafeDisableDeepCopy); err != nil {
			return Listener{}, nil, kubeutil.Translate(err, "the list of event listeners")
		}
		var found []*triggersv1.EventListener
		for i := range list.Items {
			el := &list.Items[i]
			if where == "" && el.Namespace == namespace { // was looked at
				continue
			}
			if err := fewGroups(el); err != nil {
				if el.Namespace == namespace {
					return Listener{}, nil, err
				}
				continue
			}
			if runs(el, namespace, trigger, object) {
				found = append(found, el)
			}
		}
		slices.SortFunc(found, func(a, b *triggersv1.EventListener) int {
			return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
		})
		for _, el := range found {
			l := Listener{EventListener: el}
			no, err := t.mayRun(ctx, l, namespace, trigger)
			if err != nil {
				return Listener{}, nil, err
			}
			if no == nil {
				if l.To, no = t.destinationOf(ctx, el); no == nil {
					return l, nil, nil
				}
			}
			why = cmp.Or(why, no)
		}
	}
	if why == nil {
		why = approvals.Errorf(approvals.CodeNotFound,
			"no EventListener runs trigger %s/%s: add {triggerRef: %s} to an EventListener of the namespace, or a selector that matches it", namespace, trigger, trigger)
	}
	return Listener{}, why, nil
}

// mayRun returns as why the reason that l does not count for a Trigger of that namespace; nil: it
// counts. Anybody may make an EventListener that selects every namespace. One of another namespace
// gets our event only when its account may list Triggers here, without which it could not run them
// either. err means that nobody knows, which is no "no".
func (t *Triggers) mayRun(ctx context.Context, l Listener, namespace, trigger string) (why, err error) {
	if l.Namespace == namespace {
		return nil, nil
	}
	as, may := l.Account(), false
	if t.MayListTriggers != nil {
		if may, err = t.MayListTriggers(ctx, as.Namespace, as.Name, namespace); err != nil {
			return nil, err
		}
	}
	if may {
		return nil, nil
	}
	return approvals.Errorf(approvals.CodeUnavailable,
		"the service account of EventListener %s/%s may not list Triggers in namespace %s, so it can't run trigger %s: check its roles", l.Namespace, l.Name, namespace, trigger), nil
}

// Account returns the service account by which an EventListener reads Triggers and creates
// runs.
func (l Listener) Account() Account {
	return Account{l.Namespace, cmp.Or(l.Spec.ServiceAccountName, "default")}
}

// runBy is every Trigger that el runs for an event, each once.
func (t *Triggers) runBy(ctx context.Context, el *triggersv1.EventListener) ([]*triggersv1.Trigger, error) {
	var out []*triggersv1.Trigger
	for _, s := range inlineOf(el) {
		out = append(out, s.Trigger)
	}
	known := map[string]bool{}
	for _, x := range out {
		known[x.Namespace+"/"+x.Name] = true
	}
	add := func(x *triggersv1.Trigger) {
		if key := x.Namespace + "/" + x.Name; !known[key] {
			known[key] = true
			out = append(out, x)
		}
	}
	for _, x := range el.Spec.Triggers {
		if x.Template == nil && x.TriggerRef != "" {
			// One that is not there is skipped by the EventListener too.
			if trigger, err := kubeutil.Read(ctx, t.Client, el.Namespace, x.TriggerRef, &triggersv1.Trigger{}); err == nil {
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
			return nil, kubeutil.Translate(err, "the list of triggers")
		}
		for i := range list.Items {
			out = append(out, &list.Items[i])
		}
	}
	return out, nil
}
