package gate

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/approvals"
)

// inlineRefusals is, for each rule that the schema of Gates has and that of the copy in an
// Approval has not, and for what that copy could not show, a gate that breaks it, and what
// its author is told. No schema sees a gate that stands in a Trigger. (How long and how many
// its parts may be is in the Approval's schema, too.)
var inlineRefusals = map[string]struct{ gate, want string }{
	"approvers and rules":          {`approvers: {users: [{name: a}]}, rules: [{name: r, users: [{name: b}]}]`, "remove the others"},
	"empty approvers and rules":    {`approvers: {}, rules: [{name: r, users: [{name: b}]}]`, "approvers"},
	"neither":                      {`strategy: SINGLE`, "has no approvers"},
	"nobody":                       {`approvers: {users: []}`, "has no approvers"},
	"rules and a strategy":         {`rules: [{name: r, users: [{name: a}, {name: b}], required: 2}], strategy: QUORUM, required: 2`, "remove the others"},
	"rules and required":           {`rules: [{name: r, users: [{name: a}]}, {name: s, users: [{name: b}]}], required: 1`, "remove the others"},
	"quorum of no number":          {`approvers: {groups: [g]}, strategy: QUORUM`, "set how many people"},
	"a single two":                 {`approvers: {groups: [g]}, required: 2`, "remove required"},
	"less than none":               {`approvers: {groups: [g]}, required: -1`, "remove required"},
	"multi and required":           {`approvers: {groups: [g]}, strategy: MULTI, required: 1`, "remove required"},
	"four eyes and required":       {`approvers: {groups: [g]}, strategy: FOUR_EYES, required: 1`, "remove required"},
	"four eyes, required as it is": {`approvers: {groups: [g]}, strategy: FOUR_EYES, required: 2`, "remove required"},
	"multi and rbac":               {`approvers: {rbac: true}, strategy: MULTI`, "rbac"},
	"four eyes of one":             {`approvers: {users: [{name: a}]}, strategy: FOUR_EYES`, "the number of distinct people it lists is 1"},
	"four eyes of one in two":      {`approvers: {users: [{name: a}, {name: A}]}, strategy: FOUR_EYES`, "the number of distinct people it lists is 1"},
	"more than there are":          {`approvers: {users: [{name: a}, {name: b}]}, strategy: QUORUM, required: 3`, "distinct people it lists is 2"},
	"more than the most":           {`approvers: {groups: [g]}, strategy: QUORUM, required: 33`, "1 to 32"},
	"a key and no supersede":       {`approvers: {groups: [g]}, supersedeKey: "'x'"`, "supersede: Newest"},
	"a key and Keep":               {`approvers: {groups: [g]}, supersede: Keep, supersedeKey: "'x'"`, "supersede: Newest"},
	"expires at once":              {`approvers: {groups: [g]}, expiresAfter: 9s`, "expiresAfter"},
	"expires never":                {`approvers: {groups: [g]}, expiresAfter: 0s`, "expiresAfter"},
	"expires before":               {`approvers: {groups: [g]}, expiresAfter: -1h`, "expiresAfter"},
	"expires late":                 {`approvers: {groups: [g]}, expiresAfter: 2161h`, "expiresAfter"},
	"expires in days":              {`approvers: {groups: [g]}, expiresAfter: 7d`, "expiresAfter"},
	"kept a day":                   {`approvers: {groups: [g]}, keepFor: 24h`, "keepFor"},
	"kept for nothing":             {`approvers: {groups: [g]}, keepFor: 0s`, "keepFor"},
	"kept for ages":                {`approvers: {groups: [g]}, keepFor: 87601h`, "keepFor"},
	"release and releaseOn":        {`approvers: {groups: [g]}, release: {configMap: {name: c}}, releaseOn: [Approved, Rejected]`, "remove releaseOn"},
	"release to nothing":           {`approvers: {groups: [g]}, release: {}`, "configMap and pendingRun"},
	"release to both":              {`approvers: {groups: [g]}, release: {configMap: {name: c}, pendingRun: {name: r}}`, "configMap and pendingRun"},
	"release to no name":           {`approvers: {groups: [g]}, release: {configMap: {}}`, "without a name"},
	"release to no key":            {`approvers: {groups: [g]}, release: {configMap: {name: c, key: "a b"}}`, "no ConfigMap can have"},

	"an unknown strategy":       {`approvers: {groups: [g]}, strategy: ANY`, "unknown"},
	"an unknown comment":        {`approvers: {groups: [g]}, comment: required`, "comment"},
	"an unknown onExpiry":       {`approvers: {groups: [g]}, onExpiry: approve`, "onExpiry"},
	"an unknown supersede":      {`approvers: {groups: [g]}, supersede: newest`, "supersede"},
	"an unknown requester":      {`approvers: {groups: [g]}, requester: exclude`, "requester"},
	"an unknown mailLink":       {`approvers: {groups: [g]}, mailLink: needsLogin`, "mailLink"},
	"an unknown record":         {`approvers: {groups: [g]}, record: required`, "record"},
	"released when cancelled":   {`approvers: {groups: [g]}, releaseOn: [Cancelled]`, "releaseOn"},
	"a secret without a name":   {`approvers: {groups: [g]}, signingSecret: {key: k}`, "signingSecret"},
	"a secret without a key":    {`approvers: {groups: [g]}, signingSecret: {name: s}`, "signingSecret"},
	"a secret without anything": {`approvers: {groups: [g]}, signingSecret: {}`, "signingSecret"},

	"a user without a name":    {`approvers: {users: [{email: a@example.com}]}`, "without a name"},
	"a group without a name":   {`approvers: {groups: [""]}`, "without a name"},
	"a rule without a name":    {`rules: [{users: [{name: a}]}]`, "no name"},
	"a rule twice":             {`rules: [{name: r, users: [{name: a}]}, {name: r, users: [{name: b}]}]`, "two rules"},
	"a rule of nobody":         {`rules: [{name: r}]`, "has no approvers"},
	"a rule of too few":        {`rules: [{name: r, users: [{name: a}], required: 2}]`, "the number of distinct people it lists is 1"},
	"a rule of less than none": {`rules: [{name: r, users: [{name: a}], required: -1}]`, "requires -1"},
	"too many rules":           {`rules: [` + many(17, "{name: r%d, groups: [g]}") + `]`, "16"},
	"rules by one person":      {`rules: [{name: r, users: [{name: a}]}, {name: s, users: [{name: a}]}]`, "the number of distinct people it lists is 1"},

	"an input twice":              {`approvers: {groups: [g]}, inputs: [{name: a}, {name: a}]`, "two inputs"},
	"an input of no type":         {`approvers: {groups: [g]}, inputs: [{name: a, type: date}]`, "unknown"},
	"an enum of nothing":          {`approvers: {groups: [g]}, inputs: [{name: a, type: enum}]`, "without options"},
	"options of a string":         {`approvers: {groups: [g]}, inputs: [{name: a, options: [x]}]`, "options"},
	"a pattern of a number":       {`approvers: {groups: [g]}, inputs: [{name: a, type: number, pattern: "[0-9]"}]`, "pattern"},
	"a pattern that is none":      {`approvers: {groups: [g]}, inputs: [{name: a, pattern: "("}]`, "does not compile"},
	"a default that does not fit": {`approvers: {groups: [g]}, inputs: [{name: a, type: bool, default: "yes"}]`, "true or false"},
	"too many inputs":             {`approvers: {groups: [g]}, inputs: [` + many(17, "{name: i%d}") + `]`, "16"},

	"reminded every second":         {`approvers: {groups: [g]}, notify: {remindEvery: 1s}`, "remindEvery"},
	"reminded never":                {`approvers: {groups: [g]}, notify: {remindEvery: 0s}`, "remindEvery"},
	"escalated without after":       {`approvers: {groups: [g]}, notify: {escalate: {emails: [a@example.com]}}`, "notify.escalate has no after"},
	"escalated to nobody":           {`approvers: {groups: [g]}, notify: {escalate: {after: 1h}}`, "nobody to escalate to"},
	"escalated nothing":             {`approvers: {groups: [g]}, notify: {escalate: {}}`, "escalate"},
	"escalated at once":             {`approvers: {groups: [g]}, notify: {escalate: {after: 1s, emails: [a@example.com]}}`, "escalate.after"},
	"too many channels":             {`approvers: {groups: [g]}, notify: {channels: [` + many(9, "c%d") + `]}`, "8 channels"},
	"a channel without a name":      {`approvers: {groups: [g]}, notify: {channels: [""]}`, "without a name"},
	"rbac without a Gate to be for": {`approvers: {rbac: true}`, "create a Gate and name it"},
	"a field that is unknown":       {`approvers: {groups: [g]}, mailink: NeedsLogin`, "unknown field"},
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
	for name, c := range inlineRefusals {
		p, err := InlinePolicy(inJSON(t, "{"+c.gate+"}"))
		if err == nil || !strings.Contains(approvals.Message(err)+err.Error(), c.want) {
			t.Errorf("%s: %v, want ...%s...; it is %+v", name, err, c.want, p)
		}
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
