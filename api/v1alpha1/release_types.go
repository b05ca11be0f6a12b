package v1alpha1

// Release is an object of the Approval's namespace that every outcome is written to.
// Its name is a plain name (lowercase letters, digits and '-'), or a CEL expression
// with the variables of forward, evaluated once, when the Approval was resolved.
//
// +kubebuilder:validation:XValidation:rule="has(self.configMap) != has(self.pendingRun)",message="release needs one of configMap and pendingRun"
type Release struct {
	// configMap is one that a Task in the pipeline polls: an approval writes success,
	// every other end refused.
	// +optional
	ConfigMap *ConfigMapRelease `json:"configMap,omitempty"`
	// pendingRun is a PipelineRun that was created with spec.status PipelineRunPending:
	// an approval lets it go, every other end cancels it.
	// +optional
	PendingRun *PendingRunRelease `json:"pendingRun,omitempty"`
}

// ConfigMapRelease is one key of a ConfigMap.
type ConfigMapRelease struct {
	// name of the ConfigMap, or the expression for it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Name string `json:"name"`
	// key in its data, which must be there already.
	// +kubebuilder:default=status
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Key string `json:"key,omitempty"`
}

// PendingRunRelease is a PipelineRun.
type PendingRunRelease struct {
	// name of the PipelineRun, or the expression for it.
	// +kubebuilder:default=body.run
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Name string `json:"name,omitempty"`
}
