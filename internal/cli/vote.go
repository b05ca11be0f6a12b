package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// ballot is the content of a vote, for one Approval or for several.
type ballot struct {
	verdict    approvals.Verdict
	comment    string
	inputs     []string
	breakGlass bool
	yes        bool
}

func (c *command) approveCommand() *cobra.Command {
	b := ballot{verdict: approvals.Approve}
	cmd := c.voteCommand(&b, "approve [NAME...]", "Approve a pending request", `
		tkn approval approve deploy-abcdefghijkl -m "ship it"
		tkn approval approve deploy-abcdefghijkl --input ticket=OPS-7
		tkn approval list --mine -o name | xargs tkn approval approve -y
		tkn approval approve deploy-abcdefghijkl --break-glass -m "INC-7, production is down"`)
	cmd.Flags().StringArrayVar(&b.inputs, "input", nil, "an input of the Gate, as `NAME=VALUE`; can be repeated")
	cmd.Flags().BoolVar(&b.breakGlass, "break-glass", false, "approve alone in an emergency, bypassing the Gate; needs the RBAC verb break-glass, and -m")
	return cmd
}

func (c *command) rejectCommand() *cobra.Command {
	b := ballot{verdict: approvals.Reject}
	return c.voteCommand(&b, "reject [NAME...]", "Reject a pending request; one rejection is final", `
		tkn approval reject deploy-abcdefghijkl -m "not on a Friday"`)
}

func (c *command) withdrawCommand() *cobra.Command {
	b := ballot{verdict: approvals.Withdraw}
	return c.voteCommand(&b, "withdraw [NAME...]", "Withdraw your vote from a pending request", `
		tkn approval withdraw deploy-abcdefghijkl`)
}

func (c *command) voteCommand(b *ballot, use, short, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		Long: short + `.

The command creates a Vote, waits until the service has counted it, and prints the result.
At a terminal it first shows what you vote on, asks for the reason of a rejection, and asks you to confirm; -y leaves that
out. It exits with 1 if any vote is refused.`,
		Example:           examples(example),
		ValidArgsFunction: c.completeNames(listing{mine: true, voted: b.verdict == approvals.Withdraw}, 0),
		RunE:              func(cmd *cobra.Command, args []string) error { return c.vote(cmd.Context(), args, *b) },
	}
	if b.verdict != approvals.Withdraw {
		cmd.Flags().StringVarP(&b.comment, "comment", "m", "", "the reason, which is stored with your vote")
	}
	cmd.Flags().BoolVarP(&b.yes, "yes", "y", false, "do not ask for confirmation")
	return cmd
}

