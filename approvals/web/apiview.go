package web

import (
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// listView is one page of a list of Approvals. Next is the cursor of the page after it, "" on the
// last one.
type listView struct {
	Items []view `json:"items"`
	Next  string `json:"next"`
}

type view struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	Trigger   string `json:"trigger"`
	// Title is the Gate's own title for the Approval, else Trigger, with a version where one is
	// known.
	Title        string     `json:"title"`
	Instructions string     `json:"instructions,omitempty"`
	Links        []linkView `json:"links,omitempty"`
	Gate         string     `json:"gate,omitempty"`
	Outcome      string     `json:"outcome"`
	OpenedAt     time.Time  `json:"openedAt"`
	Deadline     *time.Time `json:"deadline,omitempty"`
	DecidedAt    *time.Time `json:"decidedAt,omitempty"`
	Requester    string     `json:"requester,omitempty"`
	// RequesterDisplay is the directory's display name of the requester. It proves nothing.
	RequesterDisplay string `json:"requesterDisplayName,omitempty"`
	// RequesterProof is the way in which the requester was verified, absent when nothing
	// verifies them: then anybody may have written the name.
	RequesterProof string            `json:"requesterProof,omitempty"`
	Digest         string            `json:"digest,omitempty"`
	References     []referenceView   `json:"references,omitempty"`
	Evidence       []evidenceView    `json:"evidence,omitempty"`
	After          *runView          `json:"after,omitempty"`
	Task           *taskView         `json:"task,omitempty"`
	Params         map[string]string `json:"params,omitempty"`
	// Summary counts the changes in the evidence, in numbers and as text; absent when nothing is
	// counted.
	Summary map[string]any `json:"summary,omitempty"`
	Missing int            `json:"missing"`
	Votes   []voteView     `json:"votes"`
	// Discussion has the comments without a vote, the oldest first, and NeedsChanges the people
	// who asked for changes and have not voted since.
	Discussion   []commentView     `json:"discussion,omitempty"`
	NeedsChanges []string          `json:"needsChanges,omitempty"`
	Rules        []ruleView        `json:"rules,omitempty"`
	Inputs       map[string]string `json:"inputs,omitempty"`
	You          *youView          `json:"you,omitempty"`
	NewerOne     string            `json:"supersededBy,omitempty"`
	Results      map[string]string `json:"results,omitempty"`
	Next         *runView          `json:"secondRun,omitempty"`
	Reruns       []rerunView       `json:"reruns,omitempty"`
	Target       string            `json:"target,omitempty"`
	Effect       string            `json:"effect,omitempty"`
	Blocked      *problemView      `json:"blocked,omitempty"`
	Unreleased   *problemView      `json:"unreleased,omitempty"`
	Cancelled    *cancelView       `json:"cancellation,omitempty"`
	RetryAt      *time.Time        `json:"retryRequestedAt,omitempty"`
	Revoked      []revokedView     `json:"revokedLinks,omitempty"`
	Startable    *preflightView    `json:"startable,omitempty"`
	Again        *againView        `json:"replaces,omitempty"`
	// Partial: params, references, inputs, results or comments are left out of a list,
	// because there is much of them. The Approval itself has them.
	Partial bool `json:"partial,omitempty"`
}

// linkView is a link of the Gate's or the Trigger's author, for approvers.
type linkView struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type revokedView struct {
	Voter string    `json:"voter"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
}

type preflightView struct {
	Status   string        `json:"status"` // True, False or Unknown
	Problems []problemView `json:"problems,omitempty"`
	Warnings []problemView `json:"warnings,omitempty"`
}

// againView names the Approval that this one replaces. Number counts the replacements from 1; By is
// absent when the service replaced it itself.
type againView struct {
	Of     string `json:"name"`
	Number int    `json:"number"`
	By     string `json:"requestedBy,omitempty"`
}

func preflightOf(a approvals.Approval) *preflightView {
	p := a.Preflight
	if p == nil || a.SecondRun != nil {
		return nil
	}
	v := &preflightView{Status: string(p.State)}
	for _, x := range p.Problems {
		v.Problems = append(v.Problems, *problemOf(&x))
	}
	for _, x := range p.Warnings {
		v.Warnings = append(v.Warnings, *problemOf(&x))
	}
	return v
}

type cancelView struct {
	By  string    `json:"by,omitempty"`
	Why string    `json:"reason"`
	At  time.Time `json:"at"`
}

type runView struct {
	Name     string `json:"name"`
	UID      string `json:"uid"`
	Pipeline string `json:"pipeline,omitempty"`

	Namespace string `json:"namespace,omitempty"` // if that is not the approval's
	Inline    bool   `json:"inline,omitempty"`    // pipeline is what the run's maker called it
	From      string `json:"from,omitempty"`      // where a resolver got the pipeline

	// Of next alone, once it has ended.
	Outcome    string     `json:"outcome,omitempty"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	EndedAt    *time.Time `json:"endedAt,omitempty"`
	FailedTask string     `json:"failedTask,omitempty"`
	Message    string     `json:"message,omitempty"`
}

