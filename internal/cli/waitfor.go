package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// What wait can wait for.
const (
	untilDecided = "decided"
	untilEnded   = "ended"
)

func (c *command) waitCommand() *cobra.Command {
	var until string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "wait NAME", Short: "Wait until an approval is decided, or until the run that it starts has ended",
		Long: `Wait until an approval is decided, or, with --for ended, until the run that it starts has
ended. It prints how, and exits with 1 unless the approval was approved and, with --for
ended, its run succeeded. An outcome that starts no run has nothing more to wait for.`,
		Example: examples(`
			tkn approval wait deploy-abcdefghijkl
			tkn approval wait deploy-abcdefghijkl --for ended --timeout 1h`),
		Args:              oneApproval,
		ValidArgsFunction: c.completeNames(listing{all: true}, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if until != untilDecided && until != untilEnded {
				return fmt.Errorf("--for %s is unknown: use %s or %s", until, untilDecided, untilEnded)
			}
			return c.waitFor(cmd.Context(), args[0], until, timeout)
		},
	}
	cmd.Flags().StringVar(&until, "for", untilDecided, "what to wait for: "+untilDecided+" or "+untilEnded)
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "how long to wait; 0 is for as long as it takes")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{untilDecided, untilEnded}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// waitEach is the interval at which the Approval is read: that needs one right less than a
// watch.
const waitEach = time.Second

func (c *command) waitFor(ctx context.Context, name, until string, timeout time.Duration) error {
	var late <-chan time.Time // never, without a limit
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	s, err := c.connect()
	if err != nil {
		return err
	}
	every := time.NewTicker(waitEach)
	defer every.Stop()
	for {
		o, err := s.approval(ctx, name)
		if err != nil {
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			return err
		}
		if says, good, over := waited(convert.Unverified(o), until); over {
			fmt.Fprintf(c.Out, "%s: %s\n", o.Name, line(says))
			if !good {
				return errSaid
			}
			return nil
		}
		select {
		case <-every.C:
		case <-late:
			return fmt.Errorf("approval %s is not %s after %s; tkn approval describe %s shows its state", name, until, timeout, name)
		case <-ctx.Done():
			return errors.New("interrupted")
		}
	}
}

// waited returns what came of a in words, whether that is good, and whether the wait is over. says
// is "" as long as it is not.
func waited(a approvals.Approval, until string) (says string, good, over bool) {
	if !a.Decided() {
		return "", false, false
	}
	says, good = string(a.Outcome), a.Outcome == approvals.Approved
	if by := deciders(a); by != "" {
		says += " by " + by
	}
	switch e := a.RunEnd; {
	case until == untilDecided:
		return says, good, true
	case e != nil:
		if says += "; run " + a.SecondRun.Name + " " + e.Words(); e.Why() != "" {
			says += ": " + e.Why()
		}
		return says, good && e.Outcome == approvals.RunSucceeded, true
	case a.Runs() || a.ToRelease() || a.ToAnswer():
		return "", false, false
	case a.Unreleased != nil:
		return says + "; nothing started: " + a.Unreleased.Message, false, true
	}
	return says + "; it starts no run", good, true
}
