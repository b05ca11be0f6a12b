package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

func TestGroupsFor(t *testing.T) {
	t.Parallel()
	many := []string{"system:authenticated", "dev", "dev", "", "platform", strings.Repeat("x", 254)}
	for i := range 100 {
		many = append(many, fmt.Sprint("g", i))
	}
	a := approvals.Approval{Resolved: &approvals.ResolvedSpec{Policy: &approvals.Policy{Groups: []string{"platform", "sre"}}}}
	if got := groupsFor(a, many, false); !slices.Equal(got, []string{"platform"}) {
		t.Errorf("named: %v", got)
	}
	if got := groupsFor(a, many, true); len(got) != 64 || got[0] != "platform" || got[1] != "system:authenticated" || got[2] != "dev" || got[3] != "g0" {
		t.Errorf("to break the glass: %d %v", len(got), got)
	}
	a.Resolved.Policy.RBAC = true
	if got := groupsFor(a, []string{"dev"}, false); !slices.Equal(got, []string{"dev"}) {
		t.Errorf("by RBAC: %v", got)
	}
	if got := groupsFor(approvals.Approval{}, many, true); got != nil {
		t.Errorf("unresolved: %v", got)
	}
}
