package v1alpha1

// Release is one object of the Approval's namespace that every outcome is written to. Its name is
// a plain name (lowercase letters, digits and '-') or a CEL expression, with the same variables as
// title, which is evaluated once, when the Approval is resolved.
//
// +kubebuilder:validation:XValidation:rule="has(self.configMap) != has(self.pendingRun)",message="release needs one of configMap and pendingRun"
type Release struct {
	// configMap is a ConfigMap that a Task in the pipeline polls. An approval writes success,
	// every other outcome refused.
	// +optional
	ConfigMap *ConfigMapRelease `json:"configMap,omitempty"`
	// pendingRun is a PipelineRun that was created with spec.status PipelineRunPending. An
	// approval starts it, every other outcome cancels it.
	// +optional
	PendingRun *PendingRunRelease `json:"pendingRun,omitempty"`
}

// ConfigMapRelease is one key of a ConfigMap.
type ConfigMapRelease struct {
	// name of the ConfigMap, or a CEL expression that gives it. While there is no such ConfigMap,
	// the condition Released of the Approval has reason TargetMissing.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Name string `json:"name"`
	// key in the ConfigMap's data, which must exist already. The default is status. While it does
	// not exist, the condition Released has reason TargetMissing.
	// +kubebuilder:default=status
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Key string `json:"key,omitempty"`
}

// PendingRunRelease is one pending PipelineRun.
type PendingRunRelease struct {
	// name of the PipelineRun, or a CEL expression that gives it. The default is the expression
	// body.run. An Approval for a run that does not exist is not resolved.
	// +kubebuilder:default=body.run
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Name string `json:"name,omitempty"`
}
