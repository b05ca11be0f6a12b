package store

import (
	"context"
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/apiserver"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Store keeps Approvals in the API server.
type Store struct {
	Client client.Client // reads from the informers' cache
	Live   client.Reader // reads from the API server
	Ring   func() keyring.Ring
	Now    func() time.Time

	signatures SignatureCache
	wholes     Wholes
}

var _ approvals.Store = (*Store)(nil)

// From chooses the cache or the API server.
type From int

// Where Approvals are read from.
const (
	Cache From = iota // the informers' cache
	API               // the API server
)

func (s *Store) reader(from From) client.Reader {
	if from == API {
		return s.Live
	}
	return s.Client
}

// Get reads from the cache, and from the API server what the cache lacks, or has in part.
func (s *Store) Get(ctx context.Context, key approvals.Key) (approvals.Approval, error) {
	o, err := s.Object(ctx, Cache, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		o, err = s.Object(ctx, API, key)
	}
	if err == nil {
		o, err = s.WholeObject(ctx, o)
	}
	if err != nil {
		return approvals.Approval{}, err
	}
	return s.View(o), nil
}

// Cached reads from the cache alone, for controllers: what the cache lacks comes
// to them as an event. Asking the API server instead would cost a request for
// every run in the cluster that is not ours.
func (s *Store) Cached(ctx context.Context, key approvals.Key) (Lean, error) {
	o, err := s.Object(ctx, Cache, key)
	if err != nil {
		return Lean{}, err
	}
	return s.Lean(o), nil
}

// Fresh reads from the API server.
func (s *Store) Fresh(ctx context.Context, key approvals.Key) (approvals.Approval, error) {
	o, err := s.Object(ctx, API, key)
	if err != nil {
		return approvals.Approval{}, err
	}
	return s.View(o), nil
}

// List reads from the cache, and one by one what the cache has in part.
func (s *Store) List(ctx context.Context, namespace string) ([]approvals.Approval, error) {
	var list v1alpha1.ApprovalList
	if err := s.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of approvals")
	}
	out := make([]approvals.Approval, 0, len(list.Items))
	for i := range list.Items {
		a, err := s.Whole(ctx, s.Lean(&list.Items[i]))
		if approvals.CodeOf(err) == approvals.CodeNotFound {
			continue // it went meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Update is compare-and-swap on the resource version: one status write when
// change changed something, none otherwise. The first try starts from the cache;
// a try that lost starts from the API server.
func (s *Store) Update(ctx context.Context, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change, error)) (approvals.Approval, error) {
	return s.update(ctx, Cache, key, change)
}

// UpdateFresh is Update that starts from the API server.
func (s *Store) UpdateFresh(ctx context.Context, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change, error)) (approvals.Approval, error) {
	return s.update(ctx, API, key, change)
}

func (s *Store) update(ctx context.Context, from From, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change, error)) (approvals.Approval, error) {
	var sent lost
	for range kubeutil.MaxRaces {
		o, err := s.Object(ctx, from, key)
		if approvals.CodeOf(err) == approvals.CodeNotFound && from != API {
			from = API
			continue
		}
		if err == nil {
			o, err = s.WholeObject(ctx, o)
		}
		if sent.again(ctx, err) {
			continue
		}
		if err != nil {
			return approvals.Approval{}, sent.or(err, key)
		}
		if next, landed := sent.in(o.Status); landed {
			return next, nil
		}
		old, proven := s.proven(o)
		next, did, err := change(proven.withRun(old, o))
		next = proven.withRun(next, o)
		if err != nil || did == approvals.NoChange {
			if from != API {
				// The cache may lag behind: only the API server's word refuses, or says
				// that it was so before.
				from = API
				continue
			}
			return next, err
		}
		if err := next.Source.Whole(); err != nil {
			return approvals.Approval{}, err
		}
		status := convert.StatusOf(next, o.Status, o.Generation, s.Now())
		if equality.Semantic.DeepEqual(status, o.Status) {
			return next, nil
		}
		err = s.PatchStatus(ctx, o, status)
		if apierrors.IsConflict(err) {
			from = API
			continue
		}
		if apiserver.IsLost(err) {
			sent.note(next, status, err)
			if from = API; sent.retry(ctx) {
				continue
			}
		}
		if err != nil {
			return approvals.Approval{}, sent.or(kubeutil.Translate(err, "approval "+key.String()), key)
		}
		return next, nil
	}
	return approvals.Approval{}, sent.or(approvals.Errorf(approvals.CodeUnavailable,
		"approval %s changes too quickly: another writer was first %d times; try again", key, kubeutil.MaxRaces), key)
}

// Object reads an Approval's object, of which the cache's may lack a part. It is shared with
// the cache and must not be changed.
func (s *Store) Object(ctx context.Context, from From, key approvals.Key) (*v1alpha1.Approval, error) {
	var o v1alpha1.Approval
	err := s.reader(from).Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name}, &o, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, kubeutil.Translate(err, "approval "+key.String())
	}
	if key.UID != "" && string(o.UID) != key.UID {
		return nil, approvals.Errorf(approvals.CodeNotFound,
			"approval %s was deleted, and another one has that name now; open the link in the newest mail", key)
	}
	return &o, nil
}

// PatchStatus writes the whole status, if the object is still what was read. The
// object read is shared with the cache and is not touched.
func (s *Store) PatchStatus(ctx context.Context, o *v1alpha1.Approval, status v1alpha1.ApprovalStatus) error {
	if err := (approvals.Source{Lean: convert.LeanOf(o)}).Whole(); err != nil {
		return err
	}
	whole, err := replacing(o.Status, status)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": o.UID, "resourceVersion": o.ResourceVersion},
		"status":   whole,
	})
	if err != nil {
		return err
	}
	target := &v1alpha1.Approval{}
	target.Namespace, target.Name = o.Namespace, o.Name
	if err := s.Client.Status().Patch(ctx, target, client.RawPatch(types.MergePatchType, body)); err != nil {
		return err
	}
	s.wholes.Put(target) // the next step is about to read it
	return nil
}

// replacing is a merge patch that makes before into after. Such a patch leaves alone
// what it does not name, so what is gone, the last vote say, is named as null.
func replacing(before, after v1alpha1.ApprovalStatus) (map[string]any, error) {
	was, err := fieldsOf(before)
	if err != nil {
		return nil, err
	}
	is, err := fieldsOf(after)
	if err != nil {
		return nil, err
	}
	for name := range was {
		if _, ok := is[name]; !ok {
			is[name] = nil
		}
	}
	return is, nil
}

func fieldsOf(status v1alpha1.ApprovalStatus) (fields map[string]any, err error) {
	raw, err := json.Marshal(status)
	if err != nil {
		return nil, err
	}
	return fields, json.Unmarshal(raw, &fields)
}
