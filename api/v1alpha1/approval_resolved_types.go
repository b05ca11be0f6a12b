package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ResolvedSpec is fixed once.
type ResolvedSpec struct {
	// gate is the Gate's name, or "(inline)".
	// +kubebuilder:validation:MaxLength=253
	// +required
	Gate string `json:"gate"`
	// policy is the Gate as it stood.
	// +required
	Policy GateSpec `json:"policy"`
	// policySource is where the policy was written, when that was no Gate: in a Trigger, or
	// in an approval task.
	// +kubebuilder:validation:Enum=Trigger;Task
	// +optional
	PolicySource string `json:"policySource,omitempty"`
	// limits are what GatePolicies demanded of votes when the Approval was resolved.
	// +optional
	Limits *Limits `json:"limits,omitempty"`
	// requester is the person who requested it, if known.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Requester string `json:"requester,omitempty"`
	// requesterProof is what proves requester. Absent: it is what somebody wrote. Such a
	// requester may not approve, and may reject.
	// +optional
	RequesterProof Proof `json:"requesterProof,omitempty"`
	// requesterAliases is what else the requester is called: by the event, and by the
	// directory of the service's administrator.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=256
	// +listType=atomic
	// +optional
	RequesterAliases []string `json:"requesterAliases,omitempty"`
	// params are what travels to the next part.
	// +kubebuilder:validation:MaxItems=128
	// +listType=map
	// +listMapKey=name
	// +optional
	Params []Param `json:"params,omitempty"`
	// title is what is approved, in a few words. Absent, it is the Trigger's name.
	// +kubebuilder:validation:MaxLength=200
	// +optional
	Title string `json:"title,omitempty"`
	// instructions are what approvers are told, in a small Markdown.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Instructions string `json:"instructions,omitempty"`
	// links lead approvers to what they need.
	// +kubebuilder:validation:MaxItems=8
	// +listType=atomic
	// +optional
	Links []FixedLink `json:"links,omitempty"`
	// summaries are what the results that the Gate shows would change, in numbers. Those of
	// evidence are in evidence.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	Summaries []Summary `json:"summaries,omitempty"`
	// target is what the outcome is written to, by the policy's release.
	// +optional
	Target *Target `json:"target,omitempty"`
	// references are the Pipeline, Tasks and StepActions of this namespace that the run
	// refers to by name, as they were when the Approval was resolved; only where the Gate has
	// verifyRun BeforeStart. They are part of what is approved.
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	// +optional
	References []Reference `json:"references,omitempty"`
	// evidence is what the Gate's evidence was when the terms were fixed. Its SHA-256 is part
	// of what is approved; the bytes are kept in Evidence objects.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=name
	// +optional
	Evidence []EvidenceItem `json:"evidence,omitempty"`
	// digest is the SHA-256 of exactly what is approved.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Digest string `json:"digest"`
	// templateDigest is the SHA-256 of the Trigger with its bindings and
	// template: what the outcome will start. It is empty with a target.
	// +kubebuilder:validation:MaxLength=64
	// +required
	TemplateDigest string `json:"templateDigest"`
	// supersedeKey is what the Gate's expression of that name gave.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	SupersedeKey string `json:"supersedeKey,omitempty"`
	// resolvedAt is when the Approval was resolved, if that was after the opening: the time
	// to decide counts from then.
	// +optional
	ResolvedAt *metav1.Time `json:"resolvedAt,omitempty"`
	// runDeadline is when the run that waits for this ends by its own time limit, if that comes
	// before the Gate's.
	// +optional
	RunDeadline *metav1.Time `json:"runDeadline,omitempty"`
}

// FixedLink is a link as it was worked out.
type FixedLink struct {
	// name is what approvers read.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// url is a whole https address.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	URL string `json:"url"`
}

// EvidenceItem is one piece of evidence, without its bytes.
type EvidenceItem struct {
	// name that the Gate gave it.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// from is where it comes from.
	// +required
	From EvidenceKind `json:"from"`
	// format of the text, if the Gate says it.
	// +optional
	Format EvidenceFormat `json:"format,omitempty"`
	// state is Present, or why it is not there.
	// +kubebuilder:validation:Enum=Present;Missing;TooLarge
	// +required
	State string `json:"state"`
	// sha256 of the bytes, in hex.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	SHA256 string `json:"sha256,omitempty"`
	// size in bytes.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Size int64 `json:"size,omitempty"`
	// message says why it is not there, or what to know about it.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// object is the name of the first Evidence object that has its bytes. A result has none.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Object string `json:"object,omitempty"`
	// summary is what the text counts; absent when that is nothing. It is part of what is
	// approved.
	// +optional
	Summary *Summary `json:"summary,omitempty"`
}

