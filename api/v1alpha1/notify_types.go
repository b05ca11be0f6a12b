package v1alpha1

// Notify is who is notified of what and when. Channels are named by the service's
// configuration.
//
// +kubebuilder:validation:XValidation:rule="!has(self.remindEvery) || (duration(self.remindEvery) >= duration('1m') && duration(self.remindEvery) <= duration('2160h'))",message="remindEvery must be between 1m and 2160h (90 days)"
type Notify struct {
	// channels get every message: opening, reminders and outcome.
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=set
	// +optional
	Channels []string `json:"channels,omitempty"`
	// remindEvery is how often those who may still vote are reminded while it is
	// pending, as a Go duration such as 4h.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +optional
	RemindEvery string `json:"remindEvery,omitempty"`
	// escalate tells others when it has been pending for long.
	// +optional
	Escalate *Escalation `json:"escalate,omitempty"`
	// secondRun is when the requester, those who decided and the channels are notified of the
	// end of the run that the outcome started: Failed (also when it was cancelled or deleted),
	// Always or Never. Without it: Failed.
	// +kubebuilder:validation:Enum=Failed;Always;Never
	// +optional
	SecondRun string `json:"secondRun,omitempty"`
}

// Escalation is who is notified when nobody decides.
//
// +kubebuilder:validation:XValidation:rule="duration(self.after) >= duration('1m') && duration(self.after) <= duration('2160h')",message="after must be between 1m and 2160h (90 days)"
// +kubebuilder:validation:XValidation:rule="(has(self.channels) && size(self.channels) > 0) || (has(self.emails) && size(self.emails) > 0)",message="nobody to escalate to: list channels or emails"
type Escalation struct {
	// after is how long it has been pending, as a Go duration such as 24h.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +required
	After string `json:"after"`
	// channels to tell.
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=set
	// +optional
	Channels []string `json:"channels,omitempty"`
	// emails are addresses to tell.
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=254
	// +kubebuilder:validation:items:Pattern=`^[^@\s<>,;"]+@[!#-+\--:=?A-~]+$`
	// +listType=set
	// +optional
	Emails []string `json:"emails,omitempty"`
}
