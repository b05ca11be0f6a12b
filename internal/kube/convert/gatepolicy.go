package convert

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// The words of Permission.
const (
	permitAllow  v1alpha1.Permission = "Allow"
	permitForbid v1alpha1.Permission = "Forbid"
)

// GatePolicyToDomain reads a GatePolicy. What the schema would have refused makes it
// an invalid one, and not one that says less.
func GatePolicyToDomain(o *v1alpha1.GatePolicy) approvals.GatePolicy {
	s := o.Spec
	g := approvals.GatePolicy{
		Name:              o.Name,
		ForbidInlineGates: forbids(s.InlineGates), ForbidTaskApprovers: forbids(s.TaskApprovers), ForbidUsers: forbids(s.UserApprovers),
		ForbidRBAC: forbids(s.RBACApprovers), ForbidBreakGlass: forbids(s.BreakGlass), ForbidDelegations: forbids(s.Delegations),
		MinApprovals: int(s.MinApprovals), Requester: approvals.RequesterRule(s.Requester),
		AllowedOnExpiry: convertAll[approvals.ExpiryRule](s.AllowedOnExpiry), AllowedReleaseOn: convertAll[approvals.Outcome](s.AllowedReleaseOn), AllowedAuthMethods: convertAll[approvals.AuthMethod](s.AllowedAuthMethods),
		AllowedMailDomains: s.AllowedMailDomains, AllowedChannels: s.AllowedChannels,
		AllowedGroups: s.AllowedGroups, RequiredGroups: s.RequiredGroups,
	}
	if n := s.MaxReruns; n != nil {
		g.MaxReruns = new(int(*n))
	}
	if u := s.Quota; u != nil {
		g.Quota = approvals.Quota{
			OpenApprovals: int(u.OpenApprovals), HeldBytes: u.HeldBytes, EventsPerMinute: int(u.EventsPerMinute), WaitingVotes: int(u.WaitingVotes),
			Delegations: int(u.Delegations), MailsPerHour: int(u.MailsPerHour), MailsPerHourTo: int(u.MailsPerHourToOneAddress), EvidenceBytes: u.EvidenceBytes,
		}
	}
	if s.MaxExpiresAfter != "" {
		d, err := time.ParseDuration(s.MaxExpiresAfter)
		if g.MaxLifetime = d; err != nil || d <= 0 {
			g.Invalid = "maxExpiresAfter is not a duration such as 72h"
		}
	}
	return g
}

// forbids takes a word that nobody knows for the strict one.
func forbids(p v1alpha1.Permission) bool { return p != "" && p != permitAllow }

// SelectorOf is a selector in the form that apimachinery evaluates.
func SelectorOf(s v1alpha1.NamespaceSelector) *metav1.LabelSelector {
	out := &metav1.LabelSelector{}
	for k, v := range s.MatchLabels {
		if out.MatchLabels == nil {
			out.MatchLabels = map[string]string{}
		}
		out.MatchLabels[k] = string(v)
	}
	for _, e := range s.MatchExpressions {
		out.MatchExpressions = append(out.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: e.Key, Operator: e.Operator, Values: convertAll[string](e.Values),
		})
	}
	return out
}

func limitsToDomain(l *v1alpha1.Limits) approvals.Limits {
	if l == nil {
		return approvals.Limits{}
	}
	return approvals.Limits{
		Methods: convertAll[approvals.AuthMethod](l.AuthMethods), NoBreakGlass: forbids(l.BreakGlass), NoDelegations: forbids(l.Delegations),
	}
}

func limitsToAPI(l approvals.Limits) *v1alpha1.Limits {
	if l.Methods == nil && !l.NoBreakGlass && !l.NoDelegations {
		return nil
	}
	o := &v1alpha1.Limits{AuthMethods: convertAll[v1alpha1.AuthMethod](l.Methods)}
	if l.NoBreakGlass {
		o.BreakGlass = permitForbid
	}
	if l.NoDelegations {
		o.Delegations = permitForbid
	}
	return o
}

// convertAll is values as another kind of string, nil for nil.
func convertAll[To, From ~string](values []From) []To {
	if values == nil {
		return nil
	}
	out := make([]To, 0, len(values))
	for _, v := range values {
		out = append(out, To(v))
	}
	return out
}
