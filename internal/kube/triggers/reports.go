package triggers

import (
	"context"
	"fmt"
	"sync"
	"time"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
)

// Reasons of the Events that say why nothing is held or released.
const (
	// EventInvalid: it can never be right as it stands.
	EventInvalid = "CountersignInvalid"
	// EventRefused: this one event, or run, was neither held nor let through.
	EventRefused = "CountersignRefused"
	// EventOverLimit: it waits, or was refused, because the namespace has as much as it may.
	EventOverLimit = "CountersignOverLimit"
	// EventNoPipeline: what a Trigger waits for is not there yet.
	EventNoPipeline = "CountersignPipelineNotFound"
	// EventResults: an Approval was decided, and has the default results since those of its
	// Gate can't be worked out.
	EventResults = "CountersignResults"
)

// Reports says on the objects that people look at what is wrong: the sender of an
// event has had its 202, and few may read the service's log. It works on every
// replica, and forgets nothing that matters: what is still wrong is said again.
type Reports struct {
	Triggers *Triggers
	Events   events.EventRecorder
	Now      func() time.Time

	mu   sync.Mutex
	said map[report]time.Time
	by   map[string]int // how many of said are of a namespace
}

// Bounds on what is said. Anyone who reaches the interceptor can have something refused
// in the name of any Trigger, as often as they like.
const (
	saidAgain = time.Minute
	mostSaid  = 4096
	mostOfOne = 256  // of a namespace: one that floods silences itself alone
	MaxNote   = 1024 // of the API
)

// report is the key of a message that is repeated only after saidAgain.
type report struct {
	namespace, object, reason string
	code                      approvals.Code
}

// Refused says on every Trigger of that name, or on the EventListeners that they
// stand in, why an event was refused. Without a name it is said on the EventListeners
// of the namespace that are wrong.
func (r *Reports) Refused(ctx context.Context, namespace, trigger string, err error) {
	if trigger == "" {
		r.listeners(ctx, namespace)
		return
	}
	why := EventRefused
	if approvals.CodeOf(err) == approvals.CodeLimited {
		why = EventOverLimit
	}
	all, failed := r.Triggers.all(ctx, namespace)
	if failed != nil {
		return // it is in the log, and said the next time
	}
	for _, s := range all {
		if s.Name == trigger {
			r.Say(s.Object(), why, err)
		}
	}
}

func (r *Reports) listeners(ctx context.Context, namespace string) {
	var list triggersv1.EventListenerList
	if r.Triggers.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy) != nil {
		return
	}
	for i := range list.Items {
		for _, err := range r.Triggers.CheckListener(ctx, &list.Items[i]) {
			r.Say(&list.Items[i], EventInvalid, err)
		}
	}
}

// ResultsFellBack reports on an Approval that its results are not those of its Gate, and why.
func (r *Reports) ResultsFellBack(a approvals.Approval, err error) {
	o := &v1alpha1.Approval{}
	o.Namespace, o.Name, o.UID = a.Namespace, a.Name, types.UID(a.UID)
	r.Say(o, EventResults, err)
}

// Say makes an Event of err on obj, unless one like it was just made.
func (r *Reports) Say(obj client.Object, reason string, err error) {
	key := report{obj.GetNamespace(), fmt.Sprintf("%T %s/%s %s", obj, obj.GetNamespace(), obj.GetName(), obj.GetUID()), reason, approvals.CodeOf(err)}
	if reason == EventInvalid { // there are no more of these than mistakes in the object
		key.reason += approvals.Message(err)
	}
	if !r.due(key) {
		return
	}
	note := approvals.Cut(approvals.Message(err), MaxNote)
	// The recorder counts Events of one object, reason and action as one for some
	// minutes, and keeps the note of the first: another note is another action.
	action := "Check-" + approvals.Digest("note", note)[:8]
	r.Events.Eventf(obj, nil, corev1.EventTypeWarning, reason, action, "%s", note)
}

func (r *Reports) due(key report) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	if at, ok := r.said[key]; ok && now.Sub(at) < saidAgain {
		return false
	}
	if _, known := r.said[key]; known {
		r.said[key] = now
		return true
	}
	if r.by[key.namespace] >= mostOfOne || len(r.said) >= mostSaid {
		r.forget(func(_ report, at time.Time) bool { return now.Sub(at) >= saidAgain })
	}
	if r.by[key.namespace] >= mostOfOne {
		return false // a flood: what is said already is enough to look at
	}
	if len(r.said) >= mostSaid { // of many namespaces: nobody is silenced by the others
		oldest := now
		for _, at := range r.said {
			if at.Before(oldest) {
				oldest = at
			}
		}
		left := mostSaid / 16 // not one by one: each takes a look at all
		r.forget(func(_ report, at time.Time) bool {
			gone := left > 0 && !at.After(oldest)
			if gone {
				left--
			}
			return gone
		})
	}
	if r.said == nil {
		r.said, r.by = map[report]time.Time{}, map[string]int{}
	}
	r.said[key] = now
	r.by[key.namespace]++
	return true
}

// forget drops those of said that gone names.
func (r *Reports) forget(gone func(report, time.Time) bool) {
	for k, at := range r.said {
		if !gone(k, at) {
			continue
		}
		delete(r.said, k)
		if r.by[k.namespace]--; r.by[k.namespace] <= 0 {
			delete(r.by, k.namespace)
		}
	}
}

// CheckListener says all that is wrong with what stands in an EventListener.
func (t *Triggers) CheckListener(ctx context.Context, el *triggersv1.EventListener) []error {
	var out []error
	for _, g := range el.Spec.TriggerGroups {
		if err := interceptor.CheckGroup(g); err != nil {
			out = append(out, approvals.Errorf(approvals.CodeInvalid, "EventListener %s: %s", el.Name, approvals.Message(err)))
		}
	}
	for _, s := range inlineOf(el) {
		if err := t.Check(ctx, s); err != nil {
			out = append(out, err)
		}
	}
	return out
}
