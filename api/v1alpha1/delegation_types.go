package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Delegation names a delegate for a time: the person in to may decide what the person in from may
// decide, in this namespace. Only the person in from can create it, which an admission policy
// checks. Deleting it ends it. A delegate can't delegate further.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=delegations,scope=Namespaced,categories=countersign
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.spec.from`
// +kubebuilder:printcolumn:name="To",type=string,JSONPath=`.spec.to`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.spec.until`
type Delegation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is who stands in for whom, and when. It is immutable.
	// +required
	Spec DelegationSpec `json:"spec"`
}

// DelegationSpec is immutable: to change it, delete the Delegation and create another.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a Delegation is immutable: delete it and create another"
// +kubebuilder:validation:XValidation:rule="self.from != self.to",message="from and to must be different people"
// +kubebuilder:validation:XValidation:rule="!has(self.since) || self.since < self.until",message="since must be before until"
type DelegationSpec struct {
	// from is the user name of the person who delegates. It has to be the creator's own user name,
	// as kubectl auth whoami prints it. Any other name is refused by the admission policy
	// countersign-delegations.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	From string `json:"from"`
	// to is the user name of the delegate. Nothing checks that there is such a user.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	To string `json:"to"`
	// since is when the Delegation begins, as a time in RFC 3339 such as 2026-12-21T08:00:00Z. The
	// default is its creation.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// until is when it ends, as a time in RFC 3339.
	// +required
	Until metav1.Time `json:"until"`
	// gates are the names of the Gates that it applies to. The default is all Gates of the
	// namespace. Nothing checks that the Gates exist.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Gates []string `json:"gates,omitempty"`
}

// DelegationList is a list of Delegations.
//
// +kubebuilder:object:root=true
type DelegationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Delegation `json:"items"`
}
