package approvals_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
)

// TestPreflightText: what a condition keeps of a Preflight is all of it.
func TestPreflightText(t *testing.T) {
	t.Parallel()
	named := approvals.Problem{Reason: "RunNotNamed", Message: "set metadata.name"}
	forbidden := approvals.Problem{Reason: "Forbidden", Message: "account: prod/listener may not create"}
	script := approvals.Problem{Reason: approvals.ReasonTextInScript, Message: "step run of task x: use env"}
	for name, c := range map[string]struct {
		p               *approvals.Preflight
		state           approvals.PreflightState
		reason, message string
	}{
		"good":         {approvals.NewPreflight(nil), approvals.PreflightReady, "Startable", ""},
		"one":          {approvals.NewPreflight([]approvals.Problem{forbidden}), approvals.PreflightBlocked, "Forbidden", "account: prod/listener may not create"},
		"the same":     {approvals.NewPreflight([]approvals.Problem{named, named}), approvals.PreflightBlocked, "RunNotNamed", "set metadata.name"},
		"two":          {approvals.NewPreflight([]approvals.Problem{named, forbidden}), approvals.PreflightBlocked, "RunNotNamed", "RunNotNamed: set metadata.name\nForbidden: account: prod/listener may not create"},
		"a warning":    {approvals.NewPreflight([]approvals.Problem{script}), approvals.PreflightReady, approvals.ReasonWarned, "ApproverTextInScript: step run of task x: use env"},
		"both":         {approvals.NewPreflight([]approvals.Problem{script, named}), approvals.PreflightBlocked, "RunNotNamed", "RunNotNamed: set metadata.name\nApproverTextInScript: step run of task x: use env"},
		"not known":    {approvals.UnknownPreflight(forbidden), approvals.PreflightUnknown, "Forbidden", "account: prod/listener may not create"},
		"lines joined": {approvals.NewPreflight([]approvals.Problem{{Reason: "TemplateError", Message: "a\n b: \tc"}}), approvals.PreflightBlocked, "TemplateError", "a b: c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason, message := c.p.Text()
			if c.p.State != c.state || reason != c.reason || message != c.message {
				t.Errorf("%s %s %q, want %s %s %q", c.p.State, reason, message, c.state, c.reason, c.message)
			}
			back := approvals.ParsePreflight(c.p.State, reason, message)
			if d := cmp.Diff(c.p, back); d != "" || !back.Same(c.p) {
				t.Errorf("read back: %s", d)
			}
		})
	}
	if (*approvals.Preflight)(nil).Has("x") || !(*approvals.Preflight)(nil).Same(nil) || (*approvals.Preflight)(nil).Same(approvals.NewPreflight(nil)) {
		t.Error("none is like another")
	}
}
