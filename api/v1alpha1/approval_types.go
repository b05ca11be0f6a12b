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

// Source is what is held: the completion of a run, an event as it came, or a task
// in the middle of a run.
//
// +kubebuilder:validation:XValidation:rule="[has(self.pipelineRun), has(self.event), has(self.customRun)].filter(x, x).size() == 1",message="set exactly one of pipelineRun, event and customRun"
type Source struct {
	// pipelineRun is the part 1 that succeeded.
	// +optional
	PipelineRun *PipelineRunSource `json:"pipelineRun,omitempty"`
	// event is a held event.
	// +optional
	Event *EventSource `json:"event,omitempty"`
	// customRun is an approval task of a pipeline, which waits.
	// +optional
	CustomRun *CustomRunSource `json:"customRun,omitempty"`
}

// CustomRunSource is a copy of what is needed of a task that waits, and of the run
// that it is a part of.
type CustomRunSource struct {
	// name of the CustomRun.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the CustomRun.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// attempt is how often the CustomRun was tried again before.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// pipelineRun is the run's name.
	// +kubebuilder:validation:MaxLength=253
	// +required
	PipelineRun string `json:"pipelineRun"`
	// pipelineRunUID is the run's uid.
	// +kubebuilder:validation:MaxLength=64
	// +required
	PipelineRunUID string `json:"pipelineRunUID"`
	// pipeline is the run's Pipeline.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Pipeline string `json:"pipeline"`
	// inline is true for a run that brought its pipeline along: pipeline is then what
	// its maker called it.
	// +optional
	Inline bool `json:"inline,omitempty"`
	// pipelineTask is the task's name in the pipeline.
	// +kubebuilder:validation:MaxLength=253
	// +required
	PipelineTask string `json:"pipelineTask"`
	// startedAt is when the run was made.
	// +required
	StartedAt metav1.Time `json:"startedAt"`
	// mapping is the kind of approval task: what an outcome means to it.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Mapping string `json:"mapping"`
	// requester is the person who requested the run, if known.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Requester string `json:"requester,omitempty"`
	// requesterProof is what proves requester. Absent: somebody wrote it, and it is not
	// verified.
	// +optional
	RequesterProof Proof `json:"requesterProof,omitempty"`
	// params of the CustomRun. An array or object is its JSON text.
	// +kubebuilder:validation:MaxItems=256
	// +listType=map
	// +listMapKey=name
	// +optional
	Params []Param `json:"params,omitempty"`
	// labels of the run, for expressions.
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations of the run, for expressions. Large ones are left out.
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Annotations map[string]LabelValue `json:"annotations,omitempty"`
}

// PipelineRunSource is a copy of what is needed of part 1: the run may be pruned
// while we wait.
type PipelineRunSource struct {
	// name of the run.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the run.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// namespace of the run, if that is not the Approval's.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// pipeline is the run's Pipeline, or where a resolver found it.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Pipeline string `json:"pipeline"`
	// inline is true for a run that brought its pipeline along: pipeline is then what
	// its maker called it.
	// +optional
	Inline bool `json:"inline,omitempty"`
	// from is where Tekton got the pipeline by a resolver, with its digest.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	From string `json:"from,omitempty"`
	// completedAt is when the run succeeded.
	// +required
	CompletedAt metav1.Time `json:"completedAt"`
	// requester is the person who requested the run, if known.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Requester string `json:"requester,omitempty"`
	// requesterProof is what proves requester. Absent: somebody wrote it, and it is not
	// verified.
	// +optional
	RequesterProof Proof `json:"requesterProof,omitempty"`
	// params of the run. An array or object is its JSON text.
	// +kubebuilder:validation:MaxItems=256
	// +listType=map
	// +listMapKey=name
	// +optional
	Params []Param `json:"params,omitempty"`
	// results of the run. An array or object is its JSON text.
	// +kubebuilder:validation:MaxItems=256
	// +listType=map
	// +listMapKey=name
	// +optional
	Results []Param `json:"results,omitempty"`
	// claims are the run's volume claims by workspace name. The Approval keeps
	// those that Tekton made for the run alive until its outcome has been acted on.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Claims []Param `json:"claims,omitempty"`
	// labels of the run, for expressions.
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations of the run, for expressions. Large ones are left out.
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Annotations map[string]LabelValue `json:"annotations,omitempty"`
}

// LabelValue is the value of a label or of a short annotation.
// +kubebuilder:validation:MaxLength=1024
type LabelValue string

