package convert

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// Unverified is the domain's view of an object for those without the keys: the
// service's word on its signature is taken.
func Unverified(o *v1alpha1.Approval) approvals.Approval {
	a := ToDomain(o)
	if p := ProblemOf(o.Status.Conditions, v1alpha1.ConditionReady); p != nil && p.Reason == SignatureInvalid {
		a.Resolved, a.Blocked = nil, p
	}
	return a
}

// ToDomain is the domain's view of an object. It shares no memory that either
// side changes in place.
func ToDomain(o *v1alpha1.Approval) approvals.Approval {
	a := approvals.Approval{
		Key:      approvals.Key{Namespace: o.Namespace, Name: o.Name, UID: string(o.UID)},
		Trigger:  o.Spec.Trigger,
		OpenedAt: o.CreationTimestamp.Time,
		Source:   sourceToDomain(o.Spec.Source),
		Resolved: ResolvedToDomain(o.Spec.Resolved),
		Outcome:  approvals.Outcome(o.Status.Outcome),
		Results:  paramsToDomain(o.Status.Results),
		Inputs:   paramsToDomain(o.Status.Inputs), SupersededBy: o.Status.SupersededBy,
	}
	a.Source.Lean = LeanOf(o)
	if a.Outcome == "" {
		a.Outcome = approvals.Pending
	}
	if o.Status.DecidedAt != nil {
		a.DecidedAt = o.Status.DecidedAt.Time
	}
	if c := o.Status.Cancellation; c != nil {
		a.Cancellation = &approvals.Cancellation{By: c.By, Reason: c.Reason, At: c.At.Time}
	}
	if t := o.Status.RetryRequestedAt; t != nil {
		a.RetryRequestedAt = t.Time
	}
	for _, v := range o.Status.Votes {
		a.Votes = append(a.Votes, approvals.Vote{
			Voter: v.Voter, Verdict: approvals.Verdict(v.Verdict), Comment: v.Comment,
			At: v.At.Time, AuthMethod: approvals.AuthMethod(v.AuthMethod), CredentialID: v.CredentialID, Address: v.Address,
			Groups: slices.Clone(v.Groups), ByRBAC: v.ByRBAC, Inputs: paramsToDomain(v.Inputs), BreakGlass: v.BreakGlass, OnBehalfOf: v.OnBehalfOf, DisplayName: v.DisplayName,
		})
	}
	a.Discussion = discussionToDomain(o.Status.Discussion)
	for _, w := range o.Status.Withdrawn {
		a.Withdrawn = append(a.Withdrawn, approvals.Withdrawal{Voter: w.Voter, At: w.At.Time, CredentialID: w.CredentialID, WithdrawnByCredential: w.WithdrawnByCredential})
	}
	for _, r := range o.Status.RevokedLinks {
		a.Revoked = append(a.Revoked, approvals.Revocation{Voter: r.Voter, By: r.By, At: r.At.Time})
	}
	for _, n := range o.Status.Notifications {
		d := approvals.Delivery{
			Event: n.Event, Channel: n.Channel, Recipient: n.Recipient, MessageID: n.MessageID,
			Attempts: int(n.Attempts), Error: n.Error,
		}
		if n.SentAt != nil {
			d.SentAt = n.SentAt.Time
		}
		a.Deliveries = append(a.Deliveries, d)
	}
	if n := o.Status.SecondRun; n != nil {
		next := secondRunToDomain(n)
		a.SecondRun = &next
		a.EventID, a.RunEnd = n.EventID, runEndToDomain(n)
	}
	a.Reruns = rerunsToDomain(o.Status.Reruns)
	if e := o.Status.Effect; e != nil {
		a.Effect = &approvals.Effect{What: e.Description, At: e.ObservedAt.Time}
	}
	if a.Resolved == nil { // the condition of before may still be there when it is resolved
		a.Blocked = ProblemOf(o.Status.Conditions, v1alpha1.ConditionReady)
	}
	if g := o.Spec.Replaces; g != nil {
		a.Replaces = &approvals.Replacement{Name: g.Name, UID: g.UID, Number: int(g.Number), RequestedBy: g.RequestedBy}
	}
	if c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionStartable); c != nil && c.Reason != notResolved && c.Reason != started {
		a.Preflight = approvals.ParsePreflight(approvals.PreflightState(c.Status), c.Reason, c.Message)
	}
	if t := o.Status.AnsweredAt; t != nil {
		a.AnsweredAt = t.Time
	}
	a.Unreleased = ProblemOf(o.Status.Conditions, v1alpha1.ConditionReleased)
	return a
}

