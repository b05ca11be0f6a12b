package approvalstest

import (
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// T0 is the opening time of built Approvals.
var T0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// Template is the template digest of built Approvals.
const Template = "template-1"

// Builder makes an Approval step by step. It starts as a pending one after a run
// of pipeline "plan" under trigger "apply", which alice may decide.
type Builder struct{ a approvals.Approval }

// Make starts an Approval of namespace "prod".
func Make(name string) *Builder {
	return &Builder{approvals.Approval{
		Key:      approvals.Key{Namespace: "prod", Name: name, UID: "uid-" + name},
		Trigger:  "apply",
		OpenedAt: T0,
		Source: approvals.Source{
			Run:     &approvals.Run{Name: "plan-1", UID: "run-1", Pipeline: "plan", At: T0.Add(-time.Minute)},
			Params:  []approvals.Param{{Name: "env", Value: "production"}},
			Results: []approvals.Param{{Name: "digest", Value: "sha256:abc"}},
		},
		Resolved: &approvals.ResolvedSpec{
			Policy: &approvals.Policy{
				Gate: "production", Approvers: people("alice"), Strategy: approvals.Single,
				Requester: approvals.RequesterExclude, Lifetime: time.Hour, ReleaseOn: []approvals.Outcome{approvals.Approved},
			},
			Params:         []approvals.Param{{Name: "digest", Value: "sha256:abc"}},
			TemplateDigest: Template,
		},
		Outcome: approvals.Pending,
	}}
}

// In puts it into another namespace.
func (b *Builder) In(namespace string) *Builder { b.a.Namespace = namespace; return b }

// Users are the approvers, by name, each with an address.
func (b *Builder) Users(names ...string) *Builder {
	b.a.Resolved.Policy.Approvers = people(names...)
	return b
}

// Groups may decide too.
func (b *Builder) Groups(names ...string) *Builder { b.a.Resolved.Policy.Groups = names; return b }

// Quorum needs n people.
func (b *Builder) Quorum(n int) *Builder {
	b.a.Resolved.Policy.Strategy, b.a.Resolved.Policy.Required = approvals.Quorum, n
	return b
}

// Requester asked for it, which is proved.
func (b *Builder) Requester(name string) *Builder {
	b.a.Resolved.Requester, b.a.Resolved.RequesterProof = name, approvals.BySignature
	return b
}

// Said is Requester, as somebody wrote it and nothing verifies it.
func (b *Builder) Said(name string) *Builder {
	b.a.Resolved.Requester, b.a.Resolved.RequesterProof = name, approvals.NoProof
	return b
}

// Also sets further names of the requester.
func (b *Builder) Also(names ...string) *Builder { b.a.Resolved.RequesterAliases = names; return b }

// AllowRequester lets the requester decide.
func (b *Builder) AllowRequester() *Builder {
	b.a.Resolved.Policy.Requester = approvals.RequesterAllow
	return b
}

// Lifetime sets the time until it expires.
func (b *Builder) Lifetime(d time.Duration) *Builder { b.a.Resolved.Policy.Lifetime = d; return b }

// ReleaseOn are the outcomes that start the next part.
func (b *Builder) ReleaseOn(os ...approvals.Outcome) *Builder {
	b.a.Resolved.Policy.ReleaseOn = os
	return b
}

// Result adds an expression for a result.
func (b *Builder) Result(name, expression string) *Builder {
	b.a.Resolved.Policy.Results = append(b.a.Resolved.Policy.Results, approvals.Expression{Name: name, Expression: expression})
	return b
}

// Event makes what is held an event with body.
func (b *Builder) Event(body string) *Builder {
	b.a.Source = approvals.Source{Event: &approvals.Event{
		ID: "delivery-1", Body: body, URL: "/hook?x=1", Digest: approvals.Digest("event", body, "delivery-1"),
		Headers: []approvals.Param{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Github-Event", Value: "push"}},
	}}
	return b
}

// Task makes what waits task "approval" of pipeline "deploy", a CustomRun of the kind
// that mapping names.
func (b *Builder) Task(mapping string) *Builder {
	b.a.Trigger = ""
	b.a.Source = approvals.Source{
		Task: &approvals.Task{
			Name: "deploy-1-approval", UID: "custom-1", Task: "approval", Mapping: mapping,
			Run: approvals.Run{Name: "deploy-1", UID: "run-2", Pipeline: "deploy", At: T0.Add(-time.Minute)},
		},
		Params: []approvals.Param{{Name: "description", Value: "Deploy 1.2 to production"}, {Name: "approvers", Value: `["alice"]`}},
	}
	b.a.Resolved.Params = []approvals.Param{{Name: "description", Value: "Deploy 1.2 to production"}}
	b.a.Resolved.TemplateDigest, b.a.Resolved.Policy.Preset = "", mapping
	return b
}

// Unresolved makes it one that is not resolved; why may be nil.
func (b *Builder) Unresolved(why *approvals.Problem) *Builder {
	b.a.Resolved, b.a.Blocked = nil, why
	return b
}

// With changes anything else.
func (b *Builder) With(change func(*approvals.Approval)) *Builder { change(&b.a); return b }

// Voted casts a vote by a token, a minute after the one before. It panics when the
// vote is refused: the test is wrong then.
func (b *Builder) Voted(voter string, v approvals.Verdict, comment string) *Builder {
	at := T0.Add(time.Duration(len(b.a.Votes)+1) * time.Minute)
	next, _, err := approvals.Cast(b.Obj(), Ballot(voter, v, comment), at)
	if err != nil {
		panic(err)
	}
	b.a = next
	return b
}

// Expired lets its time run out.
func (b *Builder) Expired() *Builder {
	b.a, _ = approvals.Expire(b.Obj(), b.a.Deadline())
	return b
}

// Obj is the Approval, with the digest of what it asks to approve.
func (b *Builder) Obj() approvals.Approval {
	a := Clone(b.a)
	if t := a.Resolved; t != nil {
		t.Digest = t.ContentDigest(a.Namespace, a.Trigger, t.TemplateDigest, a.Source)
	}
	return a
}

// Ballot is a vote by a person with a token, with groups.
func Ballot(voter string, v approvals.Verdict, comment string, groups ...string) approvals.Ballot {
	return approvals.Ballot{
		Voter:   approvals.Identity{Name: voter, Groups: groups, AuthMethod: approvals.AuthToken, CredentialID: "uid:" + voter},
		Verdict: v, Comment: comment,
	}
}

// Clone copies a so that nothing in it is shared.
func Clone(a approvals.Approval) approvals.Approval {
	a.Source.Run, a.Source.Event, a.Source.Task = ptr(a.Source.Run), ptr(a.Source.Event), ptr(a.Source.Task)
	if e := a.Source.Event; e != nil {
		e.Headers = slices.Clone(e.Headers)
	}
	a.Source.Params, a.Source.Results = slices.Clone(a.Source.Params), slices.Clone(a.Source.Results)
	a.Source.Claims = slices.Clone(a.Source.Claims)
	a.Resolved, a.Blocked = ptr(a.Resolved), ptr(a.Blocked)
	if t := a.Resolved; t != nil {
		t.Params, t.Target, t.RequesterAliases = slices.Clone(t.Params), ptr(t.Target), slices.Clone(t.RequesterAliases)
		t.Policy.Approvers, t.Policy.Groups = slices.Clone(t.Policy.Approvers), slices.Clone(t.Policy.Groups)
		t.Policy.ReleaseOn, t.Policy.Results = slices.Clone(t.Policy.ReleaseOn), slices.Clone(t.Policy.Results)
		t.Summaries = slices.Clone(t.Summaries)
		t.Policy.Show, t.Policy.Links, t.About.Links = slices.Clone(t.Policy.Show), slices.Clone(t.Policy.Links), slices.Clone(t.About.Links)
		t.Policy.Evidence, t.Evidence = slices.Clone(t.Policy.Evidence), slices.Clone(t.Evidence)
		t.Policy.Rules, t.Policy.Inputs = slices.Clone(t.Policy.Rules), slices.Clone(t.Policy.Inputs)
		n := &t.Policy.Notify
		n.Channels, n.Escalate.Channels, n.Escalate.Emails = slices.Clone(n.Channels), slices.Clone(n.Escalate.Channels), slices.Clone(n.Escalate.Emails)
	}
	a.Votes, a.Results, a.Deliveries = slices.Clone(a.Votes), slices.Clone(a.Results), slices.Clone(a.Deliveries)
	a.Inputs, a.Withdrawn, a.Revoked, a.Discussion = slices.Clone(a.Inputs), slices.Clone(a.Withdrawn), slices.Clone(a.Revoked), slices.Clone(a.Discussion)
	a.SecondRun, a.Effect, a.Unreleased, a.Cancellation = ptr(a.SecondRun), ptr(a.Effect), ptr(a.Unreleased), ptr(a.Cancellation)
	a.RunEnd, a.Reruns = ptr(a.RunEnd), slices.Clone(a.Reruns)
	return a
}

func ptr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func people(names ...string) []approvals.Approver {
	var out []approvals.Approver
	for _, n := range names {
		out = append(out, approvals.Approver{Name: n, Email: n + "@example.com"})
	}
	return out
}

// Known is a directory that has an address for each name: NAME@example.com.
func Known(names ...string) *approvals.Directory {
	var all []approvals.Person
	for _, n := range names {
		all = append(all, approvals.Person{Names: []string{n}, Emails: []string{n + "@example.com"}})
	}
	d, err := approvals.NewDirectory(all, nil)
	if err != nil {
		panic(err)
	}
	return d
}
