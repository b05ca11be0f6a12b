package approvals_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

// TestUnsaid: the name of a run is in no text by accident.
func TestUnsaid(t *testing.T) {
	t.Parallel()
	const name = approvals.Unsaid("apply-abcdefgh")
	a := approvals.Approval{RunName: name}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{name, &a, a, []approvals.Approval{a}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "abcdefgh") || strings.Contains(got, "6162636465") {
				t.Errorf("%s of %T: %s", verb, v, got)
			}
		}
	}
	if b, err := json.Marshal(a); err != nil || strings.Contains(string(b), "abcdefgh") {
		t.Errorf("%s, %v", b, err)
	}
	if name.String() != "(not said)" {
		t.Error(name.String())
	}
}
