package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// logsOf chooses the parts of an Approval that are printed as text.
type logsOf struct{ params, results bool }

func (c *command) logsCommand() *cobra.Command {
	var l logsOf
	cmd := &cobra.Command{
		Use: "logs [NAME]", Short: "Show the plan or other output of the finished run",
		Long: `Show the results of the finished run that the Gate shows to approvers (its field show),
such as a plan. Countersign copied them when the run finished, so its pods may be gone.
Colours and other terminal commands are removed.`,
		Example: examples(`
			tkn approval logs deploy-abcdefghijkl
			tkn approval logs deploy-abcdefghijkl | less
			tkn approval logs --params --results deploy-abcdefghijkl`),
		Args:              atMostOneApproval,
		ValidArgsFunction: c.completeNames(listing{all: true}, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := c.named(cmd.Context(), "read", args)
			if err != nil {
				return err
			}
			c.logs(convert.Unverified(o), l)
			return nil
		},
	}
	cmd.Flags().BoolVar(&l.params, "params", false, "also the params that are passed to the next pipeline")
	cmd.Flags().BoolVar(&l.results, "results", false, "all results, also those that the Gate does not show")
	return cmd
}

func (c *command) logs(a approvals.Approval, l logsOf) {
	var parts []approvals.Param
	if l.params && a.Resolved != nil {
		parts = append(parts, a.Resolved.Params...)
	}
	switch {
	case l.results:
		parts = append(parts, a.Source.Results...)
	case !l.params && a.Resolved != nil:
		for _, name := range a.Resolved.Policy.Show {
			i := slices.IndexFunc(a.Source.Results, func(p approvals.Param) bool { return p.Name == name })
			if i < 0 {
				c.note("the Gate shows result %s, which the run does not have", name)
				continue
			}
			parts = append(parts, a.Source.Results[i])
		}
	}
	if len(parts) == 0 {
		c.note("%s has no such output; to see everything else, run: tkn approval describe %s", a.Name, a.Name)
	}
	for i, p := range parts {
		if len(parts) > 1 { // one alone is what it is, for a file or a pipe
			if i > 0 {
				fmt.Fprintln(c.Out)
			}
			fmt.Fprintf(c.Out, "== %s ==\n", line(p.Name))
		}
		fmt.Fprintln(c.Out, strings.TrimRight(clean(p.Value), "\n"))
	}
}
