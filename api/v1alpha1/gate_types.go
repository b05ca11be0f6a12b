package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Gate is the policy for one environment: who may decide, how many people have to agree, how long
// an Approval waits, and who is notified. The owner of the environment writes it, not the author
// of the pipeline. Triggers refer to it by name.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=gates,scope=Namespaced,categories=countersign
// +kubebuilder:printcolumn:name="Strategy",type=string,JSONPath=`.spec.strategy`
// +kubebuilder:printcolumn:name="Required",type=integer,JSONPath=`.spec.required`
// +kubebuilder:printcolumn:name="Approvers",type=string,JSONPath=`.spec.approvers.users[*].name`
// +kubebuilder:printcolumn:name="Groups",type=string,JSONPath=`.spec.approvers.groups`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Warning",type=string,JSONPath=`.status.conditions[?(@.type=="Warning")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Gate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// The rules of spec are here and not at GateSpec, because an Approval contains a copy of it. The
	// service alone writes that copy, and the API server would check it again at every vote.

	// spec is the policy. A change applies to new Approvals only: each Approval has a copy of the
	// policy as it was when the Approval was resolved.
	// +required
	// +kubebuilder:validation:XValidation:rule="has(self.approvers) != has(self.rules)",message="set either approvers or rules"
	// +kubebuilder:validation:XValidation:rule="!has(self.rules) || (self.strategy == 'SINGLE' && !has(self.required))",message="rules already set how many must approve: remove strategy and required"
	// +kubebuilder:validation:XValidation:rule="self.strategy != 'QUORUM' || has(self.required)",message="strategy QUORUM needs required: set how many people must approve"
	// +kubebuilder:validation:XValidation:rule="self.strategy != 'SINGLE' || !has(self.required) || self.required == 1",message="strategy SINGLE needs one approval: remove required, or use strategy QUORUM"
	// +kubebuilder:validation:XValidation:rule="(self.strategy != 'MULTI' && self.strategy != 'FOUR_EYES') || !has(self.required)",message="strategy MULTI needs everybody and FOUR_EYES two people: remove required"
	// +kubebuilder:validation:XValidation:rule="self.strategy != 'MULTI' || !has(self.approvers) || !has(self.approvers.rbac) || !self.approvers.rbac",message="strategy MULTI needs everybody, but the people whom RBAC lets approve can't be counted: list users and groups, or use QUORUM"
	// +kubebuilder:validation:XValidation:rule="self.strategy != 'FOUR_EYES' || !has(self.approvers) || (has(self.approvers.groups) && size(self.approvers.groups) > 0) || (has(self.approvers.rbac) && self.approvers.rbac) || (has(self.approvers.users) && size(self.approvers.users) >= 2)",message="strategy FOUR_EYES needs two people: add users or groups"
	// +kubebuilder:validation:XValidation:rule="!has(self.required) || !has(self.approvers) || (has(self.approvers.groups) && size(self.approvers.groups) > 0) || (has(self.approvers.rbac) && self.approvers.rbac) || (has(self.approvers.users) && size(self.approvers.users) >= self.required)",message="required is higher than the number of users: add users or groups, or lower required"
	// +kubebuilder:validation:XValidation:rule="!has(self.supersedeKey) || (has(self.supersede) && self.supersede == 'Newest')",message="supersedeKey is for supersede: Newest"
	// +kubebuilder:validation:XValidation:rule="!has(self.expiresAfter) || (duration(self.expiresAfter) >= duration('10s') && duration(self.expiresAfter) <= duration('2160h'))",message="expiresAfter must be between 10s and 2160h (90 days)"
	// +kubebuilder:validation:XValidation:rule="!has(self.keepFor) || (duration(self.keepFor) >= duration('48h') && duration(self.keepFor) <= duration('87600h'))",message="keepFor must be between 48h and 87600h (10 years)"
	// +kubebuilder:validation:XValidation:rule="!has(self.release) || !has(self.releaseOn) || self.releaseOn == ['Approved']",message="with release every outcome is written: remove releaseOn"
	Spec GateSpec `json:"spec"`
	// status reports whether the policy can be used. Countersign writes it.
	// +optional
	Status GateStatus `json:"status,omitempty"`
}

