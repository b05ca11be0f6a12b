package record

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/countersign-dev/countersign/approvals"
)

// Kind is the kind of event that a Line is about. It is stored, and a Line's id contains it.
type Kind string

// The kinds, in the order in which they can happen at one instant.
const (
	Opened             Kind = "opened"             // it was opened
	Resolved           Kind = "resolved"           // what people vote on was fixed
	Notified           Kind = "notified"           // somebody was told over a channel
	Voted              Kind = "voted"              // somebody voted, or changed their vote
	Commented          Kind = "commented"          // somebody said something without a vote
	Withdrawn          Kind = "withdrawn"          // somebody took their vote back
	Decided            Kind = "decided"            // it ended
	NotificationFailed Kind = "notificationFailed" // it ended, and somebody could not be told before
	Stopped            Kind = "stopped"            // the outcome stands, and starts no run any more
	Released           Kind = "released"           // the run that the outcome started was seen
	Answered           Kind = "answered"           // the task that waited was seen to end with the outcome
	Rerun              Kind = "rerun"              // somebody had the run started again, on the same decision
	RunEnded           Kind = "run-ended"          // the run that the outcome started has ended
	Removed            Kind = "removed"            // it is no longer in the cluster
)

// opened is the event of a delivery that ends with the decision.
const opened = "opened"

// kinds in their order.
var kinds = [...]Kind{Opened, Resolved, Notified, Voted, Commented, Withdrawn, Decided, NotificationFailed, Stopped, Released, Answered, RunEnded, Rerun, Removed}

// Line is one thing that happened to an Approval. Text is at most as long as the
// limits below say, so that a line is never longer than MaxLine.
type Line struct {
	// ID follows from what the line tells: the Approval's UID, the kind, and, where
	// there may be several of a kind, a digest of what makes them different.
	ID        string `json:"id"`
	Kind      Kind   `json:"kind"`
	At        string `json:"at"` // Layout, which sorts as text
	Namespace string `json:"namespace"`
	Approval  string `json:"approval"`
	UID       string `json:"uid"`
	Trigger   string `json:"trigger"`            // "" for a task
	Task      string `json:"task,omitempty"`     // of Pipeline, in the middle of Run
	Pipeline  string `json:"pipeline,omitempty"` // of part 1
	Run       string `json:"run,omitempty"`      // part 1
	Event     string `json:"event,omitempty"`    // the delivery id of a held event, or what somebody was told of
	Gate      string `json:"gate,omitempty"`
	// Person is the name of the requester, the voter, or the one who was notified.
	Person       string   `json:"person,omitempty"`
	OnBehalfOf   string   `json:"onBehalfOf,omitempty"` // whose delegate the voter was
	Verdict      string   `json:"verdict,omitempty"`
	BreakGlass   bool     `json:"breakGlass,omitempty"`
	Comment      string   `json:"comment,omitempty"`
	Inputs       []Input  `json:"inputs,omitempty"` // what the voter filled in
	AuthMethod   string   `json:"authMethod,omitempty"`
	CredentialID string   `json:"credentialID,omitempty"`
	Outcome      string   `json:"outcome,omitempty"`
	People       []string `json:"people,omitempty"` // whose votes made the outcome
	SupersededBy string   `json:"supersededBy,omitempty"`
	Digest       string   `json:"digest,omitempty"` // of exactly what is approved
	Channel      string   `json:"channel,omitempty"`
	Error        string   `json:"error,omitempty"`
	SecondRun    string   `json:"secondRun,omitempty"`  // the run that the outcome started, or what it wrote
	RunOutcome   string   `json:"runOutcome,omitempty"` // how Next ended; Error is what failed in it
}

// Input is one field that a voter filled in.
type Input struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Layout is the time format of stored lines: UTC, with all six digits.
const Layout = "2006-01-02T15:04:05.000000Z"

// Stamp writes t as lines do.
func Stamp(t time.Time) string { return t.UTC().Format(Layout) }

// Limits on the text of a line.
const (
	maxName    = 256
	maxComment = 4 * approvals.MaxComment // a character has at most 4 bytes
	maxInput   = 4 * approvals.MaxInput
	maxPeople  = 64
	maxInputs  = 16
	// MaxLine is the most bytes that an entry may have.
	MaxLine = 256 << 10
)

