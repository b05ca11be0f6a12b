package kubeutil

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Owns compares by UID: an owner of the same name may be another object.
func Owns(owners []metav1.OwnerReference, uid string) bool {
	return slices.ContainsFunc(owners, func(o metav1.OwnerReference) bool { return string(o.UID) == uid })
}
