package lifecycle

import (
	"sync"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// observedRuns are the runs that were seen and are not recorded yet. One that somebody
// deletes in between has been there all the same, and must not be started again.
type observedRuns struct {
	mu   sync.Mutex
	runs map[types.NamespacedName]observedRun
}

// observedRun is of the run of the Approval with that UID.
type observedRun struct {
	uid  string
	run  verifyrun.Sighting
	peek *pipelinev1.PipelineRun // it was there under the run's name, and nobody has proved yet that it is it
}

// note keeps the run that the Approval started.
func (s *observedRuns) note(k approvals.Key, run verifyrun.Sighting) {
	s.keep(k, observedRun{uid: k.UID, run: run})
}

// peek keeps what was there under the name of its run. It is the cache's and is not changed.
func (s *observedRuns) peek(k approvals.Key, pr *pipelinev1.PipelineRun) {
	s.keep(k, observedRun{uid: k.UID, peek: pr})
}

func (s *observedRuns) keep(k approvals.Key, seen observedRun) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs == nil {
		s.runs = map[types.NamespacedName]observedRun{}
	}
	s.runs[key(k)] = seen
}

// of returns the observed run of the Approval, or the run under its name: neither when there is none.
func (s *observedRuns) of(k approvals.Key) (verifyrun.Sighting, *pipelinev1.PipelineRun) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen := s.runs[key(k)]; seen.uid == k.UID {
		return seen.run, seen.peek
	}
	return verifyrun.Sighting{}, nil
}

func (s *observedRuns) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.runs, key)
}
