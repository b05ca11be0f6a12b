package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

func (c *command) delegateCommand() *cobra.Command {
	var to, until string
	var gates []string
	cmd := &cobra.Command{
		Use: "delegate --to USER --until WHEN", Short: "Let somebody else decide for you for a limited time",
		Long: `Let somebody else decide for you in this namespace, for a limited time.

The delegate votes under their own name, and the vote shows whom it stands for. Delegates
can't delegate further.`,
		Example: examples(`
			tkn approval delegate --to bob@example.com --until 24h
			tkn approval delegate --to bob@example.com --until 7d --gate production
			tkn approval delegate --to bob@example.com --until 2026-12-24T18:00:00Z`),
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" || until == "" {
				return errors.New("give the delegate and the end: tkn approval delegate --to USER --until 24h")
			}
			at, err := parseUntil(until, c.Now())
			if err != nil {
				return err
			}
			return c.delegate(cmd.Context(), to, at, gates)
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "the delegate's `user` name in the cluster")
	f.StringVar(&until, "until", "", "when it ends: a duration such as 24h or 7d, or a time such as 2026-12-24T18:00:00Z")
	f.StringArrayVar(&gates, "gate", nil, "only for this `Gate`; can be repeated (default: all Gates of the namespace)")
	_ = cmd.RegisterFlagCompletionFunc("gate", c.completeGates)
	return cmd
}

// parseUntil reads a duration from now on, or a time.
func parseUntil(s string, now time.Time) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		var d time.Duration
		days, isDays := strings.CutSuffix(s, "d")
		if n, err := strconv.Atoi(days); isDays && err == nil && n <= 36500 {
			d = time.Duration(n) * 24 * time.Hour
		} else if d, err = time.ParseDuration(s); err != nil {
			return at, fmt.Errorf("--until %s: write a duration such as 24h or 7d, or a time such as 2026-12-24T18:00:00Z", s)
		}
		at = now.Add(d)
	}
	if !at.After(now) {
		return at, fmt.Errorf("--until %s is in the past: give a time in the future", s)
	}
	return at, nil
}

func (c *command) delegate(ctx context.Context, to string, until time.Time, gates []string) error {
	s, err := c.connect()
	if err != nil {
		return err
	}
	me, err := s.whoami(ctx)
	if err != nil {
		return err
	}
	for _, g := range gates { // a name that is wrong would be a delegate for nothing
		if _, err := s.gate(ctx, g); err != nil {
			return err
		}
	}
	d := &v1alpha1.Delegation{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "delegation-", Namespace: s.namespace},
		Spec:       v1alpha1.DelegationSpec{From: me.Name, To: to, Until: metav1.NewTime(until), Gates: gates},
	}
	if err := s.client.Create(ctx, d); err != nil {
		return err
	}
	where := "all gates of namespace " + s.namespace
	if len(gates) > 0 {
		where = "gate " + strings.Join(gates, ", ") + " of namespace " + s.namespace
	}
	fmt.Fprintf(c.Out, "%s: %s can decide for %s at %s until %s\n", d.Name, line(to), line(me.Name), line(where), until.UTC().Format(time.RFC3339))
	c.note("to end it earlier, run: kubectl delete delegation %s -n %s", d.Name, s.namespace)
	return nil
}
