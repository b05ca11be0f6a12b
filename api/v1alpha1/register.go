package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is countersign.dev/v1alpha1.
var GroupVersion = schema.GroupVersion{Group: "countersign.dev", Version: "v1alpha1"}

// AddToScheme makes a scheme know the types of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Gate{}, &GateList{}, &GatePolicy{}, &GatePolicyList{}, &Approval{}, &ApprovalList{}, &Delegation{}, &DelegationList{}, &Vote{}, &VoteList{}, &Evidence{}, &EvidenceList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
