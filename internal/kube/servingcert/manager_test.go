package servingcert

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	triggersv1alpha1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// api is an API server in memory that looks at every write.
type api struct {
	client.WithWatch
	writes atomic.Int64
	fault  func(verb string, o client.Object) error
}

func newAPI(t *testing.T, objs ...client.Object) *api {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, triggersv1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	a := &api{}
	look := func(verb string, o client.Object) error {
		a.writes.Add(1)
		// With the label and without a bundle every EventListener of the cluster exits.
		if ci, ok := o.(*triggersv1alpha1.ClusterInterceptor); ok && ci.Labels[labelServerType] == "https" && len(ci.Spec.ClientConfig.CaBundle) == 0 {
			t.Errorf("%s of the label without the bundle", verb)
		}
		if a.fault != nil {
			return a.fault(verb, o)
		}
		return nil
	}
	a.WithWatch = fake.NewClientBuilder().WithScheme(s).WithObjects(objs...).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if err := look("create", o); err != nil {
				return err
			}
			return w.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if err := look("update", o); err != nil {
				return err
			}
			return w.Update(ctx, o, opts...)
		},
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			t.Error("a patch could write the label alone")
			return nil
		},
	}).Build()
	return a
}

func (a *api) manager(now time.Time) *Manager {
	return &Manager{
		Client: a, Secret: types.NamespacedName{Namespace: "countersign", Name: "countersign-tls"},
		Service: types.NamespacedName{Namespace: "countersign", Name: "countersign"}, Port: 8443, Interceptor: "countersign",
		Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
	}
}

func (a *api) interceptor(t *testing.T) *triggersv1alpha1.ClusterInterceptor {
	t.Helper()
	var ci triggersv1alpha1.ClusterInterceptor
	if err := a.Get(t.Context(), types.NamespacedName{Name: "countersign"}, &ci); err != nil {
		t.Fatal(err)
	}
	return &ci
}

func (a *api) secret(t *testing.T) map[string][]byte {
	t.Helper()
	var s corev1.Secret
	if err := a.Get(t.Context(), types.NamespacedName{Namespace: "countersign", Name: "countersign-tls"}, &s); err != nil {
		t.Fatal(err)
	}
	return s.Data
}