// EventSource is an event as the interceptor was given it.
type EventSource struct {
	// id is the sender's delivery id, when it has one.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ID string `json:"id,omitempty"`
	// digest is the SHA-256 of body, id and verifiedBy.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Digest string `json:"digest"`
	// requesterProof is what proves whom the body names as its sender. Absent: nothing.
	// +optional
	RequesterProof Proof `json:"requesterProof,omitempty"`
	// url is the path and query that the event was posted to.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	URL string `json:"url,omitempty"`
	// headers to post again. Credentials and signatures are not kept.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Headers []Param `json:"headers,omitempty"`
	// verifiedBy is the kind and the Secret by which the sender was verified when the
	// event was held, as the Gate's signingSecret said then. Empty: nobody verified it.
	// +kubebuilder:validation:MaxLength=600
	// +optional
	VerifiedBy string `json:"verifiedBy,omitempty"`
	// extensions are what the Trigger's bindings read of what the interceptors before
	// countersign brought, as JSON.
	// +kubebuilder:validation:MaxLength=65536
	// +optional
	Extensions string `json:"extensions,omitempty"`
	// body, byte-exact.
	// +kubebuilder:validation:MaxLength=524288
	// +required
	Body string `json:"body"`
}

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
	// summaries are what the texts that approvers decide on would change, in numbers.
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
}