// nextOf returns the view of a run that the outcome started, with its end unless e is nil.
func nextOf(r *approvals.Run, e *approvals.RunEnd) *runView {
	v := runOf(r)
	if v != nil && e != nil {
		ended := e.EndedAt.UTC()
		v.Outcome, v.EndedAt, v.FailedTask, v.Message = string(e.Outcome), &ended, e.Task, e.Message
		if !e.StartedAt.IsZero() {
			started := e.StartedAt.UTC()
			v.StartedAt = &started
		}
	}
	return v
}

// rerunView is a run that was started before, and why it was not the last.
type rerunView struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Run    *runView  `json:"run"`
}

type taskView struct {
	CustomRun  string     `json:"customRun"`
	Task       string     `json:"task"`
	Run        runView    `json:"run"`
	AnsweredAt *time.Time `json:"answeredAt,omitempty"`
}

func taskOf(a approvals.Approval) *taskView {
	t := a.Source.Task
	if t == nil {
		return nil
	}
	v := &taskView{CustomRun: t.Name, Task: t.Task, Run: *runOf(&t.Run)}
	if !a.AnsweredAt.IsZero() {
		at := a.AnsweredAt.UTC()
		v.AnsweredAt = &at
	}
	return v
}

type voteView struct {
	Voter string `json:"voter"`
	// Display is the voter's display name, absent where it is not known. It proves nothing.
	Display string    `json:"displayName,omitempty"`
	Vote    string    `json:"vote"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
	Way     string    `json:"authMethod"`
	// Address is the mailbox that was proved with it.
	Address string            `json:"address,omitempty"`
	Inputs  map[string]string `json:"inputs,omitempty"`
	// BreakGlass marks a vote that decided alone.
	BreakGlass bool   `json:"breakGlass,omitempty"`
	For        string `json:"onBehalfOf,omitempty"`
}

// commentView is the JSON of a comment without a vote. ClearedAt is the time of the vote that
// answered a request for changes.
type commentView struct {
	By           string     `json:"by"`
	Display      string     `json:"displayName,omitempty"`
	Text         string     `json:"text"`
	NeedsChanges bool       `json:"needsChanges,omitempty"`
	At           time.Time  `json:"at"`
	ClearedAt    *time.Time `json:"clearedAt,omitempty"`
	Way          string     `json:"authMethod"`
	Address      string     `json:"address,omitempty"`
}

func discussionOf(a approvals.Approval) []commentView {
	var out []commentView
	for _, c := range a.Discussion {
		v := commentView{By: c.By, Text: c.Text, NeedsChanges: c.NeedsChanges, At: c.At.UTC(), Way: string(c.AuthMethod), Address: c.Address}
		if !c.ClearedAt.IsZero() {
			at := c.ClearedAt.UTC()
			v.ClearedAt = &at
		}
		out = append(out, v)
	}
	return out
}

// ruleView is one requirement and how far it has come.
type ruleView struct {
	Name     string   `json:"name,omitempty"`
	Who      string   `json:"who"`
	Required int      `json:"required"`
	Missing  int      `json:"missing"`
	Approved []string `json:"approved"`
}

type youView struct {
	May bool `json:"mayVote"`
	// MayComment: the caller may comment, which says nothing about MayVote.
	MayComment bool   `json:"mayComment,omitempty"`
	Code       string `json:"code,omitempty"`
	Why        string `json:"why,omitempty"`
	Vote       string `json:"vote,omitempty"`
	For        string `json:"for,omitempty"`
	// NoApproval is the reason why the caller may reject but not approve, absent when they may do
	// both or neither.
	NoApproval string `json:"noApproval,omitempty"`
}

type problemView struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// viewTo is a as id is shown it.
func (s *server) viewTo(a approvals.Approval, id approvals.Identity) view {
	v := viewOf(a)
	for i, x := range a.Votes {
		v.Votes[i].Display = s.People.DisplayNameOf(a, x.Voter, x.DisplayName)
	}
	for i, c := range a.Discussion {
		v.Discussion[i].Display = s.People.DisplayNameOf(a, c.By, c.DisplayName)
	}
	v.RequesterDisplay = s.People.DisplayNameOf(a, v.Requester, "")
	e := approvals.Explain(a, id, s.Now())
	for _, r := range e.Rules {
		v.Rules = append(v.Rules, ruleView{r.Name, r.Who, r.Required, r.Missing, append([]string{}, r.Approved...)})
	}
	if you := e.You; you != nil {
		v.You = &youView{May: you.May, Code: string(you.Code), Why: you.Why, For: you.For, NoApproval: you.NoApproval, MayComment: you.MayComment}
		if you.Vote != nil {
			v.You.Vote = string(you.Vote.Verdict)
		}
	}
	return v
}

// referenceView is the JSON of an object that the run refers to by name, as it was approved.
type referenceView struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// summaryOf has the numbers that are not 0, and the text of all.
func summaryOf(s evidence.Summary) map[string]any {
	if !s.Counted() {
		return nil
	}
	out := map[string]any{"text": s.Line()}
	if s.Incomplete {
		out["incomplete"] = true
	}
	for k, n := range s.Counts() {
		if n > 0 {
			out[k] = n
		}
	}
	return out
}

func viewOf(a approvals.Approval) view {
	v := view{
		Namespace: a.Namespace, Name: a.Name, UID: a.UID, Trigger: a.Trigger, Title: a.Headline(), Outcome: string(a.Outcome),
		OpenedAt: a.OpenedAt.UTC(), Missing: approvals.Missing(a), Votes: []voteView{}, Results: approvals.ByName(a.Results),
		Inputs: approvals.ByName(a.Inputs), NewerOne: a.SupersededBy, Partial: a.Source.Lean.Values || a.Source.Lean.Words,
		After: runOf(a.Source.Run), Task: taskOf(a), Next: nextOf(a.SecondRun, a.RunEnd), Blocked: problemOf(a.Blocked), Unreleased: problemOf(a.Unreleased),
	}
	if t := a.Resolved; t != nil {
		deadline := a.Deadline().UTC()
		v.Gate, v.Requester, v.Digest, v.Params, v.Deadline = t.Policy.Gate, t.Requester, t.Digest, approvals.ByName(t.Params), &deadline
	}
	if t := a.Resolved; t != nil {
		for _, r := range t.References {
			v.References = append(v.References, referenceView{Kind: r.Kind, Name: r.Name, Digest: r.Digest})
		}
		for _, i := range t.Evidence {
			v.Evidence = append(v.Evidence, evidenceViewOf(i))
		}
		v.RequesterProof, v.Instructions = string(t.RequesterProof), t.About.Instructions
		for _, l := range t.About.Links {
			v.Links = append(v.Links, linkView(l))
		}
	}
	for _, r := range a.Revoked {
		v.Revoked = append(v.Revoked, revokedView{r.Voter, r.By, r.At.UTC()})
	}
	if t := a.Resolved; t != nil && t.Target != nil {
		v.Target = t.Target.String()
	}
	if e := a.Effect; e != nil {
		v.Effect = e.What
	}
	if a.Decided() {
		at := a.DecidedAt.UTC()
		v.DecidedAt = &at
	}
	if c := a.Cancellation; c != nil {
		v.Cancelled = &cancelView{c.By, c.Reason, c.At.UTC()}
	}
	for _, r := range a.Reruns {
		v.Reruns = append(v.Reruns, rerunView{r.By, r.Reason, r.At.UTC(), nextOf(&r.Run, &r.End)})
	}
	v.Startable, v.Discussion, v.NeedsChanges = preflightOf(a), discussionOf(a), a.NeedsChanges()
	v.Summary = summaryOf(a.Resolved.Sum())
	if g := a.Replaces; g != nil {
		v.Again = &againView{g.Name, g.Number, g.RequestedBy}
	}
	if !a.RetryRequestedAt.IsZero() {
		at := a.RetryRequestedAt.UTC()
		v.RetryAt = &at
	}
	for _, x := range a.Votes {
		v.Votes = append(v.Votes, voteView{
			Voter: x.Voter, Vote: string(x.Verdict), Comment: x.Comment, At: x.At.UTC(), Way: string(x.AuthMethod), Address: x.Address,
			Inputs: approvals.ByName(x.Inputs), BreakGlass: x.BreakGlass, For: x.OnBehalfOf,
		})
	}
	return v
}

func runOf(r *approvals.Run) *runView {
	if r == nil {
		return nil
	}
	return &runView{Name: r.Name, UID: r.UID, Pipeline: r.Pipeline, Namespace: r.Namespace, Inline: r.Inline, From: r.From}
}

func problemOf(p *approvals.Problem) *problemView {
	if p == nil {
		return nil
	}
	return &problemView{p.Reason, p.Message}
}
