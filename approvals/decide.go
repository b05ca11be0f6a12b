package approvals

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Change names the transition that was made, so that callers need not compare two states.
type Change string

// The changes.
const (
	Voted    Change = "voted"    // a vote was recorded
	Ended    Change = "ended"    // the outcome is there now
	Notified Change = "told"     // somebody was told, or could not be
	Blocking Change = "blocking" // an obstacle was found
	Released Change = "released" // the run that the outcome started was seen, or the task's answer
	RunOver  Change = "run over" // the run that the outcome started has ended
	Withdrew Change = "withdrew" // a vote was taken back
	Stopped  Change = "stopped"  // the outcome stands and starts no run any more
	Again    Change = "again"    // another attempt was asked for
	// Commented: somebody said something without a vote.
	Commented Change = "commented"
	NoChange  Change = "absent" // nothing changed: the same vote again
)

// Cast records a ballot and, at the moment the policy is met, the outcome. The
// same person's same vote again changes nothing and is no error; while the
// Approval is pending a person may change their vote.
//
// Errors: CodeNotReady (not resolved yet), CodeConflict (decided already: by whom
// and when), CodeGone (the deadline has passed), CodeInvalid (verdict or
// comment), CodeUnauthenticated and CodeForbidden (the voter).
func Cast(a Approval, b Ballot, now time.Time) (Approval, Change, error) {
	if a.Resolved == nil {
		return a, NoChange, notReady(a)
	}
	if b.Verdict.Discusses() {
		return discuss(a, b, now)
	}
	if recorded(a, b) { // whatever its voter may by now
		return a, NoChange, nil
	}
	if err := allowed(a, b); err != nil {
		return a, NoChange, err
	}
	comment, inputs, err := content(*a.Resolved.Policy, b)
	if err != nil {
		return a, NoChange, err
	}
	mine := voteBy(a, b.Voter)
	if a.Decided() {
		if mine >= 0 && a.Votes[mine].Verdict == b.Verdict {
			return a, NoChange, nil
		}
		return a, NoChange, notCounted(decided(a))
	}
	if came := b.came(now); !came.Before(a.Deadline()) {
		return a, NoChange, notCounted(tooLate(a))
	}
	if err := refusedByLimits(a, b.Voter, b.Verdict, b.BreakGlass); err != nil {
		return a, NoChange, err
	}
	if err := overtaken(a, b, mine); err != nil {
		return a, NoChange, err
	}
	if b.Verdict == Withdraw {
		if mine < 0 {
			return a, NoChange, Errorf(CodeInvalid, "you (%s) have no vote to withdraw", b.Voter.Name)
		}
		return withdraw(a, b, now), Withdrew, nil
	}
	if inputs, err = sameThing(a, b, inputs); err != nil {
		return a, NoChange, err
	}
	return count(a, b, voteOf(a, b, comment, inputs, now))
}

// voteBy is the place of id's vote in a.Votes, -1 without one.
func voteBy(a Approval, id Identity) int {
	return slices.IndexFunc(a.Votes, func(v Vote) bool { return v.is(id) })
}

func voteOf(a Approval, b Ballot, comment string, inputs []Param, now time.Time) Vote {
	p := *a.Resolved.Policy
	vote := Vote{
		Voter: b.Voter.Name, Verdict: b.Verdict, Comment: comment, Inputs: inputs, BreakGlass: b.BreakGlass,
		At: now, AuthMethod: b.Voter.AuthMethod, CredentialID: b.Voter.CredentialID, Address: b.Voter.Address, DisplayName: b.Voter.DisplayName, Groups: groupsOf(p, b.Voter), ByRBAC: byRBAC(p, b.Voter),
	}
	if !b.BreakGlass {
		vote.OnBehalfOf = delegateFor(a, b.Voter, b.Verdict)
	}
	return vote
}