// Lines derives the entries of the audit log from a's state, in the order in which they
// happened. The same state gives the same lines, whenever and by whomever it is asked. What a
// later write replaced before anybody looked, such as a vote that was changed at once, is not
// in the state and gives nothing.
func Lines(a approvals.Approval) []Line {
	l := lines{a: a}
	l.request()
	l.votes()
	l.deliveries()
	l.outcome()
	l.runs()
	slices.SortStableFunc(l.out, func(x, y Line) int {
		return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(slices.Index(kinds[:], x.Kind), slices.Index(kinds[:], y.Kind)))
	})
	return l.out
}

// lines collects the lines of a's state.
type lines struct {
	a   approvals.Approval
	out []Line
}

// add appends a line. n makes its id differ from those of other lines of its kind; "" for the only or
// the first one.
func (l *lines) add(k Kind, at time.Time, n string, fill func(*Line)) {
	line := base(l.a, k, at, n)
	fill(&line)
	l.out = append(l.out, line.bounded())
}

func (l *lines) request() {
	a := l.a
	l.add(Opened, a.OpenedAt, "", func(l *Line) {
		l.Gate = "" // a line is the same whether it is resolved already or not
		if e := a.Source.Event; e != nil {
			l.Event = e.ID
		}
	})
	if t := a.Resolved; t != nil {
		at := a.OpenedAt
		if t.ResolvedAt.After(at) {
			at = t.ResolvedAt
		}
		l.add(Resolved, at, "", func(l *Line) { l.Person, l.Digest = t.Requester, t.Digest })
	}
}

func (l *lines) votes() {
	for _, v := range l.a.Votes {
		l.add(Voted, v.At, digest(v.Voter, Stamp(v.At), string(v.Verdict), v.Comment), func(l *Line) {
			l.Person, l.OnBehalfOf, l.Verdict, l.BreakGlass = v.Voter, v.OnBehalfOf, string(v.Verdict), v.BreakGlass
			l.Comment, l.AuthMethod, l.CredentialID = v.Comment, string(v.AuthMethod), v.CredentialID
			for _, in := range v.Inputs[:min(len(v.Inputs), maxInputs)] {
				l.Inputs = append(l.Inputs, Input(in))
			}
		})
	}
	for _, c := range l.a.Discussion {
		verdict := approvals.Remark
		if c.NeedsChanges {
			verdict = approvals.AskForChanges
		}
		l.add(Commented, c.At, digest(c.By, Stamp(c.At), string(verdict), c.Text), func(l *Line) {
			l.Person, l.Verdict, l.Comment, l.AuthMethod, l.CredentialID = c.By, string(verdict), c.Text, string(c.AuthMethod), c.CredentialID
		})
	}
	for _, w := range l.a.Withdrawn {
		l.add(Withdrawn, w.At, digest(w.Voter, Stamp(w.At)), func(l *Line) { l.Person, l.CredentialID = w.Voter, w.CredentialID })
	}
}

func (l *lines) deliveries() {
	a := l.a
	for _, d := range a.Deliveries {
		kind, at := Notified, d.SentAt
		if at.IsZero() {
			if !a.Decided() || d.Error == "" || d.Event != opened {
				continue // it is tried again; of the outcome people are told after it
			}
			kind, at = NotificationFailed, a.DecidedAt
		}
		l.add(kind, at, digest(d.Event, d.Channel, d.Recipient), func(l *Line) {
			l.Event, l.Channel, l.Person, l.CredentialID, l.Error = d.Event, d.Channel, d.Recipient, d.MessageID, d.Error
		})
	}
}

func (l *lines) outcome() {
	a := l.a
	if a.Decided() {
		l.add(Decided, a.DecidedAt, "", func(l *Line) {
			l.Outcome, l.People = string(a.Outcome), deciders(a)
			if a.Outcome == approvals.Superseded { // what is asked again later stays as it was told
				l.SupersededBy = a.SupersededBy
			}
			if a.Resolved != nil {
				l.Digest = a.Resolved.Digest
			}
			if c := a.Cancellation; c != nil && a.Outcome == approvals.Cancelled {
				l.Person, l.Comment = c.By, c.Reason
			}
		})
	}
	if c := a.Cancellation; c != nil && a.Outcome != approvals.Cancelled {
		l.add(Stopped, c.At, "", func(l *Line) { l.Outcome, l.Person, l.Comment = string(a.Outcome), c.By, c.Reason })
	}
}

