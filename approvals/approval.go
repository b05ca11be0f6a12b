package approvals

import (
	"time"

	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Outcome is Pending, or one of the five ways in which an Approval ends.
type Outcome string

// The outcomes; Pending is the absence of one. They are never confused: a
// timeout is not a rejection and a cancellation is neither.
const (
	Pending    Outcome = "Pending"
	Approved   Outcome = "Approved"
	Rejected   Outcome = "Rejected"
	Expired    Outcome = "Expired"
	Cancelled  Outcome = "Cancelled"
	Superseded Outcome = "Superseded"
)

// Key names an Approval. UID tells two of the same name apart.
type Key struct{ Namespace, Name, UID string }

func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Param is a named string that travels.
type Param struct{ Name, Value string }

// ByName is ps as a map; of two of one name the last.
func ByName(ps []Param) map[string]string {
	m := make(map[string]string, len(ps))
	for _, p := range ps {
		m[p.Name] = p.Value
	}
	return m
}

// Run is a PipelineRun, the one that came first or the one that an outcome started. Fields other
// than Name may be empty.
type Run struct {
	Name     string
	UID      string
	Pipeline string
	At       time.Time // when it ended (part 1) or was seen (part 2)

	// Of part 1, and left out of the digests of what has none.
	Namespace string `json:",omitempty"` // "": the Approval's own
	Inline    bool   `json:",omitempty"` // it brought its pipeline along, and Pipeline is what its maker called it
	From      string `json:",omitempty"` // where Tekton got its pipeline; "": a Pipeline of its namespace
}

// Title is the pipeline's name, and says when nothing but the run's maker vouches for
// it.
func (r Run) Title() string {
	if r.Inline {
		return "inline run " + r.Pipeline
	}
	return r.Pipeline
}

// What names what r ran, and where if that is elsewhere.
func (r Run) What() string {
	s := r.Title()
	if r.Namespace != "" {
		s += " in namespace " + r.Namespace
	}
	return s
}

// Source is the run, event or task that waits, copied when it arrived: part 1 may be pruned
// meanwhile. Exactly one of Run, Event and Task is set.
type Source struct {
	Run     *Run
	Params  []Param // of Run, or of Task
	Results []Param // of Run
	// Labels and Annotations of Run, or of Task's run, for expressions.
	Labels, Annotations map[string]string
	// Claims are the volume claims of Run by workspace name.
	Claims    []Param
	Requester string // who asked for Run, or for Task's run, as the run says; "" when it does not
	// RequesterProof is what proves Requester, or of an Event the words that its sender signed.
	RequesterProof Proof `json:",omitempty"`
	Event          *Event
	// Task is left out of the digests of what has none: they are as old as those.
	Task *Task `json:",omitempty"`
	// Lean is what was left out; there is no digest of what is not whole.
	Lean Lean `json:",omitzero"`
}

// Event is a held event as it came.
type Event struct {
	ID      string  // the sender's delivery id, or ""
	Body    string  // byte-exact
	URL     string  // path and query
	Digest  string  // of the body, the delivery id and VerifiedBy
	Headers []Param // to post again; credentials and signatures are not kept
	// VerifiedBy is the SecretRef by which the sender was verified when the event was
	// held, "" when nobody verified it.
	VerifiedBy string
	// Extensions are what bindings read of what the interceptors before ours brought, as
	// JSON, "" for nothing. It is left out of the digests of what has none.
	Extensions string `json:",omitempty"`
}

// ResolvedSpec is set once, when everything it needs is there: the policy that must
// be met and exactly what is approved.
type ResolvedSpec struct {
	Policy    *Policy // never nil; thousands of one Gate share it, so nobody changes it
	Requester string  // "" when unknown
	// RequesterProof is what proves it, and RequesterAlso what else they are called.
	RequesterProof   Proof
	RequesterAliases []string
	Params           []Param // forwarded to the next part
	Target           *Target // what the outcome is written to; nil: it is posted
	About            About   // what is put before approvers of it, in words
	// Summaries are what the results count that are shown. They follow from these.
	Summaries []evidence.Summary
	// References are what the run refers to by name, where the policy has that compared
	// before it starts.
	References []Reference
	// Evidence is what the policy's evidence was, without its bytes.
	Evidence       []evidence.Item
	Digest         string // of what is approved: trigger, template, source, params, target, references, evidence
	SupersedeKey   string // what SupersedeKey gave: newer ones of one key supersede
	TemplateDigest string // digest of the Trigger, its bindings and its template; "" with a Target
	// ResolvedAt is when that was, if that was after the Approval was opened.
	ResolvedAt time.Time
	// RunDeadline is when the run that waits ends by a time limit of its own; zero: it has none
	// that comes first, or nothing waits.
	RunDeadline time.Time
}

// Approval is one held thing that waits, or waited, for a decision.
type Approval struct {
	Key
	Trigger  string // in the same namespace; "" for a Task
	OpenedAt time.Time
	Source   Source
	Resolved *ResolvedSpec // nil until it can be worked out; Blocked says why
	Blocked  *Problem
	// Replaces is there when it asks again about what another one asked about.
	Replaces *Replacement
	// Preflight is what is known about what the outcome would start; nil while it has not
	// been looked at.
	Preflight *Preflight

	Votes     []Vote
	Withdrawn []Withdrawal // the last one of each person who took their vote back
	// Discussion is what people said of it without a vote, the oldest first.
	Discussion []Comment
	Outcome    Outcome // Pending while it waits
	DecidedAt  time.Time
	Results    []Param // the ApprovalTask-compatible strings, fixed with the outcome
	Inputs     []Param // what the approvers filled in, fixed with the outcome
	// SupersededBy is the name of the newer one, for Superseded, and of the one that asks
	// again in the place of another.
	SupersededBy string
	// Cancellation is there when it was cancelled: while it was pending, or, with its
	// outcome standing, before the run that the outcome starts was seen.
	Cancellation *Cancellation
	// RetryRequestedAt is when somebody last asked for another attempt at once, zero if nobody did.
	RetryRequestedAt time.Time

	Revoked    []Revocation // mailed links that somebody ended
	Deliveries []Delivery
	// RunName is the name that the run which the outcome starts has, from the decision
	// until that run is seen; else "". It is for the EventListener alone.
	RunName    Unsaid
	SecondRun  *Run     // the run that the outcome started
	RunEnd     *RunEnd  // how Next ended, nil while it goes on
	Reruns     []Rerun  // what was started before Next, and why it was not the last
	Effect     *Effect  // what the outcome did to its target
	EventID    string   // of the post that started Next, when known
	Unreleased *Problem // why Next is not there yet, when that has been found out
	// AnsweredAt is when Source.Task was seen to have ended with the outcome.
	AnsweredAt time.Time
}

// Problem is a named obstacle and what to do about it.
type Problem struct{ Reason, Message string }

// Cancellation records who cancelled an Approval, when and why. By is "" for the service
// itself.
type Cancellation struct {
	By     string // a person, "" when it follows from what happened in the cluster
	Reason string
	At     time.Time
}

// Delivery records that one recipient was told of one event over one channel.
type Delivery struct {
	Event     string // "opened"
	Channel   string // "email"
	Recipient string
	MessageID string
	SentAt    time.Time // zero: not sent yet
	Attempts  int
	Error     string // of the last attempt, "" once sent
}

// DeliveryUnclear begins the error of a delivery that may have been made: what was to be told
// was handed over whole, and there was no answer.
const DeliveryUnclear = "not known whether it was delivered: "

// Failed reports whether the last attempt at d failed.
func (d Delivery) Failed() bool { return d.SentAt.IsZero() && d.Error != "" }

// Since returns the first moment at which a could be decided, zero until it is resolved.
func (a Approval) Since() time.Time {
	switch {
	case a.Resolved == nil:
		return time.Time{}
	case a.Resolved.ResolvedAt.After(a.OpenedAt):
		return a.Resolved.ResolvedAt
	}
	return a.OpenedAt
}

// ExpiresAt returns the deadline that a's Gate sets, zero until it is resolved. It counts from
// Since.
func (a Approval) ExpiresAt() time.Time {
	if a.Resolved == nil {
		return time.Time{}
	}
	return a.Since().Add(a.Resolved.Policy.Lifetime)
}

// Deadline is until when a can be decided, zero until it is resolved: until it
// expires, or the run that waits for it is ended by its own time limit.
func (a Approval) Deadline() time.Time {
	at := a.ExpiresAt()
	if a.Resolved != nil && !a.Resolved.RunDeadline.IsZero() && a.Resolved.RunDeadline.Before(at) {
		return a.Resolved.RunDeadline
	}
	return at
}

// Decided reports whether a has ended, in any of the five ways: no vote counts any more.
func (a Approval) Decided() bool { return a.Outcome != Pending && a.Outcome != "" }

// AwaitsRun reports whether a was decided and the run that its outcome starts, if it starts
// one, has not been seen: one that was cancelled meanwhile may still come.
func (a Approval) AwaitsRun() bool {
	return a.Decided() && a.Source.Task == nil && a.Resolved != nil && a.Resolved.Target == nil && a.SecondRun == nil && a.Resolved.Policy.Releases(a.Outcome)
}

// ToRelease reports whether a's outcome starts a run that has not been seen yet, or is to be
// written to a target that has not been seen to have it.
func (a Approval) ToRelease() bool {
	if !a.Decided() || a.Source.Task != nil || a.Resolved == nil || a.SecondRun != nil || a.Effect != nil {
		return false
	}
	if a.Resolved.Target != nil {
		// Anyone who polls it is told every end, a cancellation too.
		return (a.Cancellation == nil || a.Outcome == Cancelled) && !a.stopped()
	}
	return a.Resolved.Policy.Releases(a.Outcome) && a.Cancellation == nil
}
