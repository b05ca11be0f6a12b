//go:build bench

package bench

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
)

// begin is a place for one benchmark, alone: of the one before, the EventListener and
// hundreds of runs keep the API server busy until their namespace has gone.
func begin(t testing.TB) *cluster.Env {
	t.Helper()
	// What a namespace may do is lifted, whatever ran before: it is not what is measured.
	if err := cluster.Deployed(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := cluster.New(t)
	e.Eventually(5*time.Minute, "the one before to be gone", func() error {
		var list corev1.NamespaceList
		if err := e.List(t.Context(), &list); err != nil {
			return err
		}
		for i := range list.Items {
			if name := list.Items[i].Name; list.Items[i].DeletionTimestamp != nil {
				return fmt.Errorf("namespace %s is there", name)
			}
		}
		return nil
	})
	return e
}

// seen records when each run first became visible to a client that watches.
type seen struct {
	mu   sync.Mutex
	cond *sync.Cond
	at   map[string]time.Time
}

func watchRuns(t testing.TB, e *cluster.Env) *seen {
	t.Helper()
	s := &seen{at: map[string]time.Time{}}
	s.cond = sync.NewCond(&s.mu)
	go s.follow(t.Context(), e)
	return s
}

// follow watches until ctx ends. An API server under load closes watches; what
// came meanwhile is in the next list, and counts as seen then.
func (s *seen) follow(ctx context.Context, e *cluster.Env) {
	for ctx.Err() == nil {
		var l pipelinev1.PipelineRunList
		if err := e.List(ctx, &l, client.InNamespace(e.NS)); err != nil {
			continue
		}
		for i := range l.Items {
			s.add(&l.Items[i])
		}
		w, err := e.Watch(ctx, &pipelinev1.PipelineRunList{}, client.InNamespace(e.NS), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: l.ResourceVersion}})
		if err != nil {
			continue
		}
		for ev := range w.ResultChan() {
			if pr, ok := ev.Object.(*pipelinev1.PipelineRun); ok && ev.Type == watch.Added {
				s.add(pr)
			}
		}
	}
}

// add notes a run under its Approval's name, and one that has none under its own.
func (s *seen) add(pr *pipelinev1.PipelineRun) {
	name := pr.Labels["approval"]
	if name == "" || name == "none" {
		name = pr.Name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.at[name]; !ok {
		s.at[name] = time.Now()
		s.cond.Broadcast()
	}
}

// of returns the time at which the last of names became visible, and how many have not. Its caller
// holds mu.
func (s *seen) of(names []string) (last time.Time, missing int) {
	for _, n := range names {
		at, ok := s.at[n]
		if !ok {
			missing++
		}
		if at.After(last) {
			last = at
		}
	}
	return last, missing
}

// wait returns when the last of names became visible.
func (s *seen) wait(t testing.TB, names []string, within time.Duration) time.Time {
	t.Helper()
	timer := time.AfterFunc(within, func() { s.mu.Lock(); s.cond.Broadcast(); s.mu.Unlock() })
	defer timer.Stop()
	deadline := time.Now().Add(within)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		last, missing := s.of(names)
		if missing == 0 {
			return last
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d runs not visible within %s", missing, len(names), within)
		}
		s.cond.Wait()
	}
}

// settled waits until all of names are visible or none has come for a while, and
// returns when the last one came and how many did not.
func (s *seen) settled(names []string, quiet time.Duration) (last time.Time, missing int) {
	idle := time.Now()
	for {
		s.mu.Lock()
		last, missing = s.of(names)
		s.mu.Unlock()
		if last.After(idle) {
			idle = last
		}
		if missing == 0 || time.Since(idle) > quiet {
			return last, missing
		}
		time.Sleep(5 * time.Millisecond)
	}
}
