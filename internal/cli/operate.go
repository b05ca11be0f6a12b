package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// operation is an operator's request about one Approval.
type operation struct {
	verdict, reason string
	// check returns an error for a request that would be refused, as far as the rules can tell
	// from here.
	check func(a approvals.Approval) error
}

func (c *command) cancelCommand() *cobra.Command {
	op := operation{verdict: v1alpha1.VerdictCancel}
	op.check = func(a approvals.Approval) error {
		_, _, err := approvals.Cancel(a, approvals.Cancellation{Reason: op.reason}, c.Now())
		return err
	}
	cmd := c.operateCommand(&op, "cancel NAME", "Cancel a request, or keep an approved run from starting", `Cancel a request that nobody wants any more. Nobody can decide it from then on, and nothing
starts. If it was approved and its run has not started yet, the decision stands and the run
does not start. A run that is there is not stopped: tkn pipelinerun cancel NAME does that.`, `
		tkn approval cancel deploy-abcdefghijkl -m "replaced by 1.2.4"`)
	return reasoned(cmd, &op)
}

func (c *command) retryCommand() *cobra.Command {
	op := operation{verdict: v1alpha1.VerdictRetry}
	op.check = func(a approvals.Approval) error {
		_, _, err := approvals.Retry(a, c.Now())
		return err
	}
	return c.operateCommand(&op, "retry NAME", "Try again at once to start a run, or to notify people", `Try again at once, and not at the time of the next attempt: to start the run of an approved
request, and to notify anyone who could not be notified. Fix what condition Released or
Notified reports first. For a run that started and failed, see rerun.`, `
		tkn approval retry deploy-abcdefghijkl`)
}

func (c *command) rerunCommand() *cobra.Command {
	op := operation{verdict: v1alpha1.VerdictRerun}
	op.check = func(a approvals.Approval) error { return approvals.CheckRerun(a, c.Now()) }
	cmd := c.operateCommand(&op, "rerun NAME", "Start a run that failed again, on the same decision", `Start the run of an approved request again, after it failed, was cancelled or was deleted.
The decision stands, and the same content starts once more, under a new name: if the Trigger
or its template has changed, nothing starts. Its Gate says how often (rerun.limit), and
whether the requester and those who decided may do it too (rerun.allow).

To have people decide again instead, see again.`, `
		tkn approval rerun deploy-abcdefghijkl -m "the registry is back"`)
	return reasoned(cmd, &op)
}

func reasoned(cmd *cobra.Command, op *operation) *cobra.Command {
	cmd.Flags().StringVarP(&op.reason, "reason", "m", "", "why; everyone can see it")
	_ = cmd.MarkFlagRequired("reason") // it fails for a flag that is not there
	return cmd
}

func (c *command) operateCommand(op *operation, use, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		Long: long + `

You need the permission to update approvals.countersign.dev/status in the namespace. The
command creates a Vote with the verdict ` + op.verdict + ` and waits for the result.`,
		Example:           examples(example),
		Args:              oneApproval,
		ValidArgsFunction: c.completeNames(listing{all: true}, 1),
		RunE:              func(cmd *cobra.Command, args []string) error { return c.operate(cmd.Context(), args[0], *op) },
	}
}

func oneApproval(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes the name of one approval", cmd.CommandPath())
	}
	return nil
}

func (c *command) operate(ctx context.Context, name string, op operation) error {
	s, err := c.connect()
	if err != nil {
		return err
	}
	me, err := s.whoami(ctx)
	if err != nil {
		return err
	}
	o, err := s.approval(ctx, name)
	if err != nil {
		return err
	}
	a := convert.Unverified(o)
	if err := op.check(a); err != nil {
		return err
	}
	v := &v1alpha1.Vote{
		ObjectMeta: metav1.ObjectMeta{GenerateName: op.verdict + "-", Namespace: a.Namespace},
		Spec: v1alpha1.VoteSpec{
			Approval: a.Name, ApprovalUID: a.UID, Voter: me.Name, Verdict: op.verdict, Comment: op.reason,
			Groups: groupsFor(a, me.Groups, true), // RBAC may know an operator by any of them
		},
	}
	if err := s.client.Create(ctx, v); err != nil {
		return err
	}
	message, err := c.wait(ctx, s, v)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "%s: %s\n", a.Name, line(message))
	return nil
}
