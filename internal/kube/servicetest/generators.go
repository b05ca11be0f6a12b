package servicetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// instant is a time in any zone, to a whole number of unit.
func instant(unit time.Duration) *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		d := time.Duration(rapid.Int64Range(0, int64(365*24*time.Hour)).Draw(t, "time"))
		return ct.T0.Add(d.Truncate(unit)).In(zones.Draw(t, "zone"))
	})
}

// AnyPolicy draws policies, also such as no Gate could have.
var AnyPolicy = rapid.Custom(func(t *rapid.T) approvals.Policy {
	p := approvals.Policy{
		Gate: anyName.Draw(t, "gate"), Groups: rapid.SliceOfN(anyName, 0, 3).Draw(t, "groups"),
		Strategy:  rapid.SampledFrom([]approvals.Strategy{approvals.Single, approvals.Multi, approvals.FourEyes, approvals.Quorum}).Draw(t, "strategy"),
		Required:  rapid.IntRange(0, approvals.MaxRequired).Draw(t, "required"),
		Requester: rapid.SampledFrom([]approvals.RequesterRule{approvals.RequesterExclude, approvals.RequesterAllow, approvals.RequesterRequired}).Draw(t, "requester"),
		Lifetime:  time.Duration(rapid.Int64Range(int64(approvals.MinLifetime), int64(approvals.MaxLifetime)).Draw(t, "lifetime")),
		ReleaseOn: rapid.SliceOfNDistinct(rapid.SampledFrom([]approvals.Outcome{approvals.Approved, approvals.Rejected, approvals.Expired}), 1, 3, rapid.ID).Draw(t, "releaseOn"),
		Show:      rapid.SliceOfN(anyName, 0, 2).Draw(t, "show"),
		RBAC:      rapid.Bool().Draw(t, "rbac"),
		Comment:   rapid.SampledFrom([]approvals.CommentRule{"", approvals.CommentRequired}).Draw(t, "comment"),
		OnExpiry:  rapid.SampledFrom([]approvals.ExpiryRule{"", approvals.RejectOnExpiry}).Draw(t, "onExpiry"),
		Supersede: rapid.SampledFrom([]approvals.SupersedeRule{"", approvals.SupersedeNewest}).Draw(t, "supersede"), SupersedeKey: anyText.Draw(t, "key"),
		Preset: rapid.SampledFrom([]string{"", "automatiko"}).Draw(t, "preset"),
	}
	for _, x := range params.Draw(t, "rules") {
		p.Rules = append(p.Rules, approvals.Rule{
			Name: x.Name, Approvers: []approvals.Approver{{Name: x.Value, Email: "x@example.com"}}, Groups: []string{"sre"}, RBAC: rapid.Bool().Draw(t, "by rbac"),
			Required: rapid.IntRange(1, 3).Draw(t, "required of rule"),
		})
	}
	for _, x := range params.Draw(t, "wanted") {
		p.Evidence = append(p.Evidence, evidence.Wanted{
			Name: x.Name, Kind: evidence.Log, Task: x.Value, Step: anyText.Draw(t, "step"), Result: anyText.Draw(t, "result"), Format: evidence.JUnit, Optional: rapid.Bool().Draw(t, "optional"),
		})
	}
	if rapid.Bool().Draw(t, "about") {
		p.Title, p.Instructions = anyText.Draw(t, "title"), anyText.Draw(t, "instructions")
		p.Links = []approvals.Expression{{Name: anyName.Draw(t, "link"), Expression: anyText.Draw(t, "url")}}
	}
	for _, x := range params.Draw(t, "inputs") {
		p.Inputs = append(p.Inputs, approvals.Input{
			Name: x.Name, Description: x.Value, Type: rapid.SampledFrom([]approvals.InputType{approvals.InputString, approvals.InputEnum}).Draw(t, "type"),
			Required: rapid.Bool().Draw(t, "must"), Default: x.Value, Pattern: x.Value, Options: []string{x.Value},
		})
	}
	for _, n := range rapid.SliceOfN(anyName, 0, 3).Draw(t, "users") {
		p.Approvers = append(p.Approvers, approvals.Approver{Name: n, Email: rapid.SampledFrom([]string{"", "x@example.com"}).Draw(t, "email")})
	}
	for _, x := range params.Draw(t, "results") {
		p.Results = append(p.Results, approvals.Expression{Name: x.Name, Expression: x.Value})
	}
	if rapid.Bool().Draw(t, "keeps") {
		p.RecordRequired = rapid.Bool().Draw(t, "record")
		p.VerifyBeforeStart = rapid.Bool().Draw(t, "verify")
		p.LinkNeedsLogin = rapid.Bool().Draw(t, "mailLink")
		p.KeepFor = time.Duration(rapid.Int64Range(int64(approvals.MinKeep), int64(approvals.MaxKeep)).Draw(t, "keepFor"))
	}
	if rapid.Bool().Draw(t, "signs") {
		p.Secret = approvals.SecretRef{Name: anyName.Draw(t, "secret"), Key: anyName.Draw(t, "key"), Kind: rapid.SampledFrom(approvals.SenderKinds()).Draw(t, "kind")}
	}
	p.Notify = anyNotify.Draw(t, "notify")
	p.Rerun.Limit = rapid.IntRange(0, approvals.MaxReruns).Draw(t, "reruns")
	if p.Rerun.Limit > 0 && rapid.Bool().Draw(t, "others rerun") {
		p.Rerun.Allow = []approvals.RerunBy{approvals.RerunByDeciders}
	}
	return p
})

