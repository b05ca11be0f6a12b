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
		Use: "split FILE", Short: "Cut a pipeline at its approval tasks into parts with a Gate between",
		Long: `Cut a Pipeline at its approval tasks. What comes before one is a part that ends; nothing
waits in a run while people decide. What comes after is the next part, which is started by
their decision. A PipelineRun with the pipeline in it is cut too.

It writes the parts, and between two of them a Gate (who decides, as the task said), a
Trigger (what is forwarded) and a TriggerTemplate (the next part's run). Results, params
and workspaces that a later part reads are forwarded. What can't be cut is refused, with
the line, why, and what to do; then nothing is written. What the objects can't say
themselves is written to standard error, and above them.

Part 1 keeps the pipeline's name. Nothing is asked of a cluster.`,
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
				return fmt.Errorf("%s takes one file, and %d were given", cmd.CommandPath(), len(args))
			case len(in) != 1 || in[0] == "":
				return fmt.Errorf("say which file: %s FILE, or -f - for what comes in; one at a time", cmd.CommandPath())
			case slices.Contains([]string{"yaml", "json", "name", "wide"}, out):
				return fmt.Errorf("-o is the file to write, and %s looks like a format: leave it out to have YAML on standard output", out)
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
					return fmt.Errorf("--finally %s=%s: the part that it ends is a number", k, v)
				}
			}
			if c.flags.Namespace != nil {
				o.Namespace = *c.flags.Namespace
			}
			return c.split(in[0], out, o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&in, "filename", "f", nil, "the file, - for what comes in")
	f.StringVarP(&out, "output", "o", "", "the file to write, which can't be the one that is read; standard output without it")
	f.StringVar(&o.Pipeline, "pipeline", "", "which Pipeline of the file, when several have approval tasks")
	f.StringVar(&o.Account, "listener", "", "write an EventListener too, with this ServiceAccount")
	f.StringArrayVar(&workspaces, "workspace", nil, "what later parts bind to a workspace, in the place of part 1's volume: NAME=secret:NAME, configMap:NAME, claim:NAME, volume:SIZE or emptyDir")
	f.StringArrayVar(&finally, "finally", nil, "which part a task of finally ends, where that can't be seen: NAME=PART")
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
			return nil, fmt.Errorf("%s %s is said twice, %s and %s: leave one out", flag, k, is, v)
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
		return fmt.Errorf("%w; of a Pipeline in the cluster: kubectl get pipeline NAME -o yaml | tkn approval split -f -", err)
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
		return fmt.Errorf("-o %s is the file that is read, and the pipeline in it would be gone: name another", out)
	}
	return nil // what can't be read, or written, is said when it is
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
		f, err := os.Open(file) //nolint:gosec // whoever runs it names it
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	return io.ReadAll(io.LimitReader(from, most+1))
}
