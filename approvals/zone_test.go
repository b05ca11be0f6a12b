package approvals_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestZone: names by IANA, and nothing else that a system might read as a file or as its own.
func TestZone(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, want := range map[string]string{
		"": "UTC", "UTC": "UTC", "Europe/Berlin": "Europe/Berlin", "Asia/Seoul": "Asia/Seoul", "America/Argentina/Buenos_Aires": "America/Argentina/Buenos_Aires", "Etc/GMT+5": "Etc/GMT+5",
		"Local": "", "local": "", "Europe/Atlantis": "", "../etc/passwd": "", "/etc/localtime": "", "Europe/../UTC": "", "CET-1CEST": "", "Europe\\Berlin": "", " UTC": "", "UTC\n": "",
		"Asia/" + strings.Repeat("x", 100): "",
	} {
		z, err := approvals.Zone(name)
		if got := approvals.CodeOf(err); want == "" && (got != approvals.CodeInvalid || z != nil) || want != "" && (err != nil || z.String() != want) {
			t.Errorf("%q: %v, %v; want %q", name, z, err, want)
		}
	}
	p := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.TimeZone = "Europe/Atlantis" }).Obj().Resolved.Policy
	err := p.Validate("")
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("a Gate with a zone that there is not: %v", err)
	}
	said.Check(t, "a Gate with a zone that there is not", approvals.Message(err))
}

// TestZoneFor: a person's own, then the Gate's.
func TestZoneFor(t *testing.T) {
	t.Parallel()
	d, err := approvals.NewDirectory([]approvals.Person{
		{Names: []string{"alice"}, Emails: []string{"alice@example.com"}, TimeZone: "Asia/Seoul"}, {Names: []string{"bob"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gate := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.TimeZone = "Europe/Berlin" }).Obj()
	for name, c := range map[string]struct {
		d             *approvals.Directory
		a             approvals.Approval
		name, address string
		want          string
	}{
		"by name":           {d, gate, "alice", "", "Asia/Seoul"},
		"by address":        {d, gate, "", "ALICE@example.com", "Asia/Seoul"},
		"without their own": {d, gate, "bob", "", "Europe/Berlin"},
		"unknown":           {d, gate, "carol", "carol@example.com", "Europe/Berlin"},
		"a channel":         {d, gate, "", "", "Europe/Berlin"},
		"no directory":      {nil, gate, "alice", "", "Europe/Berlin"},
		"no Gate's":         {d, ct.Make("a").Obj(), "bob", "", "UTC"},
		"not resolved":      {d, ct.Make("a").Unresolved(nil).Obj(), "", "", "UTC"},
	} {
		if got := c.d.ZoneFor(c.a, c.name, c.address).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	for _, p := range []approvals.Person{{Names: []string{"x"}, TimeZone: "Mars/Base"}, {Names: []string{"x"}, DisplayName: "a\u202eb"}, {Names: []string{"x"}, DisplayName: strings.Repeat("x", 200)}} {
		if _, err := approvals.NewDirectory([]approvals.Person{p}, nil); err == nil {
			t.Errorf("the directory takes %+v", p)
		}
	}
}
