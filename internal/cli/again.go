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

func (c *command) againCommand() *cobra.Command {
	return &cobra.Command{
		Use: "again NAME", Short: "Request approval again for something that expired, can't start or failed",
		Long: `Request approval again for something that expired, that was approved but can't start
because its Trigger or template has changed, or whose run failed. A new Approval is opened
for the same run or event. The first pipeline does not run again, and everyone votes again.

You need the permission to update approvals/status in the namespace, or you must be the
requester. A rejection is final.`,
		Example: examples(`
			tkn approval again deploy-abcdefghijkl`),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes the name of one approval", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: c.completeNames(listing{all: true}, 1),
		RunE:              func(cmd *cobra.Command, args []string) error { return c.again(cmd.Context(), args[0]) },
	}
}

func (c *command) again(ctx context.Context, name string) error {
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
	if a.SupersededBy == "" {
		if err := approvals.CheckAgain(a); err != nil {
			return err
		}
	}
	v := &v1alpha1.Vote{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "again-", Namespace: a.Namespace},
		Spec:       v1alpha1.VoteSpec{Approval: a.Name, ApprovalUID: a.UID, Voter: me.Name, Groups: groupsFor(a, me.Groups, true), Verdict: v1alpha1.VerdictAgain},
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
