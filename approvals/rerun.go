package approvals

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Rerun is one more start of the run on the same decision, and the run before it, which did
// not end well.
type Rerun struct {
	By           string // who wanted it
	Reason       string
	CredentialID string // of who wanted it: what came twice is one
	At           time.Time
	Run          Run // the run before
	End          RunEnd
}

// RerunRule is a Gate's rule for starting a run again: how often, and by whom.
type RerunRule struct {
	Limit int // how often the run of one decision may be started again; 0: never
	// Allow says who may, beside operators.
	Allow []RerunBy
}

// RerunBy is a kind of people who may have a run started again.
type RerunBy string

// The kinds.
const (
	RerunByRequester RerunBy = "Requester" // who asked, where something proves who that is
	RerunByDeciders  RerunBy = "Deciders"  // those whose votes made the outcome
)

// MaxReruns bounds a Gate's limit; the CRD schema has it too.
const MaxReruns = 10

// Validate says what of r is wrong, CodeInvalid.
func (r RerunRule) Validate(gate string) error {
	switch {
	case r.Limit < 0 || r.Limit > MaxReruns:
		return Errorf(CodeInvalid, "%s has rerun.limit %d: use 0 to %d", gate, r.Limit, MaxReruns)
	case slices.ContainsFunc(r.Allow, func(b RerunBy) bool { return b != RerunByRequester && b != RerunByDeciders }):
		return Errorf(CodeInvalid, "%s has rerun.allow %q: use %s and %s", gate, r.Allow, RerunByRequester, RerunByDeciders)
	case r.Limit == 0 && len(r.Allow) > 0:
		return Errorf(CodeInvalid, "%s has rerun.allow without rerun.limit: set how often, 1 to %d, or remove rerun", gate, MaxReruns)
	}
	return nil
}

// Attempt counts the runs that a's outcome was to start before the one that it starts now. It
// is part of that run's name, which makes each attempt start one run.
func (a Approval) Attempt() int { return len(a.Reruns) }

// ReleaseFrom is since when a's run is to be started: since the decision, or since somebody had
// it started again.
func (a Approval) ReleaseFrom() time.Time {
	if n := len(a.Reruns); n > 0 {
		return a.Reruns[n-1].At
	}
	return a.DecidedAt
}

// CheckRerun says why the run of a can't be started again on the same decision, or nil.
//
// Errors: CodeConflict.
func CheckRerun(a Approval, now time.Time) error {
	no := func(format string, args ...any) error {
		return Errorf(CodeConflict, "the run of %s can't be started again: %s; nothing was changed", a.Name, fmt.Sprintf(format, args...))
	}
	ask := fmt.Sprintf("request approval again, which does not repeat the first pipeline: tkn approval again %s, or the button on its page", a.Name)
	switch {
	case a.SecondRun == nil && len(a.Reruns) > 0 && a.ToRelease():
		return no("it is being started again already")
	case a.SecondRun == nil:
		return no("its outcome started no run")
	case a.RunEnd == nil:
		return no("its run %s has not ended", a.SecondRun.Name)
	case a.RunEnd.Outcome == RunSucceeded:
		return no("its run %s succeeded", a.SecondRun.Name)
	case a.Resolved == nil:
		return no("this service did not open it")
	case a.Resolved.Target != nil:
		return no("this service does not create %s; create another one and send its event", a.Resolved.Target)
	case a.SupersededBy != "":
		return no("%s replaced it with a new request", a.SupersededBy)
	case a.Cancellation != nil:
		return no("%s", a.Cancellation.said())
	case a.Unreleased != nil:
		return no("that run was not what was approved (%s); %s", a.Unreleased.Reason, ask)
	case a.Resolved.Policy.Rerun.Limit == 0:
		return no("%s does not allow it (rerun.limit); %s", a.Resolved.Policy.name(), ask)
	case len(a.Reruns) >= a.Resolved.Policy.Rerun.Limit:
		return no("it was started again %d times, which is what %s allows (rerun.limit); %s", len(a.Reruns), a.Resolved.Policy.name(), ask)
	case now.Sub(a.RunEnd.EndedAt) > ReleaseWithin:
		return no("it ended more than 24 hours ago, and the approval does not cover a start that late; %s", ask)
	}
	return nil
}

// RunAgain has a's run started once more, on the same decision: the outcome, the votes and the
// digest stay, and the digest is compared before it starts. The run before is kept. What makes
// it idempotent is the proof of who wants it, and that a run which is being started again has
// not ended.
//
// Errors: those of CheckRerun, CodeInvalid (the reason), CodeConflict (a GatePolicy of id's).
func RunAgain(a Approval, id Identity, why string, now time.Time) (Approval, Change, error) {
	if n := len(a.Reruns); n > 0 && id.AuthMethod == AuthObject && a.Reruns[n-1].CredentialID == id.CredentialID {
		return a, NoChange, nil // the same Vote again
	}
	why, err := CleanComment(why)
	switch {
	case err != nil:
		return a, NoChange, err
	case why == "":
		return a, NoChange, Errorf(CodeInvalid, "give a reason for starting the run again; nothing was changed")
	}
	if err := CheckRerun(a, now); err != nil {
		return a, NoChange, err
	}
	if err := rerunRefused(a, id.Policies); err != nil {
		return a, NoChange, err
	}
	a.Reruns = append(slices.Clone(a.Reruns), Rerun{By: id.Name, Reason: why, CredentialID: id.CredentialID, At: now, Run: *a.SecondRun, End: *a.RunEnd})
	a.SecondRun, a.RunEnd, a.EventID = nil, nil, ""
	return a, Again, nil
}

// ToRunAgain reports whether somebody may have a's run started again.
func (a Approval) ToRunAgain(now time.Time) bool { return CheckRerun(a, now) == nil }

// Rerun has the run started again on the same decision, by somebody who operates its namespace or
// whom the Gate allows.
//
// Errors are those of RunAgain, of the Store, and CodeForbidden.
func (d *VoteService) Rerun(ctx context.Context, key Key, id Identity, why string) (Approval, Change, error) {
	a, err := d.Store.Get(ctx, key)
	if err != nil || !MayRerun(a, id) { // what is not there is for those to know who may look
		if err := d.mayOperate(ctx, id, key.Namespace); err != nil {
			return Approval{}, NoChange, err
		}
	}
	if err != nil {
		return Approval{}, NoChange, err
	}
	if d.Policies != nil {
		if id.Policies, err = d.Policies.Of(ctx, a.Namespace); err != nil {
			return Approval{}, NoChange, err
		}
	}
	now := d.Now()
	return d.writer().Save(ctx, a.Key, func(a Approval) (Approval, Change, error) { return RunAgain(a, id, why, now) })
}

// MayRerun reports whether a's Gate lets id have its run started again. A mailed link proves
// too little for that.
func MayRerun(a Approval, id Identity) bool {
	if a.Resolved == nil || id.Name == "" || id.AuthMethod == AuthLink {
		return false
	}
	allow := a.Resolved.Policy.Rerun.Allow
	if slices.Contains(allow, RerunByRequester) && a.Resolved.RequesterProof != NoProof && SamePerson(a.Resolved.Requester, id.Name) {
		return true
	}
	return slices.Contains(allow, RerunByDeciders) && slices.ContainsFunc(a.Deciders(), func(who string) bool { return SamePerson(who, id.Name) })
}
