package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Vote is a vote by kubectl: one person's input on one Approval of its namespace, or what
// somebody who operates it wants.
// Who it is by is the API server's word: an admission policy takes it only from
// spec.voter. It is folded into the Approval once; its status says how that went. The
// Approval has the record: a while after that the service removes the Vote.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=votes,scope=Namespaced,categories=countersign
// +kubebuilder:printcolumn:name="Approval",type=string,JSONPath=`.spec.approval`
// +kubebuilder:printcolumn:name="Voter",type=string,JSONPath=`.spec.voter`
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.spec.verdict`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Vote struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the vote.
	// +required
	Spec VoteSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status VoteStatus `json:"status,omitempty"`
}

// VoteSpec is immutable: to say something else, make another Vote.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a Vote is immutable: create another one, which replaces it while the approval is pending"
// +kubebuilder:validation:XValidation:rule="!has(self.of) || self.verdict == 'revoke-link'",message="of is only for verdict revoke-link"
// +kubebuilder:validation:XValidation:rule="self.verdict != 'revoke-link' || !(has(self.comment) || has(self.inputs) || has(self.breakGlass))",message="verdict revoke-link takes no comment, inputs and breakGlass: remove them"
// +kubebuilder:validation:XValidation:rule="!(self.verdict in ['cancel', 'retry', 'rerun']) || !(has(self.inputs) || has(self.breakGlass))",message="verdicts cancel, retry and rerun take no inputs and breakGlass: remove them"
// +kubebuilder:validation:XValidation:rule="!(self.verdict in ['cancel', 'rerun']) || (has(self.comment) && size(self.comment) > 0)",message="verdicts cancel and rerun need a reason: give it as comment"
type VoteSpec struct {
	// approval is the Approval's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Approval string `json:"approval"`
	// approvalUID is the Approval's UID, so that another one of its name is not meant.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ApprovalUID string `json:"approvalUID,omitempty"`
	// voter is your user name: kubectl auth whoami.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// groups are those of your groups by which you vote. None but yours are taken.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Groups []string `json:"groups,omitempty"`
	// verdict is approve, reject, or withdraw. The others are no votes: again has what can't
	// start any more asked about again, revoke-link ends a link that was mailed for the Approval,
	// cancel ends a request or keeps its run from starting, retry tries at once what did not work,
	// and rerun starts a run that failed again on the same decision.
	// +kubebuilder:validation:Enum=approve;reject;withdraw;again;revoke-link;cancel;retry;rerun
	// +required
	Verdict string `json:"verdict"`
	// of says whose link revoke-link ends: an approver's name, or the address that it was
	// mailed to. Without it it is the voter's own.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	// +optional
	Of string `json:"of,omitempty"`
	// comment goes with the vote; of cancel and rerun it is the reason.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Comment string `json:"comment,omitempty"`
	// inputs are the Gate's, filled in.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Inputs []VoteInput `json:"inputs,omitempty"`
	// breakGlass approves alone, by the RBAC verb break-glass on the Gate.
	// +optional
	BreakGlass bool `json:"breakGlass,omitempty"`
}

// The verdicts that are no votes.
const (
	VerdictAgain      = "again"
	VerdictRevokeLink = "revoke-link"
	VerdictCancel     = "cancel"
	VerdictRetry      = "retry"
	VerdictRerun      = "rerun"
)

// VoteInput is one of the Gate's fields, filled in.
type VoteInput struct {
	// name of the field.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// value as typed.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Value string `json:"value,omitempty"`
}

// VoteStatus is what became of a Vote.
type VoteStatus struct {
	// state is Recorded or Refused, and empty until it has been looked at.
	// +kubebuilder:validation:Enum=Recorded;Refused
	// +optional
	State VoteState `json:"state,omitempty"`
	// message says why it was refused, or how the Approval stands.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Message string `json:"message,omitempty"`
}

// VoteState is what became of a Vote.
type VoteState string

// The states.
const (
	VoteRecorded VoteState = "Recorded"
	VoteRefused  VoteState = "Refused"
)

// VoteList is a list of Votes.
//
// +kubebuilder:object:root=true
type VoteList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Vote `json:"items"`
}