// GateSpec is a policy. A Gate has it as its spec, and a Trigger may contain the same fields,
// except rbac, in the interceptor's param gate.
type GateSpec struct {
	// approvers are the people who may decide: listed users, members of listed groups, and with
	// rbac anyone whom RBAC lets approve on this Gate. Set either approvers or rules.
	// +optional
	Approvers *Approvers `json:"approvers,omitempty"`
	// rules are requirements that must all be met by different people: nobody counts for two of
	// them. One approval by security and two by platform take three people. They replace
	// approvers, strategy and required.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Rules []Rule `json:"rules,omitempty"`
	// strategy is how the votes add up. SINGLE, the default: the first vote decides. MULTI: every
	// listed user and one member of every listed group have to approve. FOUR_EYES: two different
	// people have to approve. QUORUM: as many different people as required says have to approve.
	// One rejection ends any of them. A strategy that the listed people can't meet is refused, or
	// sets the condition Ready to False with reason Unusable.
	// +kubebuilder:default=SINGLE
	// +optional
	Strategy Strategy `json:"strategy,omitempty"`
	// required is the number of different people who have to approve. It is for strategy QUORUM,
	// which needs it.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	Required int32 `json:"required,omitempty"`
	// comment is when a vote needs a comment: Optional (the default), Required for every vote, or
	// RequiredOnReject. A vote without a comment that is needed is refused.
	// +optional
	Comment CommentRule `json:"comment,omitempty"`
	// onExpiry is what happens when nobody has decided in time: the Approval ends as Expired
	// (Expire, the default), Approved (Approve) or Rejected (Reject).
	// +optional
	OnExpiry ExpiryRule `json:"onExpiry,omitempty"`
	// supersede is what happens to pending Approvals of a Trigger when a newer one is opened.
	// Keep, the default: each waits on its own. Newest: the older ones that have the same
	// supersedeKey end as Superseded.
	// +optional
	Supersede SupersedeRule `json:"supersede,omitempty"`
	// supersedeKey is a CEL expression over body, header, requestURL, run, params and results.
	// With supersede Newest, an Approval replaces only those for which it gives the same text.
	// When absent, an Approval replaces all others of its Trigger. While the expression fails, the
	// Approval is not resolved, and its condition Ready has the error.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	SupersedeKey string `json:"supersedeKey,omitempty"`
	// inputs are fields of a form that approvers fill in. Their values become forwarded params and
	// results, so their names must be unique across all three. The first approver's values hold
	// for the others, so that everybody approves the same thing: a later vote with another value
	// is refused.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Inputs []Input `json:"inputs,omitempty"`
	// requester is whether the person who asked for the change may decide. Exclude, the default: a
	// verified requester can't vote, and one who is only named, but not verified, may reject and
	// not approve. Required: likewise, and an Approval whose requester is not verified can't be
	// decided. Allow: the requester votes like anyone else.
	// +kubebuilder:default=Exclude
	// +optional
	Requester RequesterRule `json:"requester,omitempty"`
	// expiresAfter is how long an Approval waits, counted from its opening, as a Go duration such
	// as 36h: 10s to 2160h (90 days). The default is 168h (7 days).
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +optional
	ExpiresAfter string `json:"expiresAfter,omitempty"`
	// releaseOn lists the outcomes that start the second pipeline. The default is Approved alone.
	// A binding of the Trigger can read the outcome. With release, every outcome is written, and
	// releaseOn must be absent.
	// +kubebuilder:default={Approved}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	// +optional
	ReleaseOn []ReleasingOutcome `json:"releaseOn,omitempty"`
	// resultsPreset is the approval task of another system whose results the second pipeline
	// reads, in the place of the default results decision, comment, approvedBy and rejectedBy.
	// +kubebuilder:validation:Enum=automatiko;manual-approval-gate;kuberocketci
	// +optional
	ResultsPreset string `json:"resultsPreset,omitempty"`
	// results are CEL expressions that add to the results that the second pipeline reads, or
	// replace one of them. They see approval, run, params, results, body and header. Each has to
	// give a string, bool or number. If one fails at the decision, the second pipeline gets the
	// default results, and an Event of the Approval has the error.
	// +kubebuilder:validation:MaxItems=32
	// +listType=map
	// +listMapKey=name
	// +optional
	Results []Expression `json:"results,omitempty"`
	// show names results of the first pipeline that approvers see as text, such as a plan. A
	// result that the run does not have is left out.
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Show []string `json:"show,omitempty"`
	// title is a CEL expression over body, header, requestURL, run, params and results that gives
	// a few words for what is approved: the heading of the page and the subject of mails. It is
	// cut after 200 characters. A title in the Trigger replaces it. When it is absent, or gives
	// nothing, the title is the Trigger's name with the first forwarded param or result called
	// version, tag, image, revision or commit.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Title string `json:"title,omitempty"`
	// instructions is a CEL expression, with the same variables as title, that gives text on what
	// approvers should check, in a small Markdown: paragraphs, lists, **bold**, *italic*, `code`,
	// blocks of code, and [links](https://...). Instructions in the Trigger follow it. Both
	// together have 4096 bytes at most.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Instructions string `json:"instructions,omitempty"`
	// links lead approvers to a runbook or a dashboard. Links in the Trigger follow them. Both
	// together are 8 at most.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=name
	// +optional
	Links []Link `json:"links,omitempty"`
	// evidence is what approvers read before they decide: files that the first pipeline uploads,
	// logs of its tasks, and its results, up to 5 MiB each. Countersign stores it with the
	// Approval, and its SHA-256 is part of what is approved. While evidence that is not optional
	// is missing or too large, nobody can decide, and the condition Ready has reason
	// EvidenceMissing.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=name
	// +optional
	Evidence []EvidenceSource `json:"evidence,omitempty"`
	// signingSecret is the Secret of this namespace that the senders of events sign with, or send.
	// An event is held only if it verifies. The released event is signed in the same way, with the
	// Secret as it is then, so that a stock interceptor with the same secretRef accepts it. While
	// the service may not read the Secret, events are not held, and an Event of the Trigger has
	// the reason.
	// +optional
	SigningSecret *SigningSecret `json:"signingSecret,omitempty"`
	// keepFor is how long a decided Approval stays in the cluster, as a Go duration such as 720h:
	// 48h to 87600h (10 years). Then Countersign deletes it, once the audit log has its history.
	// When absent, or without an audit store, the Approval stays.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +optional
	KeepFor string `json:"keepFor,omitempty"`
	// mailLink is whether the link in an approver's mail is enough to vote. Decides, the default:
	// anyone who has the link can vote as that approver. NeedsLogin: the link shows the page, and
	// the approver has to sign in to vote. A service without a login sets Ready to False with
	// reason NotConfigured.
	// +optional
	MailLink MailLinkRule `json:"mailLink,omitempty"`
	// record is whether votes are accepted while the audit store can't be written to. Follows, the
	// default: they are, and their entries are written later. Required: they are refused with
	// status 503, and Votes by kubectl wait. Without an audit store, Required sets Ready to False
	// with reason NotConfigured.
	// +optional
	Record RecordRule `json:"record,omitempty"`
	// verifyRun is when the second run is compared with what was approved. WhenSeen, the default:
	// as soon as Countersign sees it. BeforeStart: before any of it executes. For BeforeStart the
	// template creates the run with spec.status PipelineRunPending; the Pipeline, Tasks and
	// StepActions that it refers to by name are then part of what is approved. A run that differs
	// is cancelled. A Gate with release has no template to compare, so verifyRun is then refused:
	// Ready is False with reason Unusable.
	// +optional
	VerifyRun VerifyRunRule `json:"verifyRun,omitempty"`
	// timeZone is the IANA name of the time zone of the times in mails and chat messages, such as
	// Europe/Berlin. It is for readers whose own is not known: mails to people of the directory
	// with a time zone have that one, and pages and Slack show each reader's own. The default is
	// UTC. With a zone that does not exist, Ready is False with reason Unusable.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// language is the tag of the language of mails and chat messages: en, de, ja, ko or zh-Hans. It
	// is for readers whose own is not known: mails to people of the directory with a language are in
	// that one, and pages are in the language of each reader's browser. The default, and what a
	// language that Countersign does not have stands for, is English.
	// +kubebuilder:validation:MaxLength=35
	// +kubebuilder:validation:Pattern=`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`
	// +optional
	Language string `json:"language,omitempty"`
	// notify lists the channels and people that are notified, besides the mail to each approver.
	// +optional
	Notify *Notify `json:"notify,omitempty"`
	// rerun lets a second run that failed, was cancelled or was deleted be started again on the
	// same decision. When absent, approval has to be requested again.
	// +optional
	Rerun *RerunRule `json:"rerun,omitempty"`
	// release is the object that the outcome is written to. When absent, Countersign posts a
	// signed event to the EventListener, which starts the second pipeline.
	// +optional
	Release *Release `json:"release,omitempty"`
}