func TestEnsure(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	m := a.manager(t0)
	if _, err := m.Certificate(nil); err == nil || m.Ready() == nil {
		t.Error("ready before anything was done")
	}
	if err := m.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Ready(); err != nil {
		t.Error(err)
	}
	ci := a.interceptor(t)
	if err := verify(t, a.secret(t), ci.Spec.ClientConfig.CaBundle, t0); err != nil {
		t.Errorf("what is served is not what is announced: %v", err)
	}
	svc := ci.Spec.ClientConfig.Service
	if svc == nil || svc.Namespace != "countersign" || svc.Name != "countersign" || svc.Port == nil || *svc.Port != 8443 || ci.Labels[labelServerType] != "https" {
		t.Errorf("announced %+v, labels %v", svc, ci.Labels)
	}
	if cert, err := m.Certificate(nil); err != nil || !bytes.Equal(cert.Certificate[0], mustDER(t, a.secret(t)[entryCert])) {
		t.Errorf("%v, or another certificate is served", err)
	}
	if n := a.writes.Load(); n != 2 {
		t.Errorf("%d writes for a Secret and a ClusterInterceptor", n)
	}
	// Idle for a month, at one look a day: nothing is written.
	for d := range 30 {
		m.Now = func() time.Time { return t0.Add(time.Duration(d) * day) }
		if err := m.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.writes.Load(); n != 2 {
		t.Errorf("%d writes while idle", n-2)
	}
	before, _ := m.Certificate(nil)
	m.Now = func() time.Time { return t0.Add(61 * day) }
	if err := m.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, _ := m.Certificate(nil); bytes.Equal(after.Certificate[0], before.Certificate[0]) || a.writes.Load() != 3 {
		t.Errorf("not renewed, or %d writes", a.writes.Load())
	}
}

func mustDER(t *testing.T, certPEM []byte) []byte {
	t.Helper()
	c, err := leaf(certPEM)
	if err != nil {
		t.Fatal(err)
	}
	return c.Raw
}

// TestAnnounce puts right whatever stands in the ClusterInterceptor.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*triggersv1alpha1.ClusterInterceptor){
		"applied anew, empty": func(ci *triggersv1alpha1.ClusterInterceptor) {
			ci.Spec, ci.Labels = triggersv1alpha1.ClusterInterceptorSpec{}, nil
		},
		"without the label":  func(ci *triggersv1alpha1.ClusterInterceptor) { delete(ci.Labels, labelServerType) },
		"without the bundle": func(ci *triggersv1alpha1.ClusterInterceptor) { ci.Spec.ClientConfig.CaBundle = nil },
		"another bundle":     func(ci *triggersv1alpha1.ClusterInterceptor) { ci.Spec.ClientConfig.CaBundle = []byte("x") },
		"another service":    func(ci *triggersv1alpha1.ClusterInterceptor) { ci.Spec.ClientConfig.Service.Name = "old" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t)
			m := a.manager(t0)
			if err := m.Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := a.interceptor(t)
			spoilt := a.interceptor(t)
			spoilt.Labels["mine"] = "kept"
			change(spoilt)
			if err := a.WithWatch.Delete(t.Context(), want.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			spoilt.ResourceVersion = ""
			plain := newAPI(t, spoilt) // without our look at the spoilt one
			secret := &corev1.Secret{Data: a.secret(t)}
			secret.Namespace, secret.Name = "countersign", "countersign-tls"
			if err := plain.WithWatch.Create(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			m.Client = plain
			if err := m.Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := plain.interceptor(t)
			if !bytes.Equal(got.Spec.ClientConfig.CaBundle, want.Spec.ClientConfig.CaBundle) || got.Labels[labelServerType] != "https" || got.Spec.ClientConfig.Service.Name != "countersign" {
				t.Errorf("it is %+v with labels %v", got.Spec.ClientConfig, got.Labels)
			}
			if spoilt.Labels != nil && got.Labels["mine"] != "kept" {
				t.Error("somebody's label was dropped")
			}
		})
	}
}

// TestRaces: replicas that start at once end with one CA, and conflicts are run
// again.
func TestRaces(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "x"}, "x", errors.New("changed"))
	var n atomic.Int64
	a.fault = func(string, client.Object) error {
		if n.Add(1)%3 == 0 {
			return conflict
		}
		return nil
	}
	managers := make([]*Manager, 8)
	var wg sync.WaitGroup
	for i := range managers {
		managers[i] = a.manager(t0)
		wg.Go(func() {
			if err := managers[i].Ensure(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, m := range managers {
		if err := m.Ensure(t.Context()); err != nil {
			t.Error(err)
		}
		if cert, err := m.Certificate(nil); err != nil || !bytes.Equal(cert.Certificate[0], mustDER(t, a.secret(t)[entryCert])) {
			t.Errorf("replica %d serves another certificate, %v", i, err)
		}
	}
	if err := verify(t, a.secret(t), a.interceptor(t).Spec.ClientConfig.CaBundle, t0); err != nil {
		t.Error(err)
	}
	for what, fault := range map[string]error{"secret": conflict, "no right": apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no"))} {
		b := newAPI(t)
		b.fault = func(string, client.Object) error { return fault }
		m := b.manager(t0)
		if err := m.Ensure(t.Context()); err == nil || m.Ready() == nil {
			t.Errorf("%s: %v, ready %v", what, err, m.Ready())
		}
	}
}

// TestStart looks once a minute, goes on after a failure, and ends with its context.
func TestStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		m := a.manager(t0)
		down := true
		a.fault = func(string, client.Object) error {
			if down {
				return errors.New("connection refused")
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Start(ctx) }()
		synctest.Wait()
		if m.Ready() == nil {
			t.Error("ready while the API server is down")
		}
		down = false
		time.Sleep(look + time.Second)
		synctest.Wait()
		if err := m.Ready(); err != nil {
			t.Errorf("a minute later: %v", err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if (&Manager{}).NeedLeaderElection() {
		t.Error("replicas that do not lead serve too")
	}
}
