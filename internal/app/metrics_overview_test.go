package app

import (
	"fmt"
	"slices"
	"testing"
)

// TestGatesAreBounded: a namespace with many Gates takes no label from another, and all
// together are bounded.
func TestGatesAreBounded(t *testing.T) {
	t.Parallel()
	var g gates
	for i := range 3 * maxGatesOf {
		g.labels("flood", fmt.Sprint(i))
	}
	for _, c := range [][3]string{{"flood", "0", "0"}, {"flood", "new", "other"}, {"quiet", "production", "production"}} {
		if got := g.labels(c[0], c[1]); !slices.Equal(got, []string{c[0], c[2]}) {
			t.Errorf("labels of gate %s/%s: %v, want %s and %s", c[0], c[1], got, c[0], c[2])
		}
	}
	for i := range 2 * maxGates {
		g.labels(fmt.Sprint("ns-", i), "gate")
	}
	if got := g.labels("late", "gate"); len(g.known) != maxGates || !slices.Equal(got, []string{"other", "other"}) {
		t.Errorf("%d are known, want %d; one more is %v", len(g.known), maxGates, got)
	}
}
