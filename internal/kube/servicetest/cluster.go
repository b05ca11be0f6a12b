package servicetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
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
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

var (
	// TestRing has the one key of all tests.
	TestRing = keyring.Ring{{Made: ct.T0.Add(-time.Hour), Secret: bytes.Repeat([]byte{9}, keyring.Size)}}
	// Quiet is a log that nobody reads.
	Quiet = slog.New(slog.DiscardHandler)
)

// Indexes returns all indexes that the service has its informers keep.
func Indexes() map[string]client.IndexerFunc {
	all := store.Indexes()
	maps.Copy(all, triggers.TriggerIndexes())
	return all
}

// Ring returns TestRing, as the service's keys return theirs.
func Ring() keyring.Ring { return TestRing }

// At is a clock that stands still.
func At(t time.Time) func() time.Time { return func() time.Time { return t } }

// Cluster is an API server in memory.
type Cluster struct{ *kubetest.Cluster }

// NewCluster has the indexes of the service, and objs.
func NewCluster(tb testing.TB, objs ...client.Object) *Cluster {
	tb.Helper()
	return &Cluster{kubetest.NewIndexed(tb, Indexes(), objs...)}
}

// Store is a Store whose cache never lags behind, and has no more than it must.
func (c *Cluster) Store() *store.Store {
	return &store.Store{Client: c.cached(), Live: c, Ring: Ring, Now: At(ct.T0)}
}

// cached is c as an informer's cache has it, which leaves out all that it may.
func (c *Cluster) cached() kubetest.Cached {
	return kubetest.Cached{WithWatch: c, Transform: (&store.Sharing{Keep: -1}).Approval}
}

// ObjectOf is a as the API server would hold it, signed.
func ObjectOf(a approvals.Approval) *v1alpha1.Approval {
	o := &v1alpha1.Approval{}
	o.Namespace, o.Name, o.UID = a.Namespace, a.Name, types.UID(a.UID)
	o.CreationTimestamp = metav1.NewTime(a.OpenedAt)
	o.Generation = 1
	o.Spec = v1alpha1.ApprovalSpec{Trigger: a.Trigger, Source: convert.SourceToAPI(a.Source)}
	store.SignSource(TestRing, o)
	if a.Resolved != nil {
		store.SetResolved(TestRing, o, a.Resolved)
	}
	o.Status = convert.StatusOf(a, v1alpha1.ApprovalStatus{}, 1, ct.T0)
	return o
}

// ThroughAPI is o after its way through JSON, as every object comes back.
func ThroughAPI[T any](tb interface {
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

// CelCompiler is the compiler that the service has, with its default limits.
func CelCompiler(tb testing.TB) *mapping.Compiler {
	tb.Helper()
	c, err := mapping.New()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Targets writes outcomes to the objects of the cluster.
func (c *Cluster) Targets() *release.Targets {
	return &release.Targets{Client: c, Live: c, Approvals: c.Store(), ServiceAccount: "countersign:countersign"}
}

// ValueOf returns the value at a target.
func (c *Cluster) ValueOf(t *testing.T, x approvals.Target) string {
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

// ApprovalsResource stands in the API server's errors about Approvals.
var ApprovalsResource = schema.GroupResource{Group: "countersign.dev", Resource: "approvals"}

// Conflict returns the API server's answer to a write that lost a race.
func Conflict() error { return apierrors.NewConflict(ApprovalsResource, "a", errors.New("changed")) }

// GatePolicy reads a spec, in YAML, as strictly as the API server does.
func GatePolicy(t *testing.T, name, spec string) *v1alpha1.GatePolicy {
	t.Helper()
	o := &v1alpha1.GatePolicy{}
	if err := yaml.UnmarshalStrict([]byte(spec), &o.Spec); err != nil {
		t.Fatal(err)
	}
	o.Name = name
	return o
}

// PushWorld holds every event that reaches Trigger "push".
var PushWorld = strings.NewReplacer(
	"        - {name: after, value: {pipeline: plan}}\n", "", "{digest: results.digest}", "{ref: body.ref}",
	"{name: digest, value: $(extensions.countersign.params.digest)}", "{name: digest, value: $(body.ref)}",
).Replace(kubetest.World)

// Opener opens Approvals in the cluster.
func (c *Cluster) Opener(tb testing.TB) *hold.Opener {
	triggers := &triggers.Triggers{Client: c, CEL: CelCompiler(tb), MayListTriggers: triggers.MayListTriggers(c)}
	return &hold.Opener{
		Client: c.cached(), Live: c, Triggers: triggers, CEL: triggers.CEL, Secrets: &gate.Secrets{Live: c, Now: At(ct.T0)}, Ring: Ring, Now: At(ct.T0), Log: Quiet,
		Opened: func(string, string) {},
	}
}

// Gated is Trigger prod/apply, which most tests are about.
func (c *Cluster) Gated(t *testing.T, o *hold.Opener) interceptor.GatedTrigger {
	t.Helper()
	g, err := o.Triggers.Gated(t.Context(), "prod", "apply")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Approvals returns the Approvals of namespace prod, verified.
func (c *Cluster) Approvals(t *testing.T) []approvals.Approval {
	t.Helper()
	list, err := c.Store().List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Push is a held event of GitHub's kind.
func Push(body, id string) approvals.Event {
	return approvals.Event{ID: id, Body: body, URL: "/", Digest: approvals.Digest("event", body, id), Headers: []approvals.Param{{Name: "X-Github-Event", Value: "push"}}}
}

// Counted is a Store over c with the cache that the service has, and how often it has read
// from the API server.
func (c *Cluster) Counted() (*store.Store, *int) {
	reads := 0
	cached := c.cached()
	cached.Transform = (&store.Sharing{}).Approval
	return &store.Store{Client: cached, Live: counting{c, &reads}, Ring: Ring, Now: At(ct.T0)}, &reads
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
