// Package v1alpha1 is the Kubernetes face of the domain: Gates and Approvals.
//
// +kubebuilder:object:generate=true
// +groupName=countersign.dev
package v1alpha1
