package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ResolvedSpec is the policy and exactly what is approved. It is set once.
type ResolvedSpec struct {
	// gate is the name of the Gate, or "(inline)".
	// +kubebuilder:validation:MaxLength=253
	// +required
	Gate string `json:"gate"`
	// policy is a copy of the Gate's spec, as it was when the Approval was resolved. Later changes
	// of the Gate do not change it.
	// +required
	Policy *GateSpec `json:"policy"`
	// policySource is where the policy was written if that was not a Gate: Trigger or Task (an
	// approval task).
	// +kubebuilder:validation:Enum=Trigger;Task
	// +optional
	PolicySource string `json:"policySource,omitempty"`
	// limits are what GatePolicies required of votes when the Approval was resolved. GatePolicies
	// that are created later apply to votes, too.
	// +optional
	Limits *Limits `json:"limits,omitempty"`
	// requester is the name of the person who asked for the change. It is absent when nobody is
	// named.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Requester string `json:"requester,omitempty"`
	// requesterProof is what verifies the requester. When it is absent, somebody wrote the name,
	// and nothing verifies it: such a requester may reject, but not approve.
	// +optional
	RequesterProof Proof `json:"requesterProof,omitempty"`
	// requesterAliases are further names of the requester, from the event and from the directory
	// of the service's administrator.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=256
	// +listType=atomic
	// +optional
	RequesterAliases []string `json:"requesterAliases,omitempty"`
	// params are the forwarded params: what the second pipeline gets.
	// +kubebuilder:validation:MaxItems=128
	// +listType=map
	// +listMapKey=name
	// +optional
	Params []Param `json:"params,omitempty"`
	// title is a few words for what is approved. When absent, it is the Trigger's name.
	// +kubebuilder:validation:MaxLength=200
	// +optional
	Title string `json:"title,omitempty"`
	// instructions is the text for approvers, in a small Markdown.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Instructions string `json:"instructions,omitempty"`
	// links are the links for approvers.
	// +kubebuilder:validation:MaxItems=8
	// +listType=atomic
	// +optional
	Links []FixedLink `json:"links,omitempty"`
	// summaries are the numbers of each result that the Gate shows, such as how many resources a
	// plan destroys. The numbers of evidence are in evidence.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	Summaries []Summary `json:"summaries,omitempty"`
	// target is the object that the outcome is written to. It is absent when the Gate has no
	// release.
	// +optional
	Target *Target `json:"target,omitempty"`
	// references are the Pipeline, Tasks and StepActions of this namespace that the second run
	// refers to by name, as they were when the Approval was resolved. They are part of what is
	// approved. They are absent unless the Gate has verifyRun BeforeStart.
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	// +optional
	References []Reference `json:"references,omitempty"`
	// evidence lists the pieces of evidence that were there when the Approval was resolved. Their
	// SHA-256 is part of what is approved; the bytes are in Evidence objects.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=name
	// +optional
	Evidence []EvidenceItem `json:"evidence,omitempty"`
	// digest is the SHA-256, in hexadecimal digits, of exactly what is approved.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Digest string `json:"digest"`
	// templateDigest is the SHA-256, in hexadecimal digits, of the Trigger with its bindings and
	// its template: what the outcome starts. It is empty with a target.
	// +kubebuilder:validation:MaxLength=64
	// +required
	TemplateDigest string `json:"templateDigest"`
	// supersedeKey is the text that the Gate's expression supersedeKey gave.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	SupersedeKey string `json:"supersedeKey,omitempty"`
	// resolvedAt is when the Approval was resolved, if that was later than its opening. The time
	// to decide counts from then.
	// +optional
	ResolvedAt *metav1.Time `json:"resolvedAt,omitempty"`
	// runDeadline is when the waiting run reaches its own timeout, if that is before the
	// Approval's deadline.
	// +optional
	RunDeadline *metav1.Time `json:"runDeadline,omitempty"`
}

// FixedLink is a link as its expression gave it.
type FixedLink struct {
	// name is the text of the link.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// url is a complete https address.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	URL string `json:"url"`
}

// EvidenceItem is one piece of evidence, without its bytes.
type EvidenceItem struct {
	// name of the evidence in the Gate.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// from is where the evidence comes from: Upload, Log or Result.
	// +required
	From EvidenceKind `json:"from"`
	// format of the text, if the Gate has one. Otherwise it is detected.
	// +optional
	Format EvidenceFormat `json:"format,omitempty"`
	// state is Present, Missing or TooLarge. The message has the reason.
	// +kubebuilder:validation:Enum=Present;Missing;TooLarge
	// +required
	State string `json:"state"`
	// sha256 of the bytes, in hexadecimal digits.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	SHA256 string `json:"sha256,omitempty"`
	// size in bytes.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Size int64 `json:"size,omitempty"`
	// message is why the evidence is missing, or a remark on it.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// object is the name of the first Evidence object that has the bytes. A result has none.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Object string `json:"object,omitempty"`
	// summary is what the text counts. It is part of what is approved, and absent when it counts
	// nothing.
	// +optional
	Summary *Summary `json:"summary,omitempty"`
}

