//go:build chaos

package chaos

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

var (
	approvalsGVR = schema.GroupVersionResource{Group: "countersign.dev", Version: "v1alpha1", Resource: "approvals"}
	votesGVR     = schema.GroupVersionResource{Group: "countersign.dev", Version: "v1alpha1", Resource: "votes"}
	runsGVR      = schema.GroupVersionResource{Group: "tekton.dev", Version: "v1", Resource: "pipelineruns"}
)

// follower keeps every version of a kind's objects in a namespace.
type follower struct {
	file string
	res  dynamic.ResourceInterface
	out  *history.Writer

	mu     sync.Mutex
	cond   *sync.Cond
	latest map[string]*unstructured.Unstructured
	gaps   int // times that versions may have been missed
	on     []func(at time.Time, u *unstructured.Unstructured)
}

func (k *kube) follow(ctx context.Context, o *history.Writer, file string, gvr schema.GroupVersionResource, ns string) *follower {
	f := &follower{file: file, res: k.dynamic.Resource(gvr).Namespace(ns), out: o, latest: map[string]*unstructured.Unstructured{}}
	f.cond = sync.NewCond(&f.mu)
	go f.run(ctx)
	return f
}

// run watches from where it was: an API server that was started anew goes on from there
// too. Only when that is too old to be told from is there a list, and a gap.
func (f *follower) run(ctx context.Context) {
	rv, listed := "", false
	for ctx.Err() == nil {
		if rv == "" {
			l, err := f.res.List(ctx, metav1.ListOptions{})
			if err != nil {
				wait(ctx, 200*time.Millisecond)
				continue
			}
			if listed {
				f.mu.Lock()
				f.gaps++
				f.mu.Unlock()
			}
			listed = true
			for i := range l.Items {
				f.add("LIST", &l.Items[i])
			}
			rv = l.GetResourceVersion()
		}
		seconds := int64(120)
		w, err := f.res.Watch(ctx, metav1.ListOptions{ResourceVersion: rv, AllowWatchBookmarks: true, TimeoutSeconds: &seconds})
		if err != nil {
			if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
				rv = ""
			}
			wait(ctx, 200*time.Millisecond)
			continue
		}
		for ev := range w.ResultChan() {
			u, ok := ev.Object.(*unstructured.Unstructured)
			switch {
			case ev.Type == watch.Error:
				if s := apierrors.FromObject(ev.Object); apierrors.IsResourceExpired(s) || apierrors.IsGone(s) {
					rv = ""
				}
			case ok:
				rv = u.GetResourceVersion()
				if ev.Type != watch.Bookmark {
					f.add(string(ev.Type), u)
				}
			}
		}
		w.Stop()
	}
}

func (f *follower) add(kind string, u *unstructured.Unstructured) {
	u = u.DeepCopy()
	u.SetManagedFields(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	if old := f.latest[u.GetName()]; kind == "LIST" && old != nil && old.GetResourceVersion() == u.GetResourceVersion() {
		return
	}
	now := time.Now()
	f.out.Add(f.file, history.Version{Seen: now, Type: kind, Object: u.Object})
	if kind == string(watch.Deleted) {
		delete(f.latest, u.GetName())
	} else {
		f.latest[u.GetName()] = u
	}
	for _, on := range f.on {
		on(now, u)
	}
	f.cond.Broadcast()
}

// get is the latest version of one object, nil for none.
func (f *follower) get(name string) *unstructured.Unstructured {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest[name]
}

// until waits until ok says so of an object, nil for none, or ctx ends.
func (f *follower) until(ctx context.Context, name string, ok func(*unstructured.Unstructured) bool) bool {
	stop := context.AfterFunc(ctx, func() { f.mu.Lock(); f.cond.Broadcast(); f.mu.Unlock() })
	defer stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for !ok(f.latest[name]) {
		if ctx.Err() != nil {
			return false
		}
		f.cond.Wait()
	}
	return true
}

func (f *follower) count() (total, pending int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.latest {
		total++
		if !decided(u) {
			pending++
		}
	}
	return total, pending
}

func (f *follower) gapsSeen() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gaps
}
