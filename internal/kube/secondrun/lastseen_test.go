package secondrun

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
)

// TestLastSeenIsFair: a namespace whose runs end by the thousand makes itself forget, and no
// other.
func TestLastSeenIsFair(t *testing.T) {
	t.Parallel()
	var l lastSeen
	end := &approvals.RunEnd{Outcome: approvals.RunSucceeded}
	l.note("quiet", "mine", end)
	l.note("quiet", "goes on", nil)
	for i := range 3 * maxLast {
		l.note("flood", types.UID(fmt.Sprint(i)), end)
	}
	if got := l.of("quiet", "mine").End; got == nil || got.Outcome != approvals.RunSucceeded {
		t.Errorf("the quiet namespace's end is %+v, want Succeeded", got)
	}
	if got := l.of("flood", "mine").UID; got != "" {
		t.Errorf("another namespace's run was found: %s", got)
	}
	if l.count != maxLast || len(l.runs["flood"]) != maxLast-1 {
		t.Errorf("%d are remembered, of them %d of the flood, want %d in all", l.count, len(l.runs["flood"]), maxLast)
	}
	for uid := range l.runs["flood"] {
		l.forget("flood", uid)
	}
	l.forget("quiet", "mine")
	if l.count != 0 || len(l.runs) != 0 {
		t.Errorf("%d are left, in %d namespaces", l.count, len(l.runs))
	}
}
