package contain

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

const secretText = "text of a tenant"

func approval(name string) *v1alpha1.Approval {
	return &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: name, UID: types.UID("uid-" + name)}}
}

type reported struct {
	*Panics
	log    bytes.Buffer
	counts map[string]int
	events *events.FakeRecorder
}

func newReported() *reported {
	r := &reported{counts: map[string]int{}, events: events.NewFakeRecorder(10)}
	r.Panics = &Panics{Log: slog.New(slog.NewTextHandler(&r.log, nil)), Count: func(where string) { r.counts[where]++ }, Events: r.events}
	return r
}

// event is the next one, "" for none.
func event(r *events.FakeRecorder) string {
	select {
	case e := <-r.Events:
		return e
	default:
		return ""
	}
}

// seer is told of objects, and panics at those called poison.
type seer struct{ seen []string }

func (s *seer) saw(what string, obj any) {
	if gone, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	name := obj.(client.Object).GetName()
	if name == "poison" {
		panic(secretText)
	}
	s.seen = append(s.seen, what+" "+name)
}

func (s *seer) OnAdd(obj any, _ bool) { s.saw("add", obj) }
func (s *seer) OnUpdate(_, obj any)   { s.saw("update", obj) }
func (s *seer) OnDelete(obj any)      { s.saw("delete", obj) }

// A handler's panic at one object, its predicates and mapping included, ends its look at that
// object: it is told of the others, and the object, the log and the metric say which it was.
func TestHandlers(t *testing.T) {
	t.Parallel()
	cluster := kubetest.New(t)
	for name, add := range map[string]func(cache.Informer, toolscache.ResourceEventHandler) error{
		"plain": func(i cache.Informer, h toolscache.ResourceEventHandler) error {
			_, err := i.AddEventHandler(h)
			return err
		},
		"resync": func(i cache.Informer, h toolscache.ResourceEventHandler) error {
			_, err := i.AddEventHandlerWithResyncPeriod(h, time.Hour)
			return err
		},
		"options": func(i cache.Informer, h toolscache.ResourceEventHandler) error {
			_, err := i.AddEventHandlerWithOptions(h, toolscache.HandlerOptions{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := &informertest.FakeInformers{Scheme: cluster.Scheme()}
			r, s := newReported(), &seer{}
			contained := r.Cache(fake)
			i, err := contained.GetInformer(t.Context(), approval("any"))
			if name == "options" {
				i, err = contained.GetInformerForKind(t.Context(), v1alpha1.GroupVersion.WithKind("Approval"))
			}
			if err == nil {
				err = add(i, s)
			}
			if err != nil {
				t.Fatal(err)
			}
			told, err := fake.FakeInformerFor(t.Context(), approval("any"))
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range []*v1alpha1.Approval{approval("first"), approval("poison"), approval("last")} {
				told.Add(a)
				told.Update(a, a)
				told.Delete(a)
			}
			if want := []string{"add first", "update first", "delete first", "add last", "update last", "delete last"}; !slices.Equal(s.seen, want) {
				t.Errorf("seen: %v, want %v", s.seen, want)
			}
			if r.counts["handler"] != 3 || strings.Count(r.log.String(), "object=prod/poison") != 3 {
				t.Errorf("counted %v, log %s", r.counts, r.log.String())
			}
			e := event(r.events)
			if !strings.HasPrefix(e, "Warning InternalError ") || strings.Contains(e, secretText) {
				t.Errorf("event: %q", e)
			}
		})
	}
}

// What was deleted while nobody watched comes in a wrapping, and may be of no kind of ours.
func TestDeletedUnseen(t *testing.T) {
	t.Parallel()
	r, s := newReported(), &seer{}
	h := eventHandler{s, r.Panics}
	h.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "prod/poison", Obj: approval("poison")})
	h.OnDelete("no object")
	if r.counts["handler"] != 2 || !strings.Contains(r.log.String(), "object=prod/poison") {
		t.Errorf("counted %v, log %s", r.counts, r.log.String())
	}
}

// indexed remembers the index that it is given.
type indexed struct {
	*informertest.FakeInformers
	f client.IndexerFunc
}

func (c *indexed) IndexField(_ context.Context, _ client.Object, _ string, f client.IndexerFunc) error {
	c.f = f
	return nil
}

