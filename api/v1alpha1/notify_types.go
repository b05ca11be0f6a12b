package v1alpha1

// Notify lists who is notified, of what and when. The service's configuration defines the
// channels.
//
// +kubebuilder:validation:XValidation:rule="!has(self.remindEvery) || (duration(self.remindEvery) >= duration('1m') && duration(self.remindEvery) <= duration('2160h'))",message="remindEvery must be between 1m and 2160h (90 days)"
type Notify struct {
	// channels are names of channels, each of which gets every message: opening, reminders and
	// outcome. A Gate that names a channel the service does not have has Ready False with reason
	// NotConfigured.
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=set
	// +optional
	Channels []string `json:"channels,omitempty"`
	// remindEvery is how often approvers who have not voted yet, and the channels, are reminded
	// while the Approval is pending, as a Go duration such as 4h: 1m to 2160h (90 days). When
	// absent, nobody is reminded.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +optional
	RemindEvery string `json:"remindEvery,omitempty"`
	// escalate notifies further people when an Approval has been pending for long. When absent,
	// nobody else is notified.
	// +optional
	Escalate *Escalation `json:"escalate,omitempty"`
	// secondRun is when the requester, those who decided and the channels are notified of the end
	// of the second run: Failed (the default; also when it was cancelled or deleted), Always or
	// Never.
	// +kubebuilder:validation:Enum=Failed;Always;Never
	// +optional
	SecondRun string `json:"secondRun,omitempty"`
}

// Escalation lists who is notified when nobody decides.
//
// +kubebuilder:validation:XValidation:rule="duration(self.after) >= duration('1m') && duration(self.after) <= duration('2160h')",message="after must be between 1m and 2160h (90 days)"
// +kubebuilder:validation:XValidation:rule="(has(self.channels) && size(self.channels) > 0) || (has(self.emails) && size(self.emails) > 0)",message="nobody to escalate to: list channels or emails"
type Escalation struct {
	// after is how long the Approval has been pending by then, as a Go duration such as 24h: 1m to
	// 2160h (90 days).
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +required
	After string `json:"after"`
	// channels are names of channels to notify. A name that the service does not have sets Ready
	// to False with reason NotConfigured.
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=set
	// +optional
	Channels []string `json:"channels,omitempty"`
	// emails are addresses to notify.
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=254
	// +kubebuilder:validation:items:Pattern=`^[^@\s<>,;"]+@[!#-+\--:=?A-~]+$`
	// +listType=set
	// +optional
	Emails []string `json:"emails,omitempty"`
}