// StatusOf is the status that says what a says. Conditions keep the transition
// times of before; when nothing changed it is equal to before.
func StatusOf(a approvals.Approval, before v1alpha1.ApprovalStatus, generation int64, now time.Time) v1alpha1.ApprovalStatus {
	s := v1alpha1.ApprovalStatus{
		Outcome: v1alpha1.Outcome(a.Outcome),
		Results: paramsToAPI(a.Results),
		Inputs:  paramsToAPI(a.Inputs), SupersededBy: a.SupersededBy,
	}
	if !a.DecidedAt.IsZero() {
		s.DecidedAt = micro(a.DecidedAt)
	}
	if c := a.Cancellation; c != nil {
		s.Cancellation = &v1alpha1.Cancellation{By: c.By, Reason: c.Reason, At: *micro(c.At)}
	}
	if !a.RetryRequestedAt.IsZero() {
		s.RetryRequestedAt = micro(a.RetryRequestedAt)
	}
	for _, v := range a.Votes {
		s.Votes = append(s.Votes, v1alpha1.VoteRecord{
			Voter: v.Voter, Verdict: v1alpha1.Verdict(v.Verdict), Comment: v.Comment,
			At: *micro(v.At), AuthMethod: string(v.AuthMethod), CredentialID: v.CredentialID, Address: v.Address,
			Groups: v.Groups, ByRBAC: v.ByRBAC, Inputs: paramsToAPI(v.Inputs), BreakGlass: v.BreakGlass, OnBehalfOf: v.OnBehalfOf, DisplayName: v.DisplayName,
		})
	}
	s.Discussion = discussionToAPI(a.Discussion)
	for _, w := range a.Withdrawn {
		s.Withdrawn = append(s.Withdrawn, v1alpha1.Withdrawal{Voter: w.Voter, At: *micro(w.At), CredentialID: w.CredentialID, WithdrawnByCredential: w.WithdrawnByCredential})
	}
	for _, r := range a.Revoked {
		s.RevokedLinks = append(s.RevokedLinks, v1alpha1.RevokedLink{Voter: r.Voter, By: r.By, At: *micro(r.At)})
	}
	for _, d := range a.Deliveries {
		n := v1alpha1.Notification{
			Event: d.Event, Channel: d.Channel, Recipient: d.Recipient, MessageID: d.MessageID,
			Attempts: int32(min(d.Attempts, 1<<30)), Error: approvals.Cut(d.Error, 1024), //nolint:gosec // bounded
		}
		if !d.SentAt.IsZero() {
			n.SentAt = &metav1.Time{Time: d.SentAt.UTC().Truncate(time.Second)}
		}
		s.Notifications = append(s.Notifications, n)
	}
	if r := a.SecondRun; r != nil {
		next := secondRunToAPI(*r, a.EventID, a.RunEnd)
		s.SecondRun = &next
	}
	s.Reruns = rerunsToAPI(a.Reruns)
	if e := a.Effect; e != nil {
		s.Effect = &v1alpha1.Effect{Description: approvals.Cut(e.What, 1024), ObservedAt: *micro(e.At)}
	}
	if !a.AnsweredAt.IsZero() {
		s.AnsweredAt = micro(a.AnsweredAt)
	}
	s.Conditions = ConditionsOf(a, before.Conditions, generation, now)
	return s
}

