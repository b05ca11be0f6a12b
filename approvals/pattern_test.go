package approvals_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

// What a pattern may cost is known before its program is made.
func TestPatternLimits(t *testing.T) {
	for pattern, ok := range map[string]bool{
		`^[A-Z]{2,10}-[0-9]{1,6}$`:    true,
		`(a|b)*c`:                     true,
		`\pL+`:                        true,
		strings.Repeat("a", 1024):     true,
		`.{1000}`:                     true,
		strings.Repeat("a", 1025):     false,
		`((a{10}){10}){10}(b{900})c*`: false,
		`(abc){1000}`:                 false,
		strings.Repeat(`.{1000}`, 3):  false,
		strings.Repeat(`\pL`, 300):    false,
		`(((a{10}){10}){10}){10}`:     false,
		`a{1001}`:                     false,
		`(`:                           false,
		strings.Repeat("(", 500) + "a" + strings.Repeat(")", 500): false,
	} {
		re, size, err := approvals.CompilePattern(pattern)
		if (err == nil) != ok || ok && (re == nil || size < 1 || size > approvals.MaxPatternSize) {
			t.Errorf("%.40q: size %d, %v", pattern, size, err)
		}
		if err != nil && approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%.40q: %v", pattern, err)
		}
		policy := approvals.Input{Name: "x", Type: approvals.InputString, Pattern: pattern}
		if got := policyWith(policy).Validate(""); (got == nil) != ok && len(pattern) < 1000 {
			t.Errorf("a Gate with the pattern %.40q: %v", pattern, got)
		}
	}
}

func policyWith(in approvals.Input) approvals.Policy {
	return approvals.Policy{Gate: "g", Strategy: approvals.Single, Approvers: []approvals.Approver{{Name: "ann"}}, Inputs: []approvals.Input{in}, Lifetime: approvals.MaxLifetime}
}
