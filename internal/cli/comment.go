package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/approvals"
)

func (c *command) commentCommand() *cobra.Command {
	b, changes := ballot{yes: true}, false // it decides nothing: there is nothing to confirm
	cmd := &cobra.Command{
		Use: "comment NAME", Short: "Comment on a pending request without a vote, or ask for changes",
		Long: `Comment on a pending request without a vote. Everyone who can see the request can see the
comment; the requester and everyone who voted or commented is notified by mail, and so are
the channels of its Gate.

With --needs-changes the request also shows that you want something changed first. It stays
open, and others can still decide it. An approval that you gave is withdrawn. Your next vote
takes the mark away.

You must be an approver of the request or its requester; the requester can only comment. The
command creates a Vote with the verdict comment or needs-changes and waits for the result.`,
		Example: examples(`
			tkn approval comment deploy-abcdefghijkl -m "why is the subnet replaced?"
			tkn approval comment deploy-abcdefghijkl -m "not on a Friday" --needs-changes`),
		Args:              oneApproval,
		ValidArgsFunction: c.completeNames(listing{}, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.verdict = approvals.Remark; changes {
				b.verdict = approvals.AskForChanges
			}
			return c.vote(cmd.Context(), args, b)
		},
	}
	cmd.Flags().StringVarP(&b.comment, "comment", "m", "", "the comment")
	cmd.Flags().BoolVar(&changes, "needs-changes", false, "ask the requester to change something first")
	_ = cmd.MarkFlagRequired("comment") // it fails for a flag that is not there
	return cmd
}

func (c *command) describeDiscussion(w sheet, a approvals.Approval) {
	if len(a.Discussion) == 0 {
		return
	}
	w.heading("Discussion")
	for _, x := range a.Discussion {
		by := withDisplayName(a, x.By, x.DisplayName)
		text := fmt.Sprintf("%s, %s", by, c.when(x.At))
		switch {
		case x.Open():
			text = fmt.Sprintf("%s: needs changes, %s", by, c.when(x.At))
		case x.NeedsChanges:
			text = fmt.Sprintf("%s: needed changes, and has voted since, %s", by, c.when(x.At))
		}
		w.item("%s", text)
		w.block(x.Text)
	}
}

// withDisplayName is a proved name, and what its owner was called where they came from.
func withDisplayName(a approvals.Approval, name, own string) string {
	if own = (*approvals.Directory)(nil).DisplayNameOf(a, name, own); own != "" {
		return name + " (" + own + ")"
	}
	return name
}

// wanted names those who asked for changes to a first, as a sentence; "" for nobody.
func wanted(a approvals.Approval) string {
	who := a.NeedsChanges()
	if len(who) == 0 {
		return ""
	}
	return strings.Join(who, ", ") + " asked for changes first"
}
