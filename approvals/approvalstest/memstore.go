package approvalstest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
)

// maxRaces bounds the attempts of MemStore's Update after lost races.
const maxRaces = 100

// MemStore is a Store in memory. Like the real one it is optimistic: change runs
// outside the lock and runs again when somebody else was first.
type MemStore struct {
	mu     sync.Mutex
	m      map[string]kept
	index  *overview.Index
	writes int
	fault  error
}

type kept struct {
	a       approvals.Approval
	version int
}

var _ approvals.Store = (*MemStore)(nil)

// NewMemStore returns a MemStore that holds as.
func NewMemStore(as ...approvals.Approval) *MemStore {
	s := &MemStore{m: map[string]kept{}, index: overview.NewIndex()}
	for _, a := range as {
		s.m[a.Key.String()] = kept{a: Clone(a)}
		s.index.Put(Clone(a))
	}
	return s
}

// Fail makes every call answer err until Fail(nil).
func (s *MemStore) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

// Writes returns the number of writes.
func (s *MemStore) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Get implements approvals.Store.
func (s *MemStore) Get(_ context.Context, key approvals.Key) (approvals.Approval, error) {
	k, err := s.get(key)
	return k.a, err
}

// List implements approvals.Store.
func (s *MemStore) List(_ context.Context, namespace string) ([]approvals.Approval, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return nil, s.fault
	}
	var out []approvals.Approval
	for _, k := range s.m {
		if namespace == "" || k.a.Namespace == namespace {
			out = append(out, Clone(k.a))
		}
	}
	slices.SortFunc(out, func(a, b approvals.Approval) int { return cmp.Compare(a.Key.String(), b.Key.String()) })
	return out, nil
}

// Snapshot implements the reader of pages.
func (s *MemStore) Snapshot(context.Context) (*overview.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.Snapshot(), s.fault
}

// Update implements approvals.Store.
func (s *MemStore) Update(_ context.Context, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change, error)) (approvals.Approval, error) {
	for range maxRaces {
		old, err := s.get(key)
		if err != nil {
			return approvals.Approval{}, err
		}
		next, did, err := change(old.a)
		if err != nil || did == approvals.NoChange {
			return next, err
		}
		if s.swap(old.version, next) {
			return next, nil
		}
	}
	return approvals.Approval{}, approvals.Errorf(approvals.CodeUnavailable, "approval %s changes too quickly", key)
}

func (s *MemStore) get(key approvals.Key) (kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return kept{}, s.fault
	}
	k, ok := s.m[key.String()]
	if !ok || (key.UID != "" && key.UID != k.a.UID) {
		return kept{}, approvals.Errorf(approvals.CodeNotFound, "approval %s was not found", key)
	}
	return kept{Clone(k.a), k.version}, nil
}

func (s *MemStore) swap(version int, next approvals.Approval) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m[next.Key.String()].version != version {
		return false
	}
	s.m[next.Key.String()] = kept{Clone(next), version + 1}
	s.index.Put(Clone(next))
	s.writes++
	return true
}
