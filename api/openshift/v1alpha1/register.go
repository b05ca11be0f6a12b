package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is openshift-pipelines.org/v1alpha1.
var GroupVersion = schema.GroupVersion{Group: "openshift-pipelines.org", Version: "v1alpha1"}

// AddToScheme makes a scheme know the types of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &ApprovalTask{}, &ApprovalTaskList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