func sourceToDomain(s v1alpha1.Source) approvals.Source {
	var d approvals.Source
	if r := s.PipelineRun; r != nil {
		d.Run = &approvals.Run{Name: r.Name, UID: r.UID, Pipeline: r.Pipeline, At: r.CompletedAt.UTC(), Namespace: r.Namespace, Inline: r.Inline, From: r.From}
		d.Params, d.Results = paramsToDomain(r.Params), paramsToDomain(r.Results)
		d.Labels, d.Annotations = valuesToDomain(r.Labels), valuesToDomain(r.Annotations)
		d.Requester, d.RequesterProof, d.Claims = r.Requester, approvals.Proof(r.RequesterProof), paramsToDomain(r.Claims)
	}
	if e := s.Event; e != nil {
		d.Event = &approvals.Event{ID: e.ID, Body: e.Body, URL: e.URL, Digest: e.Digest, Headers: paramsToDomain(e.Headers), VerifiedBy: e.VerifiedBy, Extensions: e.Extensions}
		d.RequesterProof = approvals.Proof(e.RequesterProof)
	}
	if t := s.CustomRun; t != nil {
		d.Task = &approvals.Task{
			Name: t.Name, UID: t.UID, Attempt: int(t.Attempt), Task: t.PipelineTask, Mapping: t.Mapping,
			Run: approvals.Run{Name: t.PipelineRun, UID: t.PipelineRunUID, Pipeline: t.Pipeline, At: t.StartedAt.UTC(), Inline: t.Inline},
		}
		d.Params, d.Requester, d.RequesterProof = paramsToDomain(t.Params), t.Requester, approvals.Proof(t.RequesterProof)
		d.Labels, d.Annotations = valuesToDomain(t.Labels), valuesToDomain(t.Annotations)
	}
	return d
}

// SourceToAPI writes what ToDomain reads: nothing of a source is lost on the way there and back.
func SourceToAPI(d approvals.Source) v1alpha1.Source {
	var s v1alpha1.Source
	if r := d.Run; r != nil {
		s.PipelineRun = &v1alpha1.PipelineRunSource{
			Name: r.Name, UID: r.UID, Pipeline: r.Pipeline, CompletedAt: metav1.NewTime(r.At), Requester: d.Requester,
			Namespace: r.Namespace, Inline: r.Inline, From: r.From, RequesterProof: v1alpha1.Proof(d.RequesterProof),
			Params: paramsToAPI(d.Params), Results: paramsToAPI(d.Results), Claims: paramsToAPI(d.Claims),
			Labels: valuesToAPI(d.Labels), Annotations: valuesToAPI(d.Annotations),
		}
	}
	if e := d.Event; e != nil {
		s.Event = &v1alpha1.EventSource{
			ID: e.ID, Body: e.Body, URL: e.URL, Digest: e.Digest, Headers: paramsToAPI(e.Headers), VerifiedBy: e.VerifiedBy, Extensions: e.Extensions,
			RequesterProof: v1alpha1.Proof(d.RequesterProof),
		}
	}
	if t := d.Task; t != nil {
		s.CustomRun = &v1alpha1.CustomRunSource{
			Name: t.Name, UID: t.UID, Attempt: int32(t.Attempt), PipelineTask: t.Task, Mapping: t.Mapping, //nolint:gosec // as many as one object's status holds
			PipelineRun: t.Run.Name, PipelineRunUID: t.Run.UID, Pipeline: t.Run.Pipeline, Inline: t.Run.Inline, StartedAt: metav1.NewTime(t.Run.At),
			Params: paramsToAPI(d.Params), Requester: d.Requester, RequesterProof: v1alpha1.Proof(d.RequesterProof), Labels: valuesToAPI(d.Labels), Annotations: valuesToAPI(d.Annotations),
		}
	}
	return s
}

// ResolvedToDomain converts it as it is: nobody has verified it yet.
func ResolvedToDomain(t *v1alpha1.ResolvedSpec) *approvals.ResolvedSpec {
	if t == nil {
		return nil
	}
	d := &approvals.ResolvedSpec{
		Policy: policyOf(t), Requester: t.Requester, RequesterProof: approvals.Proof(t.RequesterProof),
		RequesterAliases: slices.Clone(t.RequesterAliases),
		Params:           paramsToDomain(t.Params), Digest: t.Digest, TemplateDigest: t.TemplateDigest, SupersedeKey: t.SupersedeKey,
	}
	d.About = approvals.About{Title: t.Title, Instructions: t.Instructions}
	for _, l := range t.Links {
		d.About.Links = append(d.About.Links, approvals.Link{Name: l.Name, URL: l.URL})
	}
	for _, s := range t.Summaries {
		d.Summaries = append(d.Summaries, summaryToDomain(s))
	}
	for _, r := range t.References {
		d.References = append(d.References, approvals.Reference{Kind: r.Kind, Name: r.Name, UID: r.UID, Generation: r.Generation, Digest: r.Digest})
	}
	for _, e := range t.Evidence {
		d.Evidence = append(d.Evidence, itemToDomain(e))
	}
	if x := t.Target; x != nil {
		d.Target = &approvals.Target{Kind: approvals.TargetKind(x.Kind), Name: x.Name, Key: x.Key, UID: x.UID, Pipeline: x.Pipeline}
	}
	if t.ResolvedAt != nil {
		d.ResolvedAt = t.ResolvedAt.UTC()
	}
	if t.RunDeadline != nil {
		d.RunDeadline = t.RunDeadline.UTC()
	}
	return d
}

