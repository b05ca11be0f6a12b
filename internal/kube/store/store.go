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

// Get reads from the cache, and from the API server what the cache lacks, or has in part.
func (s *Store) Get(ctx context.Context, key approvals.Key) (approvals.Approval, error) {
	o, err := s.get(ctx, s.Client, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		o, err = s.get(ctx, s.Live, key)
	}
	if err == nil {
		o, err = s.whole(ctx, o)
	}
	if err != nil {
		return approvals.Approval{}, err
	}
	return s.Genuine(o), nil
}

// Cached reads from the cache alone, for controllers: what the cache lacks comes
// to them as an event. Asking the API server instead would cost a request for
// every run in the cluster that is not ours.
func (s *Store) Cached(ctx context.Context, key approvals.Key) (Lean, error) {
	o, err := s.get(ctx, s.Client, key)
	if err != nil {
		return Lean{}, err
	}
	return s.Lean(o), nil
}

// Fresh reads from the API server.
func (s *Store) Fresh(ctx context.Context, key approvals.Key) (approvals.Approval, error) {
	o, err := s.get(ctx, s.Live, key)
	if err != nil {
		return approvals.Approval{}, err
	}
	return s.Genuine(o), nil
}

// The cache is given a while to hear of an outcome before the API server is asked: being
// asked by everybody is what keeps it from telling, in a burst.
const (
	catchUp    = 500 * time.Microsecond // and half as long again each time
	catchUpMax = time.Second            // in all
	// recent is how old a decision may be for which the cache's word is enough: what comes
	// later is an event that is posted again, which may have been cancelled meanwhile.
	recent = 10 * time.Second
)

// Decided reads an Approval whose signed event has come: the cache may lag behind the
// vote that made somebody post. What it says once it is decided does not change, save
// for its end.
func (s *Store) Decided(ctx context.Context, key approvals.Key) (approvals.Approval, error) {
	for wait, waited := catchUp, time.Duration(0); waited < catchUpMax; wait += wait / 2 {
		o, err := s.get(ctx, s.Client, key)
		if approvals.CodeOf(err) == approvals.CodeNotFound {
			break // it was deleted, which an event that is replayed may not be held up for
		}
		if err == nil && o.Status.DecidedAt != nil {
			if s.Now().Sub(o.Status.DecidedAt.Time) >= recent {
				break
			}
			if l := s.Lean(o); l.state.Decided() && l.state.Resolved != nil {
				return s.Whole(ctx, l)
			}
		}
		select {
		case <-ctx.Done():
			return approvals.Approval{}, kubeutil.Translate(ctx.Err(), "approval "+key.String())
		case <-time.After(wait):
			waited += wait
		}
	}
	return s.Fresh(ctx, key)
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
	return s.update(ctx, s.Client, key, change)
}

// Settle brings the conditions in line with the spec, once it was resolved.
func (s *Store) Settle(ctx context.Context, key approvals.Key) error {
	_, err := s.update(ctx, s.Live, key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return a, approvals.Blocking, nil
	})
	return err
}

func (s *Store) update(ctx context.Context, from client.Reader, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change, error)) (approvals.Approval, error) {
	var sent lost
	for range kubeutil.MaxRaces {
		o, err := s.get(ctx, from, key)
		if approvals.CodeOf(err) == approvals.CodeNotFound && from != s.Live {
			from = s.Live
			continue
		}
		if err == nil {
			o, err = s.whole(ctx, o)
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
			if from != s.Live {
				// The cache may lag behind: only the API server's word refuses, or says
				// that it was so before.
				from = s.Live
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
			from = s.Live
			continue
		}
		if apiserver.IsLost(err) {
			sent.note(next, status, err)
			if from = s.Live; sent.retry(ctx) {
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

func (s *Store) get(ctx context.Context, from client.Reader, key approvals.Key) (*v1alpha1.Approval, error) {
	var o v1alpha1.Approval
	err := from.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name}, &o, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, kubeutil.Translate(err, "approval "+key.String())
	}
	if key.UID != "" && string(o.UID) != key.UID {
		return nil, approvals.Errorf(approvals.CodeNotFound,
			"approval %s was deleted, and another of that name is there now; look at the newest mail", key)
	}
	return &o, nil
}

// PatchStatus writes the whole status, if the object is still what was read. The
// object read is shared with the cache and is not touched.
func (s *Store) PatchStatus(ctx context.Context, o *v1alpha1.Approval, status v1alpha1.ApprovalStatus) error {
	if err := convert.ToDomain(o).Source.Whole(); err != nil {
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
	var was, is map[string]any
	for status, fields := range map[*v1alpha1.ApprovalStatus]*map[string]any{&before: &was, &after: &is} {
		b, err := json.Marshal(status)
		if err == nil {
			err = json.Unmarshal(b, fields)
		}
		if err != nil {
			return nil, err
		}
	}
	for name := range was {
		if _, ok := is[name]; !ok {
			is[name] = nil
		}
	}
	return is, nil
}

// Successor is the Approval that asks again in a's place, as the cache has it. CodeNotFound
// when there is none that this service opened.
func (s *Store) Successor(ctx context.Context, a approvals.Approval) (Lean, error) {
	l, err := s.Cached(ctx, approvals.Key{Namespace: a.Namespace, Name: approvals.AgainName(a)})
	next := l.State()
	if err == nil && (next.Resolved == nil || next.Replaces == nil || next.Replaces.UID != a.UID) {
		err = approvals.Errorf(approvals.CodeNotFound, "approval %s was not asked again", a.Name)
	}
	return l, err
}
