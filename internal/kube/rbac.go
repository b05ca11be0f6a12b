package kube

// What the service may do in the whole cluster. It reads no Secret outside its own
// namespace, starts no run (its right to create one is for dry runs: see
// deploy/base/admission.yaml) and impersonates nobody.
//
// +kubebuilder:rbac:groups=countersign.dev,resources=gates;gatepolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=countersign.dev,resources=gates/status,verbs=patch
// +kubebuilder:rbac:groups=countersign.dev,resources=delegations,verbs=get;list;watch
// +kubebuilder:rbac:groups=countersign.dev,resources=votes,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=countersign.dev,resources=votes/status,verbs=patch
// +kubebuilder:rbac:groups=countersign.dev,resources=approvals,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=countersign.dev,resources=approvals/status,verbs=patch
// +kubebuilder:rbac:groups=countersign.dev,resources=evidences,verbs=get;list;create;patch;delete
// +kubebuilder:rbac:groups=tekton.dev,resources=pipelineruns,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=tekton.dev,resources=pipelines;tasks;stepactions;taskruns,verbs=get
// +kubebuilder:rbac:groups=tekton.dev,resources=customruns,verbs=get;list;watch
// +kubebuilder:rbac:groups=tekton.dev,resources=customruns/status,verbs=patch
// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,resourceNames=approvaltasks.tekton.automatiko.io;approvaltasks.openshift-pipelines.org;approvaltasks.edp.epam.com,verbs=get
// +kubebuilder:rbac:groups=triggers.tekton.dev,resources=triggers;triggertemplates;triggerbindings;clustertriggerbindings;eventlisteners,verbs=get;list;watch
// +kubebuilder:rbac:groups=triggers.tekton.dev,resources=clusterinterceptors,verbs=create
// +kubebuilder:rbac:groups=triggers.tekton.dev,resources=clusterinterceptors,resourceNames=countersign,verbs=get;update
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingadmissionpolicies;validatingadmissionpolicybindings,resourceNames=countersign-approvals;countersign-approvals-immutable;countersign-delegations;countersign-dry-run-only;countersign-requester;countersign-votes,verbs=get
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;patch
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups="",namespace=countersign,resources=secrets,verbs=create
// +kubebuilder:rbac:groups="",namespace=countersign,resources=secrets,resourceNames=countersign-keys;countersign-tls,verbs=get;update
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=countersign,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=countersign,resources=leases,resourceNames=countersign,verbs=get;update
