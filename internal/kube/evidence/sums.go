package evidence

import (
	"context"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
	"github.com/countersign-dev/countersign/internal/turns"
)

// Sums finds out what evidence counts. That is done when an Approval is resolved, and kept on
// it: lists, messages and expressions have no bytes. To read 5 MiB takes a third of a second
// and several times the memory, so namespaces take turns.
type Sums struct {
	turns *turns.Turns

	mu sync.Mutex
	// known is by format and SHA-256: what lacks something else is resolved again and again.
	known map[string]evidence.Summary
}

const (
	sumsAtOnce, sumsOfOne = 2, 1
	// sumsWait is how long a controller's worker waits for its turn. Of one namespace there are
	// never so many of them that others find none.
	sumsWait = 10 * time.Second
	// maxKnown bounds what is remembered; past it remembering begins again.
	maxKnown = 1024
)

// NewSums returns Sums for all namespaces of a process.
func NewSums() *Sums {
	return &Sums{turns: turns.New(sumsAtOnce, sumsOfOne, sumsWait), known: map[string]evidence.Summary{}}
}

// Of returns the summary of an item, whose bytes read gives. Without a Format nothing is
// counted in such a text.
//
// Errors: CodeUnavailable, when others were in front for too long; those of read.
func (s *Sums) Of(ctx context.Context, namespace string, item evidence.Item, read func() ([]byte, error)) (evidence.Summary, error) {
	key := string(item.Format) + " " + item.SHA256
	sum, ok := s.recall(key)
	if !ok {
		leave, err := s.turns.Enter(ctx, namespace)
		if err != nil {
			return sum, &approvals.Error{Code: approvals.CodeUnavailable, Message: approvals.Message(err), Err: err}
		}
		defer leave()
		if sum, ok = s.recall(key); !ok { // the one before may have been about the same
			data, err := read()
			if err != nil {
				return sum, err
			}
			sum = report.Summarize(report.Format(item.Format), item.Name, string(data))
			s.remember(key, sum)
		}
	}
	if !sum.Counted() {
		return evidence.Summary{}, nil
	}
	sum.Name = item.Name
	return sum, nil
}

func (s *Sums) recall(key string) (sum evidence.Summary, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, ok = s.known[key]
	return sum, ok
}

func (s *Sums) remember(key string, sum evidence.Summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[key] = sum
}
