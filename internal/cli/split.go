package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/internal/split"
)

func (c *command) splitCommand() *cobra.Command {
	var o split.Options
	var in, out string
	var workspaces []string
	cmd := &cobra.Command{
		Use: "split FILE", Short: "Cut a pipeline at its approval tasks into parts with a Gate between",
		Long: `Cut a Pipeline at its approval tasks. What comes before one is a part that ends; nothing
waits in a run while people decide. What comes after is the next part, which is started by
their decision.

It writes the parts, and between two of them a Gate (who decides, as the task said), a
Trigger (what is forwarded) and a TriggerTemplate (the next part's run). Results, params
and workspaces that a later part reads are forwarded. What can't be cut is refused, with
the line, why, and what to do; then nothing is written.

Part 1 keeps the pipeline's name. Nothing is asked of a cluster.`,
		Example: examples(`
			tkn approval split pipeline.yaml
			tkn approval split pipeline.yaml -o parts.yaml --listener deploy-listener
			kubectl get pipeline release -o yaml | tkn approval split -f - | kubectl apply -f -
			tkn approval split pipeline.yaml --workspace kubeconfig=secret:prod-kubeconfig`),
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return fmt.Errorf("%s takes one file, and %d were given", cmd.CommandPath(), len(args))
			case (len(args) == 1) == (in != ""):
				return fmt.Errorf("say which file: %s FILE, or -f - for what comes in", cmd.CommandPath())
			case len(args) == 1:
				in = args[0]
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			o.Workspaces = map[string]string{}
			for _, w := range workspaces {
				k, v, ok := strings.Cut(w, "=")
				if !ok || k == "" {
					return fmt.Errorf("--workspace %s: write NAME=secret:NAME, configMap:NAME, claim:NAME or emptyDir", w)
				}
				o.Workspaces[k] = v
			}
			return c.split(in, out, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in, "filename", "f", "", "the file, - for what comes in")
	f.StringVarP(&out, "output", "o", "", "the file to write; what comes out without it")
	f.StringVar(&o.Pipeline, "pipeline", "", "which Pipeline of the file, when several have approval tasks")
	f.StringVar(&o.Account, "listener", "", "write an EventListener too, with this ServiceAccount")
	f.StringArrayVar(&workspaces, "workspace", nil, "what later parts bind to a workspace, in the place of part 1's volume: NAME=secret:NAME, configMap:NAME, claim:NAME or emptyDir")
	return cmd
}

// split writes nothing unless all of it can be cut.
func (c *command) split(in, out string, o split.Options) error {
	text, err := c.readBounded(in, split.MaxText)
	if err != nil {
		return err
	}
	r, err := split.Split(text, o)
	if rs, ok := errors.AsType[split.Refusals](err); ok {
		for _, x := range rs {
			fmt.Fprintf(c.Err, "%s:%d: %s\n", clean(in), x.Line, clean(x.Why))
		}
		return fmt.Errorf("%s can't be split: nothing was written", in)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	if out == "" || out == "-" {
		_, err = io.WriteString(c.Out, r.Text)
		return err
	}
	if err := os.WriteFile(out, []byte(r.Text), 0o644); err != nil { //nolint:gosec // manifests, for everybody to read
		return err
	}
	fmt.Fprintf(c.Err, "%s has %s\n", out, strings.Join(r.Parts, ", "))
	for _, n := range r.Notes {
		fmt.Fprintln(c.Err, clean(n))
	}
	return nil
}

// readBounded reads a file, or what comes in, and not more than most bytes and one.
func (c *command) readBounded(file string, most int64) ([]byte, error) {
	from := io.Reader(c.in)
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // whoever runs it names it
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	return io.ReadAll(io.LimitReader(from, most+1))
}
