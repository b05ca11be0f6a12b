package approvals

import (
	"fmt"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Strategy determines how many approvals decide, and whose.
type Strategy string

// The strategies. In each a single rejection ends the Approval: a person who
// says no has been heard.
const (
	Single   Strategy = "SINGLE"    // the first vote decides
	Multi    Strategy = "MULTI"     // every user, and somebody of every group, must approve
	FourEyes Strategy = "FOUR_EYES" // two distinct people must approve
	Quorum   Strategy = "QUORUM"    // Required distinct people must approve
)

// CommentRule says when a vote needs a comment.
type CommentRule string

// The comment rules.
const (
	CommentOptional         CommentRule = "Optional"
	CommentRequired         CommentRule = "Required"
	CommentRequiredOnReject CommentRule = "RequiredOnReject"
)

// ExpiryRule says what becomes of an Approval that nobody decides.
type ExpiryRule string

// The expiry rules.
const (
	ExpireOnExpiry  ExpiryRule = "Expire"
	ApproveOnExpiry ExpiryRule = "Approve"
	RejectOnExpiry  ExpiryRule = "Reject"
)

// SupersedeRule says what becomes of what waits when a newer one comes.
type SupersedeRule string

// The supersede rules.
const (
	SupersedeKeep   SupersedeRule = "Keep"   // each waits on its own
	SupersedeNewest SupersedeRule = "Newest" // only the newest of one key waits
)

// Limits on what a policy may hold; the CRD schema has the same numbers.
const (
	MaxRequired = 32
	MaxRules    = 16
	MaxLifetime = 90 * 24 * time.Hour
	MinLifetime = 10 * time.Second
)

// DefaultLifetime applies to a Gate without expiresAfter.
const DefaultLifetime = 7 * 24 * time.Hour

// Approver is one person who may decide. Name is what the cluster or the login proves; Email only
// tells where to send a mail.
type Approver struct {
	Name  string // the user name that identity proves, e.g. a Kubernetes user or an e-mail address
	Email string // where they are told; empty: not by mail
}

// Policy is a Gate as it stood when an Approval was resolved.
type Policy struct {
	Gate      string // the Gate's name, or "(inline)"
	From      Origin // where it was written
	Approvers []Approver
	Groups    []string // any member may decide
	RBAC      bool     // anyone who RBAC lets approve on the Gate may decide
	Strategy  Strategy
	Required  int // approvals needed, for Quorum
	// Rules must all be met, by distinct people. They stand in the place of
	// Approvers, Groups, RBAC and Strategy.
	Rules     []Rule
	Comment   CommentRule // "" is Optional
	OnExpiry  ExpiryRule  // "" is Expire
	Supersede SupersedeRule
	// SupersedeKey is a CEL expression; Newest compares what it gives. It is opaque
	// here.
	SupersedeKey string
	Inputs       []Input
	Requester    RequesterRule
	Lifetime     time.Duration // from opening to Expired
	ReleaseOn    []Outcome     // the outcomes that start the next part
	// Preset names the kind of approval task whose results stand in the place of the
	// default ones; "" for those.
	Preset string
	// Results are CEL expressions that replace or add to the default results.
	// They are opaque here.
	Results []Expression
	// Show names the part-1 results to put before the approver as text.
	Show []string
	// Title and Instructions are CEL expressions for what approvers are told, "" for none, and
	// so is each of Links, named as approvers read it. They are opaque here.
	Title, Instructions string
	Links               []Expression
	// Evidence is what approvers decide on, kept whole.
	Evidence []evidence.Wanted
	// Secret names the Secret key by which the senders of held events are verified, and
	// by which the signed event passes a stock interceptor that verifies them too.
	Secret SecretRef
	// KeepFor is how long the Approval stays once it was decided and its outcome
	// acted on; 0: for ever.
	KeepFor time.Duration
	// LinkNeedsLogin: a mailed link shows, and decides nothing.
	LinkNeedsLogin bool
	// RecordRequired: no vote is taken while the audit store is down.
	RecordRequired bool
	// VerifyBeforeStart: nothing of a run executes before the run, and what it refers
	// to, was compared with what was approved.
	VerifyBeforeStart bool
	// TimeZone is the one in which people are told of times whose own is not known, "" for UTC.
	TimeZone string
	// Language is the tag of the one in which people are told whose own is not known, "" for English.
	Language string
	Notify   Notify // who is told, beside each approver by mail
	Rerun    RerunRule
	// Release is what the outcome is written to in the place of a signed event.
	Release Release
	Limits  Limits // on votes, by GatePolicies
}

// Limits of KeepFor, which the CRD schema has too. A run that ended less than a day
// ago is asked about again when its Approval is not there; the least is well above
// that.
const (
	MinKeep = 48 * time.Hour
	MaxKeep = 87600 * time.Hour
)

// Expression is CEL, under the name that its value gets.
type Expression struct{ Name, Expression string }

// SecretRef points at one key of a Secret in the Gate's namespace.
type SecretRef struct {
	Name, Key string
	Kind      SenderKind
}

// String names it for people. It is what an Event's VerifiedBy is compared with.
func (r SecretRef) String() string { return string(r.Kind) + " " + r.Name + "/" + r.Key }

// SenderKind is the scheme by which a sender proves that it has a Secret.
type SenderKind string

// The kinds.
const (
	SenderGitHub           SenderKind = "GitHub"           // X-Hub-Signature-256, of the body
	SenderGitLab           SenderKind = "GitLab"           // X-Gitlab-Token, the secret itself
	SenderBitbucketServer  SenderKind = "BitbucketServer"  // X-Hub-Signature, of the body
	SenderStandardWebhooks SenderKind = "StandardWebhooks" // Webhook-Signature, of id, time and body
	SenderBearer           SenderKind = "Bearer"           // Authorization, the secret itself
)

// Signs reports whether the proof covers the body. With the other kinds, anyone who has the
// secret can send any body.
func (k SenderKind) Signs() bool {
	return k == SenderGitHub || k == SenderBitbucketServer || k == SenderStandardWebhooks
}

// SenderKinds are all kinds, the default first.
func SenderKinds() []SenderKind {
	return []SenderKind{SenderGitHub, SenderGitLab, SenderBitbucketServer, SenderStandardWebhooks, SenderBearer}
}

// Validate says why nobody could ever satisfy p, or why anybody could. The
// error is CodeInvalid and says what to change. requester is the known
// requester or "".
func (p Policy) Validate(requester string) error {
	return p.ValidateFor(RequesterIdentity{Who: requester, Proof: ByPage}, nil)
}

// ValidateFor is Validate with all that is known: of who asked, none when Who is "", and
// of whose an address is.
func (p Policy) ValidateFor(asked RequesterIdentity, d *Directory) error {
	for _, r := range p.asWritten() {
		if err := p.validateNames(r); err != nil {
			return err
		}
	}
	if err := p.validateStrategy(); err != nil {
		return err
	}
	if err := p.validateSettings(); err != nil {
		return err
	}
	if err := p.Notify.Validate(p.name()); err != nil {
		return err
	}
	if _, err := Zone(p.TimeZone); err != nil {
		return Errorf(CodeInvalid, "%s has timeZone %q, which is unknown: use an IANA name such as Europe/Berlin, Asia/Seoul or UTC", p.name(), Cut(p.TimeZone, MaxQuoted))
	}
	if err := CheckLanguage(p.Language); err != nil {
		return Errorf(CodeInvalid, "%s: %s", p.name(), Message(err))
	}
	if err := p.Rerun.Validate(p.name()); err != nil {
		return err
	}
	return p.satisfiable(asked, d)
}

func (p Policy) validateNames(r Rule) error {
	where := p.name()
	if r.Name != "" {
		where += fmt.Sprintf(", rule %q,", r.Name)
	}
	switch {
	case len(r.Approvers) == 0 && len(r.Groups) == 0 && !r.RBAC:
		return Errorf(CodeInvalid, "%s has no approvers, so nobody could decide: list users or groups under approvers", where)
	case r.RBAC && p.Gate == InlineGate:
		return Errorf(CodeInvalid, "%s can't use rbac, because RBAC grants the verb approve on a Gate object: create a Gate and name it", where)
	}
	for _, a := range r.Approvers {
		if err := CheckName(a.Name); err != nil {
			return Errorf(CodeInvalid, "%s lists %s", where, Message(err))
		}
	}
	for _, g := range r.Groups {
		if err := CheckGroup(g); err != nil {
			return Errorf(CodeInvalid, "%s lists %s", where, Message(err))
		}
	}
	return nil
}

func (p Policy) validateStrategy() error {
	if len(p.Rules) > 0 {
		return p.validateRules()
	}
	switch {
	case !slices.Contains([]Strategy{Single, Multi, FourEyes, Quorum}, p.Strategy):
		return Errorf(CodeInvalid, "%s has strategy %q, which is unknown: use SINGLE, MULTI, FOUR_EYES or QUORUM", p.name(), p.Strategy)
	case p.Strategy == Single && p.Required != 0 && p.Required != 1:
		return Errorf(CodeInvalid, "%s has strategy SINGLE and required %d: use strategy QUORUM, or remove required", p.name(), p.Required)
	case p.Strategy == Quorum && (p.Required < 1 || p.Required > MaxRequired):
		return Errorf(CodeInvalid, "%s has strategy QUORUM and required %d: set how many people must approve (1 to %d)", p.name(), p.Required, MaxRequired)
	case (p.Strategy == Multi || p.Strategy == FourEyes) && p.Required != 0:
		return Errorf(CodeInvalid, "%s has strategy %s and required %d: MULTI requires everybody and FOUR_EYES two people, so remove required", p.name(), p.Strategy, p.Required)
	case p.Strategy == Multi && p.RBAC:
		return Errorf(CodeInvalid, "%s has strategy MULTI and rbac, but the people whom RBAC lets approve can't be counted: list users and groups, or use QUORUM", p.name())
	}
	return nil
}

func (p Policy) validateRules() error {
	if len(p.Rules) > MaxRules {
		return Errorf(CodeInvalid, "%s has %d rules and the limit is %d", p.name(), len(p.Rules), MaxRules)
	}
	if len(p.Approvers) > 0 || len(p.Groups) > 0 || p.RBAC || p.Strategy != Single || p.Required != 0 {
		return Errorf(CodeInvalid, "%s has rules and also approvers or a strategy: use rules alone, and remove the others", p.name())
	}
	for i, r := range p.Rules {
		switch {
		case r.Name == "":
			return Errorf(CodeInvalid, "%s: rule %d has no name", p.name(), i+1)
		case slices.ContainsFunc(p.Rules[:i], func(o Rule) bool { return o.Name == r.Name }):
			return Errorf(CodeInvalid, "%s has two rules named %q", p.name(), r.Name)
		case r.Required < 1 || r.Required > MaxRequired:
			return Errorf(CodeInvalid, "%s, rule %q, requires %d: set how many people must approve (1 to %d)", p.name(), r.Name, r.Required, MaxRequired)
		}
	}
	return nil
}

func (p Policy) validateSettings() error {
	switch {
	case p.Lifetime < MinLifetime || p.Lifetime > MaxLifetime:
		return Errorf(CodeInvalid, "%s has expiresAfter %s: use %s to %s", p.name(), p.Lifetime, MinLifetime, MaxLifetime)
	case p.KeepFor != 0 && (p.KeepFor < MinKeep || p.KeepFor > MaxKeep):
		return Errorf(CodeInvalid, "%s has a keepFor that is not a duration from %s to %s: use one, such as 720h, or remove it to keep Approvals for ever", p.name(), MinKeep, MaxKeep)
	case !slices.Contains([]CommentRule{"", CommentOptional, CommentRequired, CommentRequiredOnReject}, p.Comment):
		return Errorf(CodeInvalid, "%s has comment %q: use Optional, Required or RequiredOnReject", p.name(), p.Comment)
	case !slices.Contains([]ExpiryRule{"", ExpireOnExpiry, ApproveOnExpiry, RejectOnExpiry}, p.OnExpiry):
		return Errorf(CodeInvalid, "%s has onExpiry %q: use Expire, Approve or Reject", p.name(), p.OnExpiry)
	case !slices.Contains([]RequesterRule{"", RequesterExclude, RequesterAllow, RequesterRequired}, p.Requester):
		return Errorf(CodeInvalid, "%s has requester %q: use Exclude, Allow or Required", p.name(), p.Requester)
	case !slices.Contains([]SupersedeRule{"", SupersedeKeep, SupersedeNewest}, p.Supersede):
		return Errorf(CodeInvalid, "%s has supersede %q: use Keep or Newest", p.name(), p.Supersede)
	case p.SupersedeKey != "" && p.Supersede != SupersedeNewest:
		return Errorf(CodeInvalid, "%s has a supersedeKey, which only supersede: Newest uses", p.name())
	case p.Release.Kind != "" && !slices.Equal(p.ReleaseOn, []Outcome{Approved}):
		return Errorf(CodeInvalid, "%s has release, which gets every outcome, and also releaseOn: remove releaseOn", p.name())
	case p.Secret.Name != "" && !slices.Contains(SenderKinds(), p.Secret.Kind):
		return Errorf(CodeInvalid, "%s has signingSecret.kind %q: use GitHub, GitLab, BitbucketServer, StandardWebhooks or Bearer", p.name(), p.Secret.Kind)
	case p.Secret.Name != "" && p.Secret.Key == "":
		return Errorf(CodeInvalid, "%s has a signingSecret without key: name the key in the Secret's data", p.name())
	case p.Release.Kind != "" && p.VerifyBeforeStart:
		return Errorf(CodeInvalid, "%s has release, which starts no run from a template, and also verifyRun: remove one of them", p.name())
	case len(p.Links) > MaxLinks:
		return Errorf(CodeInvalid, "%s has %d links and the limit is %d", p.name(), len(p.Links), MaxLinks)
	case len(p.Inputs) > MaxInputs:
		return Errorf(CodeInvalid, "%s has %d inputs and the limit is %d", p.name(), len(p.Inputs), MaxInputs)
	}
	if err := p.Release.validate(p.name()); err != nil {
		return err
	}
	if why := evidence.CheckWanted(p.Evidence); why != "" {
		return Errorf(CodeInvalid, "%s: %s", p.name(), why)
	}
	for i, in := range p.Inputs {
		if slices.ContainsFunc(p.Inputs[:i], func(o Input) bool { return o.Name == in.Name }) {
			return Errorf(CodeInvalid, "%s has two inputs named %q", p.name(), in.Name)
		}
		if slices.Contains(defaultResults, in.Name) || slices.ContainsFunc(p.Results, func(r Expression) bool { return r.Name == in.Name }) {
			return Errorf(CodeInvalid, "%s: input %q has the same name as a result: rename it", p.name(), in.Name)
		}
		if err := in.validate(); err != nil {
			return Errorf(CodeInvalid, "%s: %s", p.name(), Message(err))
		}
		if in.Required && in.Default == "" && p.OnExpiry == ApproveOnExpiry {
			return Errorf(CodeInvalid, "%s: input %q is required, but with onExpiry: Approve nobody may fill it in: give it a default", p.name(), in.Name)
		}
	}
	return nil
}

// Releases reports whether outcome o starts the next part.
func (p Policy) Releases(o Outcome) bool { return slices.Contains(p.ReleaseOn, o) }

// Who says, for people, who may decide.
func (p Policy) Who() string {
	return Rule{Approvers: p.People(), Groups: p.AllGroups(), RBAC: p.ByRBAC()}.who()
}

func (p Policy) name() string { return fmt.Sprintf("gate %q", p.Gate) }

// needed is the number of distinct people who must approve, of a policy without
// rules and not MULTI.
func (p Policy) needed() int {
	switch p.Strategy {
	case Quorum:
		return p.Required
	case FourEyes:
		return 2
	default:
		return 1
	}
}

// Needed is the number of distinct people who must approve.
func (p Policy) Needed() int {
	n := 0
	for _, r := range p.Requirements() {
		n += r.Required
	}
	return n
}
