//go:build chaos

package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/test/chaos/check"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

func TestMain(m *testing.M) {
	if os.Getenv(clockEnv) != "" {
		tellTheTime()
		return
	}
	ctrl.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// settings has what the environment says of a run.
type settings struct {
	seed   uint64
	n      int           // Approvals, beside canaries
	load   time.Duration // how long they come
	drain  time.Duration // how long is waited after the last fault, at most
	canary time.Duration // between two canaries
	only   []string      // these kinds of faults alone; none: all of them
	calm   bool          // nothing is broken
	gap    [2]float64    // seconds between two faults
	old    string        // an image of an older version of the service; "" for none
	store  bool          // the service keeps its record in a PostgreSQL of the harness's
	dir    string        // of the history
	keep   bool          // leaves the namespace for a look

	plans  func(ns string) []*history.Plan
	change *change // the one thing that is done; nil: faults
}

func fromEnvironment(t *testing.T) settings {
	t.Helper()
	s := settings{
		seed: uint64(number(t, "SEED", 1)), n: number(t, "N", 100), canary: 3 * time.Second, gap: [2]float64{5, 14},
		only: strings.FieldsFunc(os.Getenv("ONLY"), func(r rune) bool { return r == ',' || r == ' ' }),
		calm: os.Getenv("CALM") != "", keep: os.Getenv("KEEP") != "", old: os.Getenv("COUNTERSIGN_OLD_IMAGE"),
	}
	s.store = s.seed%2 == 0
	// This machine's cluster takes one a second beside its faults.
	s.load = time.Duration(number(t, "LOAD", max(100, s.n))) * time.Second
	s.drain = time.Duration(number(t, "DRAIN", 180)) * time.Second
	s.plans = func(ns string) []*history.Plan { return makePlans(s.seed, s.n, s.load-10*time.Second, ns) }
	if s.dir = os.Getenv("OUT"); s.dir == "" {
		s.dir = filepath.Join(cache(), "chaos", fmt.Sprintf("seed-%d", s.seed))
	}
	return s
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		t.Fatalf("%s is %q: it must be a whole number", name, v)
	}
	return n
}

// cache returns the folder of this machine's cluster and of what the harness keeps.
func cache() string {
	if c := os.Getenv("COUNTERSIGN_CACHE"); c != "" {
		return c
	}
	return filepath.Join(os.Getenv("HOME"), ".cache", "countersign")
}

// TestChaos does and breaks what follows from SEED, and judges what was seen.
func TestChaos(t *testing.T) {
	s := fromEnvironment(t)
	if h := judged(t, s); len(h.Faults) == 0 && !s.calm {
		t.Error("nothing was broken: the run proves nothing")
	}
	if t.Failed() {
		t.Logf("to do the same again: make chaos SEED=%d N=%d", s.seed, s.n)
	}
}

// judged does what the settings say, and judges what was seen of it.
func judged(t *testing.T, s settings) *history.History {
	t.Helper()
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	if err := run(t, s); err != nil {
		t.Fatal(err)
	}
	h, err := history.Read(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	f := check.Judge(h)
	f.Report(os.Stdout)
	check.Recovery(os.Stdout, []*check.Findings{f})
	if err := f.Evidence(); err != nil {
		t.Error(err)
	}
	if len(h.Final) < s.n {
		t.Errorf("%d approvals were opened, of %d: the run proves less than it says", len(h.Final), s.n)
	}
	if len(h.Faults) < h.Least {
		t.Errorf("%d faults were made, want the %d at least that are this seed's own", len(h.Faults), h.Least)
	}
	for _, x := range h.Faults {
		if x.Err != "" {
			t.Errorf("fault %d, %s, was not made: %s", x.ID, x.Kind, x.Err)
		}
	}
	for _, v := range f.Violations {
		t.Errorf("%s: %s: %.600s", v.Invariant, v.Approval, v.Text)
	}
	if t.Failed() {
		t.Logf("the history is in %s, and what was seen of each of these in its folder evidence", s.dir)
	}
	return h
}
