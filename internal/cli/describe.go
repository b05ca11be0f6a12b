package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/forge"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

func (c *command) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "describe [NAME]", Aliases: []string{"show"}, Short: "Show an approval: what would run, who voted, what is missing, and whether you can vote",
		Example: examples(`
			tkn approval describe deploy-abcdefghijkl
			tkn approval describe`),
		Args:              atMostOneApproval,
		ValidArgsFunction: c.completeNames(listing{all: true}, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			s, err := c.connect()
			if err != nil {
				return err
			}
			var o *v1alpha1.Approval
			if len(args) == 1 {
				o, err = s.approval(ctx, args[0])
			} else {
				o, err = c.choose(ctx, s, "describe", listing{})
			}
			if err != nil {
				return err
			}
			return c.describe(ctx, s, o)
		},
	}
}

func atMostOneApproval(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes one approval, but got %d names", cmd.CommandPath(), len(args))
	}
	return nil
}

func (c *command) describe(ctx context.Context, s *session, o *v1alpha1.Approval) error {
	me, err := s.whoami(ctx)
	if err != nil {
		return err
	}
	a := convert.Unverified(o)
	p := c.prover(s, true)
	if me, err = p.prove(ctx, a, me, true); err != nil {
		return err
	}
	w := sheet{c.Out, c.Colour}
	c.describeHead(w, a)
	describePreflight(w, a)
	describeAbout(w, a)
	describeContent(w, a)
	c.describeVotes(w, a)
	c.describeDiscussion(w, a)
	c.describeEndedLinks(w, a)
	describeYou(w, approvals.Explain(a, me, c.Now()), me, a)
	c.describeEnd(w, a, o)
	c.tellBlind(p)
	return nil
}

func (c *command) describeHead(w sheet, a approvals.Approval) {
	state := stateOf(a)
	if title := a.Headline(); title != a.Title() {
		w.field("Title", title, "")
	}
	w.field("Name", a.Name, "")
	w.field("Namespace", a.Namespace, "")
	w.field("State", state.text, state.paint)
	if t := a.Source.Task; t != nil {
		w.field("Task", fmt.Sprintf("%s of %s, in run %s (customrun %s)", t.Task, pipelineOf(t.Run), t.Run.Name, t.Name), "")
	} else {
		w.field("Trigger", a.Trigger, "")
	}
	if r := a.Source.Run; r != nil {
		w.field("After", fmt.Sprintf("%s of %s, succeeded %s", r.Name, pipelineOf(*r), c.when(r.At)), "")
	}
	if e := a.Source.Event; e != nil {
		w.field("Event", strings.TrimSpace(e.ID+" posted to "+cmp.Or(e.URL, "/")), "")
	}
	describeAsked(w, a)
	w.field("Opened", c.when(a.OpenedAt), "")
	if t := a.Resolved; t != nil {
		w.field("Gate", t.Policy.Gate, "")
		if sum := t.Sum(); sum.Counted() {
			w.field("Changes", sum.Line(), paintOfSum(sum))
		}
		if !a.Decided() {
			w.field("Expires", a.Deadline().UTC().Format(time.RFC3339)+" ("+c.deadline(a)+")", "")
		}
		w.field("Digest", t.Digest, "")
		for _, r := range t.References {
			w.field("Refers to", r.String()+", "+approvals.Cut(r.Digest, 12), "")
		}
	}
}

