package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Approval is one held thing that waits for a decision. The service opens it;
// its spec never changes, its status holds the votes and the outcome.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=approvals,scope=Namespaced,categories=countersign
// +kubebuilder:printcolumn:name="Trigger",type=string,JSONPath=`.spec.trigger`
// +kubebuilder:printcolumn:name="After",type=string,JSONPath=`.spec.source.pipelineRun.name`
// +kubebuilder:printcolumn:name="In",type=string,JSONPath=`.spec.source.customRun.pipelineRun`
// +kubebuilder:printcolumn:name="Gate",type=string,JSONPath=`.spec.resolved.gate`
// +kubebuilder:printcolumn:name="Outcome",type=string,JSONPath=`.status.outcome`
// +kubebuilder:printcolumn:name="Startable",type=string,JSONPath=`.status.conditions[?(@.type=="Startable")].status`
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=`.status.secondRun.name`
// +kubebuilder:printcolumn:name="Run",type=string,JSONPath=`.status.secondRun.outcome`
// +kubebuilder:printcolumn:name="Problem",type=string,JSONPath=`.status.conditions[?(@.status=="False")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Approval struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is held, and what it was resolved to. Like the status it has one writer, and
	// is one field to the API server: nobody merges into it, and the bookkeeping of
	// who owns which of its parts would be larger than all of it.
	// +structType=atomic
	// +required
	Spec ApprovalSpec `json:"spec"`
	// status is the votes, the outcome and what came of it.
	// +kubebuilder:default={outcome: Pending}
	// +structType=atomic
	// +optional
	Status ApprovalStatus `json:"status,omitempty"`
}

// RecordFinalizer keeps an Approval that somebody deletes until the record's store has
// its lines.
const RecordFinalizer = "countersign.dev/record"

// ApprovalSpec is immutable; resolved may be set once. The schema compares what tells a
// change: digests, signatures and names. It does so at every write of the status too, so
// comparing all of it is left to the policy countersign-approvals-immutable, which looks
// at writes of the spec alone.
//
// +kubebuilder:validation:XValidation:rule="has(self.trigger) != has(self.source.customRun)",message="set exactly one of trigger and source.customRun"
// +kubebuilder:validation:XValidation:rule="has(self.trigger) == has(oldSelf.trigger) && (!has(self.trigger) || self.trigger == oldSelf.trigger)",message="trigger is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.page) == has(oldSelf.page) && (!has(self.page) || self.page == oldSelf.page)",message="page is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.replaces) == has(oldSelf.replaces) && (!has(self.replaces) || self.replaces == oldSelf.replaces)",message="replaces is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.sourceSignature) == has(oldSelf.sourceSignature) && (!has(self.sourceSignature) || self.sourceSignature == oldSelf.sourceSignature)",message="sourceSignature is immutable"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.resolved) || (has(self.resolved) && self.resolved.digest == oldSelf.resolved.digest)",message="resolved is immutable once it is set, because people vote on it"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.signature) || (has(self.signature) && self.signature == oldSelf.signature)",message="signature is immutable once it is set"
type ApprovalSpec struct {
	// trigger is the Trigger of this namespace that holds and releases. It is absent
	// when what waits is a CustomRun.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// source is what is held, copied when it arrived.
	// +required
	Source Source `json:"source"`
	// page is the address of this Approval's page, for a person who can log in.
	// Absent when the service has no login.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Page string `json:"page,omitempty"`
	// replaces is set when this Approval replaces an earlier request for the same source: its
	// content has changed, or it could not be started.
	// +optional
	Replaces *Replacement `json:"replaces,omitempty"`
	// sourceSignature is the service's signature over trigger, source and replaces, made when it
	// opened the Approval. An Approval is only ever resolved if its source has what has one that verifies.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	SourceSignature string `json:"sourceSignature,omitempty"`
	// resolved is the policy and exactly what is approved. It is absent while
	// something is missing (the condition Ready reports what).
	// +optional
	Resolved *ResolvedSpec `json:"resolved,omitempty"`
	// signature is the service's signature over all of the above. An Approval that
	// somebody else created has no valid one and can't be decided.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Signature string `json:"signature,omitempty"`
	// lean is there where the service keeps less than all in memory.
	Lean *Lean `json:"-"`
}

// Replacement names the Approval that this one takes the place of. Its votes were for other content
// and do not count here.
type Replacement struct {
	// name of the Approval before.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the Approval before.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// number counts how often approval was requested again.
	// +kubebuilder:validation:Minimum=1
	// +required
	Number int32 `json:"number"`
	// requestedBy is who asked for it; absent when what would start changed while it was pending.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	RequestedBy string `json:"requestedBy,omitempty"`
}

// The condition types of an Approval and a Gate.
const (
	ConditionReady     = "Ready"
	ConditionStartable = "Startable"
	ConditionNotified  = "Notified"
	ConditionReleased  = "Released"
	// ConditionSecondRunEnded is true once the run that the outcome started has ended; the
	// reason says how.
	ConditionSecondRunEnded = "SecondRunEnded"
	// ConditionRequester is true where people should know something of who asked: that it is
	// not proved, or that it is nobody whom the Gate names.
	ConditionRequester = "RequesterWarning"
	// ConditionWarning is a Gate's: true with what is allowed and likely not meant.
	ConditionWarning = "Warning"
	// ConditionStalled is true where the service leaves the object alone, because it fails at
	// it with an internal error.
	ConditionStalled = "Stalled"
)

// ApprovalList is a list of Approvals.
//
// +kubebuilder:object:root=true
type ApprovalList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Approval `json:"items"`
}
