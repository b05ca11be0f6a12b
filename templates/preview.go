package templates

import (
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Preview is a prepared case of a page or message.
type Preview struct {
	Name string // a slug
	Data Data
}

// previewNow is the time at which all previews are rendered, so that golden files stay the same.
var previewNow = time.Date(2026, 11, 5, 14, 3, 0, 0, time.UTC)

// Previews is every state that a page or mail has to show: for tests, for New to
// try overrides on, and for a command that serves them to look at.
func Previews() []Preview {
	return []Preview{
		{"pending", pending()},
		{"pending-short", with(pending(), short)},
		{"quorum-one-vote", with(quorum(), oneVote)},
		{"quorum-my-vote", with(quorum(), oneVote, mine)},
		{"rules", with(quorum(), byRules)},
		{"inputs", with(pending(), asksFor)},
		{"broken-glass", with(pending(), glass)},
		{"approved-by-expiry", with(pending(), byExpiry)},
		{"not-decidable", with(pending(), stranger)},
		{"no-recipient", with(pending(), nobody)},
		{"opening", with(pending(), opening)},
		{"blocked", with(pending(), blocked)},
		{"approved-starting", with(quorum(), approved)},
		{"approved-running", with(quorum(), approved, running)},
		{"run-succeeded", with(quorum(), approved, running, loggedIn, runEnded(approvals.RunSucceeded))},
		{"run-failed", with(quorum(), approved, running, loggedIn, notified, runEnded(approvals.RunFailed))},
		{"run-failed-operator", with(quorum(), approved, running, loggedIn, operator, notified, runEnded(approvals.RunFailed), rerunnable)},
		{"run-again", with(quorum(), approved, running, loggedIn, runEnded(approvals.RunFailed), rerunnable, runAgain)},
		{"run-gone", with(quorum(), approved, running, runEnded(approvals.RunGone))},
		{"hostile-run", with(hostile(), approved, running, runEnded(approvals.RunFailed), hostileRun)},
		{"approved-stuck", with(quorum(), approved, stuck)},
		{"approved-recorded-only", with(quorum(), approved, releasesNothing)},
		{"target", with(pending(), polled)},
		{"target-written", with(pending(), polled, rejected, written)},
		{"target-stuck", with(quorum(), pendingRun, approved, stuck)},
		{"rejected", with(pending(), rejected)},
		{"expired", with(pending(), expired)},
		{"cancelled", with(pending(), ended(approvals.Cancelled))},
		{"superseded", with(pending(), ended(approvals.Superseded))},
		{"event", event()},
		{"hostile", hostile()},
		{"trouble", with(pending(), trouble)},
		{"recorded", with(quorum(), oneVote, mine, recorded)},
		{"logged-in", with(pending(), loggedIn)},
		{"live", with(quorum(), approved, loggedIn, live)},
		{"chain", with(quorum(), approved, running, loggedIn, inChain)},
		{"chain-pending", with(pending(), loggedIn, alone)},
		{"task", with(pending(), task)},
		{"task-answered", with(pending(), task, rejected, answered)},
		{"chain-event", with(event(), rejected, loggedIn, alone)},
		{"links", with(quorum(), approved, running, loggedIn, inChain, linked)},
		{"links-event", with(event(), linked)},
		{"operator", with(pending(), loggedIn, operator)},
		{"links-to-end", with(pending(), loggedIn, operator, linksToEnd)},
		{"link-shows", with(pending(), linkShows)},
		{"rejects-only", with(pending(), rejectsOnly)},
		{"inputs-agreed", with(quorum(), asksFor, oneVote, agreed)},
		{"one-mailbox", with(quorum(), oneMailbox)},
		{"operator-stuck", with(quorum(), approved, stuck, loggedIn, operator)},
		{"cancelled-by", with(pending(), loggedIn, ended(approvals.Cancelled), stopped)},
		{"stopped", with(quorum(), approved, stuck, loggedIn, stopped)},
		{"cant-start", with(quorum(), oneVote, cantStart)},
		{"warned", with(pending(), loggedIn, warned)},
		{"asked-again", with(pending(), loggedIn, askedAgain)},
		{"changed", with(quorum(), oneVote, ended(approvals.Superseded), changed, loggedIn)},
		{"ask-again", with(quorum(), approved, changedAfter, loggedIn, operator)},
		{"lapsed", with(pending(), blocked, lapsed)},
		{"about", with(pending(), loggedIn, about)},
		{"about-mailed", with(pending(), about)},
		{"merge-request", with(event(), mergeRequest)},
		{"plan", with(pending(), shows("plan", longPlan))},
		{"plan-json", with(pending(), loggedIn, shows("plan", planJSON))},
		{"plan-cut", with(pending(), shows("plan", cutPlan()))},
		{"diffs", with(pending(), loggedIn, shows("kubectl", kubectlDiff, "helm", helmDiff))},
		{"tests", with(pending(), loggedIn, shows("unit-tests", junit, "scan", sarif))},
		{"evidence", with(pending(), evident)},
		{"discussion", with(quorum(), oneVote, discussed)},
		{"discussion-requester", with(quorum(), oneVote, discussed, loggedIn, asRequester)},
		{"discussion-decided", with(quorum(), discussed, approved, running, loggedIn)},
		{"discussion-hostile", with(hostile(), hostileWords)},
		{"comment-refused", with(quorum(), oneVote, discussed, refusedComment)},
		{"notes", with(pending(), loggedIn, shows("release-notes", releaseNotes, "log", "- not a diff\n+ nor this\n\x1b[32mok\x1b[0m 12 checks\n"))},
	}
}

// byRules needs one of security and two of platform, and has one.
func byRules(d *Data) {
	p := d.Approval.Resolved.Policy
	p.Approvers, p.Groups, p.Strategy, p.Required = nil, nil, approvals.Single, 0
	p.Rules = []approvals.Rule{
		{Name: "security", Groups: []string{"security"}, Required: 1},
		{Name: "platform", Approvers: []approvals.Approver{{Name: "alice@example.com"}}, Groups: []string{"platform", "sre"}, Required: 2},
	}
	p.Comment = approvals.CommentRequiredOnReject
	d.Approval.Votes = []approvals.Vote{{
		Voter: "carol@example.com", Verdict: approvals.Approve, At: previewNow.Add(-4 * time.Minute), AuthMethod: approvals.AuthToken, Groups: []string{"platform"},
	}}
}

// asksFor has a field of every type.
func asksFor(d *Data) {
	p := d.Approval.Resolved.Policy
	p.Comment, p.RBAC, p.OnExpiry = approvals.CommentRequired, true, approvals.RejectOnExpiry
	p.Inputs = []approvals.Input{
		{Name: "ticket", Type: approvals.InputString, Required: true, Pattern: `OPS-\d+`, Description: "The change ticket, such as OPS-123."},
		{Name: "size", Type: approvals.InputEnum, Options: []string{"small", "large"}, Default: "small"},
		{Name: "replicas", Type: approvals.InputNumber},
		{Name: "drain", Type: approvals.InputBool, Description: "Drain the nodes first?"},
	}
	d.Filled = []approvals.Param{{Name: "ticket", Value: `"><script>`}}
}

// glass was broken.
func glass(d *Data) {
	d.Approval.Outcome, d.Approval.DecidedAt = approvals.Approved, previewNow.Add(-time.Minute)
	d.Approval.Votes = []approvals.Vote{{
		Voter: "zoe@example.com", Verdict: approvals.Approve, Comment: "Production is down, INC-7.", At: previewNow.Add(-time.Minute), AuthMethod: approvals.AuthToken, BreakGlass: true,
		Inputs: []approvals.Param{{Name: "ticket", Value: "OPS-7"}},
	}}
	d.Decidable = false
}

// byExpiry was approved by its deadline: its gate has onExpiry for that.
func byExpiry(d *Data) {
	d.Approval.Resolved.Policy.OnExpiry = approvals.ApproveOnExpiry
	d.Approval.OpenedAt = previewNow.Add(-26 * time.Hour)
	d.Approval.Outcome, d.Approval.DecidedAt = approvals.Approved, d.Approval.Deadline()
	d.Decidable = false
}

// with changes d. The changes get an Approval of their own.
func with(d Data, changes ...func(*Data)) Data {
	resolved := *d.Approval.Resolved
	d.Approval.Resolved = &resolved
	for _, c := range changes {
		c(&d)
	}
	return d
}

// pending waits for one of two people, with a plan before them.
func pending() Data {
	const digest = "9f2c1ab04e77d1c0b6e3a5f80d2947c1e6ab35f0d1c98e7264b0a3f15d8e2c47"
	a := approvals.Approval{
		Key:      approvals.Key{Namespace: "demo", Name: "terraform-apply-7k2px4mzq3ta", UID: "5f0c7a52-4f0e-4a44-9a35-0d3a6c1c3c11"},
		Trigger:  "terraform-apply",
		OpenedAt: previewNow.Add(-12 * time.Minute),
		Source: approvals.Source{
			Run: &approvals.Run{Name: "terraform-plan-x7k2p", UID: "0c9b1f6e", Pipeline: "terraform-plan", At: previewNow.Add(-12 * time.Minute)},
			Params: []approvals.Param{
				{Name: "repo-url", Value: "https://git.example.com/platform/network.git"},
				{Name: "revision", Value: "main"},
			},
			Results: []approvals.Param{
				{Name: "plan", Value: planText},
				{Name: "digest", Value: "sha256:4be0643f1d98573b97cdca98a65347dd"},
				{Name: "commit", Value: "8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410"},
				{Name: "duration", Value: "41s"},
			},
		},
		Resolved: &approvals.ResolvedSpec{
			Policy: &approvals.Policy{
				Gate:      "production",
				Approvers: []approvals.Approver{{Name: "bob@example.com", Email: "bob@example.com"}, {Name: "carol@example.com"}},
				Groups:    []string{"platform-leads"},
				Strategy:  approvals.Single, Requester: approvals.RequesterExclude,
				Lifetime: 24 * time.Hour, ReleaseOn: []approvals.Outcome{approvals.Approved},
				Show: []string{"plan"},
			},
			Requester: "alice@example.com", RequesterProof: approvals.BySignature,
			Params: []approvals.Param{
				{Name: "digest", Value: "sha256:4be0643f1d98573b97cdca98a65347dd"},
				{Name: "repo-url", Value: "https://git.example.com/platform/network.git"},
				{Name: "workspace", Value: "eu-west-1/production"},
			},
			About:     approvals.About{Title: "terraform-apply 8d1f0c6e2b7a"},
			Summaries: []evidence.Summary{{Name: "plan", Format: "terraform-plan", Add: 2, Change: 1, Destroy: 1, Replace: 1}},
			Digest:    digest, TemplateDigest: "41d7f0e5a9",
		},
		Outcome: approvals.Pending,
	}
	return Data{
		Approval: a, Shown: []approvals.Param{{Name: "plan", Value: planText}},
		Recipient: "bob@example.com", Address: "bob@example.com", ByLink: true, Decidable: true,
		Link:   "https://approvals.example.com/a/demo/terraform-apply-7k2px4mzq3ta?t=ZXhhbXBsZS1saW5rLW5vdC1hLXNlY3JldA",
		Action: "/a/demo/terraform-apply-7k2px4mzq3ta?t=ZXhhbXBsZS1saW5rLW5vdC1hLXNlY3JldA", Now: previewNow,
	}
}

// quorum needs two of three.
func quorum() Data {
	return with(pending(), func(d *Data) {
		p := d.Approval.Resolved.Policy
		p.Strategy, p.Required, p.Groups = approvals.Quorum, 2, nil
		p.Approvers = append(p.Approvers[:2:2], approvals.Approver{Name: "dave@example.com"})
	})
}

func short(d *Data) {
	d.Shown[0].Value = "\x1b[1mPlan:\x1b[0m 1 to add, 0 to change, 0 to destroy.\n\n  \x1b[32m+\x1b[0m zone = \"example.com\"\n"
	d.Approval.OpenedAt = previewNow.Add(-23*time.Hour - 20*time.Minute)
	d.Approval.Source.Results = d.Approval.Source.Results[:1]
	d.Approval.Source.Params = nil
}

func vote(who string, v approvals.Verdict, ago time.Duration, comment string) approvals.Vote {
	return approvals.Vote{Voter: who, Verdict: v, Comment: comment, At: previewNow.Add(-ago), AuthMethod: approvals.AuthLink, CredentialID: "link 1", Address: who}
}

func oneVote(d *Data) {
	d.Approval.Votes = []approvals.Vote{vote("carol@example.com", approvals.Approve, 7*time.Minute, "The subnet change is the one we discussed on Tuesday.")}
}

func mine(d *Data) {
	d.Recipient, d.Address = "carol@example.com", "carol@example.com"
	d.MyVote = &d.Approval.Votes[0]
}

func stranger(d *Data) {
	d.Recipient, d.Address, d.Decidable = "alice@example.com", "alice@example.com", false
	d.WhyNot = "you requested this, so somebody else has to decide; bob@example.com, carol@example.com, group platform-leads can"
}

func nobody(d *Data) {
	d.Recipient, d.Address, d.ByLink, d.Decidable = "", "", false, false
	d.WhyNot = "you are not signed in: open the link in your mail"
}

func opening(d *Data) {
	d.Approval.Resolved, d.Approval.OpenedAt, d.Shown = nil, previewNow.Add(-5*time.Second), nil
	d.Decidable = false
	d.WhyNot = "nobody can decide this yet, because it is still being prepared; try again in a moment"
}

func blocked(d *Data) {
	opening(d)
	d.Approval.Blocked = &approvals.Problem{Reason: "GateNotFound", Message: "Trigger terraform-apply names gate \"production\", and namespace demo has no such Gate: create it, or correct the Trigger's param gate"}
	d.WhyNot = "nobody can decide this yet: " + d.Approval.Blocked.Message
}

// end is the outcome, with nothing left to vote on.
func end(d *Data, o approvals.Outcome, ago time.Duration) {
	d.Approval.Outcome, d.Approval.DecidedAt = o, previewNow.Add(-ago)
	d.Decidable, d.MyVote = false, nil
}

func approved(d *Data) {
	d.Approval.Votes = []approvals.Vote{
		vote("carol@example.com", approvals.Approve, 7*time.Minute, "The subnet change is the one we discussed on Tuesday."),
		vote("bob@example.com", approvals.Approve, 4*time.Second, ""),
	}
	d.Approval.Votes[1].AuthMethod = approvals.AuthToken
	end(d, approvals.Approved, 4*time.Second)
}

func running(d *Data) {
	d.Approval.SecondRun = &approvals.Run{Name: "terraform-apply-7k2px4mzq3ta", Pipeline: "terraform-apply", At: previewNow.Add(-2 * time.Second)}
}

func stuck(d *Data) {
	d.Approval.Unreleased = &approvals.Problem{Reason: "NameTaken", Message: "a PipelineRun named terraform-apply-7k2px4mzq3ta exists and was not started by this approval: delete it or rename it"}
}

func releasesNothing(d *Data) { d.Approval.Resolved.Policy.ReleaseOn = nil }

func rejected(d *Data) {
	d.Approval.Votes = []approvals.Vote{vote("bob@example.com", approvals.Reject, 3*time.Minute, "This replaces the production subnet during business hours.\nPlease plan it for Saturday.")}
	end(d, approvals.Rejected, 3*time.Minute)
}

func expired(d *Data) {
	d.Approval.OpenedAt = previewNow.Add(-26 * time.Hour)
	end(d, approvals.Expired, 2*time.Hour)
	d.WhyNot = "this expired at 2026-11-05T12:03:00Z; your vote was not counted. Run the pipeline again to request a new approval"
}

func ended(o approvals.Outcome) func(*Data) {
	return func(d *Data) { end(d, o, 90*time.Second) }
}

func trouble(d *Data) {
	d.Trouble = "the comment is too long (2101 of 2048 characters): shorten it and try again"
	d.Comment = "Checked with the network team.\n" + strings.Repeat("They are fine with it. ", 90)
}

func recorded(d *Data) {
	d.Result, d.Notice = approvals.Voted, "Thanks. Your approval is in; one more is needed."
}
