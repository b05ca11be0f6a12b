package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Gate is the policy: who may decide, how many, until when, and who is notified. It
// belongs to the owner of the environment, not to the author of the pipeline.
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

	// spec is the policy. Its rules stand here and not at its type: an Approval holds a copy
	// of it, which is written by the service alone and would be checked at every vote.
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
	// status says whether the policy can be used, and why not.
	// +optional
	Status GateStatus `json:"status,omitempty"`
}

// GateSpec is a policy. The same fields may stand inline in the interceptor's
// parameter "gate".
type GateSpec struct {
	// approvers may decide: a user when listed, by being in a listed group, or by
	// RBAC.
	// +optional
	Approvers *Approvers `json:"approvers,omitempty"`
	// rules must all be met, by distinct people: who counts for one does not count
	// for another. They replace approvers.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Rules []Rule `json:"rules,omitempty"`
	// strategy is how votes add up. SINGLE: the first vote decides. MULTI: every
	// user, and somebody of every group, must approve. FOUR_EYES: two distinct
	// people must. QUORUM: required distinct people must. One rejection ends any.
	// +kubebuilder:default=SINGLE
	// +optional
	Strategy Strategy `json:"strategy,omitempty"`
	// required is the number of distinct people who must approve, for QUORUM.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	Required int32 `json:"required,omitempty"`
	// comment says when a vote needs one.
	// +optional
	Comment CommentRule `json:"comment,omitempty"`
	// onExpiry is what becomes of what nobody decided in time. It is Expire when
	// absent.
	// +optional
	OnExpiry ExpiryRule `json:"onExpiry,omitempty"`
	// supersede says what becomes of what waits when a newer one of the same
	// Trigger comes. Keep, the default: each waits on its own. Newest: the older
	// ones of the same supersedeKey end as Superseded.
	// +optional
	Supersede SupersedeRule `json:"supersede,omitempty"`
	// supersedeKey is a CEL expression with the variables of forward; absent, all
	// of a Trigger are of one key.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	SupersedeKey string `json:"supersedeKey,omitempty"`
	// inputs are fields that the approver fills in. They become forwarded params.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Inputs []Input `json:"inputs,omitempty"`
	// requester sets whether the requester may decide too. Exclude
	// applies when the requester is known: who is proved to have asked does not
	// vote, and who is only said to have may reject and not approve. Required is
	// Exclude, and takes nothing without a requester who is proved.
	// +kubebuilder:default=Exclude
	// +optional
	Requester RequesterRule `json:"requester,omitempty"`
	// expiresAfter is how long an Approval waits, as a Go duration such as 36h.
	// It is 168h when absent.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +optional
	ExpiresAfter string `json:"expiresAfter,omitempty"`
	// releaseOn lists the outcomes that start the next part.
	// +kubebuilder:default={Approved}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	// +optional
	ReleaseOn []ReleasingOutcome `json:"releaseOn,omitempty"`
	// resultsPreset names an approval task whose results the next part reads in the
	// place of decision, comment, approvedBy and rejectedBy as they are by default.
	// +kubebuilder:validation:Enum=automatiko;manual-approval-gate;kuberocketci
	// +optional
	ResultsPreset string `json:"resultsPreset,omitempty"`
	// results are CEL expressions over approval, run, params, results, body and
	// header that replace or add to the results that the next part reads
	// (decision, comment, approvedBy, rejectedBy). Each must give a string,
	// bool or number.
	// +kubebuilder:validation:MaxItems=32
	// +listType=map
	// +listMapKey=name
	// +optional
	Results []Expression `json:"results,omitempty"`
	// show names part-1 results that are put before the approver as text, such
	// as a plan.
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Show []string `json:"show,omitempty"`
	// title is a CEL expression with the variables of forward for what is approved, in a few
	// words: the heading of the page, the subject of mails, the line in lists. It is cut after
	// 200 characters. A Trigger's title stands in its place. Absent, or where it gives
	// nothing, it is the Trigger's name with the first forwarded param or result called
	// version, tag, image, revision or commit.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Title string `json:"title,omitempty"`
	// instructions is a CEL expression with the variables of forward for what approvers
	// should look at, in a small Markdown: paragraphs, lists, **bold**, *italic*, `code`,
	// blocks of code, and [links](https://...). A Trigger's are put behind them.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Instructions string `json:"instructions,omitempty"`
	// links lead approvers to a runbook, a dashboard or whatever else they need. A Trigger's
	// are put behind them.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=name
	// +optional
	Links []Link `json:"links,omitempty"`
	// evidence is what approvers decide on, whole: uploads and logs of the run that is held,
	// up to 5 MiB each, and results. Countersign keeps it with the Approval, and its SHA-256
	// is part of what is approved. While evidence that is not optional is missing or too
	// large, the Approval can't be decided and says why.
	// +kubebuilder:validation:MaxItems=8
	// +listType=map
	// +listMapKey=name
	// +optional
	Evidence []EvidenceSource `json:"evidence,omitempty"`
	// signingSecret is the Secret of this namespace by which senders of events prove
	// themselves. With it an event is held only when its sender does, and the released
	// event carries the same proof, made of the Secret as it is then, so that a stock
	// interceptor with the same secretRef lets it through.
	// +optional
	SigningSecret *SigningSecret `json:"signingSecret,omitempty"`
	// keepFor is how long a decided Approval stays in the cluster, as a Go
	// duration such as 720h. Then the service removes it, once its history is in
	// the record's store. Absent, or without such a store: for ever.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	// +optional
	KeepFor string `json:"keepFor,omitempty"`
	// mailLink says whether the link that was mailed to an approver lets anyone who has
	// it decide as them (Decides, the default), or shows the page and sends them to
	// log in (NeedsLogin).
	// +optional
	MailLink MailLinkRule `json:"mailLink,omitempty"`
	// record says whether votes are taken while the record's store can't take their
	// lines: Follows (the default), they are, and the lines come later; Required, they
	// are not.
	// +optional
	Record RecordRule `json:"record,omitempty"`
	// verifyRun says when a run is compared with what was approved: as soon as it is
	// there (WhenSeen, the default), or before any of it executes (BeforeStart). For
	// BeforeStart the template makes the run pending (spec.status: PipelineRunPending);
	// the Pipeline, Tasks and StepActions that it refers to by name are part of what is
	// approved, and are compared too.
	// +optional
	VerifyRun VerifyRunRule `json:"verifyRun,omitempty"`
	// notify lists who is notified, besides each approver by mail.
	// +optional
	Notify *Notify `json:"notify,omitempty"`
	// rerun says whether the run that an outcome started may be started again on the same
	// decision, when it did not end well. Without it: no, people have to be asked again.
	// +optional
	Rerun *RerunRule `json:"rerun,omitempty"`
	// release is what the outcome is written to, in the place of the signed event
	// that starts the next part.
	// +optional
	Release *Release `json:"release,omitempty"`
}

