package approvals_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

func TestCheckLanguage(t *testing.T) {
	t.Parallel()
	for tag, ok := range map[string]bool{"": true, "de": true, "zh-Hans": true, "de-AT": true, "german": false, "de_AT": false, "d": false, "de-": false, "de\n": false, "de" + strings.Repeat("-abcdefgh", 5): false} {
		if err := approvals.CheckLanguage(tag); (err == nil) != ok {
			t.Errorf("%q: %v", tag, err)
		}
	}
	p := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Language = "Deutsch!" }).Obj().Resolved.Policy
	if err := p.Validate(""); approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("a Gate with no language's tag: %v", err)
	}
	if _, err := approvals.NewDirectory([]approvals.Person{{Names: []string{"x"}, Language: "no tag"}}, nil); err == nil {
		t.Error("a directory takes what is no language's tag")
	}
}

func TestLanguageFor(t *testing.T) {
	t.Parallel()
	d, err := approvals.NewDirectory([]approvals.Person{
		{Names: []string{"alice"}, Emails: []string{"alice@example.com"}, Language: "ko"}, {Names: []string{"bob"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gate := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Language = "de" }).Obj()
	for _, c := range []struct {
		a             approvals.Approval
		name, address string
		want          string
	}{
		{gate, "alice", "", "ko"},
		{gate, "", "alice@example.com", "ko"},
		{gate, "bob", "", "de"},
		{gate, "", "", "de"},
		{ct.Make("a").Obj(), "bob", "", ""},
		{ct.Make("a").Unresolved(nil).Obj(), "alice", "", "ko"},
		{ct.Make("a").Unresolved(nil).Obj(), "", "", ""},
	} {
		if got := d.LanguageFor(c.a, c.name, c.address); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.name, c.address, got, c.want)
		}
	}
	if got := (*approvals.Directory)(nil).LanguageFor(gate, "alice", ""); got != "de" {
		t.Errorf("without a directory: %q", got)
	}
}