// count puts b's vote among the others, in the place of the same person's earlier one, and
// ends a where that decides it.
func count(a Approval, b Ballot, vote Vote) (Approval, Change, error) {
	mine := voteBy(a, b.Voter)
	agreed, first := Agreed(a, b.Voter)
	if first != "" && mine >= 0 && a.Votes[mine].Verdict == Approve && b.Verdict == Approve && !b.BreakGlass {
		vote.Inputs = a.Votes[mine].Inputs // they say the same, and may be what the others go by
	}
	before := a
	if b.Verdict == Approve {
		a = withoutVoid(a, b, vote.At)
		mine = voteBy(a, b.Voter)
	}
	// One login may have voted by the name that it has now and by the one before.
	votes := slices.DeleteFunc(slices.Clone(a.Votes), func(v Vote) bool { return v.is(b.Voter) })
	switch {
	case len(votes) >= MaxVotes:
		return before, NoChange, Errorf(CodeConflict, "there are already %d votes, which is the limit; your vote was not counted", len(votes))
	case mine < 0:
		mine = len(votes)
	case len(votes) == len(a.Votes)-1 && sameVote(a.Votes[mine], vote):
		return before, NoChange, nil
	}
	votes = slices.Insert(votes, mine, vote)
	a.Withdrawn = slices.DeleteFunc(slices.Clone(a.Withdrawn), func(w Withdrawal) bool { return SamePerson(w.Voter, vote.Voter) })
	// Anyone who votes in person takes the place of their delegate.
	votes = slices.DeleteFunc(votes, func(v Vote) bool { return b.Voter.calledHere(v.OnBehalfOf) })
	a.Votes = keepAgreed(*a.Resolved.Policy, votes, agreed, first)
	a = answered(a, b.Voter, vote.At)
	if b.Verdict == Approve {
		if err := missingInput(a); err != nil {
			return before, NoChange, err
		}
	}
	if err := tooMuchText(a); err != nil {
		return before, NoChange, err
	}
	if o := tally(a); o != Pending {
		return end(a, o, vote.At), Ended, nil
	}
	return a, Voted, nil
}

// MaxVotes bounds the live votes of one Approval; the CRD schema has it too.
const MaxVotes = 128

// allowed holds the voter to the rules, or to the right to break-glass. What the ballot says is
// looked at afterwards, so that a stranger learns nothing of a.
func allowed(a Approval, b Ballot) error {
	if b.BreakGlass {
		if err := MayBreakGlass(a, b.Voter); err != nil {
			return err
		}
		if b.Verdict != Approve {
			return Errorf(CodeInvalid, "break-glass can only approve; to reject, vote without it. Your vote was not counted")
		}
		return nil
	}
	return may(a, b.Voter, b.Verdict)
}

// content cleans a ballot's comment and inputs, and completes the inputs with the defaults of
// p. The error is CodeInvalid.
func content(p Policy, b Ballot) (comment string, inputs []Param, err error) {
	if b.Verdict != Approve && b.Verdict != Reject && b.Verdict != Withdraw {
		return "", nil, Errorf(CodeInvalid, "vote is %q, but must be \"approve\" or \"reject\"; your vote was not counted", Cut(string(b.Verdict), MaxQuoted))
	}
	if comment, err = CleanComment(b.Comment); err != nil {
		return "", nil, err
	}
	switch {
	case comment != "" || b.Verdict == Withdraw:
	case b.BreakGlass:
		return "", nil, Errorf(CodeInvalid, "a break-glass approval needs a reason: give it in the comment. Your vote was not counted")
	case p.Comment == CommentRequired:
		return "", nil, Errorf(CodeInvalid, "%s requires a comment with every vote: add one and try again", p.name())
	case p.Comment == CommentRequiredOnReject && b.Verdict == Reject:
		return "", nil, Errorf(CodeInvalid, "%s requires a comment with a rejection: say why and try again", p.name())
	}
	if b.Verdict == Approve {
		inputs, err = cleanInputs(p.Inputs, b.Inputs)
	}
	return comment, inputs, err
}

