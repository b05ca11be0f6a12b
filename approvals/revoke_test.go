package approvals_test

import (
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestDeskRevokesLinks: one's own link, and as an operator anybody's, by name or address;
// nobody else's, in one write, and the vote that came by it goes along.
func TestDeskRevokesLinks(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	d := directory(t, approvals.Person{Names: []string{"alice", "al"}, Emails: []string{"alice@example.com"}}, approvals.Person{Names: []string{"rob", "robert"}})
	const own, theirs = "alice@example.com", "desk@example.com"
	for name, c := range map[string]struct {
		who   string
		way   approvals.AuthMethod
		of    string
		ended string // whose link
		code  approvals.Code
		votes int
	}{
		"one's own":                         {who: "alice", of: "alice", ended: "alice"},
		"one's own, by its address":         {who: "alice", of: "Alice@example.com", ended: "alice"},
		"one's own, by a Vote":              {who: "alice", way: approvals.AuthObject, of: "alice", ended: "alice"},
		"one's own, by the link":            {who: "alice", way: approvals.AuthLink, of: "alice", ended: "alice"},
		"one's own, by another name":        {who: "al", of: "al", ended: "alice"},
		"one's own, said by another":        {who: "al", of: "alice", ended: "alice"},
		"a link knows no other name":        {who: "al", way: approvals.AuthLink, of: "alice", code: approvals.CodeForbidden, votes: 1},
		"no other case":                     {who: "Alice", of: "alice", code: approvals.CodeForbidden, votes: 1},
		"another's":                         {who: "rob", of: "alice", code: approvals.CodeForbidden, votes: 1},
		"another's, by the address":         {who: "mallory", of: own, code: approvals.CodeForbidden, votes: 1},
		"another's, of two":                 {who: "mallory", of: theirs, code: approvals.CodeForbidden, votes: 1},
		"nobody's, by a stranger":           {who: "mallory", of: "zoe", code: approvals.CodeForbidden, votes: 1},
		"nobody":                            {who: "", of: "", code: approvals.CodeForbidden, votes: 1},
		"one's own, mailed none":            {who: "carol", of: "carol", code: approvals.CodeInvalid, votes: 1},
		"an operator":                       {who: "olga", of: "alice", ended: "alice"},
		"an operator, by a Vote":            {who: "olga", way: approvals.AuthObject, of: own, ended: "alice"},
		"an operator, by a link":            {who: "olga", way: approvals.AuthLink, of: "alice", code: approvals.CodeForbidden, votes: 1},
		"an operator, by Slack":             {who: "olga", way: approvals.AuthSlack, of: "alice", code: approvals.CodeForbidden, votes: 1},
		"an operator of another namespace":  {who: "dora", of: "alice", code: approvals.CodeForbidden, votes: 1},
		"an operator, of whom nobody knows": {who: "olga", of: "zoe", code: approvals.CodeInvalid, votes: 1},
		"an operator, of two":               {who: "olga", of: theirs, code: approvals.CodeInvalid, votes: 1},
		"one of the two":                    {who: "rob", of: theirs, code: approvals.CodeInvalid, votes: 1},
		"one of the two, by name":           {who: "rob", of: "robert", ended: "robert", votes: 1},
		"rights not known":                  {who: "nobody-knows", of: "alice", code: approvals.CodeUnavailable, votes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := gate(approvals.FourEyes, told("alice", own), told("rob", theirs), told("robert", theirs), told("carol", ""))
			a.Votes = []approvals.Vote{{Voter: "alice", Verdict: approve, At: minute(1), AuthMethod: approvals.AuthLink, Address: own, CredentialID: "link"}}
			store := ct.NewMemStore(a)
			desk := approvals.VoteService{Store: store, People: d, Operators: operators{"olga": "prod", "dora": "dev"}, Now: func() time.Time { return minute(5) }}
			id := approvals.Identity{Name: c.who, AuthMethod: c.way}
			if id.AuthMethod == "" {
				id.AuthMethod = approvals.AuthLogin
			}
			key := approvals.Key{Namespace: "prod", Name: "a"}
			for again := range 2 {
				got, did, err := desk.RevokeLink(t.Context(), key, id, c.of)
				want, writes := approvals.NoChange, 0
				if c.ended != "" {
					writes = 1
					if again == 0 {
						want = approvals.LinkRevoked
					}
				}
				if did != want || approvals.CodeOf(err) != c.code || store.Writes() != writes {
					t.Fatalf("%s, %v, %d writes; want %s, %s, %d", did, err, store.Writes(), want, c.code, writes)
				}
				if err != nil {
					said.Check(t, name, approvals.Message(err))
				}
				if err == nil && (len(got.Revoked) != 1 || got.Revoked[0] != approvals.Revocation{Voter: c.ended, By: c.who, At: minute(5)}) {
					t.Errorf("%+v", got.Revoked)
				}
			}
			if after, _ := store.Get(t.Context(), key); len(after.Votes) != c.votes {
				t.Errorf("%d votes stand, want %d", len(after.Votes), c.votes)
			}
		})
	}
}

// TestDeskRevokesNothing: what is not there or has ended says so to those alone who may
// know, and a store that does not answer is no refusal.
func TestDeskRevokesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who, approval string
		down          error
		code          approvals.Code
	}{
		"not there":                {"olga", "nope", nil, approvals.CodeNotFound},
		"not there, to a stranger": {"mallory", "nope", nil, approvals.CodeForbidden},
		"ended":                    {"alice", "ended", nil, approvals.CodeConflict},
		"ended, to a stranger":     {"mallory", "ended", nil, approvals.CodeForbidden},
		"not ready":                {"olga", "open", nil, approvals.CodeNotReady},
		"the store is down":        {"alice", "ended", approvals.Errorf(approvals.CodeUnavailable, "down"), approvals.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mail := func(a *approvals.Approval) { a.Resolved.Policy.Approvers[0].Email = "alice@example.com" }
			store := ct.NewMemStore(ct.Make("ended").With(mail).Voted("alice", approve, "").Obj(), ct.Make("open").Unresolved(nil).Obj())
			store.Fail(c.down)
			desk := approvals.VoteService{Store: store, Operators: operators{"olga": "prod"}, Now: func() time.Time { return minute(5) }}
			_, did, err := desk.RevokeLink(t.Context(), approvals.Key{Namespace: "prod", Name: c.approval}, approvals.Identity{Name: c.who, AuthMethod: approvals.AuthToken}, "alice")
			if approvals.CodeOf(err) != c.code || did != approvals.NoChange || store.Writes() != 0 {
				t.Errorf("%s, %v, %d writes; want %s", did, err, store.Writes(), c.code)
			}
		})
	}
}
