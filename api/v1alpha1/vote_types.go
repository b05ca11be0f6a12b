package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Vote is a vote by kubectl: one person's decision on one Approval of its namespace, or what
// somebody who operates the Approval requests. An admission policy accepts it only from the person
// in spec.voter. Countersign counts it once, and its status reports the result. An hour after its
// creation Countersign deletes the Vote: the Approval has the vote.
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

	// spec is the vote. It is immutable.
	// +required
	Spec VoteSpec `json:"spec"`
	// status reports whether the vote was counted. Countersign writes it.
	// +optional
	Status VoteStatus `json:"status,omitempty"`
}

// VoteSpec is immutable: to change a vote, create another Vote, which replaces it while the
// Approval is pending.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a Vote is immutable: create another one, which replaces it while the approval is pending"
// +kubebuilder:validation:XValidation:rule="!has(self.of) || self.verdict == 'revoke-link'",message="of is only for verdict revoke-link"
// +kubebuilder:validation:XValidation:rule="self.verdict != 'revoke-link' || !(has(self.comment) || has(self.inputs) || has(self.breakGlass))",message="verdict revoke-link takes no comment, inputs and breakGlass: remove them"
// +kubebuilder:validation:XValidation:rule="!(self.verdict in ['comment', 'needs-changes']) || (has(self.comment) && size(self.comment) > 0 && !has(self.inputs) && !has(self.breakGlass))",message="verdicts comment and needs-changes need comment, and take no inputs and breakGlass"
// +kubebuilder:validation:XValidation:rule="!(self.verdict in ['cancel', 'retry', 'rerun']) || !(has(self.inputs) || has(self.breakGlass))",message="verdicts cancel, retry and rerun take no inputs and breakGlass: remove them"
// +kubebuilder:validation:XValidation:rule="!(self.verdict in ['cancel', 'rerun']) || (has(self.comment) && size(self.comment) > 0)",message="verdicts cancel and rerun need a reason: give it as comment"
type VoteSpec struct {
	// approval is the name of an Approval in the Vote's namespace. A Vote on one that does not
	// exist has state Refused.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Approval string `json:"approval"`
	// approvalUID is the UID of the Approval. With it the Vote is refused if another Approval has
	// that name by now.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ApprovalUID string `json:"approvalUID,omitempty"`
	// voter is your user name, as kubectl auth whoami prints it. Any other name is refused by the
	// admission policy countersign-votes.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// groups are those of your groups by which you vote. A group that you are not a member of is
	// refused by the admission policy countersign-votes. By default you vote by your name alone.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Groups []string `json:"groups,omitempty"`
	// verdict is approve, reject or withdraw. The other values are not votes: comment says something
	// in the discussion, needs-changes does so and asks the requester to change something, again requests
	// approval once more for what can't start any more, revoke-link ends a mailed link of the
	// Approval, cancel ends a request or keeps its run from starting, retry tries at once what
	// failed, and rerun starts a run that failed again on the same decision.
	// +kubebuilder:validation:Enum=approve;reject;withdraw;comment;needs-changes;again;revoke-link;cancel;retry;rerun
	// +required
	Verdict string `json:"verdict"`
	// of is whose link revoke-link ends: an approver's name, or the address that the link was
	// mailed to. The default is the voter's own link.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	// +optional
	Of string `json:"of,omitempty"`
	// comment goes with the vote, and is the text of comment and needs-changes; for cancel and rerun it is the reason. A vote without a comment
	// that the Gate requires has state Refused.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Comment string `json:"comment,omitempty"`
	// inputs are values for the inputs of the Gate. A value that the Gate does not allow gives
	// state Refused.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Inputs []VoteInput `json:"inputs,omitempty"`
	// breakGlass approves alone, whatever the Gate requires. It needs the RBAC verb break-glass on
	// the Gate, and a comment. The default is false.
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

// VoteInput is the value of one of the Gate's inputs.
type VoteInput struct {
	// name of the input, as in the Gate.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// value as text, also for numbers and bools.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Value string `json:"value,omitempty"`
}

// VoteStatus reports whether a Vote was counted.
type VoteStatus struct {
	// state is Recorded when the vote was counted, or Refused when a rule forbids it. It is empty
	// until Countersign has handled the Vote.
	// +kubebuilder:validation:Enum=Recorded;Refused
	// +optional
	State VoteState `json:"state,omitempty"`
	// message is why the vote was refused, or what the Approval still needs.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Message string `json:"message,omitempty"`
}

// VoteState is the result of a Vote.
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
