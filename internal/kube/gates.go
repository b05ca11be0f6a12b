package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
)

// policyFor is the policy that a line names, as it stands now. Errors:
// CodeNotFound for a Gate that is not there, CodeInvalid for one that can't be
// used.
func policyFor(ctx context.Context, c client.Reader, namespace string, l approvals.Line) (approvals.Policy, error) {
	if l.Inline != nil {
		return *l.Inline, nil
	}
	g, err := read(ctx, c, namespace, l.Gate, &v1alpha1.Gate{})
	if err != nil {
		err = translate(err, fmt.Sprintf("gate %q", l.Gate))
		if approvals.CodeOf(err) == approvals.CodeNotFound {
			return approvals.Policy{}, approvals.Errorf(approvals.CodeNotFound,
				"there is no Gate %q in namespace %s: create it, or name another in the Trigger; this goes on by itself", l.Gate, namespace)
		}
		return approvals.Policy{}, err
	}
	return policyToDomain(g.Name, g.Spec), nil
}

// CheckGate says why a Gate can't be used, nil when it can.
func CheckGate(cel *mapping.Compiler, g *v1alpha1.Gate) error {
	p := policyToDomain(g.Name, g.Spec)
	if err := p.Validate(""); err != nil {
		return err
	}
	return cel.CheckPolicy(p)
}

// inlinePolicy reads a Gate's fields from a Trigger. Nothing has validated them.
func inlinePolicy(raw []byte) (approvals.Policy, error) {
	var spec v1alpha1.GateSpec
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&spec); err != nil {
		return approvals.Policy{}, err
	}
	p := policyToDomain(approvals.InlineGate, spec)
	for _, o := range p.ReleaseOn {
		if o != approvals.Approved && o != approvals.Rejected && o != approvals.Expired {
			return approvals.Policy{}, fmt.Errorf("releaseOn has %q: use Approved, Rejected or Expired", o)
		}
	}
	return p, p.Validate("")
}
