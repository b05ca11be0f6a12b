package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Approval is one request that waits for a decision. Countersign creates it, and nobody else can:
// its spec is signed and never changes. Its status has the votes and the outcome.
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

	// spec and status have one writer, so each is one field to the API server: nobody merges into
	// it, and the list of who owns which of its parts would be larger than all of it.

	// spec is what waits for the decision, and what exactly is approved.
	// +structType=atomic
	// +required
	Spec ApprovalSpec `json:"spec"`
	// status is the votes, the outcome and what followed.
	// +kubebuilder:default={outcome: Pending}
	// +structType=atomic
	// +optional
	Status ApprovalStatus `json:"status,omitempty"`
}

// RecordFinalizer keeps an Approval that somebody deletes until its history is in the audit
// log.
const RecordFinalizer = "countersign.dev/record"

// ApprovalSpec is immutable, except that resolved and signature are set once. The schema
// compares digests, signatures and names, also at every write of the status. The admission
// policy countersign-approvals-immutable compares all of it, at writes of the spec only.
//
// +kubebuilder:validation:XValidation:rule="has(self.trigger) != has(self.source.customRun)",message="set exactly one of trigger and source.customRun"
// +kubebuilder:validation:XValidation:rule="has(self.trigger) == has(oldSelf.trigger) && (!has(self.trigger) || self.trigger == oldSelf.trigger)",message="trigger is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.page) == has(oldSelf.page) && (!has(self.page) || self.page == oldSelf.page)",message="page is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.replaces) == has(oldSelf.replaces) && (!has(self.replaces) || self.replaces == oldSelf.replaces)",message="replaces is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.sourceSignature) == has(oldSelf.sourceSignature) && (!has(self.sourceSignature) || self.sourceSignature == oldSelf.sourceSignature)",message="sourceSignature is immutable"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.resolved) || (has(self.resolved) && self.resolved.digest == oldSelf.resolved.digest)",message="resolved is immutable once it is set, because people vote on it"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.signature) || (has(self.signature) && self.signature == oldSelf.signature)",message="signature is immutable once it is set"
type ApprovalSpec struct {
	// trigger is the name of the Trigger in this namespace that holds and releases. It is absent
	// for an approval task.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// source is what waits for the decision.
	// +required
	Source Source `json:"source"`
	// page is the address of this Approval's web page, for people who can sign in. It is absent
	// when the service has no login.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Page string `json:"page,omitempty"`
	// replaces names the earlier Approval for the same source that this one replaces, because its
	// content changed or because it could not be started.
	// +optional
	Replaces *Replacement `json:"replaces,omitempty"`
	// sourceSignature is the service's signature over trigger, source and replaces, made when it
	// opened the Approval. An Approval whose sourceSignature does not verify is never resolved,
	// and its condition Ready has reason SignatureInvalid.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	SourceSignature string `json:"sourceSignature,omitempty"`
	// resolved is the policy and exactly what is approved. It is absent while something is
	// missing, and the condition Ready then names it.
	// +optional
	Resolved *ResolvedSpec `json:"resolved,omitempty"`
	// signature is the service's signature over the whole spec. An Approval whose signature does
	// not verify can't be decided, and its condition Ready has reason SignatureInvalid.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Signature string `json:"signature,omitempty"`
	// lean is there where the service keeps less than all in memory.
	Lean *Lean `json:"-"`
}

// Replacement is the Approval that this one replaces. Its votes were for other content, and do not
// count here.
type Replacement struct {
	// name of the earlier Approval.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the earlier Approval.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// number is how many times approval has been requested again for this source.
	// +kubebuilder:validation:Minimum=1
	// +required
	Number int32 `json:"number"`
	// requestedBy is the name of the person who requested approval again. It is absent when
	// Countersign did, because the content changed while the Approval was pending.
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
	// ConditionRequester is true when the requester is not verified, or is nobody whom the Gate
	// names.
	ConditionRequester = "RequesterWarning"
	// ConditionWarning is a Gate's. It is true when something is allowed but probably not meant.
	ConditionWarning = "Warning"
	// ConditionStalled is true while the service skips the object, because it fails at it with
	// an internal error.
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