func policyOf(t *v1alpha1.ResolvedSpec) *approvals.Policy {
	var spec v1alpha1.GateSpec
	if t.Policy != nil { // the schema demands it
		spec = *t.Policy
	}
	p := PolicyToDomain(t.Gate, spec)
	if t.PolicySource != "" {
		p.From = approvals.Origin(t.PolicySource)
	}
	p.Limits = limitsToDomain(t.Limits)
	return &p
}

// ResolvedToAPI writes what ResolvedToDomain reads, so that the digest of both is the same. Nil
// for nil.
func ResolvedToAPI(t *approvals.ResolvedSpec) *v1alpha1.ResolvedSpec {
	if t == nil {
		return nil
	}
	o := &v1alpha1.ResolvedSpec{
		Gate: t.Policy.Gate, Policy: new(PolicyToAPI(*t.Policy)), PolicySource: string(t.Policy.From), Limits: limitsToAPI(t.Policy.Limits), Requester: t.Requester,
		RequesterProof: v1alpha1.Proof(t.RequesterProof), RequesterAliases: slices.Clone(t.RequesterAliases),
		Params: paramsToAPI(t.Params), Digest: t.Digest, TemplateDigest: t.TemplateDigest, SupersedeKey: t.SupersedeKey,
	}
	o.Title, o.Instructions = t.About.Title, t.About.Instructions
	for _, l := range t.About.Links {
		o.Links = append(o.Links, v1alpha1.FixedLink{Name: l.Name, URL: l.URL})
	}
	for _, s := range t.Summaries {
		o.Summaries = append(o.Summaries, summaryToAPI(s))
	}
	for _, r := range t.References {
		o.References = append(o.References, v1alpha1.Reference{Kind: r.Kind, Name: r.Name, UID: r.UID, Generation: r.Generation, Digest: r.Digest})
	}
	for _, e := range t.Evidence {
		o.Evidence = append(o.Evidence, itemToAPI(e))
	}
	if x := t.Target; x != nil {
		o.Target = &v1alpha1.Target{Kind: string(x.Kind), Name: x.Name, Key: x.Key, UID: x.UID, Pipeline: x.Pipeline}
	}
	if !t.ResolvedAt.IsZero() {
		o.ResolvedAt = &metav1.Time{Time: t.ResolvedAt.UTC()}
	}
	if !t.RunDeadline.IsZero() {
		o.RunDeadline = &metav1.Time{Time: t.RunDeadline.UTC().Truncate(time.Second)}
	}
	return o
}

func paramsToDomain(ps []v1alpha1.Param) []approvals.Param {
	var out []approvals.Param
	for _, p := range ps {
		out = append(out, approvals.Param{Name: p.Name, Value: p.Value})
	}
	return out
}

func paramsToAPI(ps []approvals.Param) []v1alpha1.Param {
	var out []v1alpha1.Param
	for _, p := range ps {
		out = append(out, v1alpha1.Param{Name: p.Name, Value: p.Value})
	}
	return out
}

func valuesToDomain(m map[string]v1alpha1.LabelValue) map[string]string {
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}

func valuesToAPI(m map[string]string) map[string]v1alpha1.LabelValue {
	if m == nil {
		return nil
	}
	out := make(map[string]v1alpha1.LabelValue, len(m))
	for k, v := range m {
		out[k] = v1alpha1.LabelValue(v)
	}
	return out
}

func micro(t time.Time) *metav1.MicroTime {
	return &metav1.MicroTime{Time: t.UTC().Truncate(time.Microsecond)}
}
