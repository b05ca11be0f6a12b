package triggers

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/kube/gate"
)

// StockSenders are Tekton's interceptors that verify a sender, and how. They are known
// by the names under which Triggers installs them; anyone who may change ClusterInterceptors
// administers the cluster.
func StockSenders() map[string]approvals.SenderKind {
	return map[string]approvals.SenderKind{
		"github": approvals.SenderGitHub, "gitlab": approvals.SenderGitLab, "bitbucket": approvals.SenderBitbucketServer,
	}
}

// SenderCheck says why events of a Trigger with that chain can't be asked about under p:
// an interceptor of the chain verifies the sender, by a header that is never stored. Our
// own event would not get through it, and anyone who calls our interceptor directly passes
// it by. A Gate whose signingSecret is that same Secret answers both: we verify what is
// held, and prove ourselves by the Secret when it is released.
//
// Not to be asked about what is neither sent by somebody nor posted: a completion whose
// outcome is written to an object.
//
// It knows Tekton's github, gitlab, bitbucket and slack interceptors and compareSecret of
// cel. What a webhook or another interceptor verifies can't be known.
func (t *Triggers) SenderCheck(namespace string, chain []*triggersv1.TriggerInterceptor, p approvals.Policy) error {
	for _, ti := range chain {
		if ti == nil || interceptor.IsOurs(ti) || ti.Webhook != nil || ti.Ref.Kind != "" && ti.Ref.Kind != triggersv1.ClusterInterceptorKind {
			continue
		}
		var err error
		switch name := ti.Ref.Name; name {
		case "cel":
			err = t.CelSender(namespace, ti, p)
		case "slack":
			err = fmt.Errorf("interceptor slack requires a form with X-Slack-Signature, which the released event is not: let Slack start a pipeline of its own, and gate a later step with after")
		default:
			if kind, ok := StockSenders()[name]; ok {
				err = stockSender(name, kind, ti, p)
			}
		}
		if err != nil {
			return approvals.Errorf(approvals.CodeInvalid, "%s", err.Error())
		}
	}
	return nil
}

// checkSenders is SenderCheck for a Trigger as it stands, with its Gate as that is now. A
// Gate that is not there yet is no mistake of the Trigger's.
func (t *Triggers) checkSenders(ctx context.Context, trigger *triggersv1.Trigger, line approvals.InterceptorParams) error {
	p, err := gate.PolicyFor(ctx, t.Client, trigger.Namespace, line)
	switch c := approvals.CodeOf(err); {
	case c == approvals.CodeNotFound || c == approvals.CodeInvalid:
		return nil
	case err != nil:
		return err
	case !line.After.IsZero() && p.Release.Kind != "":
		return nil // nobody sent what is held, and nothing is posted
	}
	if err := t.CheckSender(ctx, trigger.Namespace, trigger.Name, trigger.Spec.Interceptors, p); err != nil {
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			return err
		}
		return approvals.Errorf(approvals.CodeInvalid, "trigger %s/%s: %s", trigger.Namespace, trigger.Name, approvals.Message(err))
	}
	return nil
}

// WholeChain returns own behind the interceptors of triggerGroups that select the Trigger: an
// EventListener asks those first, and our event too goes through them. The groups and the errors
// are those of groupsOf.
func (t *Triggers) WholeChain(ctx context.Context, namespace, name string, own []*triggersv1.TriggerInterceptor) ([]*triggersv1.TriggerInterceptor, error) {
	object, err := t.object(ctx, namespace, name)
	if err != nil || object == nil {
		return own, err
	}
	groups, err := t.groupsOf(ctx, Standing{Trigger: object})
	if err != nil {
		return nil, err
	}
	var out []*triggersv1.TriggerInterceptor
	for _, g := range groups {
		out = append(out, g.Interceptors...)
	}
	return append(out, own...), nil
}

// CheckSender is SenderCheck of a Trigger's whole chain.
func (t *Triggers) CheckSender(ctx context.Context, namespace, name string, own []*triggersv1.TriggerInterceptor, p approvals.Policy) error {
	chain, err := t.WholeChain(ctx, namespace, name, own)
	if err != nil {
		return err
	}
	return t.SenderCheck(namespace, chain, p)
}

// stockSender returns an error unless p proves senders to a stock interceptor by the Secret that the
// interceptor refers to. One without a Secret verifies nobody.
func stockSender(name string, kind approvals.SenderKind, ti *triggersv1.TriggerInterceptor, p approvals.Policy) error {
	ref, err := SecretRefOf(ti)
	if err != nil || ref == nil {
		return err
	}
	want := approvals.SecretRef{Name: ref.SecretName, Key: ref.SecretKey, Kind: kind}
	if p.Secret == want {
		return nil
	}
	return wrongSender("interceptor "+name, signature.Kind(kind).Header(), want, p)
}

// wrongSender is the sentence for an interceptor that verifies senders by want, which p
// does not.
func wrongSender(who, header string, want approvals.SecretRef, p approvals.Policy) error {
	why := "has no signingSecret"
	if p.Secret.Name != "" {
		why = "has signingSecret " + p.Secret.String()
	}
	return fmt.Errorf("%s verifies the sender by header %s, which is never stored, and gate %q %s: that interceptor would reject the released event, and an event that bypasses it would be held unverified.  "+
		"Give the Gate signingSecret: {name: %s, key: %s, kind: %s}, or gate a later step with after", who, header, p.Gate, why, want.Name, want.Key, want.Kind)
}

// CelSender looks at every compareSecret of a cel interceptor.
func (t *Triggers) CelSender(namespace string, ti *triggersv1.TriggerInterceptor, p approvals.Policy) error {
	for _, expr := range ExpressionsOf(ti) {
		if !strings.Contains(expr, "compareSecret") {
			continue
		}
		found, err := t.CEL.Comparisons(expr)
		if err != nil {
			return fmt.Errorf("interceptor cel uses compareSecret in an expression that can't be read here: %s", approvals.Message(err))
		}
		for _, c := range found {
			header := http.CanonicalHeaderKey(c.Header)
			kind := map[string]approvals.SenderKind{signature.HeaderGitLab: approvals.SenderGitLab, signature.HeaderAuthorization: approvals.SenderBearer}[header]
			if kind == "" || c.Secret == "" || c.Key == "" || cmp.Or(c.Namespace, namespace) != namespace {
				return fmt.Errorf("interceptor cel verifies the sender by compareSecret in a way that the released event can't pass: only a comparison of header X-Gitlab-Token, or of Authorization, " +
					"with a Secret of this namespace, all written out, can be repeated by a Gate with signingSecret (kind GitLab or Bearer). Change the expression, or gate a later step with after")
			}
			if want := (approvals.SecretRef{Name: c.Secret, Key: c.Key, Kind: kind}); p.Secret != want {
				return wrongSender("interceptor cel", header, want, p)
			}
		}
	}
	return nil
}
