package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Evidence has the bytes of one piece of evidence, or a part of them where they are many.
// Only the service writes it. The garbage collector deletes it with the PipelineRun that it
// is of and the Approvals that show it, when all of those are gone.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=evidences,scope=Namespaced,categories=countersign
// +kubebuilder:printcolumn:name="Run",type=string,JSONPath=`.spec.pipelineRun`
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.spec.from`
// +kubebuilder:printcolumn:name="Evidence",type=string,JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="Size",type=integer,JSONPath=`.spec.size`
// +kubebuilder:printcolumn:name="Part",type=integer,JSONPath=`.spec.part`
// +kubebuilder:printcolumn:name="Of",type=integer,JSONPath=`.spec.parts`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Evidence struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is written once.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.sha256 == oldSelf.sha256 && self.signature == oldSelf.signature && self.stored == oldSelf.stored && self.part == oldSelf.part && self.parts == oldSelf.parts",message="evidence is immutable"
	Spec EvidenceSpec `json:"spec"`
}

// EvidenceSpec is a part of a piece of evidence.
type EvidenceSpec struct {
	// pipelineRun is the name of the run that it is of.
	// +kubebuilder:validation:MaxLength=253
	// +required
	PipelineRun string `json:"pipelineRun"`
	// pipelineRunUID is the run's uid.
	// +kubebuilder:validation:MaxLength=64
	// +required
	PipelineRunUID string `json:"pipelineRunUID"`
	// from is where it comes from.
	// +required
	From EvidenceKind `json:"from"`
	// name of the upload, or task and step of the log.
	// +kubebuilder:validation:MaxLength=320
	// +required
	Name string `json:"name"`
	// sha256 of all bytes, in hex.
	// +kubebuilder:validation:MaxLength=64
	// +required
	SHA256 string `json:"sha256"`
	// size of all bytes.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5242880
	// +required
	Size int64 `json:"size"`
	// message is what to know about it.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// part is the number of this part, from 0.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=15
	// +required
	Part int32 `json:"part"`
	// parts is how many there are. The first one is written last.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	// +required
	Parts int32 `json:"parts"`
	// stored begins the SHA-256 of all compressed bytes. The names of further parts have it.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Stored string `json:"stored"`
	// signature is the service's, of pipelineRunUID, from, name, sha256, size and message.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Signature string `json:"signature"`
	// data is a part of the bytes, compressed by gzip.
	// +kubebuilder:validation:MaxLength=1048576
	// +kubebuilder:validation:Format=byte
	// +optional
	Data []byte `json:"data,omitempty"`
}

// EvidenceList is a list of Evidence.
//
// +kubebuilder:object:root=true
type EvidenceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Evidence `json:"items"`
}
