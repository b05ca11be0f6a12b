package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

func (c *command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "The version of this program, and of the resources that it knows",
		Example:           examples("tkn approval version"),
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(c.Out, "tkn-approval %s, %s\n", c.Version, v1alpha1.GroupVersion)
			return err
		},
	}
}
