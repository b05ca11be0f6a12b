package gate

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/internal/golden"
)

// inlineRefusals is, for each rule that the schema of Gates has and that of the copy in an
// Approval has not, and for what that copy could not show, a gate that breaks it, and what
// its author is told. No schema sees a gate that stands in a Trigger. (How long and how many
// its parts may be is in the Approval's schema, too.)
var inlineRefusals = map[string]string{
	"approvers and rules":          `approvers: {users: [{name: a}]}, rules: [{name: r, users: [{name: b}]}]`,
	"empty approvers and rules":    `approvers: {}, rules: [{name: r, users: [{name: b}]}]`,
	"neither":                      `strategy: SINGLE`,
	"nobody":                       `approvers: {users: []}`,
	"rules and a strategy":         `rules: [{name: r, users: [{name: a}, {name: b}], required: 2}], strategy: QUORUM, required: 2`,
	"rules and required":           `rules: [{name: r, users: [{name: a}]}, {name: s, users: [{name: b}]}], required: 1`,
	"quorum of no number":          `approvers: {groups: [g]}, strategy: QUORUM`,
	"a single two":                 `approvers: {groups: [g]}, required: 2`,
	"less than none":               `approvers: {groups: [g]}, required: -1`,
	"multi and required":           `approvers: {groups: [g]}, strategy: MULTI, required: 1`,
	"four eyes and required":       `approvers: {groups: [g]}, strategy: FOUR_EYES, required: 1`,
	"four eyes, required as it is": `approvers: {groups: [g]}, strategy: FOUR_EYES, required: 2`,
	"multi and rbac":               `approvers: {rbac: true}, strategy: MULTI`,
	"four eyes of one":             `approvers: {users: [{name: a}]}, strategy: FOUR_EYES`,
	"four eyes of one in two":      `approvers: {users: [{name: a}, {name: A}]}, strategy: FOUR_EYES`,
	"more than there are":          `approvers: {users: [{name: a}, {name: b}]}, strategy: QUORUM, required: 3`,
	"more than the most":           `approvers: {groups: [g]}, strategy: QUORUM, required: 33`,
	"a key and no supersede":       `approvers: {groups: [g]}, supersedeKey: "'x'"`,
	"a key and Keep":               `approvers: {groups: [g]}, supersede: Keep, supersedeKey: "'x'"`,
	"expires at once":              `approvers: {groups: [g]}, expiresAfter: 9s`,
	"expires never":                `approvers: {groups: [g]}, expiresAfter: 0s`,
	"expires before":               `approvers: {groups: [g]}, expiresAfter: -1h`,
	"expires late":                 `approvers: {groups: [g]}, expiresAfter: 2161h`,
	"expires in days":              `approvers: {groups: [g]}, expiresAfter: 7d`,
	"kept a day":                   `approvers: {groups: [g]}, keepFor: 24h`,
	"kept for nothing":             `approvers: {groups: [g]}, keepFor: 0s`,
	"kept for ages":                `approvers: {groups: [g]}, keepFor: 87601h`,
	"release and releaseOn":        `approvers: {groups: [g]}, release: {configMap: {name: c}}, releaseOn: [Approved, Rejected]`,
	"release to nothing":           `approvers: {groups: [g]}, release: {}`,
	"release to both":              `approvers: {groups: [g]}, release: {configMap: {name: c}, pendingRun: {name: r}}`,
	"release to no name":           `approvers: {groups: [g]}, release: {configMap: {}}`,
	"release to no key":            `approvers: {groups: [g]}, release: {configMap: {name: c, key: "a b"}}`,

	"an unknown strategy":       `approvers: {groups: [g]}, strategy: ANY`,
	"an unknown comment":        `approvers: {groups: [g]}, comment: required`,
	"an unknown onExpiry":       `approvers: {groups: [g]}, onExpiry: approve`,
	"an unknown supersede":      `approvers: {groups: [g]}, supersede: newest`,
	"an unknown requester":      `approvers: {groups: [g]}, requester: exclude`,
	"an unknown mailLink":       `approvers: {groups: [g]}, mailLink: needsLogin`,
	"an unknown record":         `approvers: {groups: [g]}, record: required`,
	"released when cancelled":   `approvers: {groups: [g]}, releaseOn: [Cancelled]`,
	"a secret without a name":   `approvers: {groups: [g]}, signingSecret: {key: k}`,
	"a secret without a key":    `approvers: {groups: [g]}, signingSecret: {name: s}`,
	"a secret without anything": `approvers: {groups: [g]}, signingSecret: {}`,

	"a user without a name":    `approvers: {users: [{email: a@example.com}]}`,
	"a group without a name":   `approvers: {groups: [""]}`,
	"a rule without a name":    `rules: [{users: [{name: a}]}]`,
	"a rule twice":             `rules: [{name: r, users: [{name: a}]}, {name: r, users: [{name: b}]}]`,
	"a rule of nobody":         `rules: [{name: r}]`,
	"a rule of too few":        `rules: [{name: r, users: [{name: a}], required: 2}]`,
	"a rule of less than none": `rules: [{name: r, users: [{name: a}], required: -1}]`,
	"too many rules":           `rules: [` + many(17, "{name: r%d, groups: [g]}") + `]`,
	"rules by one person":      `rules: [{name: r, users: [{name: a}]}, {name: s, users: [{name: a}]}]`,

	"an input twice":              `approvers: {groups: [g]}, inputs: [{name: a}, {name: a}]`,
	"an input of no type":         `approvers: {groups: [g]}, inputs: [{name: a, type: date}]`,
	"an enum of nothing":          `approvers: {groups: [g]}, inputs: [{name: a, type: enum}]`,
	"options of a string":         `approvers: {groups: [g]}, inputs: [{name: a, options: [x]}]`,
	"a pattern of a number":       `approvers: {groups: [g]}, inputs: [{name: a, type: number, pattern: "[0-9]"}]`,
	"a pattern that is none":      `approvers: {groups: [g]}, inputs: [{name: a, pattern: "("}]`,
	"a default that does not fit": `approvers: {groups: [g]}, inputs: [{name: a, type: bool, default: "yes"}]`,
	"too many inputs":             `approvers: {groups: [g]}, inputs: [` + many(17, "{name: i%d}") + `]`,

	"reminded every second":         `approvers: {groups: [g]}, notify: {remindEvery: 1s}`,
	"reminded never":                `approvers: {groups: [g]}, notify: {remindEvery: 0s}`,
	"escalated without after":       `approvers: {groups: [g]}, notify: {escalate: {emails: [a@example.com]}}`,
	"escalated to nobody":           `approvers: {groups: [g]}, notify: {escalate: {after: 1h}}`,
	"escalated nothing":             `approvers: {groups: [g]}, notify: {escalate: {}}`,
	"escalated at once":             `approvers: {groups: [g]}, notify: {escalate: {after: 1s, emails: [a@example.com]}}`,
	"too many channels":             `approvers: {groups: [g]}, notify: {channels: [` + many(9, "c%d") + `]}`,
	"a channel without a name":      `approvers: {groups: [g]}, notify: {channels: [""]}`,
	"rbac without a Gate to be for": `approvers: {rbac: true}`,
	"a field that is unknown":       `approvers: {groups: [g]}, mailink: NeedsLogin`,
}

func many(n int, format string) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return strings.Join(out, ", ")
}

// TestInlineRefused: what no Gate can be, a Trigger's inline gate can't be either.
func TestInlineRefused(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, gate := range inlineRefusals {
		p, err := InlinePolicy(inJSON(t, "{"+gate+"}"))
		if err == nil {
			t.Fatalf("%s: it is %+v", name, p)
		}
		said.Check(t, name, err.Error())
	}
}

func inJSON(t *testing.T, text string) []byte {
	t.Helper()
	b, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return b
}
