package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ApprovalStatus is the votes, the outcome and what followed. Countersign alone writes it.
type ApprovalStatus struct {
	// outcome is Pending while the Approval waits, and then how it ended: Approved, Rejected,
	// Expired, Cancelled or Superseded.
	// +kubebuilder:default=Pending
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// decidedAt is when it ended.
	// +optional
	DecidedAt *metav1.MicroTime `json:"decidedAt,omitempty"`
	// votes are the votes that count, one for each person. A person's later vote replaces the
	// earlier one.
	// +kubebuilder:validation:MaxItems=128
	// +listType=map
	// +listMapKey=voter
	// +optional
	Votes []VoteRecord `json:"votes,omitempty"`
	// discussion is what people said without a vote, the oldest first.
	// +kubebuilder:validation:MaxItems=50
	// +listType=atomic
	// +optional
	Discussion []Comment `json:"discussion,omitempty"`
	// withdrawn are votes that their voters withdrew, the last one of each voter, so that a vote
	// that arrives twice does not count again.
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	Withdrawn []Withdrawal `json:"withdrawn,omitempty"`
	// revokedLinks are mailed links that were ended before their time. Nobody can vote with them.
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	RevokedLinks []RevokedLink `json:"revokedLinks,omitempty"`
	// results are what the second pipeline, or the waiting task, reads of the decision.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Results []Param `json:"results,omitempty"`
	// inputs are the values that approvers filled in.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Inputs []Param `json:"inputs,omitempty"`
	// supersededBy is the name of the Approval that replaced this one.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	SupersededBy string `json:"supersededBy,omitempty"`
	// cancellation is there when somebody cancelled the Approval: while it was pending, with
	// outcome Cancelled, or after the decision, before the second run was observed.
	// +optional
	Cancellation *Cancellation `json:"cancellation,omitempty"`
	// retryRequestedAt is when somebody last asked Countersign to start the run, or send failed
	// notifications, at once.
	// +optional
	RetryRequestedAt *metav1.MicroTime `json:"retryRequestedAt,omitempty"`
	// notifications lists who was notified of what, and which notifications failed.
	// +kubebuilder:validation:MaxItems=320
	// +listType=atomic
	// +optional
	Notifications []Notification `json:"notifications,omitempty"`
	// secondRun is the run that the outcome started. It is absent until Countersign has observed
	// the run.
	// +optional
	SecondRun *SecondRun `json:"secondRun,omitempty"`
	// reruns are the runs that were started before secondRun on the same decision.
	// +kubebuilder:validation:MaxItems=10
	// +listType=atomic
	// +optional
	Reruns []Rerun `json:"reruns,omitempty"`
	// effect is what the outcome changed at its target. It is absent until Countersign has read
	// the change back.
	// +optional
	Effect *Effect `json:"effect,omitempty"`
	// answeredAt is when Countersign observed that the waiting task had ended with the outcome.
	// +optional
	AnsweredAt *metav1.MicroTime `json:"answeredAt,omitempty"`
	// conditions has Ready (False while nobody can decide), Startable (whether what is approved
	// could be started at present), Notified, Released, SecondRunEnded, RequesterWarning and
	// Stalled. Each has a reason and a message.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Cancellation is who cancelled an Approval, when and why.
type Cancellation struct {
	// by is the name of the person who cancelled. It is absent when Countersign did, because of
	// what happened in the cluster.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	By string `json:"by,omitempty"`
	// reason is the text that the person gave, or what happened.
	// +kubebuilder:validation:MaxLength=4096
	// +required
	Reason string `json:"reason"`
	// at is when it was cancelled.
	// +required
	At metav1.MicroTime `json:"at"`
}

// Outcome is Pending, or how an Approval ended.
// +kubebuilder:validation:Enum=Pending;Approved;Rejected;Expired;Cancelled;Superseded
type Outcome string

// VoteRecord is one person's vote.
type VoteRecord struct {
	// voter is the user name that was verified.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// displayName is what the login provider called the voter then. It proves nothing.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// verdict is approve or reject.
	// +required
	Verdict Verdict `json:"verdict"`
	// comment as it was typed, without control characters.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Comment string `json:"comment,omitempty"`
	// at is when the vote was cast.
	// +required
	At metav1.MicroTime `json:"at"`
	// groups are those groups of the Gate that the voter was a verified member of.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=atomic
	// +optional
	Groups []string `json:"groups,omitempty"`
	// byRBAC is true when RBAC granted the voter the verb approve on the Gate.
	// +optional
	ByRBAC bool `json:"byRBAC,omitempty"`
	// inputs are the values that the voter filled in.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	Inputs []Param `json:"inputs,omitempty"`
	// onBehalfOf is the name of the person whose delegate the voter was.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
	// breakGlass is true for an emergency approval by one person, who had the RBAC verb
	// break-glass.
	// +optional
	BreakGlass bool `json:"breakGlass,omitempty"`
	// authMethod is how the voter was authenticated: by Token, Link, Login, Slack or Object (a
	// Vote).
	// +kubebuilder:validation:Enum=Token;Link;Login;Slack;Object
	// +required
	AuthMethod string `json:"authMethod"`
	// credentialID identifies what authenticated the voter: the id of a token or link, or the UID
	// of a Vote. It is never the secret itself.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// address is the mailbox that was verified with it: the one that the link was mailed to, or
	// that the login provider has verified. Votes with one address count once.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Address string `json:"address,omitempty"`
}

// Comment is what somebody said without a vote.
type Comment struct {
	// by is the verified user name.
	// +kubebuilder:validation:MaxLength=253
	// +required
	By string `json:"by"`
	// displayName is what the login provider called the person then. It proves nothing.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// text as typed, cleaned of control characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +required
	Text string `json:"text"`
	// needsChanges says that the person wants something changed first.
	// +optional
	NeedsChanges bool `json:"needsChanges,omitempty"`
	// clearedAt is when the person voted after that. While it is absent, changes are wanted.
	// +optional
	ClearedAt *metav1.MicroTime `json:"clearedAt,omitempty"`
	// at is when Countersign accepted the comment.
	// +required
	At metav1.MicroTime `json:"at"`
	// authMethod is how the person was authenticated: Token, Link, Login, Slack, or Object (a Vote).
	// +kubebuilder:validation:Enum=Token;Link;Login;Slack;Object
	// +required
	AuthMethod string `json:"authMethod"`
	// credentialID names what authenticated the person, never the secret itself.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// address is the mailbox that was verified with it.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Address string `json:"address,omitempty"`
	// id is what the sender called the comment, so that one that arrives twice is one.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ID string `json:"id,omitempty"`
}

// RevokedLink is a mailed link that was ended before its time.
type RevokedLink struct {
	// voter is the name of the approver whose link it was.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// by is the name of the person who revoked it.
	// +kubebuilder:validation:MaxLength=253
	// +required
	By string `json:"by"`
	// at is when it was revoked.
	// +required
	At metav1.MicroTime `json:"at"`
}

// Withdrawal is a vote that its voter withdrew.
type Withdrawal struct {
	// voter is the user name that was verified.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Voter string `json:"voter"`
	// at is when the vote was withdrawn.
	// +required
	At metav1.MicroTime `json:"at"`
	// credentialID identifies what the vote was authenticated with.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// withdrawnByCredential identifies what the withdrawal was authenticated with.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	WithdrawnByCredential string `json:"withdrawnByCredential,omitempty"`
}

// Verdict is approve or reject.
// +kubebuilder:validation:Enum=approve;reject
type Verdict string

// Notification is the delivery of one message to one recipient over one channel.
type Notification struct {
	// event is opened, reminder-N, commented-N, escalated, decided or run-ended. Of those with a
	// number only the last one is listed.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Event string `json:"event"`
	// channel is email, or the name of a channel.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Channel string `json:"channel"`
	// recipient is an approver's name or an address. It is empty for a channel as a whole.
	// +kubebuilder:validation:MaxLength=254
	// +required
	Recipient string `json:"recipient"`
	// messageID is the id of the message: a mail's Message-ID, which is the same each time it is
	// sent, or the channel and time stamp of a message in Slack.
	// +kubebuilder:validation:MaxLength=254
	// +optional
	MessageID string `json:"messageID,omitempty"`
	// sentAt is when the channel accepted the message. It is absent until then.
	// +optional
	SentAt *metav1.Time `json:"sentAt,omitempty"`
	// attempts is how many times it was sent.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// error is why the last attempt failed.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Error string `json:"error,omitempty"`
}

// SecondRun is the PipelineRun that the outcome started.
type SecondRun struct {
	// name of the PipelineRun, in this namespace.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// uid of the PipelineRun.
	// +kubebuilder:validation:MaxLength=64
	// +required
	UID string `json:"uid"`
	// pipeline is the name of the PipelineRun's Pipeline.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pipeline string `json:"pipeline,omitempty"`
	// eventID is the id that the EventListener gave to the event that started the run.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	EventID string `json:"eventID,omitempty"`
	// observedAt is when Countersign first observed the run.
	// +required
	ObservedAt metav1.MicroTime `json:"observedAt"`
	// outcome is how the run ended: Succeeded, Failed, Cancelled, or Gone when somebody deleted it
	// before its end was observed. It is absent while the run goes on, and then never changes.
	// +kubebuilder:validation:Enum=Succeeded;Failed;Cancelled;Gone
	// +optional
	Outcome string `json:"outcome,omitempty"`
	// startedAt is when the run began, as Tekton reported it.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// endedAt is when the run ended, as Tekton reported it. For a run that is gone it is when
	// Countersign noticed.
	// +optional
	EndedAt *metav1.MicroTime `json:"endedAt,omitempty"`
	// failedTask is the name of the task in the pipeline that failed first.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	FailedTask string `json:"failedTask,omitempty"`
	// message is what Tekton reported of failedTask, or of the run.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// Rerun is one more start of the second run on the same decision.
type Rerun struct {
	// by is the name of the person who started it again.
	// +kubebuilder:validation:MaxLength=253
	// +required
	By string `json:"by"`
	// reason is the text that the person gave.
	// +kubebuilder:validation:MaxLength=8192
	// +required
	Reason string `json:"reason"`
	// credentialID identifies what the person was authenticated with. It is never the secret
	// itself.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	CredentialID string `json:"credentialID,omitempty"`
	// at is when it was started again.
	// +required
	At metav1.MicroTime `json:"at"`
	// run is the earlier run, which did not succeed.
	// +required
	Run SecondRun `json:"run"`
}

// Effect is what an outcome changed at its target.
type Effect struct {
	// description of the change, for people.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Description string `json:"description"`
	// observedAt is when Countersign read the change back.
	// +required
	ObservedAt metav1.MicroTime `json:"observedAt"`
}