// RerunRule is how often the second run may be started again on the same decision, and by whom.
type RerunRule struct {
	// limit is how many times the run of one decision may be started again. A further attempt is
	// refused.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	// +required
	Limit int32 `json:"limit"`
	// allow lists who may start it again, besides operators: Requester (the verified requester)
	// and Deciders (those whose votes made the outcome). The default is operators alone.
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:Enum=Requester;Deciders
	// +listType=set
	// +optional
	Allow []string `json:"allow,omitempty"`
}

// EvidenceSource is one piece of evidence, and where it comes from.
//
// +kubebuilder:validation:XValidation:rule="self.from != 'Log' || has(self.task)",message="evidence from Log needs task: set it to a task of the pipeline"
// +kubebuilder:validation:XValidation:rule="self.from == 'Log' || (!has(self.task) && !has(self.step))",message="task and step are for evidence from Log"
// +kubebuilder:validation:XValidation:rule="self.from == 'Result' || !has(self.result)",message="result is for evidence from Result"
type EvidenceSource struct {
	// name is what approvers read. For an upload it is also the last part of the address to which
	// the step sends the file.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`
	// +required
	Name string `json:"name"`
	// from is where the evidence comes from. Upload, the default: a step of the run sends it. Log:
	// what a task printed, read when the run has ended. Result: a result of the run.
	// +kubebuilder:default=Upload
	// +optional
	From EvidenceKind `json:"from,omitempty"`
	// task is the name of a task in the pipeline. It is for Log, which needs it.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Task string `json:"task,omitempty"`
	// step is the name of a step of that task, for Log. The default is all steps, one after the
	// other.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Step string `json:"step,omitempty"`
	// result is the name of a result of the run, for Result. The default is name.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Result string `json:"result,omitempty"`
	// format is the kind of text, by which the page shows and counts it. By default it is
	// detected. A text that is not in its format is shown as plain text.
	// +optional
	Format EvidenceFormat `json:"format,omitempty"`
	// optional allows the evidence to be missing. The Approval then shows that it is missing, and
	// can be decided. The default is false: nobody can decide without it.
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// EvidenceKind is one of the places that evidence comes from.
// +kubebuilder:validation:Enum=Upload;Log;Result
type EvidenceKind string

// EvidenceFormat is one of the formats that the page can show in more than plain text.
// +kubebuilder:validation:Enum=terraform-plan;terraform-plan-json;diff;kubectl-diff;helm-diff;junit;sarif;markdown;json;text
type EvidenceFormat string

// Approvers are the people who may decide.
//
// +kubebuilder:validation:XValidation:rule="(has(self.users) && size(self.users) > 0) || (has(self.groups) && size(self.groups) > 0) || (has(self.rbac) && self.rbac)",message="nobody could decide: list users or groups"
// +kubebuilder:validation:XValidation:rule="!has(self.groups) || !self.groups.exists(g, g in ['system:authenticated', 'system:unauthenticated', 'system:serviceaccounts'])",message="a group of everybody (system:authenticated, system:unauthenticated, system:serviceaccounts) may not approve: list the groups of those who may"
type Approvers struct {
	// users are people, or robots, listed by user name.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Users []User `json:"users,omitempty"`
	// groups are names of groups, as the cluster's authentication gives them. A group gets no
	// mail. Its members vote with a token, a login or kubectl.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Groups []string `json:"groups,omitempty"`
	// rbac also lets anyone decide to whom RBAC grants the verb approve on this Gate
	// (gates.countersign.dev). It needs a Gate with a name. The default is false.
	// +optional
	RBAC bool `json:"rbac,omitempty"`
}

// Rule is one requirement: the approval of a number of people from a list.
//
// +kubebuilder:validation:XValidation:rule="(has(self.users) && size(self.users) > 0) || (has(self.groups) && size(self.groups) > 0) || (has(self.rbac) && self.rbac)",message="nobody could meet this rule: list users or groups"
// +kubebuilder:validation:XValidation:rule="!has(self.groups) || !self.groups.exists(g, g in ['system:authenticated', 'system:unauthenticated', 'system:serviceaccounts'])",message="a group of everybody (system:authenticated, system:unauthenticated, system:serviceaccounts) may not approve: list the groups of those who may"
// +kubebuilder:validation:XValidation:rule="(has(self.groups) && size(self.groups) > 0) || (has(self.rbac) && self.rbac) || !has(self.users) || size(self.users) >= self.required",message="required is higher than the rule's number of users: add users or groups, or lower required"
type Rule struct {
	// name of the rule, which people read.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// users are people whose approval counts for this rule.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Users []User `json:"users,omitempty"`
	// groups are names of groups whose members' approval counts for this rule.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Groups []string `json:"groups,omitempty"`
	// rbac also counts the approval of anyone to whom RBAC grants the verb approve on this Gate.
	// The default is false.
	// +optional
	RBAC bool `json:"rbac,omitempty"`
	// required is how many of these people have to approve. The default is 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	Required int32 `json:"required,omitempty"`
}

// Input is a field of the form that approvers fill in.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'enum' || (has(self.options) && size(self.options) > 0)",message="an enum needs options"
// +kubebuilder:validation:XValidation:rule="self.type == 'enum' || !has(self.options)",message="options are for type enum"
// +kubebuilder:validation:XValidation:rule="self.type == 'string' || !has(self.pattern)",message="pattern is for type string"
type Input struct {
	// name of the field, and of the forwarded param and the result that its value becomes. A Gate
	// in which it is also the name of a result has Ready False with reason Unusable.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_.-]*$`
	// +required
	Name string `json:"name"`
	// description is the text beside the field.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Description string `json:"description,omitempty"`
	// type of the value: string (the default), enum, bool or number. A vote with a value of
	// another type is refused.
	// +kubebuilder:default=string
	// +optional
	Type InputType `json:"type,omitempty"`
	// required means that nobody can approve without a value. The default is false.
	// +optional
	Required bool `json:"required,omitempty"`
	// default is the value when approvers leave the field empty.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Default string `json:"default,omitempty"`
	// pattern is an RE2 expression that the whole value has to match. It is for type string. A
	// vote with a value that does not match is refused.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Pattern string `json:"pattern,omitempty"`
	// options are the values of an enum.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +listType=set
	// +optional
	Options []string `json:"options,omitempty"`
}

// InputType is the type of an input's value.
// +kubebuilder:validation:Enum=string;enum;bool;number
type InputType string

// CommentRule is when a vote needs a comment.
// +kubebuilder:validation:Enum=Optional;Required;RequiredOnReject
type CommentRule string

// ExpiryRule is the outcome of an Approval that nobody decided in time.
// +kubebuilder:validation:Enum=Expire;Approve;Reject
type ExpiryRule string

// MailLinkRule is whether a mailed link is enough to vote.
// +kubebuilder:validation:Enum=Decides;NeedsLogin
type MailLinkRule string

// RecordRule is whether votes wait for the audit store.
// +kubebuilder:validation:Enum=Follows;Required
type RecordRule string

// VerifyRunRule is when the second run is compared with what was approved.
// +kubebuilder:validation:Enum=WhenSeen;BeforeStart
type VerifyRunRule string

// SupersedeRule is whether a newer Approval replaces older ones.
// +kubebuilder:validation:Enum=Keep;Newest
type SupersedeRule string

// User is one person who may decide.
//
// +kubebuilder:validation:XValidation:rule="!self.name.contains(',') || self.name.contains('=')",message="name is one user, and nobody's name has a comma, unless it is a distinguished name such as CN=alice,OU=ops: list each user on their own"
type User struct {
	// name is the user name, as the cluster's authentication or the login gives it. A name that is
	// an e-mail address is compared without regard to case, any other name exactly. A name that
	// can belong to nobody sets Ready to False with reason Unusable.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^\S(.*\S)?$`
	// +required
	Name string `json:"name"`
	// email is where the person is notified. The default is name, if that is an e-mail address.
	// The link in the mail is enough to vote only where the address is known to be that person's:
	// it is their name, or the service's directory lists it. Elsewhere the link only shows the
	// page, and the condition Warning reports it.
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[^@\s<>,;"]+@[!#-+\--:=?A-~]+$`
	// +optional
	Email string `json:"email,omitempty"`
}

// Link is a link whose address a CEL expression gives.
type Link struct {
	// name is the text of the link.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^\S(.*\S)?$`
	// +required
	Name string `json:"name"`
	// url is a CEL expression, with the same variables as title, that gives a complete https
	// address of at most 1024 bytes, or an empty text for no link. Any other value keeps the
	// Approval from being resolved, and its condition Ready has the error.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	URL string `json:"url"`
}

// Expression is a result that a CEL expression gives.
type Expression struct {
	// name of the result.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_.-]*$`
	// +required
	Name string `json:"name"`
	// expression is the CEL expression. A Gate whose expression does not compile has Ready False
	// with reason Unusable.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Expression string `json:"expression"`
}

// SigningSecret is one key of a Secret in the same namespace, and how senders of events use it.
type SigningSecret struct {
	// name of the Secret. If it does not exist, or the service may not read it, no event is held.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// key in the Secret's data.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Key string `json:"key"`
	// kind is how senders prove who they are: GitHub (the default) by the header
	// X-Hub-Signature-256, GitLab by X-Gitlab-Token, BitbucketServer by X-Hub-Signature,
	// StandardWebhooks by Webhook-Signature, Bearer by Authorization.
	// +kubebuilder:default=GitHub
	// +optional
	Kind SenderKind `json:"kind,omitempty"`
}

// SenderKind is how senders of events prove who they are.
// +kubebuilder:validation:Enum=GitHub;GitLab;BitbucketServer;StandardWebhooks;Bearer
type SenderKind string

// Strategy is how votes add up.
// +kubebuilder:validation:Enum=SINGLE;MULTI;FOUR_EYES;QUORUM
type Strategy string

// RequesterRule is whether the requester may decide.
// +kubebuilder:validation:Enum=Exclude;Allow;Required
type RequesterRule string

// ReleasingOutcome is an outcome that can start the second pipeline.
// +kubebuilder:validation:Enum=Approved;Rejected;Expired
type ReleasingOutcome string

// GateStatus reports whether a Gate can be used.
type GateStatus struct {
	// conditions has Ready, which is False with a message when the Gate can't be used, Warning,
	// which is True when something is allowed but probably not meant, and Stalled, which is True
	// when Countersign fails at the Gate with an internal error.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// GateList is a list of Gates.
//
// +kubebuilder:object:root=true
type GateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Gate `json:"items"`
}