// Summary is what one text counts. Numbers that are absent are 0.
type Summary struct {
	// name of the result.
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

// ApprovalStatus is written by the service alone.
type ApprovalStatus struct {
	// outcome is how it ended, Pending while it waits.
	// +kubebuilder:default=Pending
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// decidedAt is when it ended.
	// +optional
	DecidedAt *metav1.MicroTime `json:"decidedAt,omitempty"`
	// votes are the live votes, one a person.
	// +kubebuilder:validation:MaxItems=128
	// +listType=map
	// +listMapKey=voter
	// +optional
	Votes []VoteRecord `json:"votes,omitempty"`
	// withdrawn are votes that their voters took back, the last one of each, so that
	// one which arrives twice does not come back to life.
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	Withdrawn []Withdrawal `json:"withdrawn,omitempty"`
	// revokedLinks are mailed links that somebody ended before their time.
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	RevokedLinks []RevokedLink `json:"revokedLinks,omitempty"`
	// results are what the next part reads.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Results []Param `json:"results,omitempty"`
	// inputs are what the approvers filled in.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Inputs []Param `json:"inputs,omitempty"`
	// supersededBy is the name of the newer one, for outcome Superseded, or of the one
	// that asks again in the place of this one.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	SupersededBy string `json:"supersededBy,omitempty"`
	// cancellation is there when it was cancelled: with outcome Cancelled while it was
	// pending, or, with another outcome, before the run that it starts was seen.
	// +optional
	Cancellation *Cancellation `json:"cancellation,omitempty"`
	// retryRequestedAt is when somebody last requested to start the run, and to send failed
	// notifications again, at once.
	// +optional
	RetryRequestedAt *metav1.MicroTime `json:"retryRequestedAt,omitempty"`
	// notifications lists who was notified of what, and which notifications failed.
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	// +optional
	Notifications []Notification `json:"notifications,omitempty"`
	// secondRun is the run that the outcome started. It is there once that run has
	// been seen.
	// +optional
	SecondRun *SecondRun `json:"secondRun,omitempty"`
	// reruns are the runs that were started before secondRun on the same decision, and why each was
	// not the last.
	// +kubebuilder:validation:MaxItems=10
	// +listType=atomic
	// +optional
	Reruns []Rerun `json:"reruns,omitempty"`
	// effect is what the outcome did to its target. It is there once that has been
	// read back.
	// +optional
	Effect *Effect `json:"effect,omitempty"`
	// answeredAt is when source.customRun was seen to have ended with the outcome.
	// +optional
	AnsweredAt *metav1.MicroTime `json:"answeredAt,omitempty"`
	// conditions: Ready (can it be decided), Startable (could what is approved be started,
	// as things stand), Notified, Released, SecondRunEnded, RequesterWarning.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Cancellation is who said that a thing is not wanted any more, and why.
type Cancellation struct {
	// by is a person, and absent when it follows from what happened in the cluster.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	By string `json:"by,omitempty"`
	// reason is why.
	// +kubebuilder:validation:MaxLength=4096
	// +required
	Reason string `json:"reason"`
	// at is when.
	// +required
	At metav1.MicroTime `json:"at"`
}

// Outcome is how an Approval ended.
// +kubebuilder:validation:Enum=Pending;Approved;Rejected;Expired;Cancelled;Superseded
type Outcome string

// VoteRecord is one person's live vote.
type VoteRecord struct {
	// voter is the verified user name.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// verdict is approve or reject.
	// +required
	Verdict Verdict `json:"verdict"`
	// comment as typed, cleaned of control characters.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Comment string `json:"comment,omitempty"`
	// at is when it was cast.
	// +required
	At metav1.MicroTime `json:"at"`
	// groups are the Gate's groups that the voter is a verified member of.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=atomic
	// +optional
	Groups []string `json:"groups,omitempty"`
	// byRBAC is true when RBAC lets the voter approve on the Gate.
	// +optional
	ByRBAC bool `json:"byRBAC,omitempty"`
	// inputs are what the voter filled in.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	Inputs []Param `json:"inputs,omitempty"`
	// onBehalfOf is the person whose delegate the voter was.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
	// breakGlass is true for a vote that decided alone, by the right to.
	// +optional
	BreakGlass bool `json:"breakGlass,omitempty"`
	// authMethod is how the voter was authenticated: Token, Link, Login, Slack, or Object (a Vote).
	// +kubebuilder:validation:Enum=Token;Link;Login;Slack;Object
	// +required
	AuthMethod string `json:"authMethod"`
	// credentialID names what authenticated the voter: a token's or link's id, the UID of a Vote; never the secret itself.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// address is the mailbox that was verified with it: to which the link was mailed, or
	// which the login provider has verified. Votes of one address count once.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Address string `json:"address,omitempty"`
}

// RevokedLink is a mailed link that ended before its time.
type RevokedLink struct {
	// voter is whose link it was.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// by is who ended it.
	// +kubebuilder:validation:MaxLength=253
	// +required
	By string `json:"by"`
	// at is when.
	// +required
	At metav1.MicroTime `json:"at"`
}

// Withdrawal is a vote that its voter took back.
type Withdrawal struct {
	// voter is the verified user name.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// at is when it was taken back.
	// +required
	At metav1.MicroTime `json:"at"`
	// credentialID is the vote's.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// withdrawnByCredential is the credentialID of what withdrew it.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	WithdrawnByCredential string `json:"withdrawnByCredential,omitempty"`
}

// Verdict is what a vote says.
// +kubebuilder:validation:Enum=approve;reject
type Verdict string

// Notification is the delivery of one event to one recipient over one channel.
type Notification struct {
	// event: opened, reminder-N, escalated or decided. Of reminders the last is kept.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Event string `json:"event"`
	// channel: email, or a channel's name.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Channel string `json:"channel"`
	// recipient is an approver's name or an address; "" for a channel as a whole.
	// +kubebuilder:validation:MaxLength=254
	// +required
	Recipient string `json:"recipient"`
	// messageID is the message's id there: a mail's Message-ID, which is the same
	// each time it is sent, or a Slack message's channel and time stamp.
	// +kubebuilder:validation:MaxLength=254
	// +optional
	MessageID string `json:"messageID,omitempty"`
	// sentAt is when the channel took it. Absent: not yet.
	// +optional
	SentAt *metav1.Time `json:"sentAt,omitempty"`
	// attempts made so far.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// error of the last attempt.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Error string `json:"error,omitempty"`
}

// SecondRun is the run that an outcome started.
type SecondRun struct {
	// name of the PipelineRun, in this namespace.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the PipelineRun.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// pipeline of the PipelineRun.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pipeline string `json:"pipeline,omitempty"`
	// eventID is the EventListener's id of the event that started it.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	EventID string `json:"eventID,omitempty"`
	// observedAt is when the service saw it.
	// +required
	ObservedAt metav1.MicroTime `json:"observedAt"`
	// outcome is how the run ended: Succeeded, Failed, Cancelled, or Gone when somebody deleted
	// it before its end was seen. It is absent while the run goes on, and never changes.
	// +kubebuilder:validation:Enum=Succeeded;Failed;Cancelled;Gone
	// +optional
	Outcome string `json:"outcome,omitempty"`
	// startedAt is when the run began, as Tekton recorded it.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// endedAt is when the run ended, as Tekton recorded it; of one that is gone, when that was
	// seen.
	// +optional
	EndedAt *metav1.MicroTime `json:"endedAt,omitempty"`
	// failedTask is the task of the pipeline that failed first.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	FailedTask string `json:"failedTask,omitempty"`
	// message is what Tekton says of failedTask, or of the run.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// Rerun is one more start of the run on the same decision.
type Rerun struct {
	// by is who wanted it.
	// +kubebuilder:validation:MaxLength=253
	// +required
	By string `json:"by"`
	// reason is why.
	// +kubebuilder:validation:MaxLength=8192
	// +required
	Reason string `json:"reason"`
	// credentialID names the proof of who wanted it, never the secret itself.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// at is when.
	// +required
	At metav1.MicroTime `json:"at"`
	// run is the run before, which did not end well.
	// +required
	Run SecondRun `json:"run"`
}

// Effect is what an outcome did to its target.
type Effect struct {
	// description of what was done.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Description string `json:"description"`
	// observedAt is when the service saw it.
	// +required
	ObservedAt metav1.MicroTime `json:"observedAt"`
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
