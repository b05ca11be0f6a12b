package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Delegation names a delegate: for a time, "to" may decide what "from" may decide,
// in this namespace. Only "from" can make it, which an admission policy sees to, and
// deleting it ends it. A delegate can't delegate further.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=delegations,scope=Namespaced,categories=countersign
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.spec.from`
// +kubebuilder:printcolumn:name="To",type=string,JSONPath=`.spec.to`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.spec.until`
type Delegation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is who stands in for whom.
	// +required
	Spec DelegationSpec `json:"spec"`
}

// DelegationSpec is immutable: make another one.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a Delegation is immutable: delete it and create another"
// +kubebuilder:validation:XValidation:rule="self.from != self.to",message="from and to must be different people"
// +kubebuilder:validation:XValidation:rule="!has(self.since) || self.since < self.until",message="since must be before until"
type DelegationSpec struct {
	// from is the person who delegates. It is the user name of the creator.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	From string `json:"from"`
	// to is the delegate's user name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	To string `json:"to"`
	// since is when it begins. It is the creation when absent.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// until is when it ends.
	// +required
	Until metav1.Time `json:"until"`
	// gates bounds it to these Gates. All of the namespace when absent.
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
