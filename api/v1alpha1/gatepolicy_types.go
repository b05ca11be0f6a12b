package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// GatePolicy restricts the Gates of the namespaces that it selects. Cluster administrators write
// it. If several select one namespace, all apply, so the strictest value of each field counts.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=gatepolicies,scope=Cluster,categories=countersign
// +kubebuilder:printcolumn:name="Namespaces",type=string,JSONPath=`.spec.namespaceSelector`
// +kubebuilder:printcolumn:name="Approvals",type=integer,JSONPath=`.spec.minApprovals`
// +kubebuilder:printcolumn:name="Requester",type=string,JSONPath=`.spec.requester`
// +kubebuilder:printcolumn:name="Max-Expiry",type=string,JSONPath=`.spec.maxExpiresAfter`
// +kubebuilder:printcolumn:name="Inline",type=string,priority=1,JSONPath=`.spec.inlineGates`
// +kubebuilder:printcolumn:name="Methods",type=string,priority=1,JSONPath=`.spec.allowedAuthMethods`
// +kubebuilder:printcolumn:name="Domains",type=string,priority=1,JSONPath=`.spec.allowedMailDomains`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type GatePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the Gates may allow.
	// +required
	Spec GatePolicySpec `json:"spec"`
}

// GatePolicySpec is what Gates may allow. A field that is absent restricts nothing. A Gate that
// the policy does not allow has Ready False with reason OutsidePolicy, and Approvals of it can't
// be decided.
//
// +kubebuilder:validation:XValidation:rule="!has(self.requiredGroups) || !has(self.allowedGroups) || self.requiredGroups.all(g, g in self.allowedGroups)",message="every required group must be an allowed one: add it to allowedGroups"
// +kubebuilder:validation:XValidation:rule="!has(self.maxExpiresAfter) || (duration(self.maxExpiresAfter) >= duration('10s') && duration(self.maxExpiresAfter) <= duration('2160h'))",message="maxExpiresAfter must be between 10s and 2160h (90 days)"
type GatePolicySpec struct {
	// namespaceSelector selects namespaces by their labels. An empty selector, {}, selects all of
	// them.
	// +required
	NamespaceSelector NamespaceSelector `json:"namespaceSelector"`
	// inlineGates is whether a Trigger may contain a Gate instead of referring to one by name:
	// Allow or Forbid.
	// +optional
	InlineGates Permission `json:"inlineGates,omitempty"`
	// taskApprovers is whether an approval task may name its approvers in its params: Allow or
	// Forbid. With Forbid it has to name a Gate, by its param gate.
	// +optional
	TaskApprovers Permission `json:"taskApprovers,omitempty"`
	// userApprovers is whether approvers may be single users: Allow or Forbid. With Forbid they
	// have to be groups, or rbac.
	// +optional
	UserApprovers Permission `json:"userApprovers,omitempty"`
	// rbacApprovers is whether a Gate may set rbac: Allow or Forbid.
	// +optional
	RBACApprovers Permission `json:"rbacApprovers,omitempty"`
	// allowedGroups are the names of the groups that may be approvers.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	AllowedGroups []string `json:"allowedGroups,omitempty"`
	// requiredGroups are names of groups, from each of which one member has to approve. A Gate
	// needs a rule that only this group can meet, or has only this group.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	RequiredGroups []string `json:"requiredGroups,omitempty"`
	// minApprovals is the least number of different people who have to approve. A Gate with
	// onExpiry Approve needs nobody, so it is outside the policy, too.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	MinApprovals int32 `json:"minApprovals,omitempty"`
	// requester is the least strict value of the Gate's field requester. Exclude: the requester
	// may not decide. Required: the requester has to be verified, too.
	// +optional
	Requester RequesterMinimum `json:"requester,omitempty"`
	// maxExpiresAfter is the longest expiresAfter of a Gate, as a Go duration such as 72h: 10s to
	// 2160h (90 days). A Gate without expiresAfter counts as 168h.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +optional
	MaxExpiresAfter string `json:"maxExpiresAfter,omitempty"`
	// allowedOnExpiry are the values that the Gate's field onExpiry may have.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	// +optional
	AllowedOnExpiry []ExpiryRule `json:"allowedOnExpiry,omitempty"`
	// allowedReleaseOn are the values that the Gate's field releaseOn may have. The default is all
	// of them, and Approved alone if minApprovals, requiredGroups or allowedOnExpiry is set,
	// because nobody approved what was rejected or expired.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	// +optional
	AllowedReleaseOn []ReleasingOutcome `json:"allowedReleaseOn,omitempty"`
	// allowedMailDomains are the domains, in lower case, of the e-mail addresses that a Gate may
	// contain, as approvers or as recipients. Each subdomain has to be listed.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	// +listType=set
	// +optional
	AllowedMailDomains []string `json:"allowedMailDomains,omitempty"`
	// allowedChannels are the names of the channels that a Gate may notify.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=set
	// +optional
	AllowedChannels []string `json:"allowedChannels,omitempty"`
	// allowedAuthMethods are the ways in which a voter may be authenticated. Token: a Kubernetes
	// bearer token. Link: the link in an approver's mail. Login: the web login. Slack: a button in
	// Slack. Object: kubectl, tkn approval, or another object of the Kubernetes API. A vote by any
	// other way is refused. Without Link, a mailed link only shows the page.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	// +listType=set
	// +optional
	AllowedAuthMethods []AuthMethod `json:"allowedAuthMethods,omitempty"`
	// maxReruns is the highest value of the Gate's field rerun.limit. With 0, a run that failed
	// can't be started again on the same decision.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	// +optional
	MaxReruns *int32 `json:"maxReruns,omitempty"`
	// breakGlass is whether somebody with the RBAC verb break-glass may approve alone: Allow or
	// Forbid.
	// +optional
	BreakGlass Permission `json:"breakGlass,omitempty"`
	// delegations is whether a delegate may vote: Allow or Forbid.
	// +optional
	Delegations Permission `json:"delegations,omitempty"`
	// quota is how much each of the namespaces may have at once, in place of the service's
	// configuration. If several policies have a quota, the lowest number counts.
	// +optional
	Quota *NamespaceQuota `json:"quota,omitempty"`
}

