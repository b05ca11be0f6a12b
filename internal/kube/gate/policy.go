package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// PolicyFor is the policy that a line names, as it stands now. Errors:
// CodeNotFound for a Gate that is not there, CodeInvalid for one that can't be
// used.
func PolicyFor(ctx context.Context, c client.Reader, namespace string, l approvals.InterceptorParams) (approvals.Policy, error) {
	if l.Inline != nil {
		return *l.Inline, nil
	}
	g, err := kubeutil.Read(ctx, c, namespace, l.Gate, &v1alpha1.Gate{})
	if err != nil {
		err = kubeutil.Translate(err, fmt.Sprintf("gate %q", l.Gate))
		if approvals.CodeOf(err) == approvals.CodeNotFound {
			return approvals.Policy{}, approvals.Errorf(approvals.CodeNotFound,
				"there is no Gate %q in namespace %s: create it, or name another in the Trigger; this continues automatically", l.Gate, namespace)
		}
		return approvals.Policy{}, err
	}
	return convert.PolicyToDomain(g.Name, g.Spec), nil
}

// CheckGate returns the reason that a Gate can't be used, nil when it can.
func CheckGate(ctx context.Context, cel *mapping.Compiler, b Bounds, g *v1alpha1.Gate) error {
	return CheckPolicy(ctx, cel, b, g.Namespace, convert.PolicyToDomain(g.Name, g.Spec))
}

// CheckPolicy returns what makes a policy unusable in a namespace. Errors have CodeInvalid, or
// CodeUnavailable when the bounds can't be read.
func CheckPolicy(ctx context.Context, cel *mapping.Compiler, b Bounds, namespace string, p approvals.Policy) error {
	if err := p.ValidateFor(approvals.RequesterIdentity{}, cel.People); err != nil {
		return err
	}
	if err := cel.CheckPolicy(p); err != nil {
		return err
	}
	_, err := b.Hold(ctx, namespace, p)
	return err
}

// InlinePolicy reads a Gate's fields from a Trigger. Nothing has validated them.
func InlinePolicy(raw []byte) (approvals.Policy, error) {
	var spec v1alpha1.GateSpec
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&spec); err != nil {
		return approvals.Policy{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return approvals.Policy{}, errors.New("there is more text after the gate")
	}
	if err := unseen(spec); err != nil {
		return approvals.Policy{}, err
	}
	p := convert.PolicyToDomain(approvals.InlineGate, spec)
	for _, o := range p.ReleaseOn {
		if o != approvals.Approved && o != approvals.Rejected && o != approvals.Expired {
			return approvals.Policy{}, fmt.Errorf("releaseOn has %q: use Approved, Rejected or Expired", o)
		}
	}
	return p, p.Validate("")
}

// unseen returns an error for a field of s that its policy would not show, so that nobody would miss
// it. In a Gate the schema refuses it.
func unseen(s v1alpha1.GateSpec) error {
	switch {
	case s.Approvers != nil && len(s.Rules) > 0:
		return fmt.Errorf("it has rules and also approvers: use rules alone, and remove the others")
	case !slices.Contains([]v1alpha1.MailLinkRule{"", convert.MailLinkDecides, convert.MailLinkNeedsLogin}, s.MailLink):
		return fmt.Errorf("mailLink is %q: use %s or %s", s.MailLink, convert.MailLinkDecides, convert.MailLinkNeedsLogin)
	case !slices.Contains([]v1alpha1.VerifyRunRule{"", convert.VerifyWhenSeen, convert.VerifyBeforeStart}, s.VerifyRun):
		return fmt.Errorf("verifyRun is %q: use %s or %s", s.VerifyRun, convert.VerifyWhenSeen, convert.VerifyBeforeStart)
	case !slices.Contains([]v1alpha1.RecordRule{"", convert.RecordFollows, convert.RecordRequired}, s.Record):
		return fmt.Errorf("record is %q: use %s or %s", s.Record, convert.RecordFollows, convert.RecordRequired)
	case s.SigningSecret != nil && (s.SigningSecret.Name == "" || s.SigningSecret.Key == ""):
		return fmt.Errorf("signingSecret needs the name of a Secret and a key in it: without them anybody's event would be held")
	case s.Notify != nil && s.Notify.Escalate != nil && s.Notify.Escalate.After == "":
		return fmt.Errorf("notify.escalate has no after: set how long to wait first, for example 24h")
	}
	return nil
}
