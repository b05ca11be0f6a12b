package templates

import (
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// View is Data as the templates see it, page and mail alike: worked out, with
// every text bounded and made visible, so that no template, an operator's own
// included, can show what it should not by forgetting something.
type View struct {
	Namespace string
	Name      string // of the Approval, and of the run that it starts
	Trigger   string
	Subject   string // a few words, for titles
	News      string // of a message: "opened", "reminder", "escalated" or "decided"
	State     string // "pending", "opening", "blocked" or the outcome in lower case
	Requester string
	Recipient string

	Part1  *RunView
	Event  *EventView
	Opened Moment

	Gate      string
	Approvers []string
	Groups    []string
	Others    []string // who else than Recipient may decide
	Excluded  bool     // the requester may not decide
	Needed    int
	Have      int
	Missing   int
	Deadline  Moment
	Soon      bool // less than an hour is left
	Overdue   bool // the deadline has passed and nothing has noted it yet

	OnApprove, OnReject, OnExpiry bool // that outcome starts a run

	Outputs  []Output
	Params   Table // forwarded
	Results  Table // of part 1, without Outputs
	Inputs   Table // the params of part 1
	Digest   Short
	Template Short

	Votes    []VoteView
	MyVote   *VoteView
	Deciders []string
	Decided  Moment

	Next       *RunView
	Starting   bool // a run is to come
	Refresh    bool // the page is about to change by itself
	Blocked    *approvals.Problem
	Unreleased *approvals.Problem

	Decidable  bool
	WhyNot     string
	Notice     string
	Trouble    string
	Comment    string
	MaxComment int
	Link       string
	Action     string
	Base       string
}

// RunView is a run as it is shown.
type RunView struct {
	Name, Pipeline string
	When           Moment
}

// VoteView is a vote as it is shown.
type VoteView struct {
	Voter   string
	Verdict approvals.Verdict
	Comment Field
	When    Moment
	Way     approvals.Way
}

// refreshFor is how long a page that waits for the service reloads itself.
const refreshFor = 10 * time.Minute

func newView(d Data, most int) View {
	a := d.Approval
	v := View{
		Namespace: line(a.Namespace), Name: line(a.RunName()), Trigger: line(a.Trigger), Subject: line(a.Subject()),
		News: d.News, State: state(a), Recipient: line(d.Recipient), Opened: newMoment(a.OpenedAt, d.Now),
		Missing: d.Missing, Blocked: problem(a.Blocked), Unreleased: problem(a.Unreleased),
		Decidable: d.Decidable && a.Terms != nil && !a.Decided(), WhyNot: text(d.WhyNot), Notice: text(d.Notice), Trouble: text(d.Trouble),
		Comment: drop(first(d.Comment, 4*approvals.MaxComment)), MaxComment: approvals.MaxComment,
		Link: drop(d.Link), Action: drop(d.Action), Base: drop(d.Base),
	}
	// Each has room of its own: many params must not push the plan off the page.
	v.terms(d, &room{left: most / 4})
	v.source(d, &room{left: most / 2})
	v.decision(d, &room{left: most / 4})
	return v
}

// terms fills in the policy and exactly what is approved.
func (v *View) terms(d Data, room *room) {
	t := d.Approval.Terms
	if t == nil {
		v.Refresh = d.Approval.Blocked == nil && !d.Approval.Decided() && d.Now.Sub(d.Approval.OpenedAt) < refreshFor
		return
	}
	p := t.Policy
	v.Requester, v.Gate = line(t.Requester), line(p.Gate)
	v.Excluded = t.Requester != "" && p.Requester != approvals.RequesterAllow
	for _, a := range p.Approvers {
		name := line(a.Name)
		if slices.Contains(v.Approvers, name) {
			continue
		}
		v.Approvers = append(v.Approvers, name)
		if !strings.EqualFold(a.Name, d.Recipient) && !(v.Excluded && strings.EqualFold(a.Name, t.Requester)) {
			v.Others = append(v.Others, name)
		}
	}
	for _, g := range p.Groups {
		v.Groups = append(v.Groups, line(g))
	}
	v.Needed = 1
	if p.Strategy == approvals.Quorum {
		v.Needed = p.Required
	}
	deadline := d.Approval.Deadline()
	v.Deadline = newMoment(deadline, d.Now)
	if v.State == "pending" {
		v.Overdue = !d.Now.Before(deadline)
		v.Soon = !v.Overdue && deadline.Sub(d.Now) < time.Hour
	}
	v.OnApprove, v.OnReject, v.OnExpiry = p.Releases(approvals.Approved), p.Releases(approvals.Rejected), p.Releases(approvals.Expired)
	v.Digest, v.Template = newShort(t.Digest), newShort(t.Template)
	v.Params = newTable(t.Params, room)
}

// source fills in what waits.
func (v *View) source(d Data, room *room) {
	s := d.Approval.Source
	for _, p := range d.Shown {
		v.Outputs = append(v.Outputs, newOutput(p, room))
	}
	v.Part1 = runView(s.Run, d.Now)
	v.Results = newTable(plain(slices.DeleteFunc(slices.Clone(s.Results), func(p approvals.Param) bool {
		return slices.ContainsFunc(d.Shown, func(x approvals.Param) bool { return x.Name == p.Name })
	})), room)
	v.Inputs = newTable(s.Params, room)
	if s.Event != nil {
		v.Event = newEvent(*s.Event, room)
	}
}

// decision fills in the votes and how it ended.
func (v *View) decision(d Data, room *room) {
	a := d.Approval
	for _, x := range a.Votes {
		v.Votes = append(v.Votes, voteView(x, d.Now, room))
		if x.Verdict == approvals.Approve {
			v.Have++
		}
		if a.Outcome == approvals.Approved && x.Verdict == approvals.Approve || a.Outcome == approvals.Rejected && x.Verdict == approvals.Reject {
			v.Deciders = append(v.Deciders, line(x.Voter))
		}
	}
	if d.MyVote != nil {
		mine := voteView(*d.MyVote, d.Now, room)
		v.MyVote = &mine
		if v.Comment == "" {
			v.Comment = drop(d.MyVote.Comment)
		}
	}
	v.Next = runView(a.Next, d.Now)
	if !a.Decided() {
		return
	}
	v.Decided = newMoment(a.DecidedAt, d.Now)
	v.Starting = a.ToRelease()
	v.Refresh = v.Starting && a.Unreleased == nil && d.Now.Sub(a.DecidedAt) < refreshFor
}

func state(a approvals.Approval) string {
	switch {
	case a.Decided():
		return strings.ToLower(string(a.Outcome))
	case a.Terms != nil:
		return "pending"
	case a.Blocked != nil:
		return "blocked"
	default:
		return "opening"
	}
}

func runView(r *approvals.Run, now time.Time) *RunView {
	if r == nil {
		return nil
	}
	return &RunView{Name: line(r.Name), Pipeline: line(r.Pipeline), When: newMoment(r.At, now)}
}

func voteView(x approvals.Vote, now time.Time, room *room) VoteView {
	return VoteView{
		Voter: line(x.Voter), Verdict: x.Verdict, When: newMoment(x.At, now), Way: x.Way,
		Comment: newField(approvals.Param{Value: x.Comment}, room),
	}
}

func problem(p *approvals.Problem) *approvals.Problem {
	if p == nil {
		return nil
	}
	return &approvals.Problem{Reason: line(p.Reason), Message: text(p.Message)}
}
