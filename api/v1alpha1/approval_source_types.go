package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Source is what waits for the decision: the completion of a run, an event, or an approval task in
// the middle of a run. It is a copy, made when the Approval was opened.
//
// +kubebuilder:validation:XValidation:rule="[has(self.pipelineRun), has(self.event), has(self.customRun)].filter(x, x).size() == 1",message="set exactly one of pipelineRun, event and customRun"
type Source struct {
	// pipelineRun is the run of the first pipeline, which has succeeded.
	// +optional
	PipelineRun *PipelineRunSource `json:"pipelineRun,omitempty"`
	// event is the event that is held.
	// +optional
	Event *EventSource `json:"event,omitempty"`
	// customRun is the approval task that waits.
	// +optional
	CustomRun *CustomRunSource `json:"customRun,omitempty"`
}

// CustomRunSource is a copy of what is needed of a waiting approval task, and of the run that it
// is part of.
type CustomRunSource struct {
	// name of the CustomRun.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the CustomRun.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// attempt is how many times Tekton has retried the CustomRun before.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// pipelineRun is the name of the run that the task is part of.
	// +kubebuilder:validation:MaxLength=253
	// +required
	PipelineRun string `json:"pipelineRun"`
	// pipelineRunUID is the uid of that run.
	// +kubebuilder:validation:MaxLength=64
	// +required
	PipelineRunUID string `json:"pipelineRunUID"`
	// pipeline is the name of that run's Pipeline.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Pipeline string `json:"pipeline"`
	// inline means that the run contains its own pipeline (pipelineSpec). The name in pipeline is
	// then only what the creator of the run called it.
	// +optional
	Inline bool `json:"inline,omitempty"`
	// pipelineTask is the name of the task in the pipeline.
	// +kubebuilder:validation:MaxLength=253
	// +required
	PipelineTask string `json:"pipelineTask"`
	// startedAt is when the run was created.
	// +required
	StartedAt metav1.Time `json:"startedAt"`
	// mapping is the kind of approval task: automatiko, manual-approval-gate or kuberocketci.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Mapping string `json:"mapping"`
	// requester is the name of the person who asked for the run. It is absent when nobody is
	// named.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Requester string `json:"requester,omitempty"`
	// requesterProof is what verifies the requester. When it is absent, nothing does.
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
	// annotations of the run, for expressions. Those of more than 1024 bytes are left out.
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Annotations map[string]LabelValue `json:"annotations,omitempty"`
}

// PipelineRunSource is a copy of what is needed of the first run, which may be deleted while the
// Approval waits.
type PipelineRunSource struct {
	// name of the run.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the run.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// namespace of the run, if it is not that of the Approval.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// pipeline is the name of the run's Pipeline, or the place from which a resolver got it.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Pipeline string `json:"pipeline"`
	// inline means that the run contains its own pipeline (pipelineSpec). The name in pipeline is
	// then only what the creator of the run called it.
	// +optional
	Inline bool `json:"inline,omitempty"`
	// from is the address and the digest from which a resolver got the pipeline, as Tekton
	// reported them.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	From string `json:"from,omitempty"`
	// completedAt is when the run succeeded.
	// +required
	CompletedAt metav1.Time `json:"completedAt"`
	// requester is the name of the person who asked for the run. It is absent when nobody is
	// named.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Requester string `json:"requester,omitempty"`
	// requesterProof is what verifies the requester. When it is absent, nothing does.
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
	// claims are the run's persistent volume claims, by the names of workspaces. The Approval is
	// an owner of those that Tekton created for the run, so that they are kept until the outcome
	// has been acted on.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Claims []Param `json:"claims,omitempty"`
	// labels of the run, for expressions.
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations of the run, for expressions. Those of more than 1024 bytes are left out.
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Annotations map[string]LabelValue `json:"annotations,omitempty"`
}

// LabelValue is the value of a label or of a short annotation.
// +kubebuilder:validation:MaxLength=1024
type LabelValue string

// EventSource is an event as the interceptor got it.
type EventSource struct {
	// id is the sender's delivery id, if it sent one.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ID string `json:"id,omitempty"`
	// digest is the SHA-256 of body, id and verifiedBy, in hexadecimal digits.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Digest string `json:"digest"`
	// requesterProof is what verifies the sender that the body names. When it is absent, nothing
	// does.
	// +optional
	RequesterProof Proof `json:"requesterProof,omitempty"`
	// url is the path and query to which the event was posted.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	URL string `json:"url,omitempty"`
	// headers are sent again with the released event. Headers with credentials and signatures are
	// left out.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Headers []Param `json:"headers,omitempty"`
	// verifiedBy is the kind and the Secret with which the sender was verified when the event was
	// held, by the Gate's signingSecret. When it is empty, nobody verified the sender.
	// +kubebuilder:validation:MaxLength=600
	// +optional
	VerifiedBy string `json:"verifiedBy,omitempty"`
	// extensions are values from the interceptors before countersign that the Trigger's bindings
	// read, as a JSON text.
	// +kubebuilder:validation:MaxLength=65536
	// +optional
	Extensions string `json:"extensions,omitempty"`
	// body of the event, byte for byte.
	// +kubebuilder:validation:MaxLength=524288
	// +required
	Body string `json:"body"`
}
