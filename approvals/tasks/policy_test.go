package tasks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/golden"
)

// who is a policy in the words of this table.
type who struct {
	Strategy approvals.Strategy
	Required int
	Users    string // with addresses behind a colon
	Groups   string
	RBAC     bool
	Rooms    string
	Lifetime time.Duration
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const never = approvals.MaxLifetime
	for name, c := range map[string]struct {
		kind    string
		params  string // NAME=VALUE, one a line
		timeout string // "": not said
		want    who
		refused bool
	}{
		"single by default":     {"automatiko", `approvers=["alice"]`, "", who{"SINGLE", 0, "alice", "", false, "", never}, false},
		"names loosely written": {"automatiko", " Approvers =[\" alice \",\"\",\"alice\"]\nSTRATEGY=single", "", who{"SINGLE", 0, "alice", "", false, "", never}, false},
		"an address is told":    {"automatiko", `approvers=["a@example.com"]`, "", who{"SINGLE", 0, "a@example.com:a@example.com", "", false, "", never}, false},
		"one string":            {"automatiko", `approvers=alice`, "", who{"SINGLE", 0, "alice", "", false, "", never}, false},
		"groups win":            {"automatiko", "approvers=[\"alice\"]\ngroups=[\"ops\",\"security\"]", "", who{"SINGLE", 0, "", "ops security", false, "", never}, false},
		"empty groups do not":   {"automatiko", "approvers=[\"alice\"]\ngroups=[]", "", who{"SINGLE", 0, "alice", "", false, "", never}, false},
		"everybody":             {"automatiko", "approvers=[\"alice\",\"bob\"]\nstrategy=MULTI", "", who{"MULTI", 0, "alice bob", "", false, "", never}, false},
		"each group":            {"automatiko", "groups=[\"ops\",\"security\"]\nstrategy=MULTI", "", who{"MULTI", 0, "", "ops security", false, "", never}, false},
		"four eyes":             {"automatiko", "groups=[\"ops\"]\nstrategy=FOUR_EYES", "", who{"FOUR_EYES", 0, "", "ops", false, "", never}, false},
		"four eyes of people":   {"automatiko", "approvers=[\"alice\",\"bob\"]\nstrategy=FOUR_EYES", "", who{"FOUR_EYES", 0, "alice bob", "", false, "", never}, false},
		"rooms":                 {"automatiko", "approvers=[\"alice\"]\nnotifyOnSlack=releases\nnotifyOnTeams=ops", "", who{"SINGLE", 0, "alice", "", false, "releases ops", never}, false},
		"no room is named so":   {"automatiko", "approvers=[\"alice\"]\nnotifyOnSlack=" + strings.Repeat("x", 64), "", who{"SINGLE", 0, "alice", "", false, "", never}, false},
		"timeout":               {"automatiko", `approvers=["alice"]`, "5m", who{"SINGLE", 0, "alice", "", false, "", 5 * time.Minute}, false},
		"no end":                {"automatiko", `approvers=["alice"]`, "0s", who{"SINGLE", 0, "alice", "", false, "", never}, false},
		"sooner than can be":    {"automatiko", `approvers=["alice"]`, "1s", who{"SINGLE", 0, "alice", "", false, "", approvals.MinLifetime}, false},
		"later than can be":     {"automatiko", `approvers=["alice"]`, "9000h", who{"SINGLE", 0, "alice", "", false, "", never}, false},
		"nobody":                {"automatiko", `description=x`, "", who{}, true},
		"nobody but blanks":     {"automatiko", `approvers=[" ",""]`, "", who{}, true},
		"unknown strategy":      {"automatiko", "approvers=[\"alice\"]\nstrategy=ANY", "", who{}, true},
		"four eyes of one":      {"automatiko", "approvers=[\"alice\"]\nstrategy=FOUR_EYES", "", who{}, true},
		"a name like a book":    {"automatiko", `approvers=["` + strings.Repeat("x", 254) + `"]`, "", who{}, true},

		"names in one string":  {"automatiko", `approvers=a@example.com,b@example.com`, "", who{}, true},
		"a list as a string":   {"automatiko", `approvers=[alice, bob]`, "", who{}, true},
		"groups in one string": {"automatiko", `groups=["ops, security"]`, "", who{}, true},

		"one of them":            {"manual-approval-gate", `approvers=["alice","bob"]`, "", who{"QUORUM", 1, "alice bob", "", false, "", time.Hour}, false},
		"two of them":            {"manual-approval-gate", "approvers=[\"alice\",\"group:ops\",\"group:ops\",\"alice\"]\nnumberOfApprovalsRequired=2", "", who{"QUORUM", 2, "alice", "ops", false, "", time.Hour}, false},
		"its timeout param":      {"manual-approval-gate", "approvers=[\"alice\"]\ntimeout=90m", "", who{"QUORUM", 1, "alice", "", false, "", 90 * time.Minute}, false},
		"the task's timeout":     {"manual-approval-gate", "approvers=[\"alice\"]\ntimeout=90m", "20m", who{"QUORUM", 1, "alice", "", false, "", 20 * time.Minute}, false},
		"no end of a gate":       {"manual-approval-gate", `approvers=["alice"]`, "0s", who{"QUORUM", 1, "alice", "", false, "", never}, false},
		"two in one string":      {"manual-approval-gate", `approvers=alice, bob`, "", who{}, true},
		"a group of everybody":   {"manual-approval-gate", `approvers=["group:system:authenticated"]`, "", who{}, true},
		"not a number":           {"manual-approval-gate", "approvers=[\"alice\"]\nnumberOfApprovalsRequired=two", "", who{}, true},
		"none needed":            {"manual-approval-gate", "approvers=[\"alice\"]\nnumberOfApprovalsRequired=0", "", who{}, true},
		"more than there are":    {"manual-approval-gate", "approvers=[\"alice\",\"bob\"]\nnumberOfApprovalsRequired=3", "", who{}, true},
		"not a duration":         {"manual-approval-gate", "approvers=[\"alice\"]\ntimeout=soon", "", who{}, true},
		"nobody for a gate":      {"manual-approval-gate", `approvers=["group: "]`, "", who{}, true},
		"what RBAC says":         {"kuberocketci", `approvers=["everybody"]`, "", who{"SINGLE", 0, "", "", true, "", time.Hour}, false},
		"what RBAC says in time": {"kuberocketci", ``, "2m", who{"SINGLE", 0, "", "", true, "", 2 * time.Minute}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ok := tasks.Find(c.kind)
			if !ok {
				t.Fatalf("no kind %q", c.kind)
			}
			p, err := m.Policy(tasks.Request{Params: paramsOf(c.params), Timeout: timeoutOf(t, c.timeout)})
			if c.refused {
				if approvals.CodeOf(err) != approvals.CodeInvalid {
					t.Errorf("%v, want a refusal", err)
				}
				said.Check(t, name, approvals.Message(err))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, summary(p)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if p.Preset != c.kind || len(p.ReleaseOn) != 1 {
				t.Errorf("preset %q, releaseOn %v: what the schema would fill in must be said", p.Preset, p.ReleaseOn)
			}
			if err := p.Validate(""); err != nil {
				t.Errorf("a policy that the rules refuse: %v", err)
			}
		})
	}
}