func sameVote(a, b Vote) bool {
	return a.Verdict == b.Verdict && a.Comment == b.Comment && slices.Equal(a.Inputs, b.Inputs) && a.BreakGlass == b.BreakGlass && a.OnBehalfOf == b.OnBehalfOf &&
		slices.Equal(a.Groups, b.Groups) && a.ByRBAC == b.ByRBAC
}

// Expire ends a pending Approval whose time is over, as its Gate says. It changes nothing
// before that or after any outcome. A run that ends by its own time limit ends what it
// waits for: that is not what a Gate's onExpiry is about. What its Gate would approve by
// silence expires when they are outside policies, which hold there now.
func Expire(a Approval, now time.Time, policies ...GatePolicy) (Approval, Change) {
	if a.Resolved == nil || a.Decided() || now.Before(a.ExpiresAt()) {
		return a, NoChange
	}
	outcome := map[ExpiryRule]Outcome{ApproveOnExpiry: Approved, RejectOnExpiry: Rejected}[a.Resolved.Policy.OnExpiry]
	outside := a.Resolved.Policy.Within(policies)
	if outcome == "" || outcome == Approved && len(outside) > 0 {
		outcome = Expired
	}
	a = end(a, outcome, now)
	if len(outside) > 0 && a.Resolved.Policy.Releases(outcome) { // silence starts nothing against a policy
		a.Cancellation = &Cancellation{Reason: "its Gate is outside what the cluster's GatePolicies allow", At: now}
	}
	return a, Ended
}

// Lapse ends an Approval that could not be decided, because it could not be
// out, once it has been there for lifetime. A later fix does not revive it: its
// plan is as old as it is.
func Lapse(a Approval, lifetime time.Duration, now time.Time) (Approval, Change) {
	if a.Resolved != nil || a.Decided() || now.Before(a.OpenedAt.Add(lifetime)) || a.Blocked != nil && a.Blocked.Reason == reasonSignatureInvalid {
		return a, NoChange
	}
	a.Outcome, a.DecidedAt = Expired, now
	return a, Ended
}

// Supersede ends a pending Approval in whose place a newer one came, and the attempts
// to start the run of one that has been decided.
func Supersede(a, by Approval, now time.Time) (Approval, Change) {
	if !Supersedes(by, a) {
		return a, NoChange
	}
	if a.Decided() {
		return stop(a, Cancellation{Reason: fmt.Sprintf("%s replaced it before its run could be started", by.Name), At: now}), Stopped
	}
	a.SupersededBy = by.Name
	return end(a, Superseded, now), Ended
}

// Supersedes reports whether newer takes the place of a: a waits, for a decision or for an
// obstacle to its run to go; its Gate wants the newest only; and both are of one Trigger, or
// one pipeline's task, and one key.
func Supersedes(newer, a Approval) bool {
	stuck := a.stoppable() && a.Unreleased != nil
	if a.Decided() && !stuck || a.Resolved == nil || newer.Resolved == nil || a.Resolved.Policy.Supersede != SupersedeNewest {
		return false
	}
	// What asks again has the source of an older one: it takes no newer one's place.
	if newer.Replaces != nil {
		return false
	}
	if a.Namespace != newer.Namespace || !sameOrigin(a, newer) || LineKey(a.Resolved.SupersedeKey) != LineKey(newer.Resolved.SupersedeKey) || a.UID == newer.UID {
		return false
	}
	// Opened in the same second: the names decide, the same everywhere.
	return newer.OpenedAt.After(a.OpenedAt) || newer.OpenedAt.Equal(a.OpenedAt) && newer.Name > a.Name
}

