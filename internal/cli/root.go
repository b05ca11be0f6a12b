package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// Options has what a command gets from its process: streams, environment and clock.
type Options struct {
	In       io.Reader
	Out, Err io.Writer
	// Interactive says that a person sits at In and Err, who can be asked.
	Interactive bool
	// Colour says that Out takes colours.
	Colour bool
	// Width is the number of Out's columns, 0 where that is not known or does not matter.
	Width   int
	Now     func() time.Time
	Version string
}

type command struct {
	Options
	in    *bufio.Reader
	flags *genericclioptions.ConfigFlags
	sess  *session
}

// Run runs one command and returns its exit code.
func Run(ctx context.Context, o Options, args []string) int {
	c := &command{Options: o, in: bufio.NewReader(o.In), flags: genericclioptions.NewConfigFlags(true)}
	root := c.root() //nolint:contextcheck // each command has its own context, of cobra
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if text := c.say(err); text != "" {
		fmt.Fprintln(o.Err, "error: "+clean(text))
	}
	return 1
}

// Command is the command tree without a terminal or a cluster, for the reference.
func Command() *cobra.Command {
	c := &command{Options: Options{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Now: func() time.Time { return time.Time{} }}, flags: genericclioptions.NewConfigFlags(true)}
	return c.root()
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tkn-approval",
		Short: "See and decide pending approvals between Tekton pipelines",
		Long: `See and decide pending approvals between Tekton pipelines.

The commands use your kubeconfig, and you vote as the user that the cluster sees (kubectl
auth whoami). A vote is a Vote object, which counts like a vote on the web page.`,
		Example: examples(`
			tkn approval list --mine
			tkn approval describe deploy-abcdefghijkl
			tkn approval approve deploy-abcdefghijkl -m "ship it"
			tkn approval gate explain production`),
		Version:       c.Version,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "tkn approval"},
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q; %s --help lists the commands", args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("tkn-approval {{.Version}}\n")
	root.Flags().Bool("version", false, "only this program's version, without a cluster") // cobra's own would take -v, too
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	c.flags.AddFlags(root.PersistentFlags())
	for _, name := range []string{
		"as-uid", "as-user-extra", "cache-dir", "certificate-authority", "client-certificate", "client-key", "cluster", "disable-compression",
		"insecure-skip-tls-verify", "request-timeout", "server", "tls-server-name", "token", "user",
	} {
		if f := root.PersistentFlags().Lookup(name); f != nil {
			f.Hidden = true // as kubectl's, and as many; what people need stays in sight
		}
	}
	root.AddCommand(
		c.listCommand(), c.historyCommand(), c.describeCommand(), c.approveCommand(), c.rejectCommand(), c.withdrawCommand(), c.commentCommand(), c.againCommand(), c.cancelCommand(), c.retryCommand(), c.rerunCommand(), c.waitCommand(), c.revokeLinkCommand(),
		c.openCommand(), c.logsCommand(), c.evidenceCommand(), c.exportCommand(), c.gateCommand(), c.delegateCommand(), c.splitCommand(), c.doctorCommand(), c.uninstallCommand(), c.versionCommand(),
	)
	return root
}

// examples takes the margin of a raw string away.
func examples(s string) string {
	var out []string
	for l := range strings.Lines(strings.TrimSpace(s)) {
		out = append(out, "  "+strings.TrimSpace(l))
	}
	return strings.Join(out, "\n")
}

// none is for commands without arguments.
func none(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no name, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
