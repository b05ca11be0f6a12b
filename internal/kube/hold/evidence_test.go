package hold_test

import (
	"context"
	"errors"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// found are items that are there whatever is wanted.
type found []evidence.Item

func (f found) Items(context.Context, string, approvals.Source, []evidence.Wanted) ([]evidence.Item, error) {
	return f, nil
}

// TestResolveEvidence: evidence is part of what is approved, and what is required and not there
// keeps an Approval from being decided, with its own reason.
func TestResolveEvidence(t *testing.T) {
	t.Parallel()
	w := evidence.Wanted{Name: "plan", Kind: evidence.Upload}
	source := approvals.Source{Run: &approvals.Run{Name: "plan-1", UID: "run-1"}}
	fix := func(items found, wanted ...evidence.Wanted) (*approvals.ResolvedSpec, error) {
		resolved := &approvals.ResolvedSpec{TemplateDigest: "t", Policy: &approvals.Policy{Gate: "production", Evidence: wanted}}
		resolved.Digest = resolved.ContentDigest("prod", "apply", "t", source)
		err := (&hold.Opener{Evidence: items}).ResolveEvidence(t.Context(), "prod", "apply", source, resolved)
		return resolved, err
	}
	none, err := fix(nil)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{none.Digest: "none"}
	for name, text := range map[string]string{"harmless": "destroys nothing", "harmful": "destroys all"} {
		resolved, err := fix(found{w.Of([]byte(text))}, w)
		if err != nil {
			t.Fatal(err)
		}
		if other, same := digests[resolved.Digest]; same {
			t.Errorf("%s has the digest of %s", name, other)
		}
		digests[resolved.Digest] = name
		if resolved.Digest != resolved.ContentDigest("prod", "apply", "t", source) {
			t.Errorf("%s: the digest is not that of what was resolved", name)
		}
	}
	_, err = fix(found{w.Without(evidence.Missing, "PipelineRun plan-1 did not upload it")}, w)
	if r, ok := errors.AsType[kubeutil.Reasoned](err); !ok || r.Reason != hold.ReasonEvidenceMissing || approvals.CodeOf(err) != approvals.CodeNotFound ||
		!pipelinerun.IsMissing(err) {
		t.Errorf("what is missing: got %v", err)
	}
	may := w
	may.Optional = true
	if resolved, err := fix(found{w.Without(evidence.Missing, "it is gone")}, may); err != nil || resolved.Digest == none.Digest {
		t.Errorf("what is missing, and may be: got %v, and whether it was there is part of the digest: %t", err, resolved.Digest != none.Digest)
	}
}
