package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ApprovalTask asks people to approve or reject one approval task of a
// PipelineRun. It is a view of the Approval that its annotation names: Countersign
// makes it and writes its status; approvers answer in their own entry of
// spec.approvers, and nowhere else.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:metadata:labels="app.kubernetes.io/managed-by=countersign"
// +kubebuilder:metadata:labels="app.kubernetes.io/part-of=countersign"
// +kubebuilder:resource:path=approvaltasks,scope=Namespaced,categories=tekton;tekton-pipelines
// +kubebuilder:printcolumn:name="Required",type=integer,JSONPath=`.spec.numberOfApprovalsRequired`
// +kubebuilder:printcolumn:name="Received",type=integer,JSONPath=`.status.approvalsReceived`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Approval",type=string,priority=1,JSONPath=`.metadata.annotations.countersign\.dev/approval`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ApprovalTask struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is asked, and what was answered.
	// +required
	Spec ApprovalTaskSpec `json:"spec"`
	// status is how the Approval stands.
	// +optional
	Status ApprovalTaskStatus `json:"status,omitempty"`
}

// ApprovalTaskSpec is what is asked, and what was answered.
type ApprovalTaskSpec struct {
	// approvers are who may answer, each in their own entry.
	// +kubebuilder:validation:MaxItems=128
	// +listType=map
	// +listMapKey=type
	// +listMapKey=name
	// +required
	Approvers []Approver `json:"approvers"`
	// numberOfApprovalsRequired is how many people must approve.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	// +required
	NumberOfApprovalsRequired int32 `json:"numberOfApprovalsRequired"`
	// description says what is to be approved.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Description string `json:"description,omitempty"`
}

// Approver is one user, or one group and those of its members who answered.
type Approver struct {
	// name is the user's or the group's, as the API server knows it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// type is User or Group.
	// +kubebuilder:default=User
	// +optional
	Type ApproverType `json:"type,omitempty"`
	// input is the user's answer. In a group's entry clients keep the last member's
	// answer here; it counts for nothing.
	// +required
	Input Input `json:"input"`
	// message goes with the answer.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Message string `json:"message,omitempty"`
	// users are the members of the group who answered.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Users []Member `json:"users,omitempty"`
}

// Member is one member of a group who answered.
type Member struct {
	// name is the user's.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// input is the user's answer.
	// +required
	Input Input `json:"input"`
	// message goes with the answer. Clients up to v0.7 do not know it.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Message string `json:"message,omitempty"`
}

// ApproverType is User or Group.
//
// +kubebuilder:validation:Enum=User;Group
type ApproverType string

// The types.
const (
	User  ApproverType = "User"
	Group ApproverType = "Group"
)

// Input is what somebody answered.
//
// +kubebuilder:validation:Enum=pending;approve;reject
type Input string

// The answers. InputPending is none yet.
const (
	InputPending Input = "pending"
	InputApprove Input = "approve"
	InputReject  Input = "reject"
)

// State is how the task stands, for clients that know three ends only.
//
// +kubebuilder:validation:Enum=pending;approved;rejected
type State string

// The states. Whatever ended and was not approved is StateRejected; status.outcome
// has Countersign's own word.
const (
	StatePending  State = "pending"
	StateApproved State = "approved"
	StateRejected State = "rejected"
)

// ApprovalTaskStatus is how the Approval stands.
type ApprovalTaskStatus struct {
	// state is pending, approved or rejected.
	// +optional
	State State `json:"state,omitempty"`
	// outcome is the Approval's: Pending, Approved, Rejected, Expired, Cancelled or
	// Superseded.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Outcome string `json:"outcome,omitempty"`
	// approvers are the names of spec.approvers.
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=atomic
	// +optional
	Approvers []string `json:"approvers,omitempty"`
	// approversResponse are the votes that count, whichever way they came.
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	// +optional
	ApproversResponse []Response `json:"approversResponse,omitempty"`
	// approvalsRequired is how many people must approve.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ApprovalsRequired int32 `json:"approvalsRequired,omitempty"`
	// approvalsReceived is how many people have approved.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ApprovalsReceived int32 `json:"approvalsReceived,omitempty"`
	// startTime is when people were first asked.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// answers are the inputs of spec that were looked at, and what became of each:
	// one stands here before it is cast, and is cast once.
	// +kubebuilder:validation:MaxItems=128
	// +listType=map
	// +listMapKey=name
	// +optional
	Answers []Answer `json:"answers,omitempty"`
}

// Response is the vote of one user, or those of a group's members.
type Response struct {
	// name is the user's or the group's.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// type is User or Group.
	// +required
	Type ApproverType `json:"type"`
	// response is approved or rejected.
	// +required
	Response State `json:"response"`
	// message is the vote's comment.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Message string `json:"message,omitempty"`
	// groupMembers are the votes of the group's members.
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	GroupMembers []MemberResponse `json:"groupMembers,omitempty"`
}

// MemberResponse is the vote of one member of a group.
type MemberResponse struct {
	// name is the user's.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// response is approved or rejected.
	// +required
	Response State `json:"response"`
	// message is the vote's comment.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Message string `json:"message,omitempty"`
}

// Answer is one person's input as it was looked at.
type Answer struct {
	// name is the user's.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// input is what they answered.
	// +required
	Input Input `json:"input"`
	// digest is that of input and message.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Digest string `json:"digest"`
	// seenAt is when it was first looked at.
	// +required
	SeenAt metav1.MicroTime `json:"seenAt"`
	// state is Recorded or Refused, and empty until it was cast.
	// +kubebuilder:validation:Enum=Recorded;Refused
	// +optional
	State AnswerState `json:"state,omitempty"`
	// message says why it was refused.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// AnswerState is what became of an Answer.
type AnswerState string

// The states of answers.
const (
	AnswerRecorded AnswerState = "Recorded"
	AnswerRefused  AnswerState = "Refused"
)

// ApprovalTaskList is a list of ApprovalTasks.
//
// +kubebuilder:object:root=true
type ApprovalTaskList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ApprovalTask `json:"items"`
}