// Summary is the numbers of one text. A number that is absent is 0.
type Summary struct {
	// name of the result, or of the evidence.
	// +kubebuilder:validation:MaxLength=256
	// +required
	Name string `json:"name"`
	// format of the text, such as terraform-plan.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Format string `json:"format"`
	// add is the number of resources, objects or files that are created. What a plan replaces
	// counts here and under destroy.
	// +optional
	Add int32 `json:"add,omitempty"`
	// change is the number of those that are changed in place.
	// +optional
	Change int32 `json:"change,omitempty"`
	// destroy is the number of those that are destroyed, or deleted.
	// +optional
	Destroy int32 `json:"destroy,omitempty"`
	// replace is the number of those destroyed that are created again.
	// +optional
	Replace int32 `json:"replace,omitempty"`
	// import is the number of those that are imported.
	// +optional
	Import int32 `json:"import,omitempty"`
	// forget is the number of those that Terraform no longer manages, and leaves in place.
	// +optional
	Forget int32 `json:"forget,omitempty"`
	// move is the number of those that get another address.
	// +optional
	Move int32 `json:"move,omitempty"`
	// drift is the number of those that changed outside of Terraform.
	// +optional
	Drift int32 `json:"drift,omitempty"`
	// tests is the number of tests.
	// +optional
	Tests int32 `json:"tests,omitempty"`
	// failed is the number of tests that failed.
	// +optional
	Failed int32 `json:"failed,omitempty"`
	// skipped is the number of tests that were skipped, or of findings that were suppressed.
	// +optional
	Skipped int32 `json:"skipped,omitempty"`
	// critical is the number of findings of critical severity.
	// +optional
	Critical int32 `json:"critical,omitempty"`
	// high is the number of findings of high severity.
	// +optional
	High int32 `json:"high,omitempty"`
	// medium is the number of findings of medium severity.
	// +optional
	Medium int32 `json:"medium,omitempty"`
	// low is the number of findings of low severity.
	// +optional
	Low int32 `json:"low,omitempty"`
	// note is the number of findings that are only remarks.
	// +optional
	Note int32 `json:"note,omitempty"`
	// incomplete means that parts of the text are missing, so that there may be more than the
	// numbers show.
	// +optional
	Incomplete bool `json:"incomplete,omitempty"`
}

// Limits are what GatePolicies require of votes.
type Limits struct {
	// authMethods are the ways in which a voter may be authenticated. When absent, all are
	// allowed.
	// +kubebuilder:validation:MaxItems=5
	// +listType=set
	// +optional
	AuthMethods []AuthMethod `json:"authMethods,omitempty"`
	// breakGlass is whether somebody may approve alone, by the RBAC verb break-glass. When absent,
	// it is allowed.
	// +optional
	BreakGlass Permission `json:"breakGlass,omitempty"`
	// delegations is whether a delegate may vote. When absent, it is allowed.
	// +optional
	Delegations Permission `json:"delegations,omitempty"`
}

// Reference is an object that the second run refers to by name, as it was approved.
type Reference struct {
	// kind is Pipeline, Task or StepAction.
	// +kubebuilder:validation:Enum=Pipeline;Task;StepAction
	// +required
	Kind string `json:"kind"`
	// name of the object.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the object. A later object of the same name has another one, and does not match.
	// +kubebuilder:validation:MaxLength=63
	// +required
	UID string `json:"uid"`
	// generation of the object, which the API server raises with each change of its spec.
	// +required
	Generation int64 `json:"generation"`
	// digest is the SHA-256 of the object's spec, in hexadecimal digits.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Digest string `json:"digest"`
}

// Proof is what verifies the requester. Signature: the sender's signature over the event.
// Admission: the API server, which compared the name with the creator of the run (component
// requester). Approval: the Approval that started the run. Page: a page of this service, on which
// the requester was signed in.
// +kubebuilder:validation:Enum=Signature;Admission;Approval;Page
type Proof string

// Target is the object that the outcome is written to, by its name when the Approval was resolved.
type Target struct {
	// kind is ConfigMap or PendingRun.
	// +kubebuilder:validation:Enum=ConfigMap;PendingRun
	// +required
	Kind string `json:"kind"`
	// name of the object in this namespace.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// key of the ConfigMap.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Key string `json:"key,omitempty"`
	// uid of the pending run. A later run of the same name does not match.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	UID string `json:"uid,omitempty"`
	// pipeline of the pending run.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pipeline string `json:"pipeline,omitempty"`
}

// Param is a named text.
type Param struct {
	// name of the param, result or header.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// value as text. When absent, it is empty.
	// +kubebuilder:validation:MaxLength=524288
	// +optional
	Value string `json:"value,omitempty"`
}
