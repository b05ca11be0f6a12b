package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// GatePolicy restricts the Gates of the namespaces that it selects. Cluster
// administrators write it. Of several that select one namespace all hold, so the
// strictest value of each field does.
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

	// spec is what Gates are held to.
	// +required
	Spec GatePolicySpec `json:"spec"`
}

// GatePolicySpec is what Gates are held to. A field that is absent restricts nothing.
//
// +kubebuilder:validation:XValidation:rule="!has(self.requiredGroups) || !has(self.allowedGroups) || self.requiredGroups.all(g, g in self.allowedGroups)",message="every required group must be an allowed one: add it to allowedGroups"
// +kubebuilder:validation:XValidation:rule="!has(self.maxExpiresAfter) || (duration(self.maxExpiresAfter) >= duration('10s') && duration(self.maxExpiresAfter) <= duration('2160h'))",message="maxExpiresAfter must be between 10s and 2160h (90 days)"
type GatePolicySpec struct {
	// namespaceSelector selects namespaces by their labels; {} selects all of them.
	// +required
	NamespaceSelector NamespaceSelector `json:"namespaceSelector"`
	// inlineGates says whether Triggers may contain a Gate in the place of naming one.
	// +optional
	InlineGates Permission `json:"inlineGates,omitempty"`
	// taskApprovers says whether an approval task of a pipeline may name its approvers
	// itself. With Forbid it has to name a Gate.
	// +optional
	TaskApprovers Permission `json:"taskApprovers,omitempty"`
	// userApprovers says whether approvers may be single users.
	// +optional
	UserApprovers Permission `json:"userApprovers,omitempty"`
	// rbacApprovers says whether RBAC may decide who approves (the Gate's field rbac).
	// +optional
	RBACApprovers Permission `json:"rbacApprovers,omitempty"`
	// allowedGroups are the groups that may be approvers.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	AllowedGroups []string `json:"allowedGroups,omitempty"`
	// requiredGroups are groups of each of which a member has to approve.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	RequiredGroups []string `json:"requiredGroups,omitempty"`
	// minApprovals is the least number of distinct people who have to approve.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	MinApprovals int32 `json:"minApprovals,omitempty"`
	// requester is the least strict value of the Gate's field requester. Exclude: the
	// requester may not decide. Required: the requester has to be verified, too.
	// +optional
	Requester RequesterMinimum `json:"requester,omitempty"`
	// maxExpiresAfter is the longest that an Approval may wait, as a Go duration such
	// as 72h.
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
	// allowedReleaseOn are the values that the Gate's field releaseOn may have. Absent:
	// Approved alone, where minApprovals, requiredGroups or allowedOnExpiry ask for
	// approvals; what is rejected or expired was approved by nobody.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	// +optional
	AllowedReleaseOn []ReleasingOutcome `json:"allowedReleaseOn,omitempty"`
	// allowedMailDomains are the domains of the addresses that a Gate may name, be it as
	// approvers or to write to. Subdomains are listed on their own.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	// +listType=set
	// +optional
	AllowedMailDomains []string `json:"allowedMailDomains,omitempty"`
	// allowedChannels are the channels that a Gate may notify.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=set
	// +optional
	AllowedChannels []string `json:"allowedChannels,omitempty"`
	// allowedAuthMethods are the ways in which a voter may be authenticated. Token: a
	// Kubernetes bearer token. Link: the link in an approver's mail. Login: the web
	// login. Slack: a button in Slack. Object: kubectl, tkn approval, or another API
	// object.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	// +listType=set
	// +optional
	AllowedAuthMethods []AuthMethod `json:"allowedAuthMethods,omitempty"`
	// maxReruns is the highest value that the Gate's field rerun.limit may have: how often a
	// run that failed may be started again on the same decision. 0: approval has to be
	// requested again.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	// +optional
	MaxReruns *int32 `json:"maxReruns,omitempty"`
	// breakGlass says whether somebody with the RBAC verb break-glass may approve alone.
	// +optional
	BreakGlass Permission `json:"breakGlass,omitempty"`
	// delegations sets whether a delegate may vote.
	// +optional
	Delegations Permission `json:"delegations,omitempty"`
	// quota is what each of the namespaces may have at once, in place of what the service
	// is configured for. Of several policies the least counts.
	// +optional
	Quota *NamespaceQuota `json:"quota,omitempty"`
}

// NamespaceQuota bounds what one namespace may have at once. For a field that is absent
// the service's configuration holds (limits.namespace).
type NamespaceQuota struct {
	// openApprovals are the Approvals that wait for a decision. Events whose sender nobody
	// verified have three quarters of them at most.
	// +kubebuilder:validation:Minimum=1
	// +optional
	OpenApprovals int32 `json:"openApprovals,omitempty"`
	// heldBytes are the bytes of the events that wait for a decision.
	// +kubebuilder:validation:Minimum=1
	// +optional
	HeldBytes int64 `json:"heldBytes,omitempty"`
	// eventsPerMinute are the events that are held. One of more than 16 KiB counts once for
	// each 16 KiB. Each replica counts for itself.
	// +kubebuilder:validation:Minimum=1
	// +optional
	EventsPerMinute int32 `json:"eventsPerMinute,omitempty"`
	// waitingVotes are the Votes that were not looked at yet.
	// +kubebuilder:validation:Minimum=1
	// +optional
	WaitingVotes int32 `json:"waitingVotes,omitempty"`
	// delegations are the Delegations that count: of more, those that were made first.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Delegations int32 `json:"delegations,omitempty"`
	// mailsPerHour are the mails about Approvals of the namespace; further ones wait.
	// +kubebuilder:validation:Minimum=1
	// +optional
	MailsPerHour int32 `json:"mailsPerHour,omitempty"`
	// mailsPerHourToOneAddress are those of them that go to one address.
	// +kubebuilder:validation:Minimum=1
	// +optional
	MailsPerHourToOneAddress int32 `json:"mailsPerHourToOneAddress,omitempty"`
	// evidenceBytes are the bytes of all evidence that is kept, compressed.
	// +kubebuilder:validation:Minimum=1
	// +optional
	EvidenceBytes int64 `json:"evidenceBytes,omitempty"`
}

// NamespaceSelector selects namespaces by their labels, as label selectors do
// everywhere in Kubernetes. It is bounded here, so that the API server can check it.
type NamespaceSelector struct {
	// matchLabels are labels that the namespace has.
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) <= 317 && k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="a key of matchLabels is no name of a label"
	// +optional
	MatchLabels map[string]SelectorValue `json:"matchLabels,omitempty"`
	// matchExpressions are requirements that all hold.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	MatchExpressions []NamespaceRequirement `json:"matchExpressions,omitempty"`
}

// NamespaceRequirement is one requirement of a selector.
//
// +kubebuilder:validation:XValidation:rule="self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",message="operators In and NotIn need values, Exists and DoesNotExist take none"
type NamespaceRequirement struct {
	// key is the label's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	// +required
	Key string `json:"key"`
	// operator is how the label is compared with values.
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	// +required
	Operator metav1.LabelSelectorOperator `json:"operator"`
	// values are for In and NotIn.
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	Values []SelectorValue `json:"values,omitempty"`
}

// SelectorValue is a label's value.
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`
type SelectorValue string

// Permission says whether something may be.
// +kubebuilder:validation:Enum=Allow;Forbid
type Permission string

// RequesterMinimum is the least that a Gate must say of the requester.
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
