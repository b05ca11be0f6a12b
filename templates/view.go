package templates

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

// View is Data as the templates see it, page and mail alike: worked out, with
// every text bounded and made visible, so that no template, an operator's own
// included, can show what it should not by forgetting something.
type View struct {
	Namespace string
	Name      string // of the Approval
	Trigger   string // or the pipeline and its Task
	Subject   string // a few words, for titles
	// Title is what is approved, in a few words: of a Gate that says it, or Trigger with a
	// version.
	Title        string
	Instructions []Block
	Leads        []LinkView // what approvers need
	News         string     // of a message: "opened", "reminder", "escalated" or "decided"
	State        string     // "pending", "opening", "blocked" or the outcome in lower case
	Requester    string
	Proof        string // what proves Requester, in words
	Unproved     bool   // nothing does
	Recipient    string
	Shows        bool   // Recipient's link does not decide
	Mailbox      string // what Recipient's link proves, "" without one
	Session      bool
	Here         string // of the pages in the bar, which one this is
	Turn         int    // how many wait for Recipient, where that is known

	Part1  *RunView
	Origin Origin
	Event  *EventView
	Task   *TaskView // nothing starts: the run that is there goes on
	Opened Moment

	Gate      string
	Approvers People
	Groups    []string
	Others    []string   // who else than Recipient may decide
	Excluded  bool       // the requester may not decide
	RBAC      bool       // anyone who RBAC lets approve may decide too
	Rules     []RuleView // what must be met, when it is more than a number
	Fields    []InputField
	// CommentFor is when a comment is asked for: "", "vote" or "rejection".
	CommentFor string
	Needed     int
	Have       int
	Missing    int
	Deadline   Moment
	Soon       bool // less than an hour is left
	Overdue    bool // the deadline has passed and nothing has noted it yet

	OnApprove, OnReject, OnExpiry bool // that outcome starts a run
	// Grants and Refuses are what a target is told, "" without one: "starts PipelineRun x".
	Grants, Refuses string
	Does            string // what it is told by the outcome
	Effect          string // what was read back of that
	// ExpiresAs is what a timeout is: "expired", "approved" or "rejected".
	ExpiresAs string
	Glass     bool   // somebody decided alone, by the right to
	NewerOne  string // the Approval that took this one's place

	Outputs  []Output
	Evidence []EvidenceView
	Sum      SumView  // of all Outputs
	Unseen   []string // what of Outputs is not shown, or not sure, in sentences
	Params   Table    // forwarded
	Results  Table    // of part 1, without Outputs
	Inputs   Table    // the params of part 1
	Digest   Short
	// References are what the run refers to by name, where that is compared.
	References []ReferenceView
	Template   Short

	Votes    []VoteView
	MyVote   *VoteView
	Deciders []string
	Decided  Moment

	Chain []StageView // the delivery, in its order
	Next  *RunView
	Ended *EndView // how Next ended, nil while it goes on
	Rerun bool     // Recipient may have it started again on the same decision
	// Timeline is all that happened, in its order.
	Timeline []StepView
	// Cancelled is there when it was cancelled, before or after the decision.
	Cancelled *CancelView
	// Retry and Cancel say that Recipient may do so; Asked is when somebody last did
	// the first, and Reason what was typed for the second.
	Retry, Cancel bool
	Asked         Moment
	Reason        string
	Starting      bool // a run is to come
	Refresh       bool // the page is about to change by itself
	Poll          bool // the page asks now and then whether it has changed
	// Events is the path that tells when the page may have changed, "" without one.
	Events     string
	Blocked    *approvals.Problem
	Unreleased *approvals.Problem
	// CantStart is what would keep its run from starting as things stand, Unchecked why that
	// is not known, and Warned what the approver may not want.
	CantStart, Unchecked, Warned []approvals.Problem
	// Changed: it ended since what would start has changed. AgainOf is the one that it asks
	// again about, AgainBy who wanted that. Ask: Recipient may have it asked again.
	Changed          bool
	AgainOf, AgainBy string
	Ask              bool

	Decidable  bool
	WhyNot     string
	NoApproval string   // why Recipient may reject and not approve
	AgreedBy   string   // who was the first to approve, whose inputs are fixed
	Links      []string // whose mailed links Recipient may end
	LogIn      string
	Notice     string
	Result     approvals.Change
	Trouble    string
	Comment    string
	MaxComment int
	sums       []evidence.Summary
	Link       string
	Action     string
	Base       string
	Now        string // for the script that shows times
}

