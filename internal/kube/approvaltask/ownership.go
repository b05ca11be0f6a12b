package approvaltask

import (
	"context"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// ManagedBy is the label, with value Manager, by which the definitions and objects of
// other systems' kinds are known to be this service's.
const (
	ManagedBy = "app.kubernetes.io/managed-by"
	Manager   = "countersign"
	// partOf says so of a definition that Helm has installed, which puts its own name into ManagedBy.
	partOf = "app.kubernetes.io/part-of"
)

// definitionsFor is the time for which a definition is not looked up again.
const definitionsFor = 15 * time.Second

// Kinds says which approval tasks of other systems this service looks after. Two
// controllers of one kind would each end the other's runs, so a kind that somebody
// else has defined is left to them.
type Kinds struct {
	Live client.Reader
	// Only are the configured kinds; nil is those whose definition is ours.
	Only []string
	Now  func() time.Time

	mu    sync.Mutex
	known map[string]definition
}

// definition is the cached state of a kind's CustomResourceDefinition.
type definition struct {
	Service
	at time.Time
}

// Service tells whether this service handles a kind, and why not.
type Service struct {
	Serves   bool
	Mirrored bool   // its own objects can be there too
	Foreign  bool   // it is somebody else's
	Why      string // not
}

// Of tells whether this service handles the kind of m.
func (k *Kinds) Of(ctx context.Context, m tasks.Mapping) (Service, error) {
	k.mu.Lock()
	d, ok := k.known[m.Name]
	k.mu.Unlock()
	if ok && k.Now().Sub(d.at) < definitionsFor {
		return d.Service, nil
	}
	s, err := k.look(ctx, m)
	if err != nil {
		return Service{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[string]definition{}
	}
	k.known[m.Name] = definition{s, k.Now()}
	return s, nil
}

func (k *Kinds) look(ctx context.Context, m tasks.Mapping) (Service, error) {
	if k.Only != nil && !slices.Contains(k.Only, m.Name) {
		return Service{Why: "kind " + m.Name + " is not among the configuration's customTasks"}, nil
	}
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	err := k.Live.Get(ctx, types.NamespacedName{Name: m.CRD}, crd)
	switch {
	case apierrors.IsNotFound(err) && k.Only == nil:
		return Service{Why: "CustomResourceDefinition " + m.CRD + " does not exist: add component " + component(m) + ", or name " + m.Name + " in the configuration's customTasks"}, nil
	case apierrors.IsNotFound(err):
		return Service{Serves: true}, nil
	case err != nil:
		return Service{}, kubeutil.Translate(err, "customresourcedefinition "+m.CRD)
	case crd.Labels[ManagedBy] != Manager && crd.Labels[partOf] != Manager:
		return Service{Foreign: true, Why: "CustomResourceDefinition " + m.CRD + " belongs to another system, which answers its tasks; to have Countersign answer them, remove that system and apply component " + component(m)}, nil
	}
	return Service{Serves: true, Mirrored: true}, nil
}

// component of deploy/components has the definition of m.
func component(m tasks.Mapping) string {
	if m.Name == tasks.ManualApprovalGate {
		return tasks.ManualApprovalGate
	}
	return "approvaltask"
}
