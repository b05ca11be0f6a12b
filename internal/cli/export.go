package cli

import (
	"cmp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// exports are the formats in which the history is taken away.
var exports = []string{record.JSONL, record.CSV}

func (c *command) exportCommand() *cobra.Command {
	l := listing{decided: true}
	cmd := &cobra.Command{
		Use: "export", Short: "Export the history as a file, like history -o jsonl",
		Long: `Export the decided Approvals that are still in the cluster as audit log entries, oldest
first: who requested, who was notified, who voted and how, and the result. The entries form
a hash chain that "countersign verify" checks. The service's own audit log, which outlives
the objects in the cluster, is available on its page /history and through its API.`,
		Example: examples(`
			tkn approval export -A >history.jsonl
			tkn approval export -o csv >history.csv`),
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return c.list(cmd.Context(), l) },
	}
	c.listFlags(cmd, &l, exports)
	return cmd
}

// export writes what items tell, as one chain from its beginning.
func (c *command) export(items []v1alpha1.Approval, format string) error {
	var lines []record.Line
	for i := range items {
		lines = append(lines, record.Lines(convert.Unverified(&items[i]))...)
	}
	slices.SortStableFunc(lines, func(a, b record.Line) int { return cmp.Compare(a.At, b.At) })
	entries, err := record.Head{}.Chain(lines, func(string) bool { return false })
	if err != nil {
		return err
	}
	w, err := record.NewWriter(c.Out, format)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.Write(e); err != nil {
			return err
		}
	}
	return w.Flush()
}
