package approvals_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestDisplayName: names of people pass, and what would show as something else does not.
func TestDisplayName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Grace Hopper": "Grace Hopper", "  Grace\n Hopper ": "Grace Hopper", "김철수": "김철수", "Łukasz Żak-Müller": "Łukasz Żak-Müller", "عمر": "عمر", "O’Brien": "O’Brien",
		"": "", "Grace \u202egnorw": "", "a\u200bb": "", "a\x1b[31mb": "", "a\u2066b": "", "\ufeffab": "", "a\u00adb": "", "Z" + strings.Repeat("\u0300", 8): "", strings.Repeat("x", 65): "", "a\xffb": "",
	} {
		if got := approvals.DisplayName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestDisplayNameOf: the directory's word comes first, and nobody is called by the name of another.
func TestDisplayNameOf(t *testing.T) {
	t.Parallel()
	d, err := approvals.NewDirectory([]approvals.Person{
		{Names: []string{"alice", "alice2"}, Emails: []string{"alice@example.com"}, DisplayName: "Alice Liddell"}, {Names: []string{"bob"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := ct.Make("a").Users("alice", "bob", "carol").Requester("rita").Obj()
	for name, c := range map[string]struct{ who, own, want string }{
		"the directory's":                    {"alice", "somebody", "Alice Liddell"},
		"their own":                          {"bob", "Bob Marley", "Bob Marley"},
		"a second name of theirs":            {"alice2", "", "Alice Liddell"},
		"nothing known":                      {"carol", "", ""},
		"no more than the name":              {"bob", "BOB", ""},
		"another approver's name":            {"bob", "carol", ""},
		"in other letters that look alike":   {"bob", "саrоl", ""},
		"with spaces between":                {"bob", "C a r o l", ""},
		"the requester's":                    {"bob", "Rita", ""},
		"another's display name":             {"bob", "Alice  Liddell", ""},
		"another's display name, as letters": {"bob", "АLICE LIDDELL", ""},
		"an address":                         {"bob", "carol@example.com", ""},
		"an address with another at sign":    {"bob", "dora＠example.com", ""},
		"a capital I for an l":               {"bob", "AIice", ""},
		"a digit for an l":                   {"bob", "caro1", ""},
		"hostile":                            {"bob", "carol\u202e", ""},
	} {
		if got := d.DisplayNameOf(a, c.who, c.own); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	var none *approvals.Directory
	if got := none.DisplayNameOf(a, "bob", "Bob Marley"); got != "Bob Marley" {
		t.Errorf("without a directory: %q", got)
	}
}
