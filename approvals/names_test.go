package approvals_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestNamesNobodyHas: what can be nobody's name is refused where it is written, and not
// found out by people who may not decide.
func TestNamesNobodyHas(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for _, n := range []string{
		"alice", "Alice Smith", "alice@example.com", "corp:alice@example.com", "system:serviceaccount:demo:robot", "CN=Alice", "CN=Alice,OU=ops,DC=example",
		"CN=Smith\\, Alice,OU=ops", "user_x.com#EXT#@tenant.example.com", "alice+ops@example.com", "https://issuer.example.com#123", "zoë", "O'Brien",
	} {
		if err := approvals.CheckName(n); err != nil {
			t.Errorf("%q is refused: %v", n, err)
		}
	}
	for _, n := range []string{
		"",
		"alice, bob",
		"alice,bob",
		"alice;bob",
		"a@example.com, b@example.com",
		"a@example.com b@example.com",
		"a@example.com|b@example.com",
		"CN=Alice,OU=ops, bob",
		" alice",
		"alice ",
		"alice\nbob",
		"alice\u00a0",
		"ali\u200bce",
		"ali\u202ece",
		"\xff",
		"ali\ufeffce",
		"ali\u00adce",
		"alice\u3164",
		"alice\ufe0f",
		"\u2800alice",
		"alice\tbob",
		"alice，bob",
		"alice、bob",
		"alice,",
		"alice@b\u00fccher.example",
		`"alice"`,
		`["alice", "bob"]`,
		"Alice <alice@example.com>",
		"system:anonymous",
	} {
		err := approvals.CheckName(n)
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%q: %v", n, err)
		}
		said.Check(t, fmt.Sprintf("name %+q", n), approvals.Message(err))
		if n == "" || n == "system:anonymous" {
			continue
		}
		p := *ct.Make("a").Users("alice", n).Obj().Resolved.Policy
		err = p.Validate("")
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("a Gate with %q: %v", n, err)
		}
		said.Check(t, fmt.Sprintf("a Gate with %+q", n), approvals.Message(err))
	}
	for _, g := range []string{"system:authenticated", "system:unauthenticated", "system:serviceaccounts", "a, b", " a"} {
		p := *ct.Make("a").Groups(g).Obj().Resolved.Policy
		err := p.Validate("")
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("group %q: %v", g, err)
		}
		said.Check(t, fmt.Sprintf("group %q", g), approvals.Message(err))
		p = approvals.Policy{Gate: "g", Strategy: approvals.Single, Lifetime: approvals.MinLifetime, Rules: []approvals.Rule{{Name: "r", Groups: []string{g}, Required: 1}}}
		if err = p.Validate(""); approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("group %q in a rule: %v", g, err)
		}
		said.Check(t, fmt.Sprintf("group %q in a rule", g), approvals.Message(err))
	}
	for _, g := range []string{"system:masters", "system:serviceaccounts:demo", "sre", "/team/sub", "CN=sre,OU=groups"} {
		if err := approvals.CheckGroup(g); err != nil {
			t.Errorf("group %q is refused: %v", g, err)
		}
	}
}

// TestSameName: addresses are compared as mail is delivered, other names exactly, and
// letters that only look alike never are.
func TestSameName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Ada.Lovelace@Example.com", "ada.lovelace@example.com", true},
		{"corp:Ada@example.com", "corp:ada@EXAMPLE.com", true},
		{"bob", "bob", true},
		{"bob", "Bob", false},
		{"bo\u017fs@example.com", "boss@example.com", false},       // a long s
		{"\u212Aate@example.com", "kate@example.com", false},       // the Kelvin sign
		{"ada@example.com", "ada@example.com.evil.example", false}, // nor a part of it
		{"É@example.com", "é@example.com", false},
	} {
		if got := approvals.SameName(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %t", c.a, c.b, got)
		}
	}
	a := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Approvers = users("Ada.Lovelace@Example.com") }).Obj()
	if got, _, err := approvals.Cast(a, ct.Ballot("ada.lovelace@example.com", approve, ""), minute(1)); err != nil || got.Outcome != approvals.Approved {
		t.Errorf("an address in other case: %s, %v", got.Outcome, err)
	}
	if _, _, err := approvals.Cast(a, ct.Ballot("ada.lovelace@example.co", approve, ""), minute(1)); approvals.CodeOf(err) != approvals.CodeForbidden {
		t.Errorf("another address: %v", err)
	}
}

// TestRefusals: a refusal names nobody whom it refuses, says what is wrong with the list to
// those alone who may see it, and who can decide to nobody else.
func TestRefusals(t *testing.T) {
	t.Parallel()
	id := func(name string) approvals.Identity {
		return approvals.Identity{Name: name, AuthMethod: approvals.AuthToken}
	}
	for name, c := range map[string]struct {
		a              approvals.Approval
		id             approvals.Identity
		open, discreet string
	}{
		"a stranger":    {ct.Make("a").Users("alice", "bob").Obj(), id("eve"), "you (eve) are not an approver here; alice, bob can decide", "you (eve) are not an approver here"},
		"other case":    {ct.Make("a").Users("alice").Obj(), id("ALICE"), "lists \"alice\" and you are \"ALICE\"", "you (ALICE) are not an approver here"},
		"who asked":     {ct.Make("a").Users("alice", "bob").Requester("alice").Obj(), id("alice"), "does not let the requester decide; bob can decide", "does not let the requester decide"},
		"nobody else":   {ct.Make("a").Users("alice").Requester("alice").Obj(), id("alice"), "does not let the requester decide", "does not let the requester decide"},
		"of the others": {ct.Make("a").Users("alice", "bob").Requester("alice").Obj(), id("eve"), "you (eve) are not an approver here; bob can decide", "you (eve) are not an approver here"},
		"groups left out": {
			ct.Make("a").Users("alice").Groups("sre").Obj(),
			approvals.Identity{Name: "eve", AuthMethod: approvals.AuthLogin, GroupsLeftOut: true},
			"too many", "Your login provider did not say which groups you are in",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := approvals.MayVote(c.a, c.id)
			open, discreet := approvals.Message(err), approvals.Discreet(err)
			if !strings.Contains(open, c.open) || !strings.Contains(discreet, c.discreet) {
				t.Errorf("%q and %q", open, discreet)
			}
			if strings.Contains(discreet, "can") && !strings.Contains(discreet, "too many") || strings.Contains(discreet, "bob") {
				t.Errorf("a stranger is told %q", discreet)
			}
			if strings.HasSuffix(open, "alice, bob can decide") != (name == "a stranger") {
				t.Errorf("%q lists whom it refuses", open)
			}
		})
	}
}