// Summary is what one text counts. Numbers that are absent are 0.
type Summary struct {
	// name of the result, or of the evidence.
	// +kubebuilder:validation:MaxLength=256
	// +required
	Name string `json:"name"`
	// format of the text, such as terraform-plan.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Format string `json:"format"`
	// add is how many resources, objects or files are created. A plan counts what it replaces
	// as added and as destroyed.
	// +optional
	Add int32 `json:"add,omitempty"`
	// change is how many are changed in place.
	// +optional
	Change int32 `json:"change,omitempty"`
	// destroy is how many are destroyed, or deleted.
	// +optional
	Destroy int32 `json:"destroy,omitempty"`
	// replace is how many of those that are destroyed are created again.
	// +optional
	Replace int32 `json:"replace,omitempty"`
	// import is how many are imported.
	// +optional
	Import int32 `json:"import,omitempty"`
	// forget is how many are no longer managed, and stay.
	// +optional
	Forget int32 `json:"forget,omitempty"`
	// move is how many have another address.
	// +optional
	Move int32 `json:"move,omitempty"`
	// drift is how many have changed outside.
	// +optional
	Drift int32 `json:"drift,omitempty"`
	// tests is how many tests there are.
	// +optional
	Tests int32 `json:"tests,omitempty"`
	// failed is how many of them failed.
	// +optional
	Failed int32 `json:"failed,omitempty"`
	// skipped is how many tests, or findings, are left out.
	// +optional
	Skipped int32 `json:"skipped,omitempty"`
	// critical is how many findings are critical.
	// +optional
	Critical int32 `json:"critical,omitempty"`
	// high is how many findings have a high severity.
	// +optional
	High int32 `json:"high,omitempty"`
	// medium is how many findings have a medium severity.
	// +optional
	Medium int32 `json:"medium,omitempty"`
	// low is how many findings have a low severity.
	// +optional
	Low int32 `json:"low,omitempty"`
	// note is how many findings are only remarks.
	// +optional
	Note int32 `json:"note,omitempty"`
	// incomplete says that parts of the text are missing, so there is more than is counted.
	// +optional
	Incomplete bool `json:"incomplete,omitempty"`
}

// Limits are what GatePolicies demand of votes. Those that come later hold as well.
type Limits struct {
	// authMethods are the ways in which a voter may be authenticated; any when absent.
	// +kubebuilder:validation:MaxItems=5
	// +listType=set
	// +optional
	AuthMethods []AuthMethod `json:"authMethods,omitempty"`
	// breakGlass says whether somebody may approve alone.
	// +optional
	BreakGlass Permission `json:"breakGlass,omitempty"`
	// delegations says whether a delegate may vote.
	// +optional
	Delegations Permission `json:"delegations,omitempty"`
}

// Reference is an object that a run refers to by name, as it was approved.
type Reference struct {
	// kind: Pipeline, Task or StepAction.
	// +kubebuilder:validation:Enum=Pipeline;Task;StepAction
	// +required
	Kind string `json:"kind"`
	// name is the object's name.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid is the object's UID: another one of its name is not meant.
	// +kubebuilder:validation:MaxLength=63
	// +required
	UID string `json:"uid"`
	// generation is the object's, which the API server raises with each change of its spec.
	// +required
	Generation int64 `json:"generation"`
	// digest is the SHA-256 of the object's spec.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Digest string `json:"digest"`
}

// Proof is what verifies the requester: the sender's signature over the event; the API server,
// which compared the name with the creator of the run (component requester); the Approval
// that started the run; or a page of ours.
// +kubebuilder:validation:Enum=Signature;Admission;Approval;Page
type Proof string

// Target is the one object that a release meant when the Approval was resolved.
type Target struct {
	// kind: ConfigMap or PendingRun.
	// +kubebuilder:validation:Enum=ConfigMap;PendingRun
	// +required
	Kind string `json:"kind"`
	// name in this namespace.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// key of the ConfigMap.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Key string `json:"key,omitempty"`
	// uid of the pending run: another one of its name is not meant.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	UID string `json:"uid,omitempty"`
	// pipeline of the pending run.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pipeline string `json:"pipeline,omitempty"`
}

// Param is a named string.
type Param struct {
	// name of the param.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// value of the param.
	// +kubebuilder:validation:MaxLength=524288
	// +optional
	Value string `json:"value,omitempty"`
}
