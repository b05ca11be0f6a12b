package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

func (c *command) gateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "gate", Short: "Explain a Gate: who can decide, and what is needed",
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var user string
	var groups []string
	explain := &cobra.Command{
		Use: "explain GATE", Short: "Show who can decide at a Gate, what is needed, and whether you or another user can",
		Example: examples(`
			tkn approval gate explain production
			tkn approval gate explain production --user bob@example.com --group platform`),
		ValidArgsFunction: c.completeGates,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("give a Gate: tkn approval gate explain GATE (kubectl get gates shows the names)")
			}
			if len(groups) > 0 && user == "" {
				return errors.New("--group gives the groups of --user: give --user too")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.explainGate(cmd.Context(), args[0], approvals.Identity{Name: user, Groups: groups, AuthMethod: approvals.AuthObject})
		},
	}
	explain.Flags().StringVar(&user, "user", "", "explain it for this user instead of you")
	explain.Flags().StringArrayVar(&groups, "group", nil, "a group of --user; can be repeated")
	cmd.AddCommand(explain)
	return cmd
}

func (c *command) completeGates(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	s, err := c.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := s.gateNames(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (c *command) explainGate(ctx context.Context, name string, id approvals.Identity) error {
	s, err := c.connect()
	if err != nil {
		return err
	}
	g, err := s.gate(ctx, name)
	if err != nil {
		return err
	}
	self := id.Name == ""
	if self {
		if id, err = s.whoami(ctx); err != nil {
			return err
		}
	}
	// What would be asked now, by nobody in particular.
	a := approvals.Approval{
		Key: approvals.Key{Namespace: g.Namespace}, Outcome: approvals.Pending, OpenedAt: c.Now(),
		Resolved: &approvals.ResolvedSpec{Policy: new(convert.PolicyOf(g))},
	}
	p := c.prover(s, self)
	proved, err := p.prove(ctx, a, id, true)
	asked := err == nil
	if apierrors.IsForbidden(err) && !self {
		proved, err = p.prove(ctx, a, id, false)
		if apierrors.IsForbidden(err) {
			proved, err = id, nil
		}
	}
	if err != nil {
		return err
	}
	e := approvals.Explain(a, proved, c.Now())
	w := sheet{c.Out, c.Colour}
	describeGate(w, g, *a.Resolved.Policy, e)
	describeMay(w, *a.Resolved.Policy, proved, *e.You, self, asked)
	c.tellBlind(p)
	return nil
}

func describeGate(w sheet, g *v1alpha1.Gate, p approvals.Policy, e approvals.Explanation) {
	w.field("Gate", g.Name, "")
	w.field("Namespace", g.Namespace, "")
	if r := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady); r != nil && r.Status != "True" {
		w.field("Unusable", r.Message, red)
	}
	if len(p.Rules) == 0 {
		w.field("Strategy", string(p.Strategy), "")
	}
	requester := "can't decide, when known"
	if p.Requester == approvals.RequesterAllow {
		requester = "can decide"
	}
	w.field("Requester", requester, "")
	w.field("Time", fmt.Sprintf("%s, then %s", p.Lifetime, cmp.Or(p.OnExpiry, approvals.ExpireOnExpiry)), "")
	var on []string
	for _, o := range p.ReleaseOn {
		on = append(on, string(o))
	}
	w.field("Starts on", strings.Join(on, ", "), "")
	w.heading("Approvals needed: %d, from distinct people; one rejection is final", p.Needed())
	for _, r := range e.Rules {
		text := fmt.Sprintf("%d from %s", r.Required, r.Who)
		if r.Name != "" {
			text = r.Name + ": " + text
		}
		w.item("%s", text)
	}
	describeAsks(w, p)
}

// describeMay prints whether one person can vote at a Gate and use break-glass, and by which name,
// groups, rights or delegation. self: it is the caller. asked: their RBAC permissions are known.
func describeMay(w sheet, p approvals.Policy, id approvals.Identity, you approvals.You, self, asked bool) {
	who, may, mayNot := "You are "+id.Name, "you can vote", "you can't vote"
	if !self {
		who, may, mayNot = id.Name, "can vote", "can't vote"
	}
	w.heading("%s", who)
	if you.May {
		var by []string
		if slices.ContainsFunc(p.People(), func(x approvals.Approver) bool { return x.Name == id.Name }) {
			by = append(by, "named")
		}
		for _, g := range p.AllGroups() {
			if slices.Contains(id.Groups, g) {
				by = append(by, "group "+g)
			}
		}
		if p.ByRBAC() && slices.Contains(id.Rights, approvals.RightApprove) {
			by = append(by, "RBAC verb approve")
		}
		if you.For != "" {
			by = append(by, "delegate of "+you.For)
		}
		w.item("%s: %s", may, strings.Join(by, ", "))
	} else {
		w.item("%s: %s", mayNot, you.Why)
	}
	switch {
	case !asked:
		w.item("their RBAC permissions are not known: you may not create subjectaccessreviews.authorization.k8s.io")
	case slices.Contains(id.Rights, approvals.RightBreakGlass):
		w.item("can use break-glass: RBAC verb break-glass")
	default:
		w.item("can't use break-glass: RBAC does not grant the verb break-glass on gates.countersign.dev")
	}
}