var anyNotify = rapid.Custom(func(t *rapid.T) approvals.Notify {
	interval := rapid.OneOf(rapid.Just(time.Duration(0)), rapid.Map(rapid.Int64Range(int64(approvals.MinNotice), int64(approvals.MaxLifetime)), func(d int64) time.Duration { return time.Duration(d) }))
	n := approvals.Notify{Channels: rapid.SliceOfN(anyName, 0, 3).Draw(t, "channels"), RemindEvery: interval.Draw(t, "every")}
	n.SecondRun = rapid.SampledFrom([]approvals.TellRule{"", approvals.TellFailed, approvals.TellAlways, approvals.TellNever}).Draw(t, "second run")
	if after := interval.Draw(t, "after"); after != 0 {
		n.Escalate = approvals.Escalation{After: after, Channels: rapid.SliceOfN(anyName, 0, 2).Draw(t, "rooms"), Emails: rapid.SliceOfN(anyName, 0, 2).Draw(t, "emails")}
	}
	return n
})

var anyProof = rapid.SampledFrom([]approvals.Proof{approvals.NoProof, approvals.BySignature, approvals.ByAdmission})

var anySource = rapid.Custom(func(t *rapid.T) approvals.Source {
	if rapid.Bool().Draw(t, "event") {
		return approvals.Source{Event: &approvals.Event{
			ID: anyText.Draw(t, "id"), Body: anyText.Draw(t, "body"), URL: anyText.Draw(t, "url"), Digest: anyText.Draw(t, "digest"), Headers: params.Draw(t, "headers"), VerifiedBy: anyText.Draw(t, "verified by"),
		}, RequesterProof: anyProof.Draw(t, "proof")}
	}
	labels := rapid.MapOfN(anyName, anyText, 0, 3)
	if rapid.Bool().Draw(t, "task") {
		return approvals.Source{
			Task: &approvals.Task{
				Name: anyName.Draw(t, "custom run"), UID: anyName.Draw(t, "uid"), Attempt: rapid.IntRange(0, 9).Draw(t, "attempt"),
				Task: anyName.Draw(t, "pipeline task"), Mapping: anyName.Draw(t, "mapping"),
				Run: approvals.Run{Name: anyName.Draw(t, "run"), UID: anyName.Draw(t, "run uid"), Pipeline: anyName.Draw(t, "pipeline"), At: instant(time.Second).Draw(t, "at").UTC()},
			},
			Params: params.Draw(t, "params"), Labels: labels.Draw(t, "labels"), Annotations: labels.Draw(t, "annotations"), Requester: anyText.Draw(t, "requester"),
			RequesterProof: anyProof.Draw(t, "proof"),
		}
	}
	return approvals.Source{
		Run:    &approvals.Run{Name: anyName.Draw(t, "run"), UID: anyName.Draw(t, "uid"), Pipeline: anyName.Draw(t, "pipeline"), At: instant(time.Second).Draw(t, "at").UTC()},
		Params: params.Draw(t, "params"), Results: params.Draw(t, "results"), Claims: params.Draw(t, "claims"),
		Labels: labels.Draw(t, "labels"), Annotations: labels.Draw(t, "annotations"), Requester: anyText.Draw(t, "requester"),
		RequesterProof: anyProof.Draw(t, "proof"),
	}
})

