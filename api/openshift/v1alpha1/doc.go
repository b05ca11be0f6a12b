// Package v1alpha1 is the ApprovalTask of openshift-pipelines/manual-approval-gate,
// as far as its clients read and write it: tkn-approvaltask and the OpenShift
// console work against ours. The types are declared here again; nothing of that
// project is imported.
//
// Beyond theirs: every list and text has a bound, and status says what became of
// each answer.
//
// +kubebuilder:object:generate=true
// +groupName=openshift-pipelines.org
package v1alpha1
