package approvals

import (
	"slices"
	"time"
)

// Verdict is what a vote says.
type Verdict string

// The verdicts. An empty or unknown verdict is refused; it is never a rejection.
const (
	Approve Verdict = "approve"
	Reject  Verdict = "reject"
)

// Way is how a voter came and was proved.
type Way string

// The ways.
const (
	WayToken Way = "Token" // a Kubernetes bearer token, by TokenReview
	WayLink  Way = "Link"  // a signed link that was mailed to the voter
	WaySlack Way = "Slack" // a button in Slack, signed by Slack, whose user is known
)

// Identity is a proved person or robot.
type Identity struct {
	Name     string
	Groups   []string
	Way      Way
	Evidence string // what proves it, safe to keep: a token's UID, a link's id
}

// Ballot is one person's input: what Cast is given.
type Ballot struct {
	Voter   Identity
	Verdict Verdict
	Comment string
}

// Vote is one person's live vote on an Approval.
type Vote struct {
	Voter    string
	Verdict  Verdict
	Comment  string
	At       time.Time
	Way      Way
	Evidence string
}

// may says why id may not vote on a, or nil.
func may(a Approval, id Identity) error {
	p := a.Terms.Policy
	if id.Name == "" {
		return Errorf(CodeUnauthenticated, "nobody is logged in: use the link that was mailed to you, or send a Kubernetes bearer token")
	}
	if p.excludes(a.Terms.Requester) && samePerson(id.Name, a.Terms.Requester) {
		return Errorf(CodeForbidden, "%s asked for this and %s does not let the requester decide; %s can", id.Name, p.name(), p.Who())
	}
	listed := slices.ContainsFunc(p.Approvers, func(x Approver) bool { return x.Name == id.Name })
	inGroup := slices.ContainsFunc(id.Groups, func(g string) bool { return slices.Contains(p.Groups, g) })
	if !listed && !inGroup {
		return Errorf(CodeForbidden, "this is not for %s to decide; %s can", id.Name, p.Who())
	}
	return nil
}

// MayVote says why id may not vote on a, or nil. It looks at the policy alone,
// not at whether a is still pending.
func MayVote(a Approval, id Identity) error {
	if a.Terms == nil {
		return notReady(a)
	}
	return may(a, id)
}