// What an index or a transform panics at is in the cache all the same, as it came and under
// no value of that index.
func TestIndexesAndTransforms(t *testing.T) {
	t.Parallel()
	r, fake := newReported(), &indexed{}
	bad := func(o client.Object) []string {
		if o.GetName() == "poison" {
			panic(secretText)
		}
		return []string{o.GetName()}
	}
	if err := r.Cache(fake).IndexField(t.Context(), approval(""), "name", bad); err != nil {
		t.Fatal(err)
	}
	if got := fake.f(approval("good")); !slices.Equal(got, []string{"good"}) {
		t.Errorf("index: %v", got)
	}
	if got := fake.f(approval("poison")); got != nil {
		t.Errorf("index: %v", got)
	}
	refused := errors.New("no")
	transform := r.transform(func(o any) (any, error) {
		a := o.(*v1alpha1.Approval)
		switch bad(a); a.Name {
		case "refused":
			return nil, refused
		}
		return "another", nil
	})
	poison := approval("poison")
	if got, err := transform(poison); got != poison || err != nil {
		t.Errorf("transform: %v, %v", got, err)
	}
	if got, err := transform(approval("good")); got != "another" || err != nil {
		t.Errorf("transform: %v, %v", got, err)
	}
	if _, err := transform(approval("refused")); !errors.Is(err, refused) {
		t.Errorf("transform: %v", err)
	}
	if r.transform(nil) != nil {
		t.Error("there is a transform where there was none")
	}
	if r.counts["index"] != 1 || r.counts["transform"] != 1 {
		t.Errorf("counted %v", r.counts)
	}
}

// What panics in a controller is said on the object, once however often it does, until the
// controller gets through again; what another controller says stays.
func TestReconciler(t *testing.T) {
	t.Parallel()
	for name, obj := range map[string]client.Object{
		"approval": approval("x"),
		"gate":     &v1alpha1.Gate{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "x"}},
		"vote":     &v1alpha1.Vote{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := kubetest.New(t, obj)
			poison, recorder := true, events.NewFakeRecorder(10)
			named := func(name string) *Reconciler {
				return &Reconciler{
					Name: name, New: func() client.Object { return obj.DeepCopyObject().(client.Object) }, Client: w, Events: recorder, Now: time.Now,
					Next: reconcile.Func(func(context.Context, ctrl.Request) (ctrl.Result, error) {
						if poison {
							panic(secretText)
						}
						return ctrl.Result{RequeueAfter: time.Minute}, nil
					}),
				}
			}
			req := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(obj)}
			try := func(r *Reconciler) (panicked bool) {
				defer func() { panicked = recover() == secretText }()
				if res, err := r.Reconcile(t.Context(), req); res.RequeueAfter != time.Minute || err != nil {
					t.Errorf("%v, %v", res, err)
				}
				return false
			}
			stalled := func() *metav1.Condition {
				now := obj.DeepCopyObject().(client.Object)
				if err := w.Get(t.Context(), req.NamespacedName, now); err != nil {
					t.Fatal(err)
				}
				return meta.FindStatusCondition(deref(conditionsOf(now)), v1alpha1.ConditionStalled)
			}
			r := named("resolved")
			for range 3 {
				if !try(r) {
					t.Error("controller-runtime did not hear of it, which logs, counts and waits")
				}
			}
			if e := event(recorder); !strings.HasPrefix(e, "Warning InternalError ") || strings.Contains(e, secretText) {
				t.Errorf("event: %q", e)
			}
			c := stalled()
			if name == "vote" { // it has no conditions
				if w.Writes() != 0 {
					t.Errorf("%d writes", w.Writes())
				}
				return
			}
			if c == nil || c.Status != metav1.ConditionTrue || c.Reason != EventReason || strings.Contains(c.Message, secretText) || w.Writes() != 1 {
				t.Fatalf("%+v after %d writes", c, w.Writes())
			}
			poison = false
			if try(named("another")); stalled() == nil {
				t.Error("another controller took it back")
			}
			if try(r); stalled() != nil || w.Writes() != 2 {
				t.Errorf("%+v after %d writes", stalled(), w.Writes())
			}
		})
	}
}

// What can't be said ends nothing.
func TestReconcilerCannotSay(t *testing.T) {
	t.Parallel()
	w := kubetest.New(t)
	r := &Reconciler{Name: "x", New: func() client.Object { panic(secretText) }, Client: w, Next: reconcile.Func(func(context.Context, ctrl.Request) (ctrl.Result, error) {
		return ctrl.Result{RequeueAfter: 1}, nil
	})}
	if res, err := r.Reconcile(t.Context(), ctrl.Request{}); res.RequeueAfter != 1 || err != nil {
		t.Errorf("%v, %v", res, err)
	}
	r.New = func() client.Object { return approval("gone") }
	if _, err := r.Reconcile(t.Context(), ctrl.Request{}); err != nil || w.Writes() != 0 {
		t.Errorf("%v, %d writes", err, w.Writes())
	}
}
