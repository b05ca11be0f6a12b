package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// TestPresets: what a pipeline reads, for every kind, strategy and outcome.
func TestPresets(t *testing.T) {
	t.Parallel()
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	task := func(kind string, s approvals.Strategy) *ct.Builder {
		return ct.Make("a").Task(kind).Users("alice", "bob").With(func(a *approvals.Approval) { a.Resolved.Policy.Strategy = s })
	}
	for name, c := range map[string]struct {
		a    *ct.Builder
		want string // NAME=VALUE, one a line
	}{
		"automatiko, single, approved":          {task("automatiko", approvals.Single).Voted("alice", approvals.Approve, "go"), "decision=true\ncomment=go\napprovedBy=alice\nrejectedBy="},
		"automatiko, single, without a word":    {task("automatiko", approvals.Single).Voted("alice", approvals.Approve, ""), "decision=true\ncomment=\napprovedBy=alice\nrejectedBy="},
		"automatiko, single, rejected":          {task("automatiko", approvals.Single).Voted("bob", approvals.Reject, "no"), "decision=false\ncomment=no\napprovedBy=\nrejectedBy=bob"},
		"automatiko, expired":                   {task("automatiko", approvals.Single).Expired(), "decision=false\ncomment=\napprovedBy=\nrejectedBy="},
		"automatiko, multi, approved":           {task("automatiko", approvals.Multi).Voted("alice", approvals.Approve, "go").Voted("bob", approvals.Approve, "me too"), "decision=true\ncomment=go|me too\napprovedBy=alice|bob\nrejectedBy="},
		"automatiko, multi, one without a word": {task("automatiko", approvals.Multi).Voted("alice", approvals.Approve, "").Voted("bob", approvals.Approve, "me"), "decision=true\ncomment=me\napprovedBy=alice|bob\nrejectedBy="},
		"automatiko, multi, rejected":           {task("automatiko", approvals.Multi).Voted("alice", approvals.Approve, "go").Voted("bob", approvals.Reject, "no"), "decision=false\ncomment=go|no\napprovedBy=alice\nrejectedBy=bob"},
		"automatiko, multi, half expired":       {task("automatiko", approvals.Multi).Voted("alice", approvals.Approve, "go").Expired(), "decision=false\ncomment=go\napprovedBy=alice\nrejectedBy="},
		"automatiko, four eyes, approved":       {task("automatiko", approvals.FourEyes).Voted("alice", approvals.Approve, "go").Voted("bob", approvals.Approve, "yes"), "decision=true\ncomment=yes\napprovedBy=alice|bob\nrejectedBy="},
		"automatiko, four eyes, second silent":  {task("automatiko", approvals.FourEyes).Voted("alice", approvals.Approve, "go").Voted("bob", approvals.Approve, ""), "decision=true\ncomment=\napprovedBy=alice|bob\nrejectedBy="},
		"automatiko, four eyes, first rejects":  {task("automatiko", approvals.FourEyes).Voted("alice", approvals.Reject, "no"), "decision=false\ncomment=no\napprovedBy=\nrejectedBy=alice"},
		"automatiko, four eyes, second rejects": {task("automatiko", approvals.FourEyes).Voted("alice", approvals.Approve, "go").Voted("bob", approvals.Reject, "no"), "decision=false\ncomment=no\napprovedBy=alice\nrejectedBy=bob"},
		"automatiko, four eyes, expired":        {task("automatiko", approvals.FourEyes).Expired(), "decision=false\ncomment=\napprovedBy=\nrejectedBy="},
		"gate, approved":                        {task("manual-approval-gate", approvals.Quorum).Quorum(2).Voted("alice", approvals.Approve, "go").Voted("bob", approvals.Approve, "ok"), "decision=true\ncomment=go|ok\napprovedBy=alice|bob\nrejectedBy="},
		"gate, rejected":                        {task("manual-approval-gate", approvals.Quorum).Quorum(2).Voted("alice", approvals.Approve, "go").Voted("bob", approvals.Reject, "no"), "decision=false\ncomment=go|no\napprovedBy=alice\nrejectedBy=bob"},
		"kuberocketci, approved":                {task("kuberocketci", approvals.Single).Voted("alice", approvals.Approve, "go"), "approved=true\napprovedBy=alice\ncomment=go"},
		"kuberocketci, rejected":                {task("kuberocketci", approvals.Single).Voted("alice", approvals.Reject, "no"), "approved=false\napprovedBy=alice\ncomment=no"},
		"kuberocketci, expired":                 {task("kuberocketci", approvals.Single).Expired(), "approved=false\napprovedBy=\ncomment="},
		"a Gate's own beside it":                {task("kuberocketci", approvals.Single).Result("who", "approval.votes[0].voter").Result("comment", "'-'").Voted("alice", approvals.Approve, "go"), "approved=true\napprovedBy=alice\ncomment=-\nwho=alice"},
		"a Trigger with a preset":               {ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Preset = "kuberocketci" }).Voted("alice", approvals.Approve, "go"), "approved=true\napprovedBy=alice\ncomment=go"},
		"hostile":                               {task("automatiko", approvals.Single).Voted("alice", approvals.Approve, `["$(params.x)"]`), "decision=true\ncomment=[\"$ (params.x)\"]\napprovedBy=alice\nrejectedBy="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := c.a.Obj()
			vars, err := mapping.SourceVars(a.Namespace, a.Source)
			if err != nil {
				t.Fatal(err)
			}
			rs, err := cel.Results(t.Context(), a, vars)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rs {
				got = append(got, r.Name+"="+r.Value)
			}
			if d := cmp.Diff(c.want, strings.Join(got, "\n")); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestPresetsAtTheLimit: as many votes as there may be, each with as long a comment,
// do not make a preset fail: a pipeline would miss the results it reads.
func TestPresetsAtTheLimit(t *testing.T) {
	t.Parallel()
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range tasks.All() {
		a := ct.Make("a").Task(m.Name).With(func(a *approvals.Approval) {
			a.Resolved.Policy.Strategy, a.Outcome = approvals.Multi, approvals.Approved
			for i := range approvals.MaxVotes {
				a.Votes = append(a.Votes, approvals.Vote{Voter: fmt.Sprintf("%0*d", 253, i), Verdict: approvals.Approve, Comment: strings.Repeat("x", approvals.MaxComment)})
			}
		}).Obj()
		rs, err := cel.Results(t.Context(), a, mapping.Vars{})
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if len(approvals.ByName(rs)["approvedBy"]) != approvals.MaxVotes*254-1 {
			t.Errorf("%s: approvedBy has %d bytes", m.Name, len(approvals.ByName(rs)["approvedBy"]))
		}
	}
}

// TestResolveTask: what is shown is what the task says, made harmless, and bound by the
// digest.
func TestResolveTask(t *testing.T) {
	t.Parallel()
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	m, _ := tasks.Find(tasks.Automatiko)
	source := ct.Make("a").Task(m.Name).Obj().Source
	source.Requester = "zoe"
	source.Params = []approvals.Param{{Name: "approvers", Value: `["alice"]`}, {Name: "description", Value: "deploy $(uid)"}, {Name: `odd"name`, Value: "1"}}
	resolved, err := cel.ResolveTask(t.Context(), "prod", m, tasks.Request{Params: source.Params}, source)
	if err != nil {
		t.Fatal(err)
	}
	want := []approvals.Param{{Name: "description", Value: "deploy $ (uid)"}, {Name: `odd"name`, Value: "1"}}
	if d := cmp.Diff(want, resolved.Params); d != "" || resolved.Requester != "zoe" {
		t.Errorf("asked by %q, (-want +got)\n%s", resolved.Requester, d)
	}
	if resolved.Digest != approvals.ContentDigest("prod", "", "", source, want, nil) {
		t.Error("the digest is of something else")
	}
	source.Params = append(source.Params[:1:1], make([]approvals.Param, mapping.MaxShown+1)...)
	if _, err := cel.ResolveTask(t.Context(), "prod", m, tasks.Request{Params: source.Params}, source); approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("too many params: %v", err)
	}
}