// describeAbout prints the instructions and links for approvers, and what a forge's event is
// about. It prints nothing until a is resolved.
func describeAbout(w sheet, a approvals.Approval) {
	if a.Resolved == nil {
		return
	}
	if said := a.Resolved.About.Instructions; said != "" {
		w.heading("Instructions")
		w.block(clean(said))
	}
	if len(a.Resolved.About.Links) > 0 {
		w.heading("Links")
	}
	for _, l := range a.Resolved.About.Links {
		w.item("%s: %s", l.Name, l.URL)
	}
	if a.Source.Event == nil {
		return
	}
	e := forge.Read(a.Source.Event.Body)
	if e.Kind == "" {
		return
	}
	w.heading("%s", e.What())
	for _, f := range []struct{ name, value string }{{"Repository", e.Repository}, {"Title", e.Title}, {"Branch", e.Branch}, {"Author", e.Author}, {"Changes", e.Link}} {
		if f.value != "" {
			w.item("%s: %s", f.name, f.value)
		}
	}
	for _, x := range e.Commits {
		w.item("%s %s (%s)", short(x.ID, 13), x.Title, cmp.Or(x.Author, "author not given"))
	}
	if e.More > 0 {
		w.item("and %d more", e.More)
	}
}

// mostOfBody bounds the bytes of an event that are printed; kubectl get -o yaml has all.
const mostOfBody = 4096

func describeContent(w sheet, a approvals.Approval) {
	if a.Resolved == nil {
		if e := approvals.MayVote(a, approvals.Identity{}); e != nil {
			w.heading("Not ready")
			w.item("%s", approvals.Message(e))
		}
		return
	}
	pol := *a.Resolved.Policy
	var on []string
	for _, o := range pol.ReleaseOn {
		on = append(on, string(o))
	}
	will := "What will run"
	if a.Decided() {
		will = "What ran"
	}
	switch t := a.Source.Task; {
	case t != nil:
		w.heading("What is waiting")
		w.item("PipelineRun %s continues after task %s (%s approval task)", t.Run.Name, t.Task, t.Mapping)
		pairs(w, "Description", a.Resolved.Params)
	case a.Resolved.Target != nil:
		w.heading("%s", will)
		w.item("an approval %s; anything else %s", a.Resolved.Target.Does(true), a.Resolved.Target.Does(false))
		pairs(w, "With params", a.Resolved.Params)
	default:
		w.heading("%s", will)
		w.item("Trigger %s starts its run when the outcome is %s", a.Trigger, strings.Join(on, " or "))
		pairs(w, "With params", a.Resolved.Params)
	}
	pairs(w, "Filled in by approvers", a.Inputs)
	if e := a.Source.Event; e != nil {
		w.heading("Held event")
		body := clean(e.Body)
		if len(body) > mostOfBody {
			body = strings.ToValidUTF8(body[:mostOfBody], "") + fmt.Sprintf("\n(%d more bytes: kubectl get approval %s -o yaml)", len(body)-mostOfBody, a.Name)
		}
		w.block(body)
		if e.Extensions != "" {
			w.heading("Values that other interceptors of the Trigger added")
			w.block(clean(e.Extensions))
		}
	}
	var shown []approvals.Param
	for _, r := range a.Source.Results {
		if slices.Contains(pol.Show, r.Name) {
			shown = append(shown, r)
		}
	}
	pairs(w, "Results of the finished run", shown)
	var pieces []approvals.Param
	for _, i := range evidenceOf(a) {
		said := rules.Bytes(i.Size) + ", SHA-256 " + i.SHA256
		if sum := i.Summary.Line(); sum != "" {
			said = sum + ", " + said
		}
		if i.State != rules.Present {
			said = string(i.State)
		}
		if i.Message != "" {
			said += ": " + i.Message
		}
		pieces = append(pieces, approvals.Param{Name: i.Name, Value: said})
	}
	pairs(w, "Evidence (tkn approval evidence "+a.Name+" NAME)", pieces)
	if !a.Decided() {
		describeAsks(w, pol)
	}
}

func pairs(w sheet, heading string, ps []approvals.Param) {
	if len(ps) == 0 {
		return
	}
	w.heading("%s", heading)
	width := 0
	for _, p := range ps {
		width = max(width, min(24, len(p.Name)))
	}
	for _, p := range ps {
		w.pair(p.Name, p.Value, width)
	}
}

