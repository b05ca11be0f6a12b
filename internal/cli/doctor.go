package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// A finding's remedy is a command, or what to change.
type finding struct {
	level  string
	what   string
	remedy string
}

// Levels of a finding. Only failed ends the command with 1.
const (
	levelOK      = "ok"
	levelWarning = "warning"
	levelFailed  = "failed"
	levelUnknown = "unknown" // it could not be looked at
)

// doctor looks at one installation.
type doctor struct {
	cluster
	session   *session
	namespace string // the service's
	version   string // of this program
	found     []finding
}

func (d *doctor) say(level, remedy, format string, args ...any) {
	d.found = append(d.found, finding{level, fmt.Sprintf(format, args...), remedy})
}

func (c *command) doctorCommand() *cobra.Command {
	var namespace string
	var quiet bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the installation, and say how to fix what is wrong",
		Long: `Check the installation, and say how to fix what is wrong.

The command checks the cluster, Tekton, the service and its permissions, the interceptor, the admission policies, what the
service connects to (mail server, login provider, audit store), and Gates, Triggers and Approvals with problems. It
changes nothing. It says which checks you have no permission for, and exits with 1 if a check failed.`,
		Example: examples("tkn approval doctor\ntkn approval doctor --problems"),
		Args:    none, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.connect()
			if err != nil {
				return err
			}
			all, err := s.cluster()
			if err != nil {
				return err
			}
			d := &doctor{cluster: all, session: s, namespace: namespace, version: c.Version}
			return c.examine(cmd.Context(), d, quiet)
		},
	}
	cmd.Flags().StringVar(&namespace, "service-namespace", "countersign", "the `namespace` of the service")
	cmd.Flags().BoolVar(&quiet, "problems", false, "show only problems")
	return cmd
}

func (c *command) examine(ctx context.Context, d *doctor, quiet bool) error {
	failed := 0
	for _, check := range []struct {
		title string
		look  func(context.Context) error
	}{
		{"Kubernetes", d.kubernetes},
		{"Tekton", d.tekton},
		{"Definitions", d.definitions},
		{"Service", d.service},
		{"Version", d.versions},
		{"Interceptor", d.interceptor},
		{"Rights", d.rights},
		{"Admission policies", d.policies},
		{"Connections", d.connections},
		{"Gates", d.gatesReady},
		{"Triggers", d.triggersStart},
		{"Approvals", d.approvalsGoOn},
	} {
		d.found = nil
		err := check.look(ctx)
		switch {
		case apierrors.IsForbidden(err):
			d.say(levelUnknown, "run it as a cluster administrator", "%v", err)
		case errors.Is(err, context.Canceled):
			return err
		case err != nil:
			d.say(levelUnknown, "", "%v", err)
		}
		for _, f := range d.found {
			if f.level == levelFailed {
				failed++
			}
			if quiet && f.level == levelOK {
				continue
			}
			fmt.Fprintf(c.Out, "%-8s %s: %s\n", f.level, check.title, line(f.what))
			if f.remedy != "" && f.level != levelOK {
				fmt.Fprintf(c.Out, "%-8s   %s\n", "", line(f.remedy))
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("checks that failed: %d", failed)
	}
	return nil
}
