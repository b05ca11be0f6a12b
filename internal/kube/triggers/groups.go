package triggers

import (
	"cmp"
	"context"
	"slices"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// MaxGroups bounds the triggerGroups of one EventListener that are looked at: anybody may
// make one that selects every namespace.
const MaxGroups = 256

// group is a triggerGroup whose interceptors an event passes before a Trigger's own. Its
// name is not part of it: that changes nothing of what an event starts.
type group struct {
	Namespace, Listener string
	Interceptors        []*triggersv1.TriggerInterceptor
}

// groupsOf returns the triggerGroups with interceptors that a Trigger is run in: those of the
// EventListeners of its namespace, and those of another namespace's EventListener only
// when that is the one to which its events are posted. Anyone who makes an EventListener
// somewhere else changes nothing for a Trigger that is run in its own namespace.
//
// Errors: CodeUnavailable when nobody can say which those are, which is not the same as
// that there are none; CodeInvalid when there are too many.
func (t *Triggers) groupsOf(ctx context.Context, s Standing) ([]group, error) {
	if s.In != nil { // a selector selects objects
		return nil, nil
	}
	var own triggersv1.EventListenerList
	if err := t.Client.List(ctx, &own, client.InNamespace(s.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of event listeners")
	}
	var out []group
	for i := range own.Items {
		if err := fewGroups(&own.Items[i]); err != nil {
			return nil, err
		}
		out = append(out, groupsIn(&own.Items[i], s.Trigger)...)
	}
	l, _, err := t.pick(ctx, s.Namespace, s.Name)
	if err != nil {
		return nil, err
	}
	if l.EventListener != nil && l.Namespace != s.Namespace {
		out = append(out, groupsIn(l.EventListener, s.Trigger)...)
	}
	// Each is a way of its own to the Trigger: their order in a list says nothing.
	slices.SortFunc(out, func(a, b group) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Listener, b.Listener),
			strings.Compare(approvals.Digest("group", a.Interceptors), approvals.Digest("group", b.Interceptors)))
	})
	return out, nil
}

// groupsIn returns the groups of el that have interceptors and select x.
func groupsIn(el *triggersv1.EventListener, x *triggersv1.Trigger) []group {
	var out []group
	for _, g := range el.Spec.TriggerGroups {
		if len(g.Interceptors) > 0 && Selects(el.Namespace, g.TriggerSelector, x) {
			out = append(out, group{el.Namespace, el.Name, g.Interceptors})
		}
	}
	return out
}

func fewGroups(el *triggersv1.EventListener) error {
	if n := len(el.Spec.TriggerGroups); n > MaxGroups {
		return approvals.Errorf(approvals.CodeInvalid,
			"EventListener %s/%s has %d triggerGroups, but only %d are supported: divide it into several EventListeners", el.Namespace, el.Name, n, MaxGroups)
	}
	return nil
}

// Selects reports whether a selector of an EventListener of namespace own selects x, by the
// EventListener's own rules: "*" is every namespace, no names with a label selector is its own
// namespace, neither selects nothing, and so does a selector that is not valid.
func Selects(own string, s triggersv1.EventListenerTriggerSelector, x *triggersv1.Trigger) bool {
	switch names := s.NamespaceSelector.MatchNames; {
	case len(names) == 0:
		if s.LabelSelector == nil || x.Namespace != own {
			return false
		}
	case len(names) == 1 && names[0] == "*":
	case !slices.Contains(names, x.Namespace) && !slices.Contains(names, ""):
		return false
	}
	if s.LabelSelector == nil {
		return true
	}
	match, err := metav1.LabelSelectorAsSelector(s.LabelSelector)
	return err == nil && match.Matches(labels.Set(x.Labels))
}

// runs reports whether el runs the Trigger of that namespace and name: inline, by triggerRef
// or by a selector. Object is the Trigger, nil when it is none.
func runs(el *triggersv1.EventListener, namespace, name string, object *triggersv1.Trigger) bool {
	if el.Namespace == namespace && slices.ContainsFunc(el.Spec.Triggers, func(x triggersv1.EventListenerTrigger) bool {
		if x.Template != nil {
			return x.Name == name
		}
		return object != nil && x.TriggerRef == name
	}) {
		return true
	}
	if object == nil {
		return false
	}
	return Selects(el.Namespace, triggersv1.EventListenerTriggerSelector{NamespaceSelector: el.Spec.NamespaceSelector, LabelSelector: el.Spec.LabelSelector}, object) ||
		slices.ContainsFunc(el.Spec.TriggerGroups, func(g triggersv1.EventListenerTriggerGroup) bool {
			return Selects(el.Namespace, g.TriggerSelector, object)
		})
}

// object is the Trigger of that name, nil when there is no such object.
func (t *Triggers) object(ctx context.Context, namespace, name string) (*triggersv1.Trigger, error) {
	x, err := kubeutil.Read(ctx, t.Client, namespace, name, &triggersv1.Trigger{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return x, kubeutil.Translate(err, "trigger "+namespace+"/"+name)
}