// describeAsks prints the inputs and the comment that a vote needs.
func describeAsks(w sheet, p approvals.Policy) {
	if len(p.Inputs) > 0 {
		w.heading("Inputs (--input NAME=VALUE)")
		for _, in := range p.Inputs {
			kind := string(in.Type)
			switch {
			case in.Type == approvals.InputEnum:
				kind = "one of " + strings.Join(in.Options, ", ")
			case in.Pattern != "":
				kind += " that matches " + in.Pattern
			}
			if in.Required {
				kind += ", required"
			}
			if in.Default != "" {
				kind += ", default " + in.Default
			}
			if in.Description != "" {
				kind += " (" + in.Description + ")"
			}
			w.item("%s: %s", in.Name, kind)
		}
	}
	switch p.Comment {
	case approvals.CommentRequired:
		w.heading("Every vote requires a comment (-m)")
	case approvals.CommentRequiredOnReject:
		w.heading("A rejection requires a comment (-m)")
	case approvals.CommentOptional:
	}
}

func (c *command) describeVotes(w sheet, a approvals.Approval) {
	if len(a.Votes) > 0 {
		w.heading("Votes")
	}
	for _, v := range a.Votes {
		text := fmt.Sprintf("%s: %s, %s", withDisplayName(a, v.Voter, v.DisplayName), v.Verdict, c.when(v.At)) + provedBy(a, v)
		if v.OnBehalfOf != "" {
			text += ", for " + v.OnBehalfOf
		}
		if v.BreakGlass {
			text += ", BREAK-GLASS"
		}
		w.item("%s", text)
		if v.Comment != "" {
			w.block(v.Comment)
		}
	}
}

// describeYou prints whether the caller may vote, and why not.
func describeYou(w sheet, e approvals.Explanation, me approvals.Identity, a approvals.Approval) {
	if !a.Decided() && len(e.Rules) > 0 {
		w.heading("Missing")
		describeRules(w, e.Rules)
	}
	if a.Decided() {
		return // what came of it says more than that it is too late
	}
	w.heading("You are %s", me.Name)
	switch you := e.You; {
	case you.May && you.For != "":
		w.item("you can vote, as the delegate of %s", you.For)
	case you.May && you.Vote != nil:
		w.item("you voted %s; you can still change or withdraw your vote", you.Vote.Verdict)
	case you.May:
		w.item("you can vote")
	default:
		w.item("you can't vote: %s", you.Why)
		if you.MayComment {
			w.item("you can comment: tkn approval comment %s -m TEXT", a.Name)
		}
	}
	if slices.Contains(me.Rights, approvals.RightBreakGlass) {
		w.item("you can approve in an emergency (--break-glass)")
	}
}

func describeRules(w sheet, rules []approvals.RuleState) {
	for _, r := range rules {
		text := fmt.Sprintf("%d more from %s", r.Missing, r.Who)
		if r.Missing <= 0 {
			text = "done, from " + r.Who
		}
		if r.Name != "" && len(rules) > 1 {
			text = r.Name + ": " + text
		}
		if len(r.Approved) > 0 {
			text += "; approved by " + strings.Join(r.Approved, ", ")
		}
		w.item("%s", text)
	}
}

