package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube"
)

// logsOf is what of an Approval is printed as text.
type logsOf struct{ params, results bool }

func (c *command) logsCommand() *cobra.Command {
	var l logsOf
	cmd := &cobra.Command{
		Use: "logs [NAME]", Short: "What part 1 says, as text: the plan that the gate shows",
		Long: `What part 1 says, as text: the results that the Gate puts before approvers (show), such as
a plan. They were copied when part 1 ended, so its pods may be gone. Colours and other
commands to a terminal are left out.`,
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
			c.logs(kube.ToDomain(o), l)
			return nil
		},
	}
	cmd.Flags().BoolVar(&l.params, "params", false, "the params that travel to part 2")
	cmd.Flags().BoolVar(&l.results, "results", false, "all results of part 1, also what the gate does not show")
	return cmd
}

func (c *command) logs(a approvals.Approval, l logsOf) {
	var parts []approvals.Param
	if l.params && a.Terms != nil {
		parts = append(parts, a.Terms.Params...)
	}
	switch {
	case l.results:
		parts = append(parts, a.Source.Results...)
	case !l.params && a.Terms != nil:
		for _, name := range a.Terms.Policy.Show {
			i := slices.IndexFunc(a.Source.Results, func(p approvals.Param) bool { return p.Name == name })
			if i < 0 {
				c.note("the gate shows result %s, which part 1 does not have", name)
				continue
			}
			parts = append(parts, a.Source.Results[i])
		}
	}
	if len(parts) == 0 {
		c.note("%s has nothing of that to show; tkn approval describe %s shows what there is", a.Name, a.Name)
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
