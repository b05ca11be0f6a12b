package approvals

import (
	"fmt"
	"slices"
	"time"
)

// Verdict is approve or reject.
type Verdict string

// The verdicts. An empty or unknown verdict is refused; it is never a rejection.
const (
	Approve Verdict = "approve"
	Reject  Verdict = "reject"
	// Withdraw takes one's vote back, while the Approval is pending.
	Withdraw Verdict = "withdraw"
	// Remark and AskForChanges say something and decide nothing.
	Remark        Verdict = "comment"
	AskForChanges Verdict = "needs-changes"
)

// Right is an RBAC verb on a Gate.
type Right string

// The rights.
const (
	RightApprove    Right = "approve"
	RightBreakGlass Right = "break-glass"
)

// AuthMethod is the way in which a voter was authenticated.
type AuthMethod string

// The ways.
const (
	AuthToken AuthMethod = "Token" // a Kubernetes bearer token, by TokenReview
	AuthLink  AuthMethod = "Link"  // a signed link that was mailed to the voter
	AuthLogin AuthMethod = "Login" // an ID token of the login provider, or the session that it began
	// AuthObject is a Vote object, whose author the API server proved.
	AuthObject AuthMethod = "Object"
	AuthSlack  AuthMethod = "Slack" // a button in Slack, signed by Slack, whose user is known
)

// Identity is a proved person or robot.
type Identity struct {
	Name   string
	Groups []string
	// DisplayName is what they are called where they came from, clean, "" where that is not
	// known. It proves nothing.
	DisplayName  string
	AuthMethod   AuthMethod
	CredentialID string // what proves it, safe to keep: a token's UID, a link's id
	// Address is the mailbox that was proved with it: to which the link was sent, or which
	// the login provider has verified. "" for none.
	Address string
	// GroupsLeftOut says that the login provider did not send the groups: there are too many.
	GroupsLeftOut bool
	Rights        []Right
	// DelegateOf are the people who named this one their delegate, for now.
	DelegateOf []string
	// Policies are the GatePolicies that hold where the Approval is, as they are now.
	Policies []GatePolicy
	// Names, Emails and Logins are what else is known to be this person's, by the Directory.
	Names, Emails, Logins []string
	// LinkEnded says why the link that they came with proves nothing any more, "" while it does.
	LinkEnded string
}

// Ballot is one person's input: what Cast is given.
type Ballot struct {
	Voter   Identity
	Verdict Verdict
	Comment string
	Inputs  []Param
	// BreakGlass approves at once and alone, with the right and a reason.
	BreakGlass bool
	// Made is when it was made, if that may be some time ago: it is not about what
	// came later, and does not undo what its voter did later. Zero: it is made now.
	Made time.Time
	// Sent is when it came, by a clock that is not the voter's: in time is what was sent in
	// time, however late it is looked at. Zero: it came now.
	Sent time.Time
	// ID is what its sender calls a comment without a vote, so that the same again is the same
	// one; "" where it has none.
	ID string
}

// Vote is one person's live vote on an Approval, with what proved them. One that is withdrawn or
// replaced is none.
type Vote struct {
	Voter        string
	Verdict      Verdict
	Comment      string
	At           time.Time
	AuthMethod   AuthMethod
	CredentialID string
	Address      string // the mailbox that was proved with it, "" for none
	// Groups and ByRBAC are why the voter could vote: the policy's groups that
	// they proved to be in, and that RBAC let them approve.
	Groups     []string
	ByRBAC     bool
	Inputs     []Param
	BreakGlass bool
	OnBehalfOf string // whose delegate the voter was, "" for their own vote
	// DisplayName is what the voter was called where they came from; it proves nothing.
	DisplayName string
}

// Withdrawal is a vote that its voter took back. The last one of each is kept, so
// that a vote which arrives twice does not come back to life.
type Withdrawal struct {
	Voter                 string
	At                    time.Time
	CredentialID          string // of the vote that was taken back
	WithdrawnByCredential string // the evidence of the ballot that took it back
}

// is reports whether v is this voter's: by a name or an address of theirs, or by the login
// that they came with, which stays theirs when the provider gives them another name.
func (v Vote) is(id Identity) bool {
	login := id.AuthMethod == AuthLogin && v.AuthMethod == AuthLogin && id.CredentialID != "" && id.CredentialID == v.CredentialID
	return login || id.calledHere(v.Voter) || v.Address != "" && slices.ContainsFunc(id.Emails, func(e string) bool { return SameAddress(e, v.Address) })
}

// calledHere reports whether a voter's name is this person's: theirs, or one that the
// directory says is theirs, be it a user name or an address that is used as one. Which of two
// names somebody voted by first makes no difference. Logins elsewhere are nobody's names here.
func (id Identity) calledHere(voter string) bool {
	return voter != "" && (SamePerson(voter, id.Name) ||
		slices.ContainsFunc(id.Names, func(n string) bool { return SameName(n, voter) }) ||
		slices.ContainsFunc(id.Emails, func(e string) bool { return SameAddress(e, voter) }))
}

// VoteOf is id's live vote on a, nil for none. Nothing in it may be changed.
func (a Approval) VoteOf(id Identity) *Vote {
	if i := slices.IndexFunc(a.Votes, func(v Vote) bool { return v.is(id) }); i >= 0 && id.Name != "" {
		return &a.Votes[i]
	}
	return nil
}

// may says why id may not cast a vote of verdict v on a, or nil. "" asks about any.
func may(a Approval, id Identity, v Verdict) error {
	ok, err := permitted(a, id, v)
	if !ok && err == nil {
		return notListed(a, id)
	}
	return err
}