// People are names, of which there may be many.
type People []string

// First is at most n of them, and After the rest.
func (p People) First(n int) People { return p[:min(n, len(p))] }

// After is those beyond the first n.
func (p People) After(n int) People { return p[min(n, len(p)):] }

// RunView is a run as it is shown.
type RunView struct {
	Name, Pipeline  string
	Kind            string // of what Pipeline names: "pipeline", or "inline run" when it is only what its maker called it
	Namespace, From string // where the run is, if elsewhere, and where Tekton got its pipeline, if by a resolver
	Link            string // where it is shown, "" when that is not known
	When            Moment
}

// words name what the run ran.
func (r RunView) words() string {
	s := r.Pipeline
	if r.Kind == inlineRun {
		s = r.Kind + " " + s
	}
	if r.Namespace != "" {
		s += " in namespace " + r.Namespace
	}
	return s
}

const inlineRun = "inline run"

// CancelView is a cancellation as it is shown.
type CancelView struct {
	By, Why string
	When    Moment
}

// VoteView is a vote as it is shown.
type VoteView struct {
	Voter   string
	Verdict approvals.Verdict
	Comment Field
	When    Moment
	Way     approvals.AuthMethod
	Inputs  []Pair
	// BreakGlass: it decided alone, by the right to.
	BreakGlass bool
	For        string // whose delegate the voter was
	Address    string // the mailbox that was proved with it
	CountsWith []string
}

// RuleView is one requirement and how far it has come.
type RuleView struct {
	Name, Who         string
	Required, Missing int
	Approved          []string
}

// ReferenceView is something that the run refers to by name, as it was approved.
type ReferenceView struct {
	What   string
	Digest Short
}

// InputField is a field that the approver fills in.
type InputField struct {
	Name, Description, Type, Value, Pattern string
	Required                                bool
	Options                                 []string
	Fixed                                   bool // others have agreed to Value
}

// Pair is a name and what was filled in for it.
type Pair struct{ Name, Value string }

// refreshFor is how long a page that waits for the service reloads itself.
const refreshFor = 10 * time.Minute

func newView(d Data, most int) View {
	a := d.Approval
	v := View{
		Namespace: line(a.Namespace), Name: line(a.Name), Trigger: line(a.Title()), Subject: line(a.Subject()), Title: line(a.Headline()),
		News: d.News, State: state(a), Recipient: line(d.Recipient), Session: d.Session, Opened: newMoment(a.OpenedAt, d.Now),
		Missing: approvals.Missing(a), Blocked: problem(a.Blocked), Unreleased: problem(a.Unreleased),
		Decidable: d.Decidable && a.Resolved != nil && !a.Decided(), WhyNot: sentence(d.WhyNot), LogIn: drop(d.LogIn), Notice: sentence(d.Notice), Result: d.Result, Trouble: sentence(d.Trouble),
		NoApproval: sentence(d.NoApproval), AgreedBy: line(d.AgreedBy),
		Comment: drop(first(d.Comment, 4*approvals.MaxComment)), MaxComment: approvals.MaxComment,
		Link: drop(d.Link), Action: drop(d.Action), Base: drop(d.Base),
		Now: stamp(d.Now), Origin: originOf(a), Reason: drop(first(d.Reason, 4*approvals.MaxComment)),
		Retry: d.Operator && a.ToRetry(d.Now), Cancel: d.Operator && a.ToCancel(), Asked: newMoment(a.RetryRequestedAt, d.Now),
	}
	if d.ByLink {
		v.Mailbox, v.Shows = line(d.Address), d.Shows
	}
	for _, who := range d.Links {
		v.Links = append(v.Links, drop(who))
	}
	if d.Live {
		v.Events = v.Base + "/events?" + url.Values{"namespace": {a.Namespace}, "name": {a.Name}}.Encode()
	}
	v.Poll = v.Events == "" && !a.Decided()
	// Each has room of its own: many params must not push the plan off the page.
	v.resolved(d, &room{left: most / 4})
	v.source(d, &room{left: most / 2}, &room{left: 2 * most})
	v.decision(d, &room{left: most / 4})
	v.chain(d)
	v.timeline(d)
	v.preflight(d)
	return v
}

