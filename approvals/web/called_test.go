package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/web"
)

// TestPeopleAreCalled: behind the proved name, in a browser, by mail and by the API, stands what the
// directory or the login calls them; and mails have the times of their reader's zone.
func TestPeopleAreCalled(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Quorum(2).Requester("rita").With(func(a *approvals.Approval) {
		a.Resolved.Policy.TimeZone = "Europe/Berlin"
	}).Obj()
	vote := ct.Ballot("alice", approvals.Approve, "")
	vote.Voter.DisplayName = "Alice Liddell"
	a, _, err := approvals.Cast(a, vote, ct.T0)
	if err != nil {
		t.Fatal(err)
	}
	said := ct.Ballot("bob", approvals.Remark, "hello")
	said.Voter.DisplayName = "alice" // who is somebody else
	if a, _, err = approvals.Cast(a, said, ct.T0); err != nil {
		t.Fatal(err)
	}
	b := newLoginBench(t, base, a)
	people := []approvals.Person{
		{Names: []string{"rita"}, DisplayName: "Rita Book"},
		{Names: []string{"bob"}, Emails: []string{"bob@example.com"}, TimeZone: "Asia/Seoul"},
		{Names: []string{"alice"}, Emails: []string{"alice@example.com"}},
	}
	if b.People, err = approvals.NewDirectory(people, nil); err != nil {
		t.Fatal(err)
	}
	b.handler = web.Handler(b.Deps)
	html := b.ask(http.MethodGet, page, "", as("bob")...).Body.String()
	for _, want := range []string{"alice</b> <span class=\"quiet called\" dir=\"auto\">Alice Liddell</span>", "rita <span class=\"quiet called\" dir=\"auto\">Rita Book</span>", "bob</b></p>", "alice (Alice Liddell) approved"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if board := b.ask(http.MethodGet, "/", "", as("bob")...).Body.String(); !strings.Contains(board, "by rita <span class=\"quiet called\" dir=\"auto\">Rita Book</span>") {
		t.Error("the board does not say what people call rita")
	}
	var got struct {
		RequesterDisplayName string
		Votes, Discussion    []struct{ DisplayName string }
	}
	w := b.ask(http.MethodGet, "/api/v1/namespaces/prod/approvals/a", "", bearer("bob")...)
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Votes) != 1 || len(got.Discussion) != 1 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if got.RequesterDisplayName != "Rita Book" || got.Votes[0].DisplayName != "Alice Liddell" || got.Discussion[0].DisplayName != "" {
		t.Errorf("the API: %+v", got)
	}
	for name, c := range map[string]struct{ approver, address, want string }{
		"bob's own": {"bob", "bob@example.com", "Asia/Seoul"}, "the Gate's": {"alice", "alice@example.com", "Europe/Berlin"}, "a channel": {"", "", "Europe/Berlin"}, "rita, by an address": {"", "bob@example.com", "Asia/Seoul"},
	} {
		d, err := b.ForMail(a, c.approver, c.address)
		if err != nil || d.Zone == nil || d.Zone.String() != c.want {
			t.Errorf("%s: zone %v, %v; want %s", name, d.Zone, err, c.want)
		}
	}
}
