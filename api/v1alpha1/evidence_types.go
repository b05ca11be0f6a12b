package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Evidence stands for one piece of evidence, and has its bytes or a part of them unless these are in
// the audit store. Countersign alone writes it.
// The garbage collector deletes it when its PipelineRun and all Approvals that show it are gone.
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

	// spec is written once, and is immutable.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.sha256 == oldSelf.sha256 && self.signature == oldSelf.signature && self.stored == oldSelf.stored && self.part == oldSelf.part && self.parts == oldSelf.parts && has(self.storedIn) == has(oldSelf.storedIn)",message="evidence is immutable"
	Spec EvidenceSpec `json:"spec"`
}

// EvidenceSpec is one part of a piece of evidence. Nobody is shown bytes whose signature or
// SHA-256 does not match.
type EvidenceSpec struct {
	// pipelineRun is the name of the run that the evidence comes from.
	// +kubebuilder:validation:MaxLength=253
	// +required
	PipelineRun string `json:"pipelineRun"`
	// pipelineRunUID is the uid of that run.
	// +kubebuilder:validation:MaxLength=64
	// +required
	PipelineRunUID string `json:"pipelineRunUID"`
	// from is where the evidence comes from: Upload or Log.
	// +required
	From EvidenceKind `json:"from"`
	// name of the upload, or task and step of the log.
	// +kubebuilder:validation:MaxLength=320
	// +required
	Name string `json:"name"`
	// sha256 of all bytes before compression, in hexadecimal digits.
	// +kubebuilder:validation:MaxLength=64
	// +required
	SHA256 string `json:"sha256"`
	// size of all bytes before compression.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5242880
	// +required
	Size int64 `json:"size"`
	// message is a remark on the evidence, such as a pod that is gone.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// part is the number of this part, from 0.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=15
	// +required
	Part int32 `json:"part"`
	// parts is the number of parts. The first one is written last, so evidence whose first part
	// exists is complete.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	// +required
	Parts int32 `json:"parts"`
	// stored is the beginning of the SHA-256 of all bytes after compression: 16 hexadecimal
	// digits, which the names of the further parts contain.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Stored string `json:"stored"`
	// signature is the service's signature over pipelineRunUID, from, name, sha256, size and
	// message.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Signature string `json:"signature"`
	// storedIn is AuditStore when the bytes are in the audit store of the service: then there is one
	// part, without data. Without it the bytes are in data.
	// +kubebuilder:validation:Enum=AuditStore
	// +optional
	StoredIn EvidencePlace `json:"storedIn,omitempty"`
	// data is this part of the bytes, compressed by gzip, in base64.
	// +kubebuilder:validation:MaxLength=1048576
	// +kubebuilder:validation:Format=byte
	// +optional
	Data []byte `json:"data,omitempty"`
}

// EvidencePlace says where the bytes of evidence are.
type EvidencePlace string

// InAuditStore is the place of bytes that are in the service's audit store.
const InAuditStore EvidencePlace = "AuditStore"

// EvidenceList is a list of Evidence.
//
// +kubebuilder:object:root=true
type EvidenceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Evidence `json:"items"`
}
