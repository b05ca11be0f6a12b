package openshift

// What the service may do beside what it may anyhow. Of ApprovalTasks it writes the
// spec only in creating one: answers are people's own.
//
// +kubebuilder:rbac:groups=openshift-pipelines.org,resources=approvaltasks,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=openshift-pipelines.org,resources=approvaltasks/status,verbs=patch
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingadmissionpolicies;validatingadmissionpolicybindings,resourceNames=countersign-approvaltasks,verbs=get