// TestGateRules: where a Gate is named, anyone who wrote the pipeline does not say who
// decides; only its own timeout can be sooner.
func TestGateRules(t *testing.T) {
	t.Parallel()
	gate := approvals.Policy{Release: approvals.Release{Kind: approvals.TargetPendingRun, Name: "body.run"}, Gate: "production", Approvers: []approvals.Approver{{Name: "carol"}}, Strategy: approvals.Single, Lifetime: 2 * time.Hour, ReleaseOn: []approvals.Outcome{approvals.Approved}}
	for _, m := range tasks.All() {
		for timeout, want := range map[string]time.Duration{"": 2 * time.Hour, "10m": 10 * time.Minute, "9h": 2 * time.Hour, "0s": 2 * time.Hour} {
			ps := paramsOf("approvers=[\"mallory\"]\n Gate = production \nstrategy=ANY\nnumberOfApprovalsRequired=none")
			if name, must := m.GateOf(ps); name != "production" || !must {
				t.Errorf("%s: gate %q, must be there: %v", m.Name, name, must)
			}
			p, err := m.Policy(tasks.Request{Params: ps, Timeout: timeoutOf(t, timeout), Gate: &gate})
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(p); got.Users != "carol" || got.Lifetime != want || p.Gate != "production" || p.Preset != m.Name || p.Release.Kind != "" {
				t.Errorf("%s, timeout %q: %+v by gate %s, preset %s; want carol for %s", m.Name, timeout, got, p.Gate, p.Preset, want)
			}
		}
	}
	if m, _ := tasks.Find(tasks.KubeRocketCI); true {
		if name, must := m.GateOf(nil); name != "kuberocketci" || must {
			t.Errorf("without a param it goes by gate %q, must be there: %v", name, must)
		}
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	m, _ := tasks.Find(tasks.Automatiko)
	var names []string
	for _, p := range m.Shown(paramsOf("description=d\nPipeline=p\nApprovers=[]\n groups=[]\nstrategy=x\nnotifyonslack=y\nGATE=z\nversion=1.2")) {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "description Pipeline version" {
		t.Errorf("shown: %s", got)
	}
}

func paramsOf(lines string) []approvals.Param {
	var out []approvals.Param
	for l := range strings.SplitSeq(lines, "\n") {
		if name, value, ok := strings.Cut(l, "="); ok {
			out = append(out, approvals.Param{Name: name, Value: value})
		}
	}
	return out
}

func timeoutOf(t *testing.T, s string) *time.Duration {
	t.Helper()
	if s == "" {
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

func summary(p approvals.Policy) who {
	var users []string
	for _, a := range p.Approvers {
		n := a.Name
		if a.Email != "" {
			n += ":" + a.Email
		}
		users = append(users, n)
	}
	return who{p.Strategy, p.Required, strings.Join(users, " "), strings.Join(p.Groups, " "), p.RBAC, strings.Join(p.Notify.Channels, " "), p.Lifetime}
}
