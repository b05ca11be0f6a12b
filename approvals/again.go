package approvals

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Replacement says that an Approval asks again about what another one asked about, of the same
// source. It is part of the spec, which only this service writes and signs.
type Replacement struct {
	Name, UID   string // the Approval that it takes the place of
	Number      int    // 1 for the first one that was asked again
	RequestedBy string // who asked for it; "": what would start has changed while it was pending
}

// MaxAgain bounds how often one source is asked about again because its Trigger changes,
// and MaxAskedAgain how often at all: a Trigger that is edited in a loop must not fill the
// cluster, or people's mailboxes.
const (
	MaxAgain      = 20
	MaxAskedAgain = 100
)

// AgainName derives the name of the Approval that takes old's place. There is one for each
// Approval: who asks twice, or dies half way, makes the same object.
func AgainName(old Approval) string { return Name(old.Trigger, "again:"+old.UID) }

// AgainOf makes the reference to old for the Approval that replaces it. by is "" when the
// service replaces it itself.
func AgainOf(old Approval, by string) Replacement {
	a := Replacement{Name: old.Name, UID: old.UID, Number: 1, RequestedBy: by}
	if old.Replaces != nil {
		a.Number = old.Replaces.Number + 1
	}
	return a
}

// SettleFor returns how long what would start must stay the same before a pending Approval is
// replaced: several objects are applied one after the other. The time grows with each
// replacement, so content that changes all the time costs less and less.
func SettleFor(a Approval) time.Duration {
	const least, most = 2 * time.Second, 5 * time.Minute
	n := 0
	if a.Replaces != nil {
		n = a.Replaces.Number
	}
	if n > 8 {
		return most
	}
	return min(least<<n, most)
}

const reasonSignatureInvalid = "SignatureInvalid"

// contentReasons mean that the run can't start unless what was approved changes, so nothing
// has been posted.
var contentReasons = []string{ReasonContentChanged, "TemplateError", "RunNotNamed", "TriggerNotReady"}

// CheckAgain says why a can't be asked again, or nil. A rejection and a cancellation are
// final: somebody has said no. So is what has started, and what may still start by itself.
//
// Errors: CodeConflict.
func CheckAgain(a Approval) error {
	no := func(format string, args ...any) error {
		return Errorf(CodeConflict, "approval %s can't be requested again: %s", a.Name, fmt.Sprintf(format, args...))
	}
	changed := a.Preflight.Has(ReasonContentChanged)
	switch {
	case a.Source.Task != nil:
		return no("it is a task of run %s; start that run again", a.Source.Task.Run.Name)
	case a.Blocked != nil && a.Blocked.Reason == reasonSignatureInvalid:
		return no("it was not opened by this service")
	case a.Replaces != nil && a.Replaces.Number >= MaxAskedAgain:
		return no("it was already requested %d times; run the pipeline again", MaxAskedAgain)
	case !a.Decided() && !changed:
		return no("it is still waiting for a decision")
	case !a.Decided():
		return nil
	case a.Runs():
		return no("its run %s has not ended", a.SecondRun.Name)
	case a.Effect != nil || a.SecondRun != nil && !a.RunWentWrong():
		return no("its outcome was already carried out")
	case a.Outcome == Rejected:
		return no("it was rejected, which is final; run the pipeline again to request approval of something new")
	case a.Outcome == Cancelled:
		return no("%s", a.Cancellation.said())
	case a.Outcome == Superseded:
		return no("it was replaced by %s", a.SupersededBy)
	case a.Cancellation != nil && a.Cancellation.By != "":
		return no("the start of its run was cancelled by %s: %s", a.Cancellation.By, a.Cancellation.why())
	case a.ToRelease() && (a.Unreleased == nil || !slices.Contains(contentReasons, a.Unreleased.Reason)):
		return no("it is %s, and its run may still start automatically (the condition Released explains what is missing)", strings.ToLower(string(a.Outcome)))
	case a.Outcome == Expired, a.ToRelease(), a.Cancellation != nil, a.RunWentWrong():
		return nil
	default:
		return no("it is %s, and it starts nothing", strings.ToLower(string(a.Outcome)))
	}
}

// ToAskAgain reports whether somebody may have a asked again.
func (a Approval) ToAskAgain() bool { return a.SupersededBy == "" && CheckAgain(a) == nil }

// TakeOver notes on a that by asks again about its source. What is pending ends, with its
// votes: they were for other content. What was decided starts nothing from now on.
func TakeOver(a, by Approval, now time.Time) (Approval, Change) {
	switch {
	case a.SupersededBy != "" || a.BarsAgain() != "" || a.Effect != nil || by.Replaces == nil || by.Replaces.UID != a.UID:
		return a, NoChange
	case !a.Decided():
		a.SupersededBy = by.Name
		return end(a, Superseded, now), Ended
	case a.stoppable():
		a.SupersededBy = by.Name
		return stop(a, Cancellation{Reason: by.Name + " replaced it with a new request", At: now}), Stopped
	}
	a.SupersededBy = by.Name
	return a, Stopped
}

