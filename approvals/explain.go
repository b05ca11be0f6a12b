package approvals

import "time"

// Explanation says what is still missing, from whom, and why one person may vote
// or may not: page, API, command line and chat all show this one.
type Explanation struct {
	Rules []RuleState
	You   *You // nil: nobody in particular asks
}

// RuleState counts the approvals that one rule has and needs.
type RuleState struct {
	Name     string // "" when it is the only one
	Who      string // who counts for it
	Required int
	Approved []string // whose approvals count for it
	Missing  int
}

// You tells one person whether they may vote, and why not.
type You struct {
	May bool
	// MayComment and MayAskForChanges: they may take part in the discussion, while a is pending.
	MayComment, MayAskForChanges bool
	Code                         Code   // why not, as an error of Cast would say it
	Why                          string // why not, in words; with May, why no more than a rejection is taken
	Vote                         *Vote  // the live vote
	For                          string // whose delegate they would be
	// NoApproval says why they may reject and not approve, "" when they may both.
	NoApproval string
}

// Explain explains a to id, or to nobody in particular when id has no name.
func Explain(a Approval, id Identity, now time.Time) Explanation {
	var e Explanation
	if a.Resolved != nil {
		rules, names := met(a)
		for i, r := range rules {
			e.Rules = append(e.Rules, RuleState{
				Name: r.Name, Who: r.who(), Required: r.Required, Approved: names[i], Missing: r.Required - len(names[i]),
			})
		}
	}
	if id.Name == "" {
		return e
	}
	you := &You{Vote: a.VoteOf(id)}
	err := why(a, id, now)
	you.May, you.Code, you.Why = err == nil, CodeOf(err), Message(err)
	if a.Resolved != nil && !a.Decided() && now.Before(a.Deadline()) && methodAllowed(a, id) == nil {
		you.MayComment, you.MayAskForChanges = MayDiscuss(a, id, Remark) == nil, MayDiscuss(a, id, AskForChanges) == nil
	}
	if you.May {
		you.For = delegateFor(a, id, "")
		err = may(a, id, Approve)
		if err == nil {
			err = refusedByLimits(a, id, Approve, false)
		}
		you.Code, you.NoApproval = CodeOf(err), Message(err)
		you.Why = you.NoApproval
	}
	e.You = you
	return e
}

// why is the reason for which id can't vote now, nil for none. The four answers
// differ: not ready, not yours, decided, too late.
func why(a Approval, id Identity, now time.Time) error {
	switch {
	case a.Resolved == nil:
		return notReady(a)
	case a.Decided():
		return decided(a)
	case !now.Before(a.Deadline()):
		return Errorf(CodeGone, "the deadline passed at %s", a.Deadline().UTC().Format(time.RFC3339))
	}
	if err := may(a, id, ""); err != nil {
		return err
	}
	return refusedByLimits(a, id, Reject, false)
}
