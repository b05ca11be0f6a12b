package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ApprovalStatus is written by the service alone.
type ApprovalStatus struct {
	// outcome is how it ended, Pending while it waits.
	// +kubebuilder:default=Pending
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// decidedAt is when it ended.
	// +optional
	DecidedAt *metav1.MicroTime `json:"decidedAt,omitempty"`
	// votes are the live votes, one a person.
	// +kubebuilder:validation:MaxItems=128
	// +listType=map
	// +listMapKey=voter
	// +optional
	Votes []VoteRecord `json:"votes,omitempty"`
	// withdrawn are votes that their voters took back, the last one of each, so that
	// one which arrives twice does not come back to life.
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	Withdrawn []Withdrawal `json:"withdrawn,omitempty"`
	// revokedLinks are mailed links that somebody ended before their time.
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	RevokedLinks []RevokedLink `json:"revokedLinks,omitempty"`
	// results are what the next part reads.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Results []Param `json:"results,omitempty"`
	// inputs are what the approvers filled in.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Inputs []Param `json:"inputs,omitempty"`
	// supersededBy is the name of the newer one, for outcome Superseded, or of the one
	// that asks again in the place of this one.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	SupersededBy string `json:"supersededBy,omitempty"`
	// cancellation is there when it was cancelled: with outcome Cancelled while it was
	// pending, or, with another outcome, before the run that it starts was seen.
	// +optional
	Cancellation *Cancellation `json:"cancellation,omitempty"`
	// retryRequestedAt is when somebody last requested to start the run, and to send failed
	// notifications again, at once.
	// +optional
	RetryRequestedAt *metav1.MicroTime `json:"retryRequestedAt,omitempty"`
	// notifications lists who was notified of what, and which notifications failed.
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	// +optional
	Notifications []Notification `json:"notifications,omitempty"`
	// secondRun is the run that the outcome started. It is there once that run has
	// been seen.
	// +optional
	SecondRun *SecondRun `json:"secondRun,omitempty"`
	// reruns are the runs that were started before secondRun on the same decision, and why each was
	// not the last.
	// +kubebuilder:validation:MaxItems=10
	// +listType=atomic
	// +optional
	Reruns []Rerun `json:"reruns,omitempty"`
	// effect is what the outcome did to its target. It is there once that has been
	// read back.
	// +optional
	Effect *Effect `json:"effect,omitempty"`
	// answeredAt is when source.customRun was seen to have ended with the outcome.
	// +optional
	AnsweredAt *metav1.MicroTime `json:"answeredAt,omitempty"`
	// conditions: Ready (can it be decided), Startable (could what is approved be started,
	// as things stand), Notified, Released, SecondRunEnded, RequesterWarning.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Cancellation is who said that a thing is not wanted any more, and why.
type Cancellation struct {
	// by is a person, and absent when it follows from what happened in the cluster.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	By string `json:"by,omitempty"`
	// reason is why.
	// +kubebuilder:validation:MaxLength=4096
	// +required
	Reason string `json:"reason"`
	// at is when.
	// +required
	At metav1.MicroTime `json:"at"`
}

// Outcome is how an Approval ended.
// +kubebuilder:validation:Enum=Pending;Approved;Rejected;Expired;Cancelled;Superseded
type Outcome string

// VoteRecord is one person's live vote.
type VoteRecord struct {
	// voter is the verified user name.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// verdict is approve or reject.
	// +required
	Verdict Verdict `json:"verdict"`
	// comment as typed, cleaned of control characters.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Comment string `json:"comment,omitempty"`
	// at is when it was cast.
	// +required
	At metav1.MicroTime `json:"at"`
	// groups are the Gate's groups that the voter is a verified member of.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=atomic
	// +optional
	Groups []string `json:"groups,omitempty"`
	// byRBAC is true when RBAC lets the voter approve on the Gate.
	// +optional
	ByRBAC bool `json:"byRBAC,omitempty"`
	// inputs are what the voter filled in.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	Inputs []Param `json:"inputs,omitempty"`
	// onBehalfOf is the person whose delegate the voter was.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
	// breakGlass is true for a vote that decided alone, by the right to.
	// +optional
	BreakGlass bool `json:"breakGlass,omitempty"`
	// authMethod is how the voter was authenticated: Token, Link, Login, Slack, or Object (a Vote).
	// +kubebuilder:validation:Enum=Token;Link;Login;Slack;Object
	// +required
	AuthMethod string `json:"authMethod"`
	// credentialID names what authenticated the voter: a token's or link's id, the UID of a Vote; never the secret itself.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// address is the mailbox that was verified with it: to which the link was mailed, or
	// which the login provider has verified. Votes of one address count once.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Address string `json:"address,omitempty"`
}

// RevokedLink is a mailed link that ended before its time.
type RevokedLink struct {
	// voter is whose link it was.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// by is who ended it.
	// +kubebuilder:validation:MaxLength=253
	// +required
	By string `json:"by"`
	// at is when.
	// +required
	At metav1.MicroTime `json:"at"`
}

// Withdrawal is a vote that its voter took back.
type Withdrawal struct {
	// voter is the verified user name.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// at is when it was taken back.
	// +required
	At metav1.MicroTime `json:"at"`
	// credentialID is the vote's.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// withdrawnByCredential is the credentialID of what withdrew it.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	WithdrawnByCredential string `json:"withdrawnByCredential,omitempty"`
}

// Verdict is what a vote says.
// +kubebuilder:validation:Enum=approve;reject
type Verdict string

// Notification is the delivery of one event to one recipient over one channel.
type Notification struct {
	// event: opened, reminder-N, escalated or decided. Of reminders the last is kept.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Event string `json:"event"`
	// channel: email, or a channel's name.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Channel string `json:"channel"`
	// recipient is an approver's name or an address; "" for a channel as a whole.
	// +kubebuilder:validation:MaxLength=254
	// +required
	Recipient string `json:"recipient"`
	// messageID is the message's id there: a mail's Message-ID, which is the same
	// each time it is sent, or a Slack message's channel and time stamp.
	// +kubebuilder:validation:MaxLength=254
	// +optional
	MessageID string `json:"messageID,omitempty"`
	// sentAt is when the channel took it. Absent: not yet.
	// +optional
	SentAt *metav1.Time `json:"sentAt,omitempty"`
	// attempts made so far.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// error of the last attempt.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Error string `json:"error,omitempty"`
}

// SecondRun is the run that an outcome started.
type SecondRun struct {
	// name of the PipelineRun, in this namespace.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the PipelineRun.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// pipeline of the PipelineRun.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pipeline string `json:"pipeline,omitempty"`
	// eventID is the EventListener's id of the event that started it.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	EventID string `json:"eventID,omitempty"`
	// observedAt is when the service saw it.
	// +required
	ObservedAt metav1.MicroTime `json:"observedAt"`
	// outcome is how the run ended: Succeeded, Failed, Cancelled, or Gone when somebody deleted
	// it before its end was seen. It is absent while the run goes on, and never changes.
	// +kubebuilder:validation:Enum=Succeeded;Failed;Cancelled;Gone
	// +optional
	Outcome string `json:"outcome,omitempty"`
	// startedAt is when the run began, as Tekton recorded it.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// endedAt is when the run ended, as Tekton recorded it; of one that is gone, when that was
	// seen.
	// +optional
	EndedAt *metav1.MicroTime `json:"endedAt,omitempty"`
	// failedTask is the task of the pipeline that failed first.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	FailedTask string `json:"failedTask,omitempty"`
	// message is what Tekton says of failedTask, or of the run.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// Rerun is one more start of the run on the same decision.
type Rerun struct {
	// by is who wanted it.
	// +kubebuilder:validation:MaxLength=253
	// +required
	By string `json:"by"`
	// reason is why.
	// +kubebuilder:validation:MaxLength=8192
	// +required
	Reason string `json:"reason"`
	// credentialID names the proof of who wanted it, never the secret itself.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// at is when.
	// +required
	At metav1.MicroTime `json:"at"`
	// run is the run before, which did not end well.
	// +required
	Run SecondRun `json:"run"`
}

// Effect is what an outcome did to its target.
type Effect struct {
	// description of what was done.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Description string `json:"description"`
	// observedAt is when the service saw it.
	// +required
	ObservedAt metav1.MicroTime `json:"observedAt"`
}