// preflight fills in what is known of what would start, and what was asked again.
func (v *View) preflight(d Data) {
	a := d.Approval
	v.Rerun = (d.Operator || d.Session && approvals.MayRerun(a, approvals.Identity{Name: d.Recipient, AuthMethod: approvals.AuthLogin})) && a.ToRunAgain(d.Now)
	v.Changed, v.Ask = a.Changed(), (d.Operator || d.Session && asked(d)) && a.ToAskAgain()
	v.NewerOne = line(a.SupersededBy)
	if g := a.Replaces; g != nil {
		v.AgainOf, v.AgainBy = line(g.Name), line(g.RequestedBy)
	}
	if a.Preflight == nil || a.Decided() {
		return
	}
	list := &v.CantStart
	if a.Preflight.State == approvals.PreflightUnknown {
		list = &v.Unchecked
	}
	for _, p := range a.Preflight.Problems {
		*list = append(*list, *problem(&p))
	}
	for _, p := range a.Preflight.Warnings {
		v.Warned = append(v.Warned, *problem(&p))
	}
}

// asked says whether Recipient asked for it.
func asked(d Data) bool {
	t := d.Approval.Resolved
	return t != nil && t.RequesterProof != approvals.NoProof && approvals.SamePerson(t.Requester, d.Recipient)
}

// resolved fills in the policy and exactly what is approved.
func (v *View) resolved(d Data, room *room) {
	t := d.Approval.Resolved
	if t == nil {
		v.Refresh = d.Approval.Blocked == nil && !d.Approval.Decided() && d.Now.Sub(d.Approval.OpenedAt) < refreshFor
		return
	}
	p := t.Policy
	v.Requester, v.Gate = line(t.Requester), line(p.Gate)
	v.Excluded = t.Requester != "" && p.Requester != approvals.RequesterAllow
	if t.Requester != "" {
		v.Proof, v.Unproved = t.RequesterProof.Words(), t.RequesterProof == approvals.NoProof
	}
	for _, a := range p.People() {
		name := line(a.Name)
		if slices.Contains(v.Approvers, name) {
			continue
		}
		v.Approvers = append(v.Approvers, name)
		if !strings.EqualFold(a.Name, d.Recipient) && !(v.Excluded && strings.EqualFold(a.Name, t.Requester)) {
			v.Others = append(v.Others, name)
		}
	}
	for _, g := range p.AllGroups() {
		v.Groups = append(v.Groups, line(g))
	}
	v.RBAC, v.Needed, v.NewerOne = p.ByRBAC(), p.Needed(), line(d.Approval.SupersededBy)
	v.Glass = d.Approval.GlassBroken()
	v.rules(d)
	v.fields(d)
	deadline := d.Approval.Deadline()
	v.Deadline = newMoment(deadline, d.Now)
	if v.State == "pending" {
		v.Overdue = !d.Now.Before(deadline)
		v.Soon = !v.Overdue && deadline.Sub(d.Now) < time.Hour
	}
	if d.Approval.Source.Task == nil {
		v.OnApprove, v.OnReject, v.OnExpiry = p.Releases(approvals.Approved), p.Releases(approvals.Rejected), p.Releases(approvals.Expired)
	}
	switch p.OnExpiry {
	case approvals.ExpireOnExpiry, "":
		v.ExpiresAs = "expired"
	case approvals.ApproveOnExpiry:
		v.ExpiresAs, v.OnExpiry = "approved", v.OnApprove
	case approvals.RejectOnExpiry:
		v.ExpiresAs, v.OnExpiry = "rejected", v.OnReject
	}
	if x := t.Target; x != nil {
		v.Grants, v.Refuses = line(x.Does(true)), line(x.Does(false))
		v.Does = line(x.Does(d.Approval.Outcome == approvals.Approved))
	}
	v.Instructions, v.Leads = parseMarkdown(t.About.Instructions), linksOf(t.About.Links)
	v.Digest, v.Template = newShort(t.Digest), newShort(t.TemplateDigest)
	for _, r := range t.References {
		v.References = append(v.References, ReferenceView{What: line(r.String()), Digest: newShort(r.Digest)})
	}
	v.Params = newTable(t.Params, room)
}

// rules fills in the requirements, and how many approvals count for them.
func (v *View) rules(d Data) {
	for _, r := range approvals.Explain(d.Approval, approvals.Identity{}, d.Now).Rules {
		x := RuleView{Name: line(r.Name), Who: line(r.Who), Required: r.Required, Missing: r.Missing}
		for _, who := range r.Approved {
			x.Approved = append(x.Approved, line(who))
		}
		v.Have += len(x.Approved)
		if r.Name != "" {
			v.Rules = append(v.Rules, x)
		}
	}
}

