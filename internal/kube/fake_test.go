package kube

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/mapping"
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
