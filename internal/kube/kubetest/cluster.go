package kubetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	triggersv1alpha1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/approvalstest"
)

// Cluster is an API server in memory.
type Cluster struct {
	client.WithWatch
	// Clock returns the creation time of what is created now; nil: a fixed time.
	Clock func() time.Time

	mu     sync.Mutex
	writes map[string]int
	fault  func(verb string, o runtime.Object) error
	denied bool
	denies []string
}

// New returns a Cluster that holds objs.
func New(tb testing.TB, objs ...client.Object) *Cluster {
	tb.Helper()
	return NewIndexed(tb, nil, objs...)
}

// NewIndexed is New with indexes, as an informer's cache has them.
func NewIndexed(tb testing.TB, indexes map[string]client.IndexerFunc, objs ...client.Object) *Cluster {
	tb.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, v1alpha1.AddToScheme, openshiftv1.AddToScheme, pipelinev1.AddToScheme, pipelinev1beta1.AddToScheme, triggersv1.AddToScheme, triggersv1alpha1.AddToScheme,
	} {
		if err := add(s); err != nil {
			tb.Fatal(err)
		}
	}
	c := &Cluster{writes: map[string]int{}}
	b := fake.NewClientBuilder().WithScheme(s)
	for name, f := range indexes {
		for _, obj := range []client.Object{&v1alpha1.Approval{}, &triggersv1.Trigger{}, &triggersv1.EventListener{}} {
			b = b.WithIndex(obj, name, f)
		}
	}
	c.WithWatch = b.WithObjects(objs...).
		WithStatusSubresource(&v1alpha1.Approval{}, &v1alpha1.Gate{}, &v1alpha1.Vote{}, &pipelinev1beta1.CustomRun{}, &openshiftv1.ApprovalTask{}, Untyped("tekton.automatiko.io/v1beta1", "ApprovalTask")).
		WithInterceptorFuncs(interceptor.Funcs{
			Get: func(ctx context.Context, w client.WithWatch, k client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if err := c.before("get", o); err != nil {
					return err
				}
				return w.Get(ctx, k, o, opts...)
			},
			List: func(ctx context.Context, w client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
				if err := c.before("list", l); err != nil {
					return err
				}
				return w.List(ctx, l, opts...)
			},
			Create: c.create,
			Update: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
				if err := c.before("update", o); err != nil {
					return err
				}
				return w.Update(ctx, o, opts...)
			},
			Patch: func(ctx context.Context, w client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				if err := c.before("patch", o); err != nil {
					return err
				}
				return w.Patch(ctx, o, p, opts...)
			},
			SubResourcePatch: func(ctx context.Context, w client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if err := c.before("patch "+sub, o); err != nil {
					return err
				}
				return w.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		}).Build()
	return c
}

// Cached reads from c as an informer's cache does whose transform leaves out all that it may,
// and writes to c: what works over it needs nothing that the cache may lack.
type Cached struct {
	client.WithWatch
	Transform func(any) (any, error)
}

// Get implements client.Client.
func (c Cached) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if err := c.WithWatch.Get(ctx, key, o, opts...); err != nil {
		return err
	}
	_, err := c.Transform(o)
	return err
}

// List implements client.Client.
func (c Cached) List(ctx context.Context, l client.ObjectList, opts ...client.ListOption) error {
	if err := c.WithWatch.List(ctx, l, opts...); err != nil {
		return err
	}
	if list, ok := l.(*v1alpha1.ApprovalList); ok {
		for i := range list.Items {
			if _, err := c.Transform(&list.Items[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Untyped is an object of a kind that no package here has a type for.
func Untyped(apiVersion, kind string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	return o
}

func (c *Cluster) create(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.CreateOption) error {
	if sar, ok := o.(*authorizationv1.SubjectAccessReview); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		sar.Status.Allowed = !c.denied && !slices.Contains(c.denies, sar.Spec.ResourceAttributes.Verb)
		return nil
	}
	verb := "create"
	if len((&client.CreateOptions{}).ApplyOptions(opts).DryRun) > 0 {
		verb = "dry run"
	}
	if err := c.before(verb, o); err != nil {
		return err
	}
	// What an API server does and the fake does not.
	if o.GetUID() == "" {
		o.SetUID(types.UID("uid-" + o.GetName()))
	}
	if o.GetCreationTimestamp().Time.IsZero() {
		at := approvalstest.T0
		if c.Clock != nil {
			at = c.Clock()
		}
		o.SetCreationTimestamp(metav1.NewTime(at))
	}
	return w.Create(ctx, o, opts...)
}

func (c *Cluster) before(verb string, o runtime.Object) error {
	c.mu.Lock()
	fault := c.fault
	if verb != "get" && verb != "list" {
		c.writes[verb]++
	}
	c.mu.Unlock()
	if fault != nil {
		return fault(verb, o)
	}
	return nil
}

// Fail has fault answer every call that it gives an error for; nil ends it. The
// verbs are get, list, create, "dry run", update, patch and "patch status".
func (c *Cluster) Fail(fault func(verb string, o runtime.Object) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = fault
}

// Deny makes every SubjectAccessReview of these verbs answer no; without any, of all.
func (c *Cluster) Deny(verbs ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied, c.denies = c.denied || len(verbs) == 0, append(c.denies, verbs...)
}

// Count returns the number of requests with verb.
func (c *Cluster) Count(verb string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes[verb]
}

// Writes counts the writes that were tried, without dry runs.
func (c *Cluster) Writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for verb, k := range c.writes {
		if verb != "dry run" {
			n += k
		}
	}
	return n
}