// permitted reports whether id may cast a vote of verdict v on a. The error is why they may not, and nil
// where the Gate does not mean them: lists ask that of nearly everything and do not show the
// sentence, notListed, which costs more than the rules.
func permitted(a Approval, id Identity, v Verdict) (bool, error) {
	p := *a.Resolved.Policy
	if id.Name == "" {
		return false, Errorf(CodeUnauthenticated, "you are not signed in: open the link in your mail, or sign in")
	}
	if id.AuthMethod == AuthLink {
		if err := linkDecides(a, id); err != nil {
			return false, err
		}
	}
	if err := excluded(a, id, v); err != nil {
		return false, err
	}
	return p.Lists(id.Name) || len(groupsOf(p, id)) > 0 || byRBAC(p, id) || delegateFor(a, id, v) != "", nil
}

// Lists reports whether p names somebody of that name.
func (p Policy) Lists(name string) bool {
	return slices.ContainsFunc(p.asWritten(), func(r Rule) bool {
		return slices.ContainsFunc(r.Approvers, func(x Approver) bool { return SameName(x.Name, name) })
	})
}

// notListed is the refusal of somebody whom the Gate does not mean, with what may be
// wrong: of the list for those alone who may see it, of the voter's own login for them.
func notListed(a Approval, id Identity) error {
	p := *a.Resolved.Policy
	err := refuse(a, id, "you (%s) are not an approver here", id.Name)
	if i := slices.IndexFunc(p.People(), func(x Approver) bool { return SamePerson(x.Name, id.Name) }); i >= 0 {
		err.Private += fmt.Sprintf(". %s lists %q and you are %q: the two differ only in upper and lower case, and names are compared exactly. Ask an owner of the Gate to correct the name",
			p.name(), p.People()[i].Name, id.Name)
	}
	if id.GroupsLeftOut && len(p.AllGroups()) > 0 {
		err.Message += ". Your login provider did not say which groups you are in, because there are too many: ask its administrator to send this service only the groups that are assigned to it"
	}
	return err
}

// refuse is a refusal that says who else can, to those who may see it. It never names
// whom it refuses.
func refuse(a Approval, id Identity, format string, args ...any) *Error {
	err := Errorf(CodeForbidden, format, args...)
	if who := others(a, id); who != "" {
		err.Private = "; " + who + " can decide"
	}
	return err
}

// others says who may decide a, besides id and anyone who asked.
func others(a Approval, id Identity) string {
	p := *a.Resolved.Policy
	people := slices.DeleteFunc(slices.Clone(p.People()), func(x Approver) bool {
		return slices.ContainsFunc(id.everyone(), func(n string) bool { return SameName(n, x.Name) }) || p.excludesRequester() && matchesRequester(a, Identity{Name: x.Name})
	})
	return Rule{Approvers: people, Groups: p.AllGroups(), RBAC: p.ByRBAC()}.who()
}

// delegateFor is whom id would decide for, "" when id decides as themselves or may
// not. A delegate stands in for somebody who is named: no chains, since anyone who is
// only a delegate is not, and nobody who may not decide can have it done.
func delegateFor(a Approval, id Identity, v Verdict) string {
	p := *a.Resolved.Policy
	if p.Limits.NoDelegations || limitsOf(id.Policies).NoDelegations {
		return ""
	}
	if p.Lists(id.Name) || len(groupsOf(p, id)) > 0 || byRBAC(p, id) {
		return ""
	}
	for _, from := range id.DelegateOf {
		if p.Lists(from) && excluded(a, Identity{Name: from}, v) == nil && !SamePerson(from, id.Name) && !spoken(a, from, id.Name) {
			return from
		}
	}
	return ""
}

// spoken reports whether somebody other than voter has voted as name, or for them.
func spoken(a Approval, name, voter string) bool {
	return slices.ContainsFunc(a.Votes, func(v Vote) bool {
		return !SamePerson(v.Voter, voter) && (SamePerson(v.Voter, name) || SamePerson(v.OnBehalfOf, name))
	})
}

// groupsOf are the groups of p that id is in.
func groupsOf(p Policy, id Identity) []string {
	return slices.DeleteFunc(p.AllGroups(), func(g string) bool { return !slices.Contains(id.Groups, g) })
}

func byRBAC(p Policy, id Identity) bool {
	return p.ByRBAC() && slices.Contains(id.Rights, RightApprove)
}

// GlassBroken reports whether somebody decided a alone, by the right to.
func (a Approval) GlassBroken() bool {
	return slices.ContainsFunc(a.Votes, func(v Vote) bool { return v.BreakGlass })
}

// MayBreakGlass says why id may not decide a, which is resolved, alone, or nil.
func MayBreakGlass(a Approval, id Identity) error {
	switch {
	case id.Name == "":
		return Errorf(CodeUnauthenticated, "you are not signed in")
	case id.AuthMethod == AuthLink:
		return Errorf(CodeForbidden, "a mail link can't be used for a break-glass approval: sign in")
	case !slices.Contains(id.Rights, RightBreakGlass):
		return Errorf(CodeForbidden, "you (%s) may not use break-glass: it needs the RBAC verb break-glass on %s", id.Name, a.Resolved.Policy.name())
	}
	return nil
}

// MayVote says why id may not vote on a, or nil. It looks at the policy alone,
// not at whether a is still pending.
func MayVote(a Approval, id Identity) error {
	if a.Resolved == nil {
		return notReady(a)
	}
	return may(a, id, "")
}

// CanVote is MayVote for those who need no reason.
func CanVote(a Approval, id Identity) bool {
	if a.Resolved == nil {
		return false
	}
	ok, _ := permitted(a, id, "")
	return ok
}