// NamespaceQuota bounds how much one namespace may have at once. For a field that is absent, the
// service's configuration counts (limits.namespace). What is over a bound is not held, waits or
// does not count, and an Event with reason CountersignOverLimit reports what was not held.
type NamespaceQuota struct {
	// openApprovals is the number of pending Approvals. Events whose sender was not verified can
	// use three quarters of it at most.
	// +kubebuilder:validation:Minimum=1
	// +optional
	OpenApprovals int32 `json:"openApprovals,omitempty"`
	// heldBytes is the number of bytes of all events that wait for a decision, with their headers.
	// +kubebuilder:validation:Minimum=1
	// +optional
	HeldBytes int64 `json:"heldBytes,omitempty"`
	// eventsPerMinute is the number of events that are held in a minute. An event of more than 16
	// KiB counts once for each 16 KiB. Each replica of the service counts for itself.
	// +kubebuilder:validation:Minimum=1
	// +optional
	EventsPerMinute int32 `json:"eventsPerMinute,omitempty"`
	// waitingVotes is the number of Votes that Countersign has not handled yet.
	// +kubebuilder:validation:Minimum=1
	// +optional
	WaitingVotes int32 `json:"waitingVotes,omitempty"`
	// delegations is the number of Delegations that count. If there are more, the oldest ones
	// count.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Delegations int32 `json:"delegations,omitempty"`
	// mailsPerHour is the number of mails about Approvals of the namespace in an hour. Further
	// mails wait.
	// +kubebuilder:validation:Minimum=1
	// +optional
	MailsPerHour int32 `json:"mailsPerHour,omitempty"`
	// mailsPerHourToOneAddress is the number of those mails to one address in an hour. Further
	// mails wait.
	// +kubebuilder:validation:Minimum=1
	// +optional
	MailsPerHourToOneAddress int32 `json:"mailsPerHourToOneAddress,omitempty"`
	// evidenceBytes is the number of bytes of all stored evidence, after compression.
	// +kubebuilder:validation:Minimum=1
	// +optional
	EvidenceBytes int64 `json:"evidenceBytes,omitempty"`
}

// NamespaceSelector selects namespaces by their labels, as label selectors do everywhere in
// Kubernetes. Its size is bounded, so that the API server can check it.
type NamespaceSelector struct {
	// matchLabels are labels that the namespace has to have, with their values.
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) <= 317 && k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="a key of matchLabels is no name of a label"
	// +optional
	MatchLabels map[string]SelectorValue `json:"matchLabels,omitempty"`
	// matchExpressions are requirements, all of which have to be met.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	MatchExpressions []NamespaceRequirement `json:"matchExpressions,omitempty"`
}

// NamespaceRequirement is one requirement of a selector.
//
// +kubebuilder:validation:XValidation:rule="self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",message="operators In and NotIn need values, Exists and DoesNotExist take none"
type NamespaceRequirement struct {
	// key is the name of the label.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	// +required
	Key string `json:"key"`
	// operator is how the label is compared with values: In, NotIn, Exists or DoesNotExist.
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	// +required
	Operator metav1.LabelSelectorOperator `json:"operator"`
	// values of the label, for In and NotIn.
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	Values []SelectorValue `json:"values,omitempty"`
}

// SelectorValue is the value of a label.
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`
type SelectorValue string

// Permission is Allow or Forbid.
// +kubebuilder:validation:Enum=Allow;Forbid
type Permission string

// RequesterMinimum is the least strict value of the Gate's field requester.
// +kubebuilder:validation:Enum=Exclude;Required
type RequesterMinimum string

// AuthMethod is how a voter was authenticated.
// +kubebuilder:validation:Enum=Token;Link;Login;Slack;Object
type AuthMethod string

// GatePolicyList is a list of GatePolicies.
//
// +kubebuilder:object:root=true
type GatePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []GatePolicy `json:"items"`
}
