package controller

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube"
)

// sightings are the runs that were seen and are not recorded yet. One that somebody
// deletes in between has been there all the same, and must not be started again.
type sightings struct {
	mu   sync.Mutex
	runs map[types.NamespacedName]sighting
}

// sighting is of the run of the Approval with that UID.
type sighting struct {
	uid string
	run kube.Sighting
}

func (s *sightings) note(a approvals.Approval, run kube.Sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs == nil {
		s.runs = map[types.NamespacedName]sighting{}
	}
	s.runs[key(a)] = sighting{a.UID, run}
}

// of is what was seen of a's, or nothing.
func (s *sightings) of(a approvals.Approval) kube.Sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen := s.runs[key(a)]; seen.uid == a.UID {
		return seen.run
	}
	return kube.Sighting{}
}

func (s *sightings) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.runs, key)
}