// sameOrigin reports whether a and b are of one Trigger, or of one pipeline's task. Those of
// one run's task are the places of its matrix, which all wait: none is newer.
func sameOrigin(a, b Approval) bool {
	if a.Source.Task != nil && b.Source.Task != nil && a.Source.Task.Run.UID == b.Source.Task.Run.UID {
		return false
	}
	return a.Trigger == b.Trigger && (a.Source.Task == nil) == (b.Source.Task == nil) && a.Title() == b.Title()
}

// Missing is the number of approvals still needed, 0 when decided.
func Missing(a Approval) int {
	if a.Decided() || a.Resolved == nil {
		return 0
	}
	missing := 0
	rules, names := met(a)
	for i, r := range rules {
		missing += r.Required - len(names[i])
	}
	return missing
}

// tally lets one rejection end a, and counts approvals by distinct people. Pending when more are
// needed.
func tally(a Approval) Outcome {
	switch {
	case a.GlassBroken():
		return Approved
	case slices.ContainsFunc(a.Votes, func(v Vote) bool { return v.Verdict == Reject }):
		return Rejected
	case Missing(a) == 0:
		return Approved
	default:
		return Pending
	}
}

func end(a Approval, o Outcome, now time.Time) Approval {
	// No outcome is older than a vote that it counts: replicas' clocks differ, and a write that
	// was refused is made again, behind others', with the time of its first try.
	for _, v := range a.Votes {
		if v.At.After(now) {
			now = v.At
		}
	}
	a.Outcome, a.DecidedAt = o, now
	a.Inputs = inputsOf(a)
	a.Results = DefaultResults(a)
	return a
}

func notReady(a Approval) error {
	if a.Decided() { // it lapsed, or was cancelled, before anybody could decide it
		return decided(a)
	}
	if a.Blocked != nil {
		return Errorf(CodeNotReady, "nobody can decide this yet: %s", a.Blocked.Message)
	}
	return Errorf(CodeNotReady, "nobody can decide this yet, because it is still being prepared; try again in a moment")
}

// notCounted adds to why an Approval takes no votes that it has not taken this one.
func notCounted(err *Error) error {
	err.Message += ". Your vote was not counted"
	return err
}

func tooLate(a Approval) *Error {
	return Errorf(CodeGone, "this expired at %s; run the pipeline again to request a new approval", a.Deadline().UTC().Format(time.RFC3339))
}

// decided is the conflict that tells a late voter who was first.
func decided(a Approval) *Error {
	at := a.DecidedAt.UTC().Format(time.RFC3339)
	switch a.Outcome {
	case Expired:
		return Errorf(CodeGone, "this expired at %s; run the pipeline again to request a new approval", at)
	case Approved, Rejected:
		if len(voters(a.Votes, verdictOf(a.Outcome))) == 0 {
			return Errorf(CodeConflict, "this was %s automatically at %s, because nobody decided in time", strings.ToLower(string(a.Outcome)), at)
		}
		return Errorf(CodeConflict, "this was already %s by %s at %s", strings.ToLower(string(a.Outcome)), deciders(a), at)
	case Cancelled:
		if c := a.Cancellation; c != nil && c.By != "" {
			return Errorf(CodeConflict, "this was cancelled by %s at %s: %s", c.By, at, c.why())
		}
		return Errorf(CodeConflict, "this was cancelled at %s: %s", at, a.Cancellation.why())
	default:
		return Errorf(CodeConflict, "this was already %s at %s", strings.ToLower(string(a.Outcome)), at)
	}
}

// deciders names the people whose votes made the outcome.
func deciders(a Approval) string {
	return strings.Join(voters(a.Votes, verdictOf(a.Outcome)), " and ")
}

func verdictOf(o Outcome) Verdict {
	if o == Rejected {
		return Reject
	}
	return Approve
}

func voters(votes []Vote, v Verdict) []string {
	var names []string
	for _, x := range votes {
		if x.Verdict == v {
			names = append(names, x.Voter)
		}
	}
	return names
}
