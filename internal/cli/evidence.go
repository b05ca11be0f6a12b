package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/evidence"
)

func (c *command) evidenceCommand() *cobra.Command {
	var file, service string
	cmd := &cobra.Command{
		Use: "evidence NAME [EVIDENCE]", Short: "List what people decide on, or show one piece of it whole",
		Long: `List the evidence of an Approval: the plans, logs and reports that its Gate puts before
the approvers. With the name of a piece of evidence, print all of it, and of a plan no
values that are sensitive by Terraform's mark or by their name; with -o, write its bytes to
a file as they are. The bytes are compared with the SHA-256 that is part of what
is approved, and others are not shown.

Evidence that the service keeps in its audit store is read from the service, at the address
that --url or $COUNTERSIGN_URL gives, with the token of the kubeconfig. The service leaves out
the sensitive values itself, so -o writes none of them either. Where it left some out, the rest
is not compared here, and a note says so: the service compared it before.

On a terminal colours and other terminal commands are removed.`,
		Example: examples(`
			tkn approval evidence deploy-abcdefghijkl
			tkn approval evidence deploy-abcdefghijkl plan | less
			tkn approval evidence deploy-abcdefghijkl plan.json -o plan.json`),
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.completeNames(listing{all: true}, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := c.named(cmd.Context(), "read", args[:1])
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if file != "" {
					return fmt.Errorf("-o needs the name of a piece of evidence: %s", evidenceNames(o))
				}
				return c.listEvidence(cmd.Context(), convert.Unverified(o))
			}
			return c.showEvidence(cmd.Context(), o, args[1], file, service)
		},
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "write the bytes to this file; - is the standard output")
	cmd.Flags().StringVar(&service, "url", os.Getenv(envURL), "the service's address, for example https://approve.example.com")
	return cmd
}

func evidenceNames(o *v1alpha1.Approval) string {
	items := evidenceOf(convert.Unverified(o))
	if len(items) == 0 {
		return o.Name + " has no evidence"
	}
	var names []string
	for _, i := range items {
		names = append(names, line(i.Name))
	}
	return o.Name + " has " + strings.Join(names, ", ")
}

// evidenceOf are a's items, none while it is not resolved.
func evidenceOf(a approvals.Approval) []rules.Item {
	if a.Resolved == nil {
		return nil
	}
	return a.Resolved.Evidence
}

func (c *command) listEvidence(ctx context.Context, a approvals.Approval) error {
	if len(evidenceOf(a)) == 0 {
		c.note("%s has no evidence; its results are shown by: tkn approval logs %s", a.Name, a.Name)
		return nil
	}
	s, err := c.connect()
	if err != nil {
		return err
	}
	kept := &evidence.Store{Client: s.client}
	t := &table{out: c.Out, colours: c.Colour, head: []string{"NAME", "FROM", "FORMAT", "STATE", "SIZE", "CHANGES", "SHA-256"}}
	var rows [][]cell
	var said []string
	for _, i := range a.Resolved.Evidence {
		i = kept.Later(ctx, a, i)
		size, paint := rules.Bytes(i.Size), green
		if i.State != rules.Present {
			size, paint = "", red
		}
		rows = append(rows, []cell{{text: i.Name}, {text: string(i.Kind)}, {text: string(i.Format)}, {text: string(i.State), paint: paint}, {text: size}, {i.Summary.Line(), paintOfSum(i.Summary)}, {text: i.SHA256}})
		if i.Message != "" {
			said = append(said, line(i.Name)+": "+line(i.Message))
		}
	}
	t.print(rows)
	for _, s := range said {
		c.note("%s", s)
	}
	return nil
}

func (c *command) showEvidence(ctx context.Context, o *v1alpha1.Approval, name, file, service string) error {
	s, err := c.connect()
	if err != nil {
		return err
	}
	a := convert.Unverified(o)
	if _, ok := rules.Find(evidenceOf(a), name); !ok {
		return fmt.Errorf("there is no evidence %q: %s", name, evidenceNames(o))
	}
	item, data, err := (&evidence.Store{Client: s.client}).Read(ctx, a, name)
	left := 0
	if errors.Is(err, evidence.ErrInStore) {
		data, left, err = s.fromService(ctx, service, o, item)
	}
	refused, ok := errors.AsType[*apierrors.StatusError](err)
	switch {
	case ok && apierrors.IsForbidden(refused):
		return refused
	case err != nil:
		return err
	case file == "-":
		_, err = c.Out.Write(data)
		c.leftOut(left)
	case file != "":
		err = os.WriteFile(file, data, 0o600)
		c.leftOut(left)
	default:
		text, hidden := report.Mask(report.Format(item.Format), string(data))
		fmt.Fprintln(c.Out, strings.TrimRight(clean(text), "\n"))
		switch {
		case left > 0:
			c.leftOut(left)
		case hidden > 0:
			c.note("%s not shown, because Terraform marks them as sensitive or their names say that they are secrets; -o writes all bytes to a file", valuesAre(hidden))
		}
	}
	return err
}

// leftOut notes what the service left out.
func (c *command) leftOut(n int) {
	if n > 0 {
		c.note("%s not here, because Terraform marks them as sensitive or their names say that they are secrets: the service sends them to nobody", valuesAre(n))
		c.note("not compared here, because the service left values out: only the service compared this with what is approved")
	}
}

func valuesAre(n int) string {
	if n == 1 {
		return "1 value is"
	}
	return fmt.Sprintf("%d values are", n)
}
