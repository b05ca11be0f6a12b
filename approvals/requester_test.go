package approvals_test

import (
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

func directory(t *testing.T, people ...approvals.Person) *approvals.Directory {
	t.Helper()
	d, err := approvals.NewDirectory(people, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRequester: who is proved to have asked does not vote; who is said to have does not
// approve, and is not silenced: anyone who writes that may want them to be.
func TestRequester(t *testing.T) {
	t.Parallel()
	d := directory(t, approvals.Person{Names: []string{"alice", "corp:alice"}, Emails: []string{"alice@example.com"}, Logins: []string{"alice-gh"}})
	three := func() *ct.Builder { return ct.Make("a").Users("alice", "bob", "corp:alice").Quorum(2).Groups("sre") }
	for name, c := range map[string]struct {
		a                 approvals.Approval
		voter             approvals.Identity
		approves, rejects bool
	}{
		"proved":                      {three().Requester("alice").Obj(), approvals.Identity{Name: "alice"}, false, false},
		"said":                        {three().Said("alice").Obj(), approvals.Identity{Name: "alice"}, false, true},
		"said, in other case":         {three().Said("ALICE").Obj(), approvals.Identity{Name: "alice"}, false, true},
		"another":                     {three().Said("alice").Obj(), approvals.Identity{Name: "bob"}, true, true},
		"a login that is known":       {three().Requester("alice-gh").Obj(), d.Know(approvals.Identity{Name: "alice"}), false, false},
		"a login that is said":        {three().Said("alice-gh").Obj(), d.Know(approvals.Identity{Name: "alice"}), false, true},
		"another name of theirs":      {three().Requester("alice").Obj(), d.Know(approvals.Identity{Name: "corp:alice"}), false, false},
		"their address":               {three().Requester("alice@example.com").Obj(), d.Know(approvals.Identity{Name: "alice"}), false, false},
		"what the login has verified": {three().Requester("zoe@example.com").Obj(), approvals.Identity{Name: "4711", Groups: []string{"sre"}, AuthMethod: approvals.AuthLogin, Address: "Zoe@example.com"}, false, false},
		"one more name of the push":   {three().Requester("alice-gh").Also("bob").Obj(), approvals.Identity{Name: "bob"}, false, true},
		"allowed":                     {three().Requester("alice").AllowRequester().Obj(), approvals.Identity{Name: "alice"}, true, true},
		"nobody":                      {three().Obj(), approvals.Identity{Name: "alice"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for verdict, want := range map[approvals.Verdict]bool{approve: c.approves, reject: c.rejects} {
				_, _, err := approvals.Cast(c.a, approvals.Ballot{Voter: c.voter, Verdict: verdict}, minute(1))
				if (err == nil) != want || err != nil && approvals.CodeOf(err) != approvals.CodeForbidden {
					t.Errorf("%s: %v, want taken %t", verdict, err, want)
				}
			}
			you := approvals.Explain(c.a, c.voter, minute(1)).You
			if you.May != (c.approves || c.rejects) || you.May && (you.NoApproval == "") != c.approves {
				t.Errorf("told %+v", you)
			}
		})
	}
}

// TestRequesterDelegate: nobody has a delegate approve what they asked for; a delegate of whom
// somebody says so may still say no for them.
func TestRequesterDelegate(t *testing.T) {
	t.Parallel()
	b := ct.Ballot("dora", reject, "")
	b.Voter.DelegateOf = []string{"alice"}
	said, proved := ct.Make("a").Users("alice", "bob").Said("alice").Obj(), ct.Make("a").Users("alice", "bob").Requester("alice").Obj()
	if got, _, err := approvals.Cast(said, b, minute(1)); err != nil || got.Outcome != approvals.Rejected {
		t.Errorf("for one who is said to have asked: %v", err)
	}
	if _, _, err := approvals.Cast(proved, b, minute(1)); approvals.CodeOf(err) != approvals.CodeForbidden {
		t.Errorf("for one who asked: %v", err)
	}
	b.Verdict = approve
	if _, _, err := approvals.Cast(said, b, minute(1)); approvals.CodeOf(err) != approvals.CodeForbidden {
		t.Errorf("an approval for one who is said to have asked: %v", err)
	}
}

func TestRequesterRequired(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	p := ct.Make("a").Users("alice", "bob").Obj().Resolved.Policy
	p.Requester = approvals.RequesterRequired
	for name, asked := range map[string]approvals.RequesterIdentity{
		"nobody":       {},
		"not verified": {Who: "zoe"},
	} {
		err := p.CheckAsked(asked)
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%+v: %v", asked, err)
		}
		said.Check(t, name, approvals.Message(err))
	}
	for _, proof := range []approvals.Proof{approvals.BySignature, approvals.ByAdmission, approvals.ByApproval, approvals.ByPage} {
		if err := p.CheckAsked(approvals.RequesterIdentity{Who: "zoe", Proof: proof}); err != nil {
			t.Errorf("%s: %v", proof, err)
		}
	}
	if err := p.Validate(""); err != nil {
		t.Errorf("as a Gate: %v", err)
	}
	if err := p.Validate("alice"); err != nil {
		t.Error(err)
	}
	p.Approvers = users("alice")
	if err := p.Validate("alice"); err == nil {
		t.Error("the one approver asked, and the requester is excluded")
	}
}

// TestRequesterNotice: who asked is shown as what it is.
func TestRequesterNotice(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for want, a := range map[string]approvals.Approval{
		"":                       ct.Make("a").Users("alice", "bob").Requester("bob").Obj(),
		"RequesterNotVerified":   ct.Make("a").Users("alice", "bob").Said("bob").Obj(),
		"RequesterMatchesNobody": ct.Make("a").Users("alice", "bob").Requester("bob-gh").Obj(),
	} {
		reason, message := approvals.RequesterNotice(a)
		if reason != want || (message == "") != (want == "") {
			t.Errorf("%q, %q; want %q", reason, message, want)
		}
	}
	if reason, _ := approvals.RequesterNotice(ct.Make("a").Users("alice", "bob").Requester("bob-gh").Also("bob").Obj()); reason != "" {
		t.Errorf("a login that the directory knows: %s", reason)
	}
	_, message := approvals.RequesterNotice(ct.Make("a").Users("alice", "bob").Said("bob-gh").Obj())
	said.Check(t, "both", message)
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	corp := "corp:"
	d, err := approvals.NewDirectory([]approvals.Person{
		{Names: []string{"alice", "alice@example.com"}, Emails: []string{"Alice@Example.com", "a.smith@example.com"}, Logins: []string{"alice-gh"}},
		{Names: []string{"bob"}, Logins: []string{"alice"}}, // elsewhere alice is bob
	}, &corp)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, address string
		want          bool
	}{
		{"alice", "A.Smith@example.com", true},
		{"Alice", "a.smith@example.com", false}, // another account
		{"alice", "bob@example.com", false},
		{"bob", "alice@example.com", false},
		{"dora@example.com", "DORA@example.com", true}, // their name
		{"corp:dora@example.com", "dora@example.com", true},
		{"corp:dora@example.com", "dora@evil.example", false},
		{"xcorp:dora@example.com", "dora@example.com", false},
	} {
		if got := d.Owns(c.name, c.address); got != c.want {
			t.Errorf("%s has %s: %t", c.name, c.address, got)
		}
	}
	var none *approvals.Directory
	if none.Owns("alice", "alice@example.com") || !none.Owns("alice@example.com", "alice@example.com") || none.Same("alice", "bob") || none.Identities("x") != nil {
		t.Error("without a directory a name that is an address has that address, and nobody another")
	}
	if !d.Same("alice", "alice@example.com") || d.Same("alice", "bob") {
		t.Error("whose names are whose")
	}
	if got := d.Identities("alice"); !slices.Contains(got, "alice-gh") || !slices.Contains(got, "bob") {
		t.Errorf("alice may be %v: a login may be meant or a name here", got)
	}
	if id := d.Know(approvals.Identity{Name: "4711", AuthMethod: approvals.AuthLogin, Address: "a.smith@example.com"}); !slices.Contains(id.Logins, "alice-gh") {
		t.Errorf("by the address that the provider has verified: %+v", id)
	}
	if id := d.Know(approvals.Identity{Name: "4711", AuthMethod: approvals.AuthLink, Address: "a.smith@example.com"}); id.Logins != nil {
		t.Errorf("by an address that the Gate has written: %+v", id)
	}
	for name, people := range map[string][]approvals.Person{
		"without a name":          {{Emails: []string{"a@example.com"}}},
		"a name of two people":    {{Names: []string{"a"}}, {Names: []string{"b"}, Emails: []string{"x@example.com"}}, {Names: []string{"A"}}},
		"an address that is none": {{Names: []string{"a"}, Emails: []string{"x"}}},
		"two names in one":        {{Names: []string{"a, b"}}},
		"too many logins":         {{Names: []string{"a"}, Logins: slices.Repeat([]string{"x"}, 33)}},
		"too many people":         make([]approvals.Person, approvals.MaxPeople+1),
	} {
		_, err := approvals.NewDirectory(people, nil)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		said.Check(t, name, err.Error())
	}
}
