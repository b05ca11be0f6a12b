package turns

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// TestTurns: one namespace has its share of the turns and not more, anyone who else wants one
// gets it at once, and who can't have one is told so in time.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const wait = 5 * time.Second
		r := New(2, 1, wait)
		enter := func(namespace string) func() {
			t.Helper()
			leave, err := r.Enter(t.Context(), namespace)
			if err != nil {
				t.Fatal(err)
			}
			return leave
		}
		first := enter("greedy")
		errs := make(chan error, 100)
		for range cap(errs) { // its other requests wait for themselves
			go func() {
				_, err := r.Enter(t.Context(), "greedy")
				errs <- err
			}()
		}
		synctest.Wait()
		other := enter("other")
		began := time.Now()
		if _, err := r.Enter(t.Context(), "third"); approvals.CodeOf(err) != approvals.CodeLimited || time.Since(began) != wait {
			t.Errorf("with all turns taken: %v after %s", err, time.Since(began))
		}
		for range cap(errs) {
			if err := <-errs; approvals.CodeOf(err) != approvals.CodeLimited {
				t.Errorf("one more of the greedy namespace: %v", err)
			}
		}
		first()
		third := enter("third")
		third()
		other()
		if len(r.of) != 0 || len(r.all) != 0 {
			t.Errorf("nobody has a turn, and %d namespaces and %d turns are kept", len(r.of), len(r.all))
		}
	})
}
