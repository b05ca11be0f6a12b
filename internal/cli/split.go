package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/internal/split"
)

func (c *command) splitCommand() *cobra.Command {
	var o split.Options
	var out string
	var in, workspaces, finally []string
	cmd := &cobra.Command{
		Use: "split FILE", Short: "Split a pipeline at its approval tasks, with a Gate between the parts",
		Long: `Split a Pipeline, or a PipelineRun with an embedded pipeline, at its approval tasks. The
tasks before an approval task become a pipeline that finishes, so that nothing waits in a
run while people decide. The tasks after it become the next pipeline, which starts after
the approval.

The output has the parts and, between two parts, a Gate (with the approvers of the task),
a Trigger (with what is forwarded) and a TriggerTemplate (for the next run). Results,
params and workspaces that a later part reads are forwarded. If the pipeline can't be
split, the command names the line, the reason and what to do, and writes nothing. Notes on
what you still have to do go to standard error and to the top of the output.

The first part keeps the pipeline's name. The command does not use a cluster.`,
		Example: examples(`
			tkn approval split pipeline.yaml
			tkn approval split pipeline.yaml -o parts.yaml --listener deploy-listener
			kubectl get pipeline release -o yaml | tkn approval split -f - | kubectl apply -f -
			tkn approval split pipeline.yaml --workspace kubeconfig=secret:prod-kubeconfig
			tkn approval split pipeline.yaml --finally clean-up=2`),
		Args: func(cmd *cobra.Command, args []string) error {
			in = append(in, args...)
			switch {
			case len(args) > 1:
				return fmt.Errorf("%s takes one file, but got %d", cmd.CommandPath(), len(args))
			case len(in) != 1 || in[0] == "":
				return fmt.Errorf("give a file: %s FILE, or -f - for standard input", cmd.CommandPath())
			case slices.Contains([]string{"yaml", "json", "name", "wide"}, out):
				return fmt.Errorf("-o names the output file, but %s looks like a format: omit -o to write YAML to standard output", out)
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			var err error
			if o.Workspaces, err = namedOnce("--workspace", workspaces, "secret:NAME, configMap:NAME, claim:NAME, volume:SIZE or emptyDir"); err != nil {
				return err
			}
			parts, err := namedOnce("--finally", finally, "PART, a number")
			if err != nil {
				return err
			}
			o.Finally = map[string]int{}
			for k, v := range parts {
				if o.Finally[k], err = strconv.Atoi(v); err != nil {
					return fmt.Errorf("--finally %s=%s: give the number of the part, for example 2", k, v)
				}
			}
			if c.flags.Namespace != nil {
				o.Namespace = *c.flags.Namespace
			}
			return c.split(in[0], out, o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&in, "filename", "f", nil, "the file, or - for standard input")
	f.StringVarP(&out, "output", "o", "", "the output file, which must not be the input file (default: standard output)")
	f.StringVar(&o.Pipeline, "pipeline", "", "the Pipeline to split, if several have approval tasks")
	f.StringVar(&o.Account, "listener", "", "also write an EventListener with this ServiceAccount")
	f.StringArrayVar(&workspaces, "workspace", nil, "how later parts bind a workspace, instead of the first part's volume: NAME=secret:NAME, configMap:NAME, claim:NAME, volume:SIZE or emptyDir")
	f.StringArrayVar(&finally, "finally", nil, "the part that runs a finally task, where it is not clear: NAME=PART")
	return cmd
}

// namedOnce are the NAME=VALUE of a flag that may be given several times, each name once.
func namedOnce(flag string, all []string, value string) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range all {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("%s %s: write NAME=%s", flag, p, value)
		}
		if is, twice := out[k]; twice && is != v {
			return nil, fmt.Errorf("%s %s is given twice, %s and %s: remove one", flag, k, is, v)
		}
		out[k] = v
	}
	return out, nil
}

// split writes nothing unless all of it can be cut.
func (c *command) split(in, out string, o split.Options) error {
	if err := c.otherFile(in, out); err != nil {
		return err
	}
	text, err := c.readBounded(in, split.MaxText)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; for a Pipeline in the cluster, run: kubectl get pipeline NAME -o yaml | tkn approval split -f -", err)
	}
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
		if _, err = io.WriteString(c.Out, r.Text); err != nil {
			return err
		}
	} else {
		if err := c.otherFile(in, out); err != nil { // it may have come to be there meanwhile
			return err
		}
		if err := os.WriteFile(out, []byte(r.Text), 0o644); err != nil { //nolint:gosec // manifests, for everybody to read
			return err
		}
		fmt.Fprintf(c.Err, "%s has %s\n", out, strings.Join(r.Parts, ", "))
	}
	for _, n := range r.Notes {
		fmt.Fprintln(c.Err, clean(n))
	}
	return nil
}

// otherFile refuses to write over what is read, by whatever path: the pipeline as it was
// would be gone.
func (c *command) otherFile(in, out string) error {
	if out == "" || out == "-" {
		return nil
	}
	from, errFrom := c.stat(in)
	to, errTo := os.Stat(out)
	if errFrom == nil && errTo == nil && os.SameFile(from, to) {
		return fmt.Errorf("-o %s is the input file, which would be overwritten: give another file", out)
	}
	return nil // an error is reported when it is read, or written
}

func (c *command) stat(in string) (fs.FileInfo, error) {
	if in != "-" {
		return os.Stat(in)
	}
	if f, ok := c.In.(*os.File); ok {
		return f.Stat()
	}
	return nil, fs.ErrNotExist
}

// readBounded reads a file, or what comes in, and not more than most bytes and one.
func (c *command) readBounded(file string, most int64) ([]byte, error) {
	from := io.Reader(c.in)
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // anyone who runs it names it
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	return io.ReadAll(io.LimitReader(from, most+1))
}
