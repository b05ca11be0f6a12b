package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// note tells a person something that is not the output.
func (c *command) note(format string, args ...any) {
	fmt.Fprintln(c.Err, clean(fmt.Sprintf(format, args...)))
}

// shower shows Approvals; one by one when they are a stream.
type shower func(items []v1alpha1.Approval, stream bool) error

func (c *command) shower(s *session, l listing) shower {
	if l.output == "table" || l.output == "wide" {
		t := &table{out: c.Out, colours: c.Colour, head: l.columns(), room: c.Width, elastic: slices.Index(l.columns(), "WHAT")}
		return func(items []v1alpha1.Approval, _ bool) error {
			var rows [][]cell
			for i := range items {
				rows = append(rows, c.cells(l, &items[i]))
			}
			t.print(rows)
			return nil
		}
	}
	var p printers.ResourcePrinter
	switch l.output {
	case "json":
		p = &printers.JSONPrinter{}
	case "yaml":
		p = &printers.YAMLPrinter{}
	default:
		p = &printers.NamePrinter{}
	}
	p = printers.NewTypeSetter(s.scheme).ToPrinter(&printers.OmitManagedFieldsPrinter{Delegate: p})
	return func(items []v1alpha1.Approval, stream bool) error {
		if !stream && l.output != "name" {
			for i := range items { // as each would be on its own
				items[i].SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Approval"))
			}
			return printOne(p, c.Out, &v1alpha1.ApprovalList{Items: items})
		}
		for i := range items {
			if err := printOne(p, c.Out, &items[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// controls are the characters that JSON may hold as they are, and that terminals
// may act on.
var controls = regexp.MustCompile(`[\x7f-\x{9f}]`)

// printOne prints o, with control characters as JSON and YAML write them.
func printOne(p printers.ResourcePrinter, w io.Writer, o runtime.Object) error {
	var b bytes.Buffer
	if err := p.PrintObj(o, &b); err != nil {
		return err
	}
	_, err := io.WriteString(w, controls.ReplaceAllStringFunc(b.String(), func(s string) string {
		return fmt.Sprintf(`\u%04x`, []rune(s)[0])
	}))
	return err
}

// age returns the time since t, as kubectl writes it.
func (c *command) age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(max(0, c.Now().Sub(t)))
}

// when is t and how long ago that was.
func (c *command) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s (%s ago)", t.UTC().Format(time.RFC3339), c.age(t))
}

// deadline returns the time that is left to decide a.
func (c *command) deadline(a approvals.Approval) string {
	left := a.Deadline().Sub(c.Now())
	switch {
	case a.Resolved == nil || a.Decided():
		return ""
	case left <= 0:
		return "now"
	}
	return "in " + duration.HumanDuration(left)
}

func gateOf(a approvals.Approval) string {
	if a.Resolved == nil {
		return ""
	}
	return a.Resolved.Policy.Gate
}

func requesterOf(a approvals.Approval) string {
	if a.Resolved != nil && a.Resolved.Requester != "" {
		return a.Resolved.Requester
	}
	return a.Source.Requester
}

// stateOf is the outcome, and the obstacle when there is one, or that somebody wants changes.
func stateOf(a approvals.Approval) cell {
	state := cell{text: string(a.Outcome), paint: paintOf(a.Outcome)}
	problem := a.Blocked
	switch {
	case a.Decided():
		problem = a.Unreleased
	case problem == nil && a.Preflight != nil && a.Preflight.State == approvals.PreflightBlocked:
		problem = &a.Preflight.Problems[0]
	}
	if problem != nil && a.SecondRun == nil && a.Effect == nil {
		state.text += " (" + problem.Reason + ")"
		state.paint = red
	} else if len(a.NeedsChanges()) > 0 {
		state.text += " (NeedsChanges)"
	}
	return state
}

// progress returns the number of approvals, of those that are required.
func progress(a approvals.Approval) string {
	if a.Resolved == nil {
		return ""
	}
	e := approvals.Explain(a, approvals.Identity{}, time.Time{})
	yes, needed := 0, 0
	for _, r := range e.Rules {
		yes, needed = yes+len(r.Approved), needed+r.Required
	}
	return fmt.Sprintf("%d/%d", yes, needed)
}

func deciders(a approvals.Approval) string {
	var who []string
	for _, v := range a.Votes {
		if (v.Verdict == approvals.Reject) == (a.Outcome == approvals.Rejected) && (a.Outcome == approvals.Approved || a.Outcome == approvals.Rejected) {
			who = append(who, v.Voter)
		}
	}
	return strings.Join(who, ", ")
}
