package history

import "time"

// Plan lists what is to happen to one Approval, and notes when it was seen.
type Plan struct {
	ID       int           `json:"id"`
	Kind     string        `json:"kind"`
	Trigger  string        `json:"trigger"`
	Gate     string        `json:"gate"`
	At       time.Duration `json:"at"`
	Real     bool          `json:"real,omitempty"`  // part 1 is a real run with a pod
	Event    bool          `json:"event,omitempty"` // a held event
	Version  string        `json:"version"`
	Request  string        `json:"request,omitempty"` // who asked
	Steps    []Step        `json:"steps"`
	PruneOne bool          `json:"pruneOne,omitempty"` // part 1 is deleted while it is pending
	PruneTwo bool          `json:"pruneTwo,omitempty"` // part 2 is deleted once it was recorded
	Resend   bool          `json:"resend,omitempty"`   // the event again, after the end

	// What was seen.
	Source   string    `json:"source,omitempty"` // UID of part 1, or delivery id
	Approval string    `json:"approval,omitempty"`
	Finished time.Time `json:"finished"` // part 1's success was taken, or the event was
	Visible  time.Time `json:"visible"`
	Failed   bool      `json:"failed,omitempty"` // part 1 failed: nothing is to be opened
	Lost     string    `json:"lost,omitempty"`   // why the harness gave up on opening
	Sends    int       `json:"sends,omitempty"`
}

// The kinds of plans that the checker knows; the others' names are for reports only.
const (
	Canary = "canary" // opened every so often, and decided at once
	Probe  = "probe"  // pending all the time, to be looked at
)

// Step is one thing that somebody does, so long after the Approval was seen.
type Step struct {
	After   time.Duration `json:"after"`
	Who     string        `json:"who"` // ann, bob, …, mia, max, eve, op
	Way     string        `json:"way"`
	Verdict string        `json:"verdict"` // approve, reject, withdraw, cancel
	Twice   bool          `json:"twice,omitempty"`
	// FromDeadline: After counts from the deadline and may be negative.
	FromDeadline bool `json:"fromDeadline,omitempty"`
	// Decided: it is done so long after the Approval was seen decided.
	Decided bool `json:"decided,omitempty"`
	// OneTry: it is not tried again when there is no answer.
	OneTry bool `json:"oneTry,omitempty"`
	// Seq: the steps with the same number are done one after the other.
	Seq int `json:"seq,omitempty"`
}
