package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
