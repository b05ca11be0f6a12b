package approvals_test

import (
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestWithhold: what differs before it starts ends the attempts, and the decision stands.
func TestWithhold(t *testing.T) {
	t.Parallel()
	p := approvals.Problem{Reason: approvals.ReasonRunDiffers, Message: "Task go was changed"}
	a := ct.Make("a").Voted("alice", approvals.Approve, "").Obj()
	got, did := approvals.Withhold(a, p, ct.T0.Add(time.Hour))
	if did != approvals.Stopped || got.ToRelease() || got.Outcome != approvals.Approved || *got.Unreleased != p || got.Cancellation.Reason != p.Message || got.Cancellation.By != "" {
		t.Errorf("%s: %+v", did, got)
	}
	if _, did := approvals.Withhold(got, p, ct.T0); did != approvals.NoChange {
		t.Error("it is withheld twice")
	}
	if _, did := approvals.Withhold(ct.Make("a").Obj(), p, ct.T0); did != approvals.NoChange {
		t.Error("what is pending is withheld")
	}
	if _, did := approvals.Accuse(a, p); did != approvals.NoChange {
		t.Error("a run that was not seen is accused")
	}
	a.SecondRun = &approvals.Run{Name: "r", UID: "u"}
	if got, did := approvals.Accuse(a, p); did != approvals.Blocking || *got.Unreleased != p || got.SecondRun == nil {
		t.Errorf("%s: %+v", did, got)
	}
}

// TestReferencesAreApproved: what a run refers to is part of what is approved.
func TestReferencesAreApproved(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	r := approvals.Reference{Kind: "Task", Name: "go", UID: "u", Generation: 1, Digest: "d"}
	of := func(refs ...approvals.Reference) string {
		return approvals.ContentDigest("prod", "apply", "t", approvals.Source{}, nil, nil, refs...)
	}
	seen := map[string]bool{of(): true, of(r): true, of(r, r): true}
	for _, change := range []func(*approvals.Reference){
		func(r *approvals.Reference) { r.Kind = "Pipeline" }, func(r *approvals.Reference) { r.Name = "x" },
		func(r *approvals.Reference) { r.UID = "x" }, func(r *approvals.Reference) { r.Generation = 2 }, func(r *approvals.Reference) { r.Digest = "x" },
	} {
		other := r
		change(&other)
		seen[of(other)] = true
	}
	if len(seen) != 8 {
		t.Errorf("%d digests of 8", len(seen))
	}
	p := *ct.Make("a").Obj().Resolved.Policy
	p.VerifyBeforeStart = true
	if err := p.Validate(""); err != nil {
		t.Error(err)
	}
	p.Release = approvals.Release{Kind: approvals.TargetPendingRun, Name: "body.run"}
	err := p.Validate("")
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("with a release: %v", err)
	}
	said.Check(t, "with a release", approvals.Message(err))
}