func (c *command) describeEnd(w sheet, a approvals.Approval, o *v1alpha1.Approval) {
	if a.Decided() {
		w.heading("Result")
		text := string(a.Outcome)
		if by := deciders(a); by != "" {
			text += " by " + by
		}
		w.item("%s at %s", text, c.when(a.DecidedAt))
		switch {
		case a.SupersededBy != "" && a.Outcome != approvals.Superseded:
			w.item("requested again as %s", a.SupersededBy)
		case a.Changed():
			w.item("what would start has changed, so votes here no longer count; the new request is %s", a.SupersededBy)
		case a.SupersededBy != "":
			w.item("replaced by %s", a.SupersededBy)
		case a.ToAskAgain():
			w.item("to request approval again, run: tkn approval again %s", a.Name)
		}
		for _, r := range a.Reruns {
			w.item("PipelineRun %s of Pipeline %s, seen %s", r.Run.Name, r.Run.Pipeline, c.when(r.Run.At))
			c.describeRunEnd(w, &r.End)
			w.item("started again by %s, %s: %s", r.By, c.when(r.At), r.Reason)
		}
		switch {
		case a.SecondRun != nil:
			w.item("PipelineRun %s of Pipeline %s, seen %s", a.SecondRun.Name, a.SecondRun.Pipeline, c.when(a.SecondRun.At))
			c.describeRunEnd(w, a.RunEnd)
			if a.RunWentWrong() && a.ToRunAgain(c.Now()) {
				w.item("to start it again on the same decision, run: tkn approval rerun %s -m REASON", a.Name)
			}
		case a.Effect != nil:
			w.item("%s, seen %s", a.Effect.What, c.when(a.Effect.At))
		case a.Unreleased != nil && a.Resolved != nil && a.Resolved.Target != nil:
			w.item("not written yet: %s", a.Unreleased.Message)
		case a.Unreleased != nil:
			w.item("not started yet: %s", a.Unreleased.Message)
		case a.ToRelease() && a.Resolved.Target != nil:
			w.item("it %s; not confirmed yet", a.Resolved.Target.Does(a.Outcome == approvals.Approved))
		case !a.AnsweredAt.IsZero():
			w.item("run %s received the answer %s", a.Source.Task.Run.Name, c.when(a.AnsweredAt))
		case a.ToAnswer():
			w.item("run %s has not received the answer yet", a.Source.Task.Run.Name)
		case a.ToRelease():
			w.item("its run has not started yet")
		default:
			w.item("nothing starts")
		}
	}
	if len(o.Status.Conditions) > 0 {
		w.heading("Conditions")
	}
	for _, x := range o.Status.Conditions {
		w.item("%s", strings.TrimSuffix(fmt.Sprintf("%s=%s %s: %s", x.Type, x.Status, x.Reason, x.Message), ": "))
	}
}

// describeRunEnd prints how and when the run ended that the outcome started; nothing for nil.
func (c *command) describeRunEnd(w sheet, e *approvals.RunEnd) {
	if e == nil {
		return
	}
	w.item("it %s, %s", e.Words(), c.when(e.EndedAt))
	if why := e.Why(); why != "" {
		w.item("%s", why)
	}
}

// pipelineOf names the pipeline of a run. The name of an inline one is only its maker's word, and
// pipelineOf says so.
func pipelineOf(r approvals.Run) string {
	s := "Pipeline " + r.Pipeline
	if r.Inline {
		s = "inline run " + r.Pipeline + " (it brought its own pipeline)"
	}
	if r.From != "" {
		s += " from " + r.From
	}
	if r.Namespace != "" {
		s += " in namespace " + r.Namespace
	}
	return s
}

// describePreflight prints the Approval that a replaces, and until a is decided the problems and
// warnings of the last check. It stands before everything else that people read.
func describePreflight(w sheet, a approvals.Approval) {
	if g := a.Replaces; g != nil {
		w.heading("Requested again")
		why := "what would start has changed"
		if g.RequestedBy != "" {
			why = g.RequestedBy + " asked for a new decision"
		}
		w.item("replaces %s: %s. Votes on the earlier request do not count here", g.Name, why)
	}
	if a.Preflight == nil || a.Decided() {
		return
	}
	if len(a.Preflight.Problems) > 0 {
		heading := "It can't start yet"
		if a.Preflight.State == approvals.PreflightUnknown {
			heading = "Could not check whether it can start"
		}
		w.heading("%s", heading)
		for _, p := range a.Preflight.Problems {
			w.item("%s: %s", p.Reason, p.Message)
		}
	}
	if len(a.Preflight.Warnings) > 0 {
		w.heading("Before you approve")
		for _, p := range a.Preflight.Warnings {
			w.item("%s: %s", p.Reason, p.Message)
		}
	}
}