// BarsAgain says why what asks again in a's place may not be decided, "" when it may. The
// outcome of a may have come while that was opened: a refusal must not be lost by it.
func (a Approval) BarsAgain() string {
	switch {
	case a.SecondRun != nil && !a.RunWentWrong():
		return "the run of " + a.Name + ", which it replaces, has started after all"
	case a.Outcome == Rejected:
		return a.Name + ", which it replaces, was rejected meanwhile"
	case a.Outcome == Cancelled, a.Cancellation != nil && a.Cancellation.By != "":
		return a.Name + ", which it replaces, was cancelled" + by(a.Cancellation) + " meanwhile"
	}
	return ""
}

// NotInPlace ends a, which asks again in the place of before, where before bars it. The
// same again changes nothing.
func NotInPlace(a, before Approval, now time.Time) (Approval, Change) {
	why := before.BarsAgain()
	// A run that came after all is no word against a decision that people made since.
	if why == "" || a.Replaces == nil || a.Replaces.UID != before.UID || before.SecondRun != nil && a.Decided() {
		return a, NoChange
	}
	ended, did, err := Cancel(a, Cancellation{Reason: why}, now)
	if err != nil { // what it was to start has started
		return a, NoChange
	}
	return ended, did
}

// Changed reports whether a ended because what it would start has changed.
func (a Approval) Changed() bool {
	return a.Outcome == Superseded && a.Preflight.Has(ReasonContentChanged)
}

// Reopener opens the Approval that takes another's place, with the same source. Opening
// twice is one object.
type Reopener interface {
	Reopen(ctx context.Context, old Approval, by string) (Approval, error)
}

// AskAgain has what can't start any more asked about again, by somebody who operates its
// namespace, or who asked for it. Nothing that people said of the old one counts.
//
// Errors are those of CheckAgain, of the Store and the Reopener, and CodeForbidden.
func (d *VoteService) AskAgain(ctx context.Context, key Key, id Identity) (Approval, error) {
	a, err := d.Store.Get(ctx, key)
	// What is not there is nobody's to ask about either: the answer tells no stranger which.
	a.Namespace = key.Namespace
	if err := d.mayAskAgain(ctx, a, id); err != nil {
		return Approval{}, err
	}
	if err != nil {
		return Approval{}, err
	}
	if a.SupersededBy != "" && a.Outcome != Superseded { // somebody was first
		return d.Store.Get(ctx, Key{Namespace: a.Namespace, Name: a.SupersededBy})
	}
	if err := CheckAgain(a); err != nil {
		return a, err
	}
	if d.Again == nil {
		return a, Errorf(CodeUnavailable, "this service can't request approvals again")
	}
	next, err := d.Again.Reopen(ctx, a, id.Name)
	if err != nil {
		return a, err
	}
	barred, now := false, d.Now()
	old, _, err := d.writer().SaveSeen(ctx, a, func(a Approval) (Approval, Change, error) {
		if barred = a.SupersededBy == "" && a.BarsAgain() != ""; barred {
			return a, NoChange, nil
		}
		next, did := TakeOver(a, next, now)
		return next, did, nil
	})
	if err != nil {
		return a, err
	}
	if barred {
		return old, d.notInPlace(ctx, next, old)
	}
	return next, nil
}

// notInPlace cancels next, since before was decided while next was opened, and says so. If
// it can't be cancelled now, the leader does it: it looks at both.
func (d *VoteService) notInPlace(ctx context.Context, next, before Approval) error {
	now := d.Now()
	_, err := d.writer().End(ctx, next.Key, func(a Approval) (Approval, Change) { return NotInPlace(a, before, now) })
	if err == nil {
		err = CheckAgain(before)
	}
	return err
}

// mayAskAgain says why id may not have a asked again, or nil. Anyone who asked for it may:
// others still decide.
func (d *VoteService) mayAskAgain(ctx context.Context, a Approval, id Identity) error {
	// Anyone who may start runs may write somebody's name on one: it has to be proved.
	if a.Resolved != nil && a.Resolved.RequesterProof != NoProof && SamePerson(a.Resolved.Requester, id.Name) && id.AuthMethod != AuthLink {
		return nil
	}
	if id.AuthMethod == AuthObject && d.Operators != nil && id.Name != "" {
		if may, err := d.Operators.MayOperate(ctx, id, a.Namespace); may || err != nil {
			return err
		}
	}
	return d.mayOperate(ctx, id, a.Namespace)
}
