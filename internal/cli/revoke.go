package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

func (c *command) revokeLinkCommand() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use: "revoke-link [NAME]", Short: "Revoke a link that was mailed for an approval",
		Long: `Revoke a link that was mailed for an approval, for example because the mail was forwarded
or went to the wrong mailbox.

Nobody can decide with that link any more, and a vote that was cast with it is withdrawn
while the approval is pending. Other people's links keep working, and the owner of the
revoked link can still sign in and vote. This can't be undone.

Without --of, it revokes your own link. To revoke somebody else's, you need the permission
to update approvals.countersign.dev/status in the namespace. The command creates a Vote
with the verdict revoke-link and waits for the result.`,
		Example: examples(`
			tkn approval revoke-link deploy-abcdefghijkl
			tkn approval revoke-link deploy-abcdefghijkl --of bob@example.com`),
		Args:              atMostOneApproval,
		ValidArgsFunction: c.completeNames(listing{}, 1),
		RunE:              func(cmd *cobra.Command, args []string) error { return c.revokeLink(cmd.Context(), args, of) },
	}
	cmd.Flags().StringVar(&of, "of", "", "whose link: an approver's `name`, or the address that it was mailed to (default: your own)")
	_ = cmd.RegisterFlagCompletionFunc("of", cobra.NoFileCompletions)
	return cmd
}

func (c *command) revokeLink(ctx context.Context, names []string, of string) error {
	s, err := c.connect()
	if err != nil {
		return err
	}
	me, err := s.whoami(ctx)
	if err != nil {
		return err
	}
	var o *v1alpha1.Approval
	if len(names) == 1 {
		o, err = s.approval(ctx, names[0])
	} else {
		o, err = c.choose(ctx, s, "revoke-link", listing{})
	}
	if err != nil {
		return err
	}
	a := convert.Unverified(o)
	if a.Decided() { // the one thing that is sure: whose an address is, the service knows
		_, _, err := approvals.RevokeLink(a, cmp.Or(of, me.Name), me, c.Now())
		return err
	}
	v := &v1alpha1.Vote{
		ObjectMeta: metav1.ObjectMeta{GenerateName: v1alpha1.VerdictRevokeLink + "-", Namespace: a.Namespace},
		Spec: v1alpha1.VoteSpec{
			Approval: a.Name, ApprovalUID: a.UID, Voter: me.Name, Verdict: v1alpha1.VerdictRevokeLink, Of: of,
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
