package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

var (
	testRing = keyring.Ring{{Made: ct.T0.Add(-time.Hour), Secret: bytes.Repeat([]byte{9}, keyring.Size)}}
	quiet    = slog.New(slog.DiscardHandler)
)

func ring() keyring.Ring { return testRing }

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// cluster is an API server in memory.
type cluster struct{ *kubetest.Cluster }

func newCluster(tb testing.TB, objs ...client.Object) *cluster {
	tb.Helper()
	return &cluster{kubetest.NewIndexed(tb, Indexes(), objs...)}
}

// store is a Store whose cache never lags behind, and has no more than it must.
func (c *cluster) store() *Store {
	return &Store{Client: c.cached(), Live: c, Ring: ring, Now: at(ct.T0)}
}

// cached is c as an informer's cache has it, which leaves out all that it may.
func (c *cluster) cached() kubetest.Cached {
	return kubetest.Cached{WithWatch: c, Transform: (&Sharing{Keep: -1}).Approval}
}

// objectOf is a as the API server would hold it, sealed.
func objectOf(a approvals.Approval) *v1alpha1.Approval {
	o := &v1alpha1.Approval{}
	o.Namespace, o.Name, o.UID = a.Namespace, a.Name, types.UID(a.UID)
	o.CreationTimestamp = metav1.NewTime(a.OpenedAt)
	o.Generation = 1
	o.Spec = v1alpha1.ApprovalSpec{Trigger: a.Trigger, Source: sourceToAPI(a.Source)}
	sealSource(testRing, o)
	if a.Terms != nil {
		setTerms(testRing, o, a.Terms)
	}
	o.Status = statusOf(a, v1alpha1.ApprovalStatus{}, 1, ct.T0)
	return o
}

// throughAPI is o after its way through JSON, as every object comes back.
func throughAPI[T any](tb interface {
	Helper()
	Fatal(...any)
}, o *T,
) *T {
	tb.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	out := new(T)
	if err := json.Unmarshal(raw, out); err != nil {
		tb.Fatal(err)
	}
	return out
}

func celCompiler(tb testing.TB) *mapping.Compiler {
	tb.Helper()
	c, err := mapping.New()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func (c *cluster) targets() *Targets {
	return &Targets{Client: c, Live: c, Fresh: c.store().Fresh, ServiceAccount: "countersign:countersign"}
}

// valueOf is what a target has now.
func (c *cluster) valueOf(t *testing.T, x approvals.Target) string {
	t.Helper()
	key := types.NamespacedName{Namespace: "prod", Name: x.Name}
	if x.Kind == approvals.TargetConfigMap {
		var cm corev1.ConfigMap
		if err := c.Get(t.Context(), key, &cm); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return cm.Data[x.Key]
	}
	var pr pipelinev1.PipelineRun
	if err := c.Get(t.Context(), key, &pr); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return string(pr.Spec.Status)
}

var approvalsResource = schema.GroupResource{Group: "countersign.dev", Resource: "approvals"}

func conflict() error { return apierrors.NewConflict(approvalsResource, "a", errors.New("changed")) }

func gatePolicy(t *testing.T, name, spec string) *v1alpha1.GatePolicy {
	t.Helper()
	o := &v1alpha1.GatePolicy{}
	if err := yaml.UnmarshalStrict([]byte(spec), &o.Spec); err != nil {
		t.Fatal(err)
	}
	o.Name = name
	return o
}

// pushWorld holds every event that reaches Trigger "push".
var pushWorld = strings.NewReplacer(
	"        - {name: after, value: {pipeline: plan}}\n", "", "{digest: results.digest}", "{ref: body.ref}",
	"{name: digest, value: $(extensions.countersign.params.digest)}", "{name: digest, value: $(body.ref)}",
).Replace(kubetest.World)

func (c *cluster) opener(tb testing.TB) *Opener {
	triggers := &Triggers{Client: c, CEL: celCompiler(tb), MayListTriggers: MayListTriggers(c)}
	return &Opener{
		Client: c.cached(), Live: c, Triggers: triggers, CEL: triggers.CEL, Secrets: &Secrets{Live: c, Now: at(ct.T0)}, Ring: ring, Now: at(ct.T0), Log: quiet,
		Opened: func(string, string) {},
	}
}

func (c *cluster) gated(t *testing.T, o *Opener) interceptor.Gated {
	t.Helper()
	g, err := o.Triggers.Gated(t.Context(), "prod", "apply")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (c *cluster) approvals(t *testing.T) []approvals.Approval {
	t.Helper()
	list, err := c.store().List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func push(body, id string) approvals.Event {
	return approvals.Event{ID: id, Body: body, URL: "/", Digest: approvals.Digest("event", body, id), Headers: []approvals.Param{{Name: "X-Github-Event", Value: "push"}}}
}

// counted is a Store over c with the cache that the service has, and how often it has read
// from the API server.
func (c *cluster) counted() (*Store, *int) {
	reads := 0
	cached := c.cached()
	cached.Transform = (&Sharing{}).Approval
	return &Store{Client: cached, Live: counting{c, &reads}, Ring: ring, Now: at(ct.T0)}, &reads
}

// counting counts what is read of Approvals.
type counting struct {
	client.Reader
	reads *int
}

func (c counting) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	*c.reads++
	return c.Reader.Get(ctx, key, o, opts...)
}