func (c *command) vote(ctx context.Context, names []string, b ballot) error {
	inputs, err := parseInputs(b.inputs)
	if err != nil {
		return err
	}
	s, err := c.connect()
	if err != nil {
		return err
	}
	me, err := s.whoami(ctx)
	if err != nil {
		return err
	}
	on, err := c.subjects(ctx, s, names, b)
	if err != nil {
		return err
	}
	p, failed := c.prover(s, true), false
	for _, o := range on {
		a, said := convert.Unverified(o), b
		if (len(on) > 1 || c.Interactive) && !b.yes && !c.confirm(a, &said) {
			c.note("%s: skipped", a.Name)
			if len(on) == 1 {
				return errSaid
			}
			continue
		}
		message, err := c.cast(ctx, s, p, a, me, said, inputs)
		if err != nil {
			failed = true
			c.note("%s: %s", a.Name, c.say(err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		fmt.Fprintf(c.Out, "%s: %s\n", a.Name, line(message))
	}
	if failed {
		return errSaid
	}
	return nil
}

// subjects are the Approvals that are meant. Nothing is voted on when one of them
// is not there: what was typed may be wrong as a whole.
func (c *command) subjects(ctx context.Context, s *session, names []string, b ballot) ([]*v1alpha1.Approval, error) {
	if len(names) == 0 {
		o, err := c.choose(ctx, s, string(b.verdict), listing{mine: true, voted: b.verdict == approvals.Withdraw})
		return []*v1alpha1.Approval{o}, err
	}
	var on []*v1alpha1.Approval
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		o, err := s.approval(ctx, name)
		if err != nil {
			return nil, err
		}
		on = append(on, o)
	}
	if len(on) > 1 && !b.yes && !c.Interactive {
		return nil, fmt.Errorf("%d approvals to %s, and no terminal to confirm each: use -y to confirm all", len(on), b.verdict)
	}
	return on, nil
}

// mostParams are shown before a vote; describe shows all.
const mostParams = 8

// confirm shows what is voted on, asks for the reason where there is none yet, and whether it
// is meant. That it is still that when the vote counts, the UID sees to: what is resolved never changes.
func (c *command) confirm(a approvals.Approval, b *ballot) bool {
	digest := "none yet"
	if a.Resolved != nil {
		digest = a.Resolved.Digest
	}
	c.note("%s\n  %s, gate %s, requested by %s\n  digest %s", a.Subject(), a.Name, cmp.Or(gateOf(a), "-"), cmp.Or(requesterOf(a), "not recorded"), digest)
	if t := a.Resolved; t != nil {
		for _, p := range t.Params[:min(len(t.Params), mostParams)] {
			c.note("  %s: %s", short(p.Name, 40), short(p.Value, 100))
		}
		if n := len(t.Params) - mostParams; n > 0 {
			c.note("  and %d more", n)
		}
	}
	for _, l := range before(a) {
		c.note("  %s", l)
	}
	c.note("  tkn approval describe %s shows everything", a.Name)
	if b.comment == "" && needsReason(a, *b) {
		b.comment, _ = c.ask("Reason: ") // none is refused, with what to do, where the Gate requires one
	}
	return c.yes(question(a, b.verdict))
}

// before lists what somebody should know before a vote on a: what would change, which evidence
// is missing, and what prevents the start.
func before(a approvals.Approval) []string {
	var out []string
	if sum := a.Resolved.Sum(); sum.Counted() {
		out = append(out, "changes: "+sum.Line())
	}
	if a.Resolved != nil {
		for _, e := range a.Resolved.Evidence {
			if e.State != evidence.Present {
				out = append(out, fmt.Sprintf("evidence %s can't be shown: %s", e.Name, e.Message))
			}
		}
	}
	if who := wanted(a); who != "" {
		out = append(out, who)
	}
	if a.Preflight != nil && a.Preflight.State == approvals.PreflightBlocked {
		for _, p := range a.Preflight.Problems {
			out = append(out, "it can't start yet: "+p.Message)
		}
	}
	return out
}

// needsReason reports whether somebody at a terminal is asked for one: a rejection without any
// helps nobody.
func needsReason(a approvals.Approval, b ballot) bool {
	return b.verdict == approvals.Reject || b.verdict == approvals.Approve && a.Resolved != nil && a.Resolved.Policy.Comment == approvals.CommentRequired
}

// question asks for a confirmation, and names what starts when this vote is the last one missing.
func question(a approvals.Approval, v approvals.Verdict) string {
	missing := approvals.Missing(a)
	switch {
	case v == approvals.Reject:
		return "Reject it, for everyone?"
	case v != approvals.Approve:
		return "Withdraw your vote?"
	case missing > 1 || a.Resolved == nil:
		return "Approve it?"
	case a.Source.Task != nil:
		return fmt.Sprintf("Approve it, so that run %s continues?", a.Source.Task.Run.Name)
	case a.Resolved.Target != nil:
		return fmt.Sprintf("Approve it? It %s.", a.Resolved.Target.Does(true))
	case a.Resolved.Policy.Releases(approvals.Approved):
		return fmt.Sprintf("Approve it, and start %s?", a.Trigger)
	}
	return "Approve it?"
}

// cast makes the Vote and waits for what becomes of it. What the rules are sure to
// refuse is refused here, before anything is made.
func (c *command) cast(ctx context.Context, s *session, p *prover, a approvals.Approval, me approvals.Identity, b ballot, inputs []approvals.Param) (string, error) {
	id, err := p.prove(ctx, a, me, b.breakGlass)
	if err != nil {
		return "", err
	}
	_, change, err := approvals.Cast(a, approvals.Ballot{
		Voter: id, Verdict: b.verdict, Comment: b.comment, Inputs: inputs, BreakGlass: b.breakGlass,
	}, c.Now())
	switch code := approvals.CodeOf(err); {
	case err == nil && change == approvals.NoChange:
		return "Already recorded. Nothing changed.", nil
	case code == approvals.CodeForbidden && p.blind, code == approvals.CodeGone && !a.Decided():
		// A Delegation may be out of sight here, and this clock be wrong: the service knows.
	case code == approvals.CodeInvalid:
		return "", fmt.Errorf("%s. -m gives a comment, --input NAME=VALUE an input; tkn approval describe %s shows what its Gate requires", approvals.Message(err), a.Name)
	case err != nil:
		return "", err
	}
	v := &v1alpha1.Vote{
		ObjectMeta: metav1.ObjectMeta{GenerateName: string(b.verdict) + "-", Namespace: a.Namespace},
		Spec: v1alpha1.VoteSpec{
			Approval: a.Name, ApprovalUID: a.UID, Voter: me.Name, Groups: groupsFor(a, me.Groups, b.breakGlass),
			Verdict: string(b.verdict), Comment: b.comment, BreakGlass: b.breakGlass,
		},
	}
	for _, in := range inputs {
		v.Spec.Inputs = append(v.Spec.Inputs, v1alpha1.VoteInput{Name: in.Name, Value: in.Value})
	}
	if err := s.client.Create(ctx, v); err != nil {
		return "", err
	}
	return c.wait(ctx, s, v)
}

// maxGroups is the schema's, of a Vote.
const maxGroups = 64

// groupsFor returns the groups that a Vote names: mine that the Gate names and, behind them, all
// the others where RBAC is asked, which may know me by any. There are maxGroups at most, and none
// that the schema refuses.
func groupsFor(a approvals.Approval, mine []string, breakGlass bool) []string {
	if a.Resolved == nil {
		return nil
	}
	var named, others []string
	for _, g := range mine {
		switch {
		case g == "" || len(g) > 253 || slices.Contains(named, g) || slices.Contains(others, g):
		case slices.Contains(a.Resolved.Policy.AllGroups(), g):
			named = append(named, g)
		case breakGlass || a.Resolved.Policy.ByRBAC():
			others = append(others, g)
		}
	}
	all := append(named, others...)
	return all[:min(len(all), maxGroups)]
}

func parseInputs(given []string) ([]approvals.Param, error) {
	var out []approvals.Param
	for _, g := range given {
		name, value, ok := strings.Cut(g, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--input %s: write it as NAME=VALUE", g)
		}
		if slices.ContainsFunc(out, func(p approvals.Param) bool { return p.Name == name }) {
			return nil, fmt.Errorf("--input %s is given twice", name)
		}
		out = append(out, approvals.Param{Name: name, Value: value})
	}
	if len(out) > approvals.MaxInputs {
		return nil, errors.New("too many --input: the limit is 16")
	}
	return out, nil
}