// RerunRule is how often a run may be started again on the same decision, and by whom.
type RerunRule struct {
	// limit is how often, for each decision.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	// +required
	Limit int32 `json:"limit"`
	// allow says who may, beside operators: Requester (who asked, where something proves who
	// that is), Deciders (those whose votes made the outcome).
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:Enum=Requester;Deciders
	// +listType=set
	// +optional
	Allow []string `json:"allow,omitempty"`
}

// EvidenceSource names one piece of evidence.
//
// +kubebuilder:validation:XValidation:rule="self.from != 'Log' || has(self.task)",message="evidence from Log needs task: set it to a task of the pipeline"
// +kubebuilder:validation:XValidation:rule="self.from == 'Log' || (!has(self.task) && !has(self.step))",message="task and step are for evidence from Log"
// +kubebuilder:validation:XValidation:rule="self.from == 'Result' || !has(self.result)",message="result is for evidence from Result"
type EvidenceSource struct {
	// name of the evidence, for people. Of an upload it is also the last part of the address
	// to which the step sends it.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`
	// +required
	Name string `json:"name"`
	// from is where it comes from. Upload: a step of the run sends it. Log: what a task
	// printed, read when the run has ended. Result: a result of the run.
	// +kubebuilder:default=Upload
	// +optional
	From EvidenceKind `json:"from,omitempty"`
	// task is the name of the task in the pipeline, for Log.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Task string `json:"task,omitempty"`
	// step of the task, for Log. Absent: all its steps, one after the other.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Step string `json:"step,omitempty"`
	// result is the name of the result, for Result. Absent: name.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Result string `json:"result,omitempty"`
	// format of the text. Absent: it is detected.
	// +optional
	Format EvidenceFormat `json:"format,omitempty"`
	// optional evidence may be missing: the Approval says so, and can be decided.
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// EvidenceKind says where evidence comes from.
// +kubebuilder:validation:Enum=Upload;Log;Result
type EvidenceKind string

// EvidenceFormat says what kind of text it is.
// +kubebuilder:validation:Enum=terraform-plan;terraform-plan-json;diff;kubectl-diff;helm-diff;junit;sarif;markdown;json;text
type EvidenceFormat string

// Approvers is who may decide.
//
// +kubebuilder:validation:XValidation:rule="(has(self.users) && size(self.users) > 0) || (has(self.groups) && size(self.groups) > 0) || (has(self.rbac) && self.rbac)",message="nobody could decide: list users or groups"
// +kubebuilder:validation:XValidation:rule="!has(self.groups) || !self.groups.exists(g, g in ['system:authenticated', 'system:unauthenticated', 'system:serviceaccounts'])",message="a group of everybody (system:authenticated, system:unauthenticated, system:serviceaccounts) may not approve: list the groups of those who may"
type Approvers struct {
	// users are people, or robots, by user name.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Users []User `json:"users,omitempty"`
	// groups are groups as the cluster's authentication names them. They have no
	// mail address; their members decide with a token.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Groups []string `json:"groups,omitempty"`
	// rbac also lets anyone decide who has the RBAC verb approve on this Gate.
	// +optional
	RBAC bool `json:"rbac,omitempty"`
}

// Rule is one requirement: so many distinct people of these.
//
// +kubebuilder:validation:XValidation:rule="(has(self.users) && size(self.users) > 0) || (has(self.groups) && size(self.groups) > 0) || (has(self.rbac) && self.rbac)",message="nobody could meet this rule: list users or groups"
// +kubebuilder:validation:XValidation:rule="!has(self.groups) || !self.groups.exists(g, g in ['system:authenticated', 'system:unauthenticated', 'system:serviceaccounts'])",message="a group of everybody (system:authenticated, system:unauthenticated, system:serviceaccounts) may not approve: list the groups of those who may"
// +kubebuilder:validation:XValidation:rule="(has(self.groups) && size(self.groups) > 0) || (has(self.rbac) && self.rbac) || size(self.users) >= self.required",message="required is higher than the rule's number of users: add users or groups, or lower required"
type Rule struct {
	// name of the rule, for people.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// users who count.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Users []User `json:"users,omitempty"`
	// groups whose members count.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Groups []string `json:"groups,omitempty"`
	// rbac counts anyone who has the RBAC verb approve on this Gate.
	// +optional
	RBAC bool `json:"rbac,omitempty"`
	// required is how many of them must approve.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	Required int32 `json:"required,omitempty"`
}

// Input is a field that the approver fills in.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'enum' || (has(self.options) && size(self.options) > 0)",message="an enum needs options"
// +kubebuilder:validation:XValidation:rule="self.type == 'enum' || !has(self.options)",message="options are for type enum"
// +kubebuilder:validation:XValidation:rule="self.type == 'string' || !has(self.pattern)",message="pattern is for type string"
type Input struct {
	// name of the input, and of the param that it becomes.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_.-]*$`
	// +required
	Name string `json:"name"`
	// description, for people.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Description string `json:"description,omitempty"`
	// type of the value.
	// +kubebuilder:default=string
	// +optional
	Type InputType `json:"type,omitempty"`
	// required to approve.
	// +optional
	Required bool `json:"required,omitempty"`
	// default is the value when nobody fills it in.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Default string `json:"default,omitempty"`
	// pattern is an RE2 expression that the whole value must match.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Pattern string `json:"pattern,omitempty"`
	// options of an enum.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +listType=set
	// +optional
	Options []string `json:"options,omitempty"`
}

// InputType is what an input holds.
// +kubebuilder:validation:Enum=string;enum;bool;number
type InputType string

// CommentRule says when a vote needs a comment.
// +kubebuilder:validation:Enum=Optional;Required;RequiredOnReject
type CommentRule string

// ExpiryRule says what becomes of what nobody decided in time.
// +kubebuilder:validation:Enum=Expire;Approve;Reject
type ExpiryRule string

// MailLinkRule says what a mailed link is good for.
// +kubebuilder:validation:Enum=Decides;NeedsLogin
type MailLinkRule string

// RecordRule says whether votes wait for the record.
// +kubebuilder:validation:Enum=Follows;Required
type RecordRule string

// VerifyRunRule says when a run is compared with what was approved.
// +kubebuilder:validation:Enum=WhenSeen;BeforeStart
type VerifyRunRule string

// SupersedeRule says what becomes of what waits when a newer one comes.
// +kubebuilder:validation:Enum=Keep;Newest
type SupersedeRule string

// User is one person who may decide.
//
// +kubebuilder:validation:XValidation:rule="!self.name.contains(',') || self.name.contains('=')",message="name is one user, and nobody's name has a comma, unless it is a distinguished name such as CN=alice,OU=ops: list each user on their own"
type User struct {
	// name is the user name that authentication proves. One that is an address is
	// compared without regard to case, any other exactly.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^\S(.*\S)?$`
	// +required
	Name string `json:"name"`
	// email is where the person is notified. The default is name, if that is an address. The
	// link that is mailed there decides when the address is known to be theirs: it
	// is their name, or the service's directory says so.
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[^@\s<>,;"]+@[!#-+\--:=?A-~]+$`
	// +optional
	Email string `json:"email,omitempty"`
}

// Link is a link by a CEL expression.
type Link struct {
	// name is what approvers read.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^\S(.*\S)?$`
	// +required
	Name string `json:"name"`
	// url is a CEL expression with the variables of forward that gives a whole https address
	// of at most 1024 bytes, or nothing where there is no such link.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	URL string `json:"url"`
}

// Expression is a named CEL expression.
type Expression struct {
	// name is the result's name.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_.-]*$`
	// +required
	Name string `json:"name"`
	// expression is CEL.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Expression string `json:"expression"`
}

// SigningSecret is one key of a Secret in the same namespace, and what is done with it.
type SigningSecret struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// key in the Secret's data.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Key string `json:"key"`
	// kind is how senders prove themselves: GitHub by X-Hub-Signature-256, GitLab by
	// X-Gitlab-Token, BitbucketServer by X-Hub-Signature, StandardWebhooks by
	// Webhook-Signature, Bearer by Authorization. Absent: GitHub.
	// +kubebuilder:default=GitHub
	// +optional
	Kind SenderKind `json:"kind,omitempty"`
}

// SenderKind is how senders prove themselves.
// +kubebuilder:validation:Enum=GitHub;GitLab;BitbucketServer;StandardWebhooks;Bearer
type SenderKind string

// Strategy is how votes add up.
// +kubebuilder:validation:Enum=SINGLE;MULTI;FOUR_EYES;QUORUM
type Strategy string

// RequesterRule says whether the requester may decide.
// +kubebuilder:validation:Enum=Exclude;Allow;Required
type RequesterRule string

// ReleasingOutcome is an outcome that can start a next part.
// +kubebuilder:validation:Enum=Approved;Rejected;Expired
type ReleasingOutcome string

// GateStatus is what was found out about a Gate.
type GateStatus struct {
	// conditions has Ready: whether the Gate can be used, and why not; and Warning,
	// with what is allowed and likely not meant.
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
