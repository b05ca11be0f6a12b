package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestDescribePeople: a name is told with what proves it, and with what nobody proved.
func TestDescribePeople(t *testing.T) {
	t.Parallel()
	told := func(names ...string) func(*approvals.Approval) {
		return func(a *approvals.Approval) {
			for _, n := range names {
				a.Votes = append(a.Votes, approvals.Vote{Voter: n, Verdict: approvals.Approve, At: ct.T0, AuthMethod: approvals.AuthLink, Address: "desk@example.com"})
			}
		}
	}
	for name, c := range map[string]struct {
		a         *ct.Builder
		want, not []string
	}{
		"proved":            {ct.Make("a").Requester("alice").With(func(a *approvals.Approval) { a.Resolved.RequesterProof = approvals.ByAdmission }), []string{"Requester:    alice (verified by the API server)\n"}, []string{"Warning"}},
		"signed":            {ct.Make("a").Requester("alice").With(func(a *approvals.Approval) { a.Resolved.RequesterProof = approvals.BySignature }), []string{"alice (verified by the event's signature)\n"}, []string{"Warning"}},
		"said":              {ct.Make("a").Said("alice"), []string{"alice (not verified: only the run or the event says so)\n", "Warning:      the requester alice is not verified: only the run or the event says so; they can reject but not approve\n"}, nil},
		"nobody's name":     {ct.Make("a").Said("octo\x1b[31mcat"), []string{"Warning:      ", "octo"}, []string{"\x1b"}},
		"said, and decided": {ct.Make("a").Said("zoe").Voted("alice", approvals.Approve, ""), []string{"not verified"}, []string{"Warning"}},
		"nobody":            {ct.Make("a"), []string{"Requester:    not recorded\n"}, []string{"Warning"}},
		"not resolved":      {ct.Make("a").Unresolved(nil).With(func(a *approvals.Approval) { a.Source.Requester = "zoe" }), []string{"zoe (not verified: only the run or the event says so)\n"}, []string{"Warning"}},
		"also":              {ct.Make("a").Requester("alice").Also("al", "a@example.com"), []string{"Also called:  al, a@example.com\n"}, nil},
		"a link":            {ct.Make("a").With(told("alice")), []string{"alice: approve, 2026-03-01T09:00:00Z (0s ago), via the link mailed to desk@example.com\n"}, []string{"counted once"}},
		"one mailbox":       {ct.Make("a").Users("alice", "bob").Quorum(2).With(told("alice", "bob")), []string{"bob: approve, 2026-03-01T09:00:00Z (0s ago), via the link mailed to desk@example.com, counted once together with alice\n"}, nil},
		"an older link":     {ct.Make("a").With(told("alice")).With(func(a *approvals.Approval) { a.Votes[0].Address = "" }), []string{", via mail link\n"}, nil},
		"a login":           {ct.Make("a").With(told("alice")).With(func(a *approvals.Approval) { a.Votes[0].AuthMethod = approvals.AuthLogin }), []string{", with the address desk@example.com\n"}, nil},
		"a token":           {ct.Make("a").Voted("alice", approvals.Approve, ""), nil, []string{"address", "link"}},
		"an ended link": {ct.Make("a").With(func(a *approvals.Approval) {
			a.Revoked = []approvals.Revocation{{Voter: "alice", By: "olga", At: ct.T0}}
		}), []string{"\nRevoked mail links\n  link of alice, revoked by olga, 2026-03-01T09:00:00Z (0s ago)\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			cmd := &command{Options: Options{Out: &out, Now: func() time.Time { return ct.T0 }}}
			a, w := c.a.Obj(), sheet{&out, false}
			describeAsked(w, a)
			cmd.describeVotes(w, a)
			cmd.describeEndedLinks(w, a)
			for _, x := range c.want {
				if !strings.Contains(out.String(), x) {
					t.Errorf("%q is missing:\n%s", x, out.String())
				}
			}
			for _, x := range c.not {
				if strings.Contains(out.String(), x) {
					t.Errorf("%q is there:\n%s", x, out.String())
				}
			}
		})
	}
}