// runs adds the effects of the outcome: each run and its end, the write to a target, or the
// answer to a task.
func (l *lines) runs() {
	a := l.a
	for i, r := range a.Reruns {
		l.run(i, r.Run, &r.End)
		l.add(Rerun, r.At, strconv.Itoa(i+1), func(l *Line) {
			l.Outcome, l.Person, l.Comment, l.CredentialID, l.SecondRun = string(a.Outcome), r.By, r.Reason, r.CredentialID, r.Run.Name
		})
	}
	switch {
	case a.SecondRun != nil:
		l.run(a.Attempt(), *a.SecondRun, a.RunEnd)
	case a.Effect != nil:
		l.add(Released, a.Effect.At, "", func(l *Line) { l.Outcome, l.SecondRun = string(a.Outcome), a.Effect.What })
	}
	if !a.AnsweredAt.IsZero() {
		l.add(Answered, a.AnsweredAt, "", func(l *Line) { l.Outcome = string(a.Outcome) })
	}
}

// run adds the start of one run, and its end unless e is nil. attempt counts from 0.
func (l *lines) run(attempt int, r approvals.Run, e *approvals.RunEnd) {
	n := "" // of the first one, as it was before there could be more
	if attempt > 0 {
		n = strconv.Itoa(attempt)
	}
	outcome := string(l.a.Outcome)
	l.add(Released, r.At, n, func(l *Line) { l.Outcome, l.SecondRun = outcome, r.Name })
	if e != nil {
		l.add(RunEnded, e.EndedAt, n, func(l *Line) {
			l.Outcome, l.SecondRun, l.RunOutcome, l.Error = outcome, r.Name, string(e.Outcome), e.Why()
		})
	}
}

// Removal returns the line for the deletion of a from the cluster. The API server gives at in
// whole seconds, so the line has the time of a's decision or cancellation where that is later: the
// removal comes last.
func Removal(a approvals.Approval, at time.Time) Line {
	if a.DecidedAt.After(at) {
		at = a.DecidedAt
	}
	if c := a.Cancellation; c != nil && c.At.After(at) {
		at = c.At
	}
	l := base(a, Removed, at, "")
	if a.Decided() {
		l.Outcome = string(a.Outcome)
	}
	return l.bounded()
}

// IDs returns the ids of lines, in their order.
func IDs(lines []Line) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l.ID
	}
	return out
}

// Persons are the people that the line is about, each once.
func (l Line) Persons() []string {
	out := slices.Clone(l.People)
	for _, p := range []string{l.Person, l.OnBehalfOf} {
		if p != "" {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func base(a approvals.Approval, k Kind, at time.Time, n string) Line {
	l := Line{
		ID: a.UID + "/" + string(k), Kind: k, At: Stamp(at),
		Namespace: a.Namespace, Approval: a.Name, UID: a.UID, Trigger: a.Trigger,
	}
	if n != "" {
		l.ID += "/" + n
	}
	if r := a.Source.Run; r != nil {
		l.Pipeline, l.Run = r.Title(), r.Name
	}
	if t := a.Source.Task; t != nil {
		l.Task, l.Pipeline, l.Run = t.Task, t.Run.Title(), t.Run.Name
	}
	if a.Resolved != nil {
		l.Gate = a.Resolved.Policy.Gate
	}
	return l
}

// deciders returns the people whose votes agree with the outcome, at most maxPeople.
func deciders(a approvals.Approval) []string {
	verdict := map[approvals.Outcome]approvals.Verdict{approvals.Approved: approvals.Approve, approvals.Rejected: approvals.Reject}[a.Outcome]
	var out []string
	for _, v := range a.Votes {
		if v.Verdict == verdict && len(out) < maxPeople {
			out = append(out, v.Voter)
		}
	}
	return out
}

// digest tells several lines of one kind apart, without people's text in the id.
func digest(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:8])
}

// bounded cuts what is too long and drops what a database or a terminal chokes on.
func (l Line) bounded() Line {
	for _, p := range []*string{
		&l.ID, &l.Namespace, &l.Approval, &l.UID, &l.Trigger, &l.Task, &l.Pipeline, &l.Run, &l.Event, &l.Gate, &l.Person, &l.OnBehalfOf,
		&l.Verdict, &l.AuthMethod, &l.CredentialID, &l.Outcome, &l.Digest, &l.Channel, &l.SecondRun, &l.RunOutcome, &l.SupersededBy,
	} {
		*p = clean(*p, maxName)
	}
	l.Comment, l.Error = clean(l.Comment, maxComment), clean(l.Error, maxComment)
	for i, in := range l.Inputs { // Lines made the slice
		l.Inputs[i] = Input{clean(in.Name, maxName), clean(in.Value, maxInput)}
	}
	for i, p := range l.People { // deciders made the slice
		l.People[i] = clean(p, maxName)
	}
	return l
}

func clean(s string, most int) string {
	return approvals.Cut(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")), most)
}
