package approvals_test

import (
	"strings"
	"testing"
)

// TestWarnings: what is allowed and likely not meant is said on the Gate.
func TestWarnings(t *testing.T) {
	t.Parallel()
	p := gate("SINGLE", told("ceo", "mallory@example.com"), told("alice@example.com", "alice@example.com"), told("system:serviceaccount:prod:robot", ""), told("system:serviceaccount:ops:robot", "")).Resolved.Policy
	p.Groups = []string{"sre", "system:serviceaccounts:prod", "system:serviceaccounts:ops"}
	var got []string
	for _, w := range p.Warnings("prod", nil) {
		got = append(got, w.Reason+" "+w.Message)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{"ServiceAccountListed system:serviceaccount:prod:robot may decide", "ServiceAccountListed group system:serviceaccounts:prod", "AddressNotProved the link that is mailed to mallory@example.com can't be used to decide as ceo"} {
		if !strings.Contains(all, want) {
			t.Errorf("not warned of: %s in\n%s", want, all)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d warnings:\n%s", len(got), all)
	}
	p.LinkNeedsLogin = true
	if n := len(p.Warnings("dev", nil)); n != 0 {
		t.Errorf("%d warnings where none is due", n)
	}
}