// AnyApproval draws Approvals of every state.
var AnyApproval = rapid.Custom(func(t *rapid.T) approvals.Approval {
	a := approvals.Approval{
		Key:     approvals.Key{Namespace: anyName.Draw(t, "namespace"), Name: anyName.Draw(t, "name"), UID: anyName.Draw(t, "uid")},
		Trigger: anyName.Draw(t, "trigger"), OpenedAt: instant(time.Second).Draw(t, "opened"), Source: anySource.Draw(t, "source"),
		Outcome: rapid.SampledFrom([]approvals.Outcome{approvals.Pending, approvals.Approved, approvals.Rejected, approvals.Expired, approvals.Cancelled, approvals.Superseded}).Draw(t, "outcome"),
		Results: params.Draw(t, "results"),
	}
	if rapid.Bool().Draw(t, "resolved") {
		a.Resolved = &approvals.ResolvedSpec{Policy: new(AnyPolicy.Draw(t, "policy")), Requester: anyText.Draw(t, "requester"), RequesterProof: anyProof.Draw(t, "proof"), RequesterAliases: rapid.SliceOfN(anyName, 0, 2).Draw(t, "also"), Params: params.Draw(t, "params"), Digest: anyText.Draw(t, "digest"), TemplateDigest: anyText.Draw(t, "template"), SupersedeKey: anyText.Draw(t, "key")}
		a.Resolved.About = approvals.About{Title: anyText.Draw(t, "title"), Instructions: anyText.Draw(t, "instructions")}
		for i := range rapid.IntRange(0, 2).Draw(t, "references") {
			a.Resolved.Evidence = append(a.Resolved.Evidence, evidence.Item{
				Name: anyName.Draw(t, "evidence"), Kind: evidence.Upload, Format: evidence.TerraformPlan, State: evidence.Present,
				SHA256: anyText.Draw(t, "its sum"), Size: int64(i), Message: anyText.Draw(t, "its message"), Object: anyName.Draw(t, "its object"),
				Summary: evidence.Summary{Name: anyName.Draw(t, "its summary"), Format: "junit", Tests: i, Failed: i, Incomplete: i > 0},
			})
			a.Resolved.References = append(a.Resolved.References, approvals.Reference{Kind: "Task", Name: anyName.Draw(t, "reference"), UID: anyName.Draw(t, "its uid"), Generation: int64(i), Digest: anyText.Draw(t, "its digest")})
		}
	} else if rapid.Bool().Draw(t, "blocked") {
		a.Blocked = &approvals.Problem{Reason: "NotResolved", Message: anyText.Draw(t, "blocked")}
	}
	if a.Outcome != approvals.Pending {
		a.Inputs, a.SupersededBy = params.Draw(t, "inputs"), anyName.Draw(t, "superseded by")
		a.DecidedAt = instant(time.Microsecond).Draw(t, "decided")
		if rapid.Bool().Draw(t, "cancelled") {
			a.Cancellation = &approvals.Cancellation{By: anyName.Draw(t, "by"), Reason: anyText.Draw(t, "why"), At: instant(time.Microsecond).Draw(t, "cancelled at")}
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "revoked") {
		a.Revoked = append(a.Revoked, approvals.Revocation{Voter: anyText.Draw(t, "voter"), At: instant(time.Microsecond).Draw(t, "at"), By: anyName.Draw(t, "by")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "comments") {
		c := approvals.Comment{
			By: anyName.Draw(t, "who"), DisplayName: anyName.Draw(t, "display name"), Text: anyText.Draw(t, "text"), NeedsChanges: rapid.Bool().Draw(t, "needs changes"), At: instant(time.Microsecond).Draw(t, "at"),
			AuthMethod: approvals.AuthLogin, CredentialID: anyText.Draw(t, "evidence"), Address: anyText.Draw(t, "address"), ID: anyName.Draw(t, "id"),
		}
		if rapid.Bool().Draw(t, "cleared") {
			c.ClearedAt = instant(time.Microsecond).Draw(t, "cleared at")
		}
		a.Discussion = append(a.Discussion, c)
	}
	for range rapid.IntRange(0, 2).Draw(t, "withdrawn") {
		a.Withdrawn = append(a.Withdrawn, approvals.Withdrawal{Voter: anyText.Draw(t, "voter"), At: instant(time.Microsecond).Draw(t, "at"), CredentialID: anyName.Draw(t, "evidence"), WithdrawnByCredential: anyName.Draw(t, "by")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "votes") {
		a.Votes = append(a.Votes, approvals.Vote{
			Voter: anyText.Draw(t, "voter"), Verdict: rapid.SampledFrom([]approvals.Verdict{approvals.Approve, approvals.Reject}).Draw(t, "verdict"),
			Comment: anyText.Draw(t, "comment"), At: instant(time.Microsecond).Draw(t, "at"), AuthMethod: approvals.AuthLink, CredentialID: anyText.Draw(t, "evidence"),
			Groups: rapid.SampledFrom([][]string{nil, {"sre"}}).Draw(t, "groups"), ByRBAC: rapid.Bool().Draw(t, "rbac"),
			Inputs: params.Draw(t, "inputs"), BreakGlass: rapid.Bool().Draw(t, "glass"), OnBehalfOf: anyName.Draw(t, "for"), DisplayName: anyName.Draw(t, "display name"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "deliveries") {
		d := approvals.Delivery{Event: "opened", Channel: "email", Recipient: anyText.Draw(t, "recipient"), MessageID: anyText.Draw(t, "message"), Attempts: rapid.IntRange(0, 99).Draw(t, "attempts"), Error: anyText.Draw(t, "error")}
		if rapid.Bool().Draw(t, "sent") {
			d.SentAt = instant(time.Second).Draw(t, "sent at")
		}
		a.Deliveries = append(a.Deliveries, d)
	}
	switch rapid.IntRange(0, 3).Draw(t, "release") {
	case 3:
		a.AnsweredAt = instant(time.Microsecond).Draw(t, "answered")
	case 1:
		a.SecondRun = &approvals.Run{Name: anyName.Draw(t, "next"), UID: anyName.Draw(t, "next uid"), Pipeline: anyName.Draw(t, "next pipeline"), At: instant(time.Microsecond).Draw(t, "seen")}
		a.EventID = anyText.Draw(t, "event id")
		if rapid.Bool().Draw(t, "ended") {
			e := anyRunEnd.Draw(t, "end")
			a.RunEnd = &e
		}
		for range rapid.IntRange(0, 2).Draw(t, "reruns") {
			a.Reruns = append(a.Reruns, approvals.Rerun{
				By: anyName.Draw(t, "who"), Reason: anyText.Draw(t, "why"), CredentialID: anyName.Draw(t, "evidence"), At: instant(time.Microsecond).Draw(t, "again"), End: anyRunEnd.Draw(t, "end before"),
				Run: approvals.Run{Name: anyName.Draw(t, "before"), UID: anyName.Draw(t, "before uid"), Pipeline: anyName.Draw(t, "before pipeline"), At: instant(time.Microsecond).Draw(t, "seen before")},
			})
		}
	case 2:
		a.Unreleased = &approvals.Problem{Reason: "NameTaken", Message: anyText.Draw(t, "unreleased")}
	}
	return a
})

var anyRunEnd = rapid.Custom(func(t *rapid.T) approvals.RunEnd {
	e := approvals.RunEnd{
		Outcome: rapid.SampledFrom([]approvals.RunOutcome{approvals.RunSucceeded, approvals.RunFailed, approvals.RunCancelled, approvals.RunGone}).Draw(t, "run outcome"),
		EndedAt: instant(time.Microsecond).Draw(t, "run ended"), Task: anyName.Draw(t, "failed task"), Message: anyText.Draw(t, "run message"),
	}
	if rapid.Bool().Draw(t, "began") {
		e.StartedAt = instant(time.Microsecond).Draw(t, "run started")
	}
	return e
})

var (
	anyText  = rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.StringN(0, 20, 80))
	anyName  = rapid.StringMatching(`[a-z]([-a-z0-9]{0,10}[a-z0-9])?`)
	anyParam = rapid.Custom(func(t *rapid.T) approvals.Param {
		return approvals.Param{Name: anyName.Draw(t, "name"), Value: anyText.Draw(t, "value")}
	})
	params = rapid.SliceOfN(anyParam, 0, 3)
	zones  = rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("JST", 9*3600), time.FixedZone("NST", -9000)})
)
