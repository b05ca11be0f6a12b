package webhook

import (
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/templates"
)

// event is a CloudEvent. Params and results are not in it: they may be large and
// are not everybody's; the API has them.
type event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            payload   `json:"data"`
}

type payload struct {
	Event     string     `json:"event"` // with the number of a reminder
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	UID       string     `json:"uid"`
	Trigger   string     `json:"trigger"`
	Title     string     `json:"title"`
	Task      string     `json:"task,omitempty"` // of Pipeline, waiting in Run; then there is no Trigger
	Gate      string     `json:"gate"`
	Pipeline  string     `json:"pipeline,omitempty"` // of part 1
	Run       string     `json:"run,omitempty"`      // of part 1
	Requester string     `json:"requester,omitempty"`
	Digest    string     `json:"digest"`
	Outcome   string     `json:"outcome"`
	OpenedAt  time.Time  `json:"openedAt"`
	Deadline  time.Time  `json:"deadline"`
	DecidedAt *time.Time `json:"decidedAt,omitempty"`
	Missing   int        `json:"missing"`
	Votes     []vote     `json:"votes"`
	// NeedsChanges are the names of people who asked for changes and have not voted since.
	NeedsChanges []string `json:"needsChanges,omitempty"`
	// Discussion has the last maxLast comments without a vote, the oldest first.
	Discussion []comment  `json:"discussion,omitempty"`
	URL        string     `json:"url"`
	SecondRun  *secondRun `json:"secondRun,omitempty"`
}

// secondRun is the run that the outcome started; all but its name once it has ended.
type secondRun struct {
	Name       string     `json:"name"`
	Outcome    string     `json:"outcome,omitempty"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	EndedAt    *time.Time `json:"endedAt,omitempty"`
	FailedTask string     `json:"failedTask,omitempty"`
	Message    string     `json:"message,omitempty"`
}

func secondRunOf(a approvals.Approval, text func(string) string) *secondRun {
	if a.SecondRun == nil {
		return nil
	}
	r := &secondRun{Name: text(a.SecondRun.Name)}
	if e := a.RunEnd; e != nil {
		ended := e.EndedAt.UTC()
		r.Outcome, r.EndedAt, r.FailedTask, r.Message = string(e.Outcome), &ended, text(e.Task), text(e.Message)
		if !e.StartedAt.IsZero() {
			started := e.StartedAt.UTC()
			r.StartedAt = &started
		}
	}
	return r
}

type vote struct {
	Voter   string    `json:"voter"`
	Vote    string    `json:"vote"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
}

// comment is the JSON of a comment without a vote. Text has at most maxComment bytes.
type comment struct {
	By           string    `json:"by"`
	Text         string    `json:"text"`
	NeedsChanges bool      `json:"needsChanges,omitempty"` // and has not voted since
	At           time.Time `json:"at"`
}

// Bounds of text and votes in one event.
const (
	maxText    = 512
	maxComment = 1024
	maxVotes   = 64
	maxLast    = 5 // of the comments without a vote
)

func eventOf(m notify.Message, link string, now time.Time) event {
	a := m.Approval
	text := func(s string) string { return templates.Plain(s, maxText) }
	p := payload{
		Event: m.Event, Namespace: text(a.Namespace), Name: text(a.Name), UID: text(a.UID), Trigger: text(a.Trigger), Title: text(a.Headline()), Outcome: string(a.Outcome),
		OpenedAt: a.OpenedAt.UTC(), Deadline: a.Deadline().UTC(), Missing: approvals.Missing(a), Votes: []vote{}, URL: link,
	}
	if t := a.Resolved; t != nil {
		p.Gate, p.Requester, p.Digest = text(t.Policy.Gate), text(t.Requester), text(t.Digest)
	}
	if r := a.Source.Run; r != nil {
		p.Pipeline, p.Run = text(r.Title()), text(r.Name)
	}
	if t := a.Source.Task; t != nil {
		p.Task, p.Pipeline, p.Run = text(t.Task), text(t.Run.Title()), text(t.Run.Name)
	}
	p.SecondRun = secondRunOf(a, text)
	if a.Decided() {
		at := a.DecidedAt.UTC()
		p.DecidedAt = &at
	}
	for _, v := range a.Votes[:min(len(a.Votes), maxVotes)] {
		p.Votes = append(p.Votes, vote{text(v.Voter), string(v.Verdict), templates.Plain(v.Comment, maxComment), v.At.UTC()})
	}
	for _, who := range a.NeedsChanges() {
		p.NeedsChanges = append(p.NeedsChanges, text(who))
	}
	for _, c := range a.Discussion[max(0, len(a.Discussion)-maxLast):] {
		p.Discussion = append(p.Discussion, comment{text(c.By), templates.Plain(c.Text, maxComment), c.Open(), c.At.UTC()})
	}
	return event{
		SpecVersion: "1.0", ID: m.ID, Type: "dev.countersign.approval." + string(m.Kind) + ".v1", Time: now, DataContentType: "application/json",
		Source: "/apis/countersign.dev/v1alpha1/namespaces/" + p.Namespace + "/approvals/" + p.Name, Subject: p.Name, Data: p,
	}
}
