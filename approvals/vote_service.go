package approvals

import (
	"context"
	"time"
)

// VoteService takes votes: the one place that loads, decides, saves and then acts.
type VoteService struct {
	Store  Store
	Rights Rights // nil: nobody has any
	// Delegates may be nil: nobody is one.
	Delegates Delegates
	// People says whose an address is; nil: nothing is known of anybody.
	People *Directory
	// Links says which mailed links have ended; nil: none has before its time.
	Links Links
	// Operators may be nil: nobody is one.
	Operators Operators
	// Again may be nil: nothing is asked again.
	Again Reopener
	// Policies may be nil: there are none.
	Policies GatePolicies
	Now      func() time.Time
	Results  ResultEvaluator
	// Recording is for Gates that insist on it; nil: there is no record.
	Recording RecordStore
	Outcomes  OutcomeHandler
	// Voted is called after a vote was saved.
	Voted func(Approval, Verdict)
}

// RecordStore is the audit store, as far as a vote depends on it.
type RecordStore interface {
	// Ready says why it takes no lines now.
	Ready(ctx context.Context) error
}

// recordWithin bounds the time for which a vote waits for the audit store, where its Gate
// requires one.
const recordWithin = 3 * time.Second

func (d *VoteService) writer() OutcomeWriter {
	return OutcomeWriter{Store: d.Store, Results: d.Results, Handler: d.Outcomes}
}

// Prove returns id with the rights that matter for a: RBAC is asked only where the
// Gate leaves it the decision, or the glass is to be broken; and with those whose
// delegate id is, and with the GatePolicies that hold for a now. What is resolved never changes, so
// what was proved for one version of a is proved for the next.
func (d *VoteService) Prove(ctx context.Context, a Approval, id Identity, breakGlass bool) (Identity, error) {
	id.Rights, id.DelegateOf, id.Policies = nil, nil, nil
	id = d.People.Know(id)
	if id.AuthMethod == AuthLink && d.Links != nil && a.Resolved != nil && !a.Decided() {
		var err error
		if id.LinkEnded, err = d.Links.Ended(ctx, a, id.Name); err != nil {
			return id, err
		}
	}
	if d.Policies != nil && a.Resolved != nil {
		var err error
		if id.Policies, err = d.Policies.Of(ctx, a.Namespace); err != nil {
			return id, err
		}
	}
	if d.Delegates != nil && a.Resolved != nil && id.Name != "" {
		var err error
		if id.DelegateOf, err = d.Delegates.Of(ctx, id.Name, a.Namespace, a.Resolved.Policy.Gate, d.Now()); err != nil {
			return id, err
		}
	}
	if d.Rights == nil || a.Resolved == nil || a.Resolved.Policy.Gate == InlineGate || id.Name == "" || id.AuthMethod == AuthLink {
		return id, nil // a link proves a name alone, and no groups
	}
	var rights []Right
	if a.Resolved.Policy.ByRBAC() {
		rights = append(rights, RightApprove)
	}
	if breakGlass {
		rights = append(rights, RightBreakGlass)
	}
	for _, r := range rights {
		ok, err := d.Rights.Has(ctx, id, a.Namespace, a.Resolved.Policy.Gate, r)
		if err != nil {
			return id, err
		}
		if ok {
			id.Rights = append(id.Rights, r)
		}
	}
	return id, nil
}

// Vote casts a ballot. The vote and, when it decides, the outcome are one write.
// Errors are those of Cast and of the Store.
func (d *VoteService) Vote(ctx context.Context, key Key, b Ballot) (Approval, Change, error) {
	if b.Sent.IsZero() {
		b.Sent = d.Now()
	}
	a, err := d.Store.Get(ctx, key)
	if err != nil {
		return Approval{}, NoChange, err
	}
	if a.Resolved == nil { // what has to be proved follows from them
		return a, NoChange, notReady(a)
	}
	if err := d.recordable(ctx, a, b.Verdict); err != nil {
		return a, NoChange, err
	}
	if b.Voter, err = d.Prove(ctx, a, b.Voter, b.BreakGlass); err != nil {
		return a, NoChange, err
	}
	// a.Key has the UID: what was proved for this one is not for another of its name.
	now := d.Now()
	a, did, err := d.writer().SaveSeen(ctx, a, func(a Approval) (Approval, Change, error) { return Cast(a, b, now) })
	if err != nil {
		return a, NoChange, err
	}
	if did != NoChange && did != Commented {
		d.Voted(a, b.Verdict)
	}
	return a, did, nil
}

// recordable says why a vote or comment on a can't be taken: its Gate wants every one in the audit log,
// and the audit store takes none now.
func (d *VoteService) recordable(ctx context.Context, a Approval, v Verdict) error {
	lost := "your vote was not counted"
	if v.Discusses() {
		lost = "your comment was not saved"
	}
	if !a.Resolved.Policy.RecordRequired || a.Decided() {
		return nil
	}
	if d.Recording == nil {
		return Errorf(CodeUnavailable, "%s accepts votes only with an audit store, and none is configured (record.sqlite or record.postgres); %s", a.Resolved.Policy.name(), lost)
	}
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	if err := d.Recording.Ready(ctx); err != nil {
		return &Error{Code: CodeUnavailable, Err: err, Message: a.Resolved.Policy.name() + " accepts no votes while the audit store is not writable; " + lost + ". Try again in a moment"}
	}
	return nil
}
