package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

func polled(a *approvals.Approval) {
	a.Resolved.Target = &approvals.Target{Kind: approvals.TargetConfigMap, Name: "approve-cm", Key: "status"}
}

// TestTargetIsToldEveryEnd: who polls hears of each, and once; what is not granted can't
// be kept from them.
func TestTargetIsToldEveryEnd(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	end := map[approvals.Outcome]string{
		approvals.Approved: "success", approvals.Rejected: "refused", approvals.Expired: "refused",
		approvals.Cancelled: "refused", approvals.Superseded: "refused",
	}
	cancel := approvals.Cancellation{By: "olga", Reason: "wrong branch"}
	for outcome, status := range end {
		a := ct.Make("a").With(polled).Obj()
		if a.ToRelease() {
			t.Error("a pending one is to be released")
		}
		if outcome == approvals.Cancelled {
			var err error
			if a, _, err = approvals.Cancel(a, cancel, ct.T0); err != nil {
				t.Fatal(err)
			}
		}
		a.Outcome, a.DecidedAt = outcome, ct.T0
		if !a.ToRelease() || a.Status() != status {
			t.Errorf("%s: to release %t, status %s", outcome, a.ToRelease(), a.Status())
		}
		stopped, _, err := approvals.Cancel(a, cancel, ct.T0)
		if granted := outcome == approvals.Approved; stopped.ToRelease() == granted || (outcome != approvals.Cancelled && (err == nil) != granted) {
			t.Errorf("%s, then cancelled: to release %t, %v", outcome, stopped.ToRelease(), err)
		}
		over, did := approvals.GiveUp(a, ct.T0.Add(approvals.ReleaseWithin))
		if did != approvals.Stopped || over.ToRelease() {
			t.Errorf("%s, a day later: %v, %+v", outcome, did, over.Unreleased)
		}
		said.Check(t, string(outcome)+", a day later", over.Unreleased.Message)
		if outcome == approvals.Cancelled && over.Cancellation.By != "olga" {
			t.Errorf("who cancelled it is forgotten: %+v", over.Cancellation)
		}
		a.Effect = &approvals.Effect{What: "done", At: ct.T0.Add(time.Second)}
		if a.ToRelease() {
			t.Errorf("%s: is to be written again", outcome)
		}
	}
}

func TestTargetNames(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{
		"approve-cm": true, "a": true, "run1": true, "": false, "-a": false, "A": false, "params.name": false, "body.run": false, "'approve-cm'": false,
		strings.Repeat("a", 64): false, "run.name + '-cm'": false,
	} {
		if approvals.IsPlainName(name) != plain {
			t.Errorf("IsPlainName(%q) is %t", name, !plain)
		}
	}
	for name, ok := range map[string]bool{
		"approve-cm": true, "my.config": true, "a/b": false, "../x": false, "a\nb": false, "": false, "UPPER": false, "a..b": false, strings.Repeat("a", 254): false,
	} {
		if err := (approvals.Target{Kind: approvals.TargetConfigMap, Name: name}).Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestReleaseIsChecked(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	cm := approvals.Release{Kind: approvals.TargetConfigMap, Name: "approve-cm", Key: "status"}
	for name, c := range map[string]struct {
		change  func(*approvals.Policy)
		refused bool
	}{
		"a ConfigMap": {func(p *approvals.Policy) { p.Release = cm }, false},
		"a run": {func(p *approvals.Policy) {
			p.Release = approvals.Release{Kind: approvals.TargetPendingRun, Name: "body.run"}
		}, false},
		"neither":          {func(p *approvals.Policy) { p.Release = approvals.Release{Kind: "x", Name: "a"} }, true},
		"no name":          {func(p *approvals.Policy) { p.Release = cm; p.Release.Name = "" }, true},
		"an odd key":       {func(p *approvals.Policy) { p.Release = cm; p.Release.Key = "a/b" }, true},
		"and of rejection": {func(p *approvals.Policy) { p.Release = cm; p.ReleaseOn = append(p.ReleaseOn, approvals.Rejected) }, true},
	} {
		p := *ct.Make("a").Obj().Resolved.Policy
		c.change(&p)
		err := p.Validate("")
		if (err != nil) != c.refused {
			t.Errorf("%s: %v, refused should be %t", name, err, c.refused)
		}
		if err != nil {
			said.Check(t, name, approvals.Message(err))
		}
	}
}
