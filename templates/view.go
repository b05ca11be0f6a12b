package templates

import (
	"cmp"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// View is Data as the templates see it, page and mail alike: worked out, with
// every text bounded and made visible, so that no template, an operator's own
// included, can show what it should not by forgetting something. It has a group
// for each part of a page or message; the fields of Page and Heading are its own.
type View struct {
	Page
	Heading
	Reply        ReplyView
	Message      MessageView
	Request      RequestView
	About        AboutView
	People       PeopleView
	Progress     ProgressView
	Consequences ConsequencesView
	Preflight    PreflightView
	Content      ContentView
	Evidence     EvidenceView
	Form         FormView
	Votes        []VoteView
	Discussion   DiscussionView
	Outcome      OutcomeView
	Release      ReleaseView
	Actions      ActionsView
	Chain        []StageView // the delivery, in its order
	Timeline     []StepView  // all that happened, in its order
}

// Heading identifies the Approval and has its state.
type Heading struct {
	Namespace string
	Name      string // of the Approval
	Trigger   string // or the pipeline and its Task
	// Title is the Gate's own title for the Approval, else Trigger, with a version where one is
	// known.
	Title   string
	Gate    string
	State   string             // "pending", "opening", "blocked" or the outcome in lower case
	Blocked *approvals.Problem // why it is
}

// ReplyView has the effect of the reader's last request, or the reason why it was refused.
type ReplyView struct {
	Notice  string
	Result  approvals.Change
	Trouble string
	Saying  bool // it was a comment without a vote
}

// MessageView has the data of messages. It is empty on a page, but for Shows.
type MessageView struct {
	News  string // "opened", "reminder", "escalated" or "decided"
	Link  string
	Shows bool // the link does not decide
}

func newView(d Data, most int) View {
	a := d.Approval
	r := d.reader()
	d.Now = r.now
	v := View{
		Page: newPage(d), Heading: newHeading(a, r),
		Reply:   ReplyView{Notice: r.sentence(d.Notice), Result: d.Result, Trouble: r.sentence(d.Trouble), Saying: d.Saying},
		Message: MessageView{News: d.News, Link: drop(d.Link), Shows: d.ByLink && d.Shows},
		People:  newPeople(a, d.Recipient), Consequences: newConsequences(a, r), Preflight: newPreflight(a, r),
		Outcome: newOutcome(a, r), Release: newRelease(a, d.Dashboard, r), Actions: newActions(d, r),
	}
	rules := approvals.Explain(a, approvals.Identity{}, d.Now).Rules
	v.Progress = newProgress(a, rules, r)
	v.Progress.Rules = newRules(rules, r)
	if t := a.Resolved; t != nil {
		v.About = AboutView{parseMarkdown(t.About.Instructions), linksOf(t.About.Links)}
	}
	// Each has room of its own: many params must not push the plan off the page.
	source, votes := &room{left: most / 2}, &room{left: most / 4}
	v.Evidence = newEvidence(d, r, &room{left: 2 * most})
	v.Content = newContent(d, r, &room{left: most / 4}, source)
	v.Request = newRequest(a, d.Dashboard, r, source)
	if a.Resolved != nil {
		v.Request.Display = d.called(a.Resolved.Requester, "")
	}
	v.Votes = newVotes(d, r, votes)
	v.Discussion = discussionView(d, r, &room{left: most / 4})
	v.Form = newForm(d, r, votes)
	v.Chain = newChain(d, &v)
	v.Timeline = newTimeline(d, r, &v)
	return v
}

func newHeading(a approvals.Approval, r reader) Heading {
	h := Heading{
		Namespace: line(a.Namespace), Name: line(a.Name), Trigger: line(a.Title()), Title: line(a.Headline()), State: state(a), Blocked: r.problem(a.Blocked),
	}
	if a.Resolved != nil {
		h.Gate = line(a.Resolved.Policy.Gate)
	}
	return h
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

// RunView is a run as it is shown.
type RunView struct {
	Name, Pipeline  string
	Kind            string // of what Pipeline names: "pipeline", or "inline run" when it is only what its maker called it
	Namespace, From string // where the run is, if elsewhere, and where Tekton got its pipeline, if by a resolver
	Link            string // where it is shown, "" when that is not known
	When            Moment
}

// words name what the run ran.
func (r RunView) words(p *printer) string {
	s := r.Pipeline
	if r.Kind == inlineRun {
		s = p.t("inline run %s", s)
	}
	if r.Namespace != "" {
		s = p.t("%s in namespace %s", s, r.Namespace)
	}
	return s
}

const inlineRun = "inline run"

// runView is nil for no run. namespace is the Approval's.
func runView(r *approvals.Run, namespace string, dashboard Dashboard, who reader) *RunView {
	if r == nil {
		return nil
	}
	return &RunView{
		Name: line(r.Name), Kind: ranBy(*r), Pipeline: line(r.Pipeline), Namespace: line(r.Namespace), From: line(r.From),
		Link: dashboard.Run(cmp.Or(r.Namespace, namespace), r.Name), When: who.moment(r.At),
	}
}

// ranBy returns the kind of name that r.Pipeline is: that of a Pipeline, or one that the creator of an
// inline run chose, which proves nothing.
func ranBy(r approvals.Run) string {
	if r.Inline {
		return inlineRun
	}
	return "pipeline"
}

func (r reader) problem(p *approvals.Problem) *approvals.Problem {
	if p == nil {
		return nil
	}
	return &approvals.Problem{Reason: line(p.Reason), Message: r.sentence(p.Message)}
}