// fields fills in what the approver is asked, with what they filled in before.
func (v *View) fields(d Data) {
	p := d.Approval.Resolved.Policy
	v.CommentFor = map[approvals.CommentRule]string{approvals.CommentRequired: "vote", approvals.CommentRequiredOnReject: "rejection"}[p.Comment]
	mine, filled, agreed := map[string]string{}, approvals.ByName(d.Filled), approvals.ByName(d.Agreed)
	if d.MyVote != nil {
		mine = approvals.ByName(d.MyVote.Inputs)
	}
	for _, in := range p.Inputs {
		f := InputField{
			Name: in.Name, Description: line(in.Description), Type: string(in.Type), Pattern: line(in.Pattern), Required: in.Required, Options: in.Options,
			Value: in.Default,
		}
		if x, ok := agreed[in.Name]; ok || d.AgreedBy != "" {
			f.Value, f.Fixed = drop(x), true
			v.Fields = append(v.Fields, f)
			continue
		}
		for _, values := range []map[string]string{mine, filled} {
			if x, ok := values[in.Name]; ok {
				f.Value = drop(x)
			}
		}
		v.Fields = append(v.Fields, f)
	}
}

// source fills in what waits.
func (v *View) source(d Data, room, texts *room) {
	s := d.Approval.Source
	for _, p := range d.Shown {
		v.show(p, report.Auto, "", texts)
	}
	for _, e := range d.Evidence {
		v.Evidence = append(v.Evidence, v.evidence(e, d.Shown, texts))
	}
	sum := evidence.SumUp(v.sums)
	if len(v.sums) == 0 {
		sum = d.Approval.Resolved.Sum()
	}
	v.Sum = newSum(sum)
	v.Part1, v.Task = runView(s.Run, d), taskView(d.Approval, d.Now)
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
		shown := voteView(x, d.Now, room)
		for _, other := range approvals.CountsWith(a, x) {
			shown.CountsWith = append(shown.CountsWith, line(other))
		}
		v.Votes = append(v.Votes, shown)
		if a.GlassBroken() && !x.BreakGlass {
			continue
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
	v.Next, v.Ended = runView(a.SecondRun, d), endView(a.RunEnd, d.Now)
	if a.Effect != nil {
		v.Effect = line(a.Effect.What)
	}
	if c := a.Cancellation; c != nil {
		v.Cancelled = &CancelView{By: line(c.By), Why: text(c.Reason), When: newMoment(c.At, d.Now)}
	}
	if !a.Decided() {
		return
	}
	v.Decided = newMoment(a.DecidedAt, d.Now)
	v.Starting = a.ToRelease()
	v.Refresh = (v.Starting || a.ToAnswer() || a.Runs()) && a.Unreleased == nil && d.Now.Sub(a.DecidedAt) < refreshFor
}

func state(a approvals.Approval) string {
	switch {
	case a.Decided():
		return strings.ToLower(string(a.Outcome))
	case a.Resolved != nil:
		return "pending"
	case a.Blocked != nil:
		return "blocked"
	default:
		return "opening"
	}
}

func runView(r *approvals.Run, d Data) *RunView {
	if r == nil {
		return nil
	}
	return &RunView{
		Name: line(r.Name), Kind: ranBy(*r), Pipeline: line(r.Pipeline), Namespace: line(r.Namespace), From: line(r.From),
		Link: d.Dashboard.Run(cmp.Or(r.Namespace, d.Approval.Namespace), r.Name), When: newMoment(r.At, d.Now),
	}
}

func voteView(x approvals.Vote, now time.Time, room *room) VoteView {
	return VoteView{
		Voter: line(x.Voter), Verdict: x.Verdict, When: newMoment(x.At, now), Way: x.AuthMethod, BreakGlass: x.BreakGlass, For: line(x.OnBehalfOf), Address: line(x.Address),
		Comment: newField(approvals.Param{Value: x.Comment}, room), Inputs: pairs(x.Inputs),
	}
}

func problem(p *approvals.Problem) *approvals.Problem {
	if p == nil {
		return nil
	}
	return &approvals.Problem{Reason: line(p.Reason), Message: sentence(p.Message)}
}

// ranBy says whether a pipeline's name is a Pipeline's, or only what the maker of a
// run called it.
func ranBy(r approvals.Run) string {
	if r.Inline {
		return inlineRun
	}
	return "pipeline"
}
