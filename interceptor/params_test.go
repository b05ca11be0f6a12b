package interceptor

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

func ours(params ...string) *triggersv1.TriggerInterceptor {
	ti := &triggersv1.TriggerInterceptor{Ref: triggersv1.InterceptorRef{Name: Name, Kind: triggersv1.ClusterInterceptorKind}}
	for i := 0; i < len(params); i += 2 {
		ti.Params = append(ti.Params, triggersv1.InterceptorParams{Name: params[i], Value: apiextensionsv1.JSON{Raw: []byte(params[i+1])}})
	}
	return ti
}

func TestParseLine(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	many := make([]string, approvals.MaxForward+1)
	for i := range many {
		many[i] = fmt.Sprintf(`"p%d":"body.x"`, i)
	}
	inlineGate := &approvals.Policy{Gate: "inline"}
	for name, c := range map[string]struct {
		params  []string
		line    *approvals.InterceptorParams
		refused bool
	}{
		"a gate":         {params: []string{"gate", `"production"`}, line: &approvals.InterceptorParams{Gate: "production"}},
		"an inline gate": {params: []string{"gate", ` {"approvers":{"users":[{"name":"alice"}]}}`}, line: &approvals.InterceptorParams{Inline: inlineGate}},
		"everything": {
			params: []string{"gate", `"production"`, "after", `{"pipeline":"plan"}`, "forward", `{"b":"results.b","a":"params['a']"}`, "requester", `"run.labels['who']"`},
			line: &approvals.InterceptorParams{
				Gate: "production", After: approvals.After{Pipeline: "plan"}, Requester: "run.labels['who']",
				Forward: []approvals.Expression{{Name: "a", Expression: "params['a']"}, {Name: "b", Expression: "results.b"}},
			},
		},
		"what approvers read": {
			params: []string{"gate", `"g"`, "title", `"'Deploy ' + params.version"`, "instructions", `"'Look **twice**'"`, "links", `{"Runbook":"'https://x'","A dashboard":"params.url"}`},
			line: &approvals.InterceptorParams{
				Gate: "g", Title: "'Deploy ' + params.version", Instructions: "'Look **twice**'",
				Links: []approvals.Expression{{Name: "A dashboard", Expression: "params.url"}, {Name: "Runbook", Expression: "'https://x'"}},
			},
		},
		"an inline run":        {params: []string{"gate", `"g"`, "after", `{"inlineRun":"plan"}`}, line: &approvals.InterceptorParams{Gate: "g", After: approvals.After{InlineRun: "plan"}}},
		"of another namespace": {params: []string{"gate", `"g"`, "after", `{"pipeline":"plan","namespace":"ci"}`}, line: &approvals.InterceptorParams{Gate: "g", After: approvals.After{Pipeline: "plan", Namespace: "ci"}}},
		"from a repository": {
			params: []string{"gate", `"g"`, "after", `{"pipelineFrom":{"uri":"git+https://g/ci.git","entryPoint":"p.yaml","digest":"sha1:ab"}}`},
			line:   &approvals.InterceptorParams{Gate: "g", After: approvals.After{URI: "git+https://g/ci.git", EntryPoint: "p.yaml", Digest: "sha1:ab"}},
		},
		"a shared Pipeline":  {params: []string{"gate", `"g"`, "after", `{"pipeline":"plan","pipelineNamespace":"shared"}`}, line: &approvals.InterceptorParams{Gate: "g", After: approvals.After{Pipeline: "plan", PipelineNamespace: "shared"}}},
		"nothing to forward": {params: []string{"gate", `"g"`, "forward", `{}`}, line: &approvals.InterceptorParams{Gate: "g"}},

		"no gate":             {refused: true},
		"an empty gate":       {params: []string{"gate", `""`}, refused: true},
		"a null gate":         {params: []string{"gate", `null`}, refused: true},
		"gate is a number":    {params: []string{"gate", `5`}, refused: true},
		"gate is a list":      {params: []string{"gate", `["a"]`}, refused: true},
		"a bad inline gate":   {params: []string{"gate", `{"aprovers":{}}`}, refused: true},
		"two values":          {params: []string{"gate", `"g" "h"`}, refused: true},
		"unknown param":       {params: []string{"gate", `"g"`, "aftr", `{}`}, refused: true},
		"case matters":        {params: []string{"Gate", `"g"`}, refused: true},
		"after is a string":   {params: []string{"gate", `"g"`, "after", `"plan"`}, refused: true},
		"after what":          {params: []string{"gate", `"g"`, "after", `{}`}, refused: true},
		"after, null":         {params: []string{"gate", `"g"`, "after", `null`}, refused: true},
		"after, misspelt":     {params: []string{"gate", `"g"`, "after", `{"pipelne":"plan"}`}, refused: true},
		"after two things":    {params: []string{"gate", `"g"`, "after", `{"pipeline":"plan","inlineRun":"plan"}`}, refused: true},
		"after a prefix":      {params: []string{"gate", `"g"`, "after", `{"inlineRun":"plan-"}`}, refused: true},
		"after a namespace":   {params: []string{"gate", `"g"`, "after", `{"namespace":"ci"}`}, refused: true},
		"after a file":        {params: []string{"gate", `"g"`, "after", `{"pipelineFrom":{"entryPoint":"p.yaml"}}`}, refused: true},
		"after a bad digest":  {params: []string{"gate", `"g"`, "after", `{"pipelineFrom":{"uri":"u","digest":"abc"}}`}, refused: true},
		"after where":         {params: []string{"gate", `"g"`, "after", `{"inlineRun":"p","pipelineNamespace":"shared"}`}, refused: true},
		"two gates":           {params: []string{"gate", `"g"`, "gate", `"h"`}, refused: true},
		"forward is a list":   {params: []string{"gate", `"g"`, "forward", `["a"]`}, refused: true},
		"forward of a number": {params: []string{"gate", `"g"`, "forward", `{"a":1}`}, refused: true},
		"forward as nothing":  {params: []string{"gate", `"g"`, "forward", `{"":"body.x"}`}, refused: true},
		"forward as a book":   {params: []string{"gate", `"g"`, "forward", `{"` + strings.Repeat("n", 254) + `":"body.x"}`}, refused: true},
		"forward too much":    {params: []string{"gate", `"g"`, "forward", "{" + strings.Join(many, ",") + "}"}, refused: true},
		"a link of no name":   {params: []string{"gate", `"g"`, "links", `{" ":"'https://x'"}`}, refused: true},
		"links as a list":     {params: []string{"gate", `"g"`, "links", `["https://x"]`}, refused: true},
		"too many links":      {params: []string{"gate", `"g"`, "links", `{"1":"a","2":"a","3":"a","4":"a","5":"a","6":"a","7":"a","8":"a","9":"a"}`}, refused: true},
		"requester is a list": {params: []string{"gate", `"g"`, "requester", `[]`}, refused: true},
		"nothing at all":      {params: []string{"gate", ``}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inline := func(raw []byte) (approvals.Policy, error) {
				if strings.Contains(string(raw), "aprovers") {
					return approvals.Policy{}, errors.New(`unknown field "aprovers"`)
				}
				return *inlineGate, nil
			}
			line, err := ParseParams([]*triggersv1.TriggerInterceptor{nil, {Ref: triggersv1.InterceptorRef{Name: "github"}}, ours(c.params...)}, inline)
			if !c.refused {
				if d := cmp.Diff(c.line, line); err != nil || d != "" {
					t.Errorf("%v (-want +got)\n%s", err, d)
				}
				return
			}
			if line != nil || approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("%+v, %v; want a refusal", line, err)
			}
			said.Check(t, name, approvals.Message(err))
		})
	}
}

// TestIsOurs: only our ClusterInterceptor makes a Trigger a gated one.
func TestIsOurs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ti   *triggersv1.TriggerInterceptor
		want bool
	}{
		"ours":             {ours(), true},
		"by default kind":  {&triggersv1.TriggerInterceptor{Ref: triggersv1.InterceptorRef{Name: Name}}, true},
		"another kind":     {&triggersv1.TriggerInterceptor{Ref: triggersv1.InterceptorRef{Name: Name, Kind: triggersv1.NamespacedInterceptorKind}}, false},
		"another":          {&triggersv1.TriggerInterceptor{Ref: triggersv1.InterceptorRef{Name: "cel"}}, false},
		"nothing":          {nil, false},
		"a webhook's name": {&triggersv1.TriggerInterceptor{}, false},
	} {
		if got := IsOurs(c.ti); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	webhook := ours()
	webhook.Webhook = &triggersv1.WebhookInterceptor{}
	if IsOurs(webhook) {
		t.Error("a webhook with our reference")
	}
	line, err := ParseParams([]*triggersv1.TriggerInterceptor{{Ref: triggersv1.InterceptorRef{Name: "cel"}}}, nil)
	if line != nil || err != nil {
		t.Errorf("a Trigger without us: %+v, %v", line, err)
	}
}

// TestPlace: what looks like a gate, or like a second one, is refused and not passed
// over.
func TestPlace(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	ref := func(name string, kind triggersv1.InterceptorKind) *triggersv1.TriggerInterceptor {
		return &triggersv1.TriggerInterceptor{Ref: triggersv1.InterceptorRef{Name: name, Kind: kind}}
	}
	webhook := ours()
	webhook.Webhook = &triggersv1.WebhookInterceptor{}
	service := &triggersv1.TriggerInterceptor{Webhook: &triggersv1.WebhookInterceptor{ObjectRef: &corev1.ObjectReference{Kind: "Service", Name: Name}}}
	label := ref("cel", triggersv1.ClusterInterceptorKind)
	label.Name = new(Name)
	for name, c := range map[string]struct {
		chain   []*triggersv1.TriggerInterceptor
		at      int
		refused bool
	}{
		"nowhere":               {[]*triggersv1.TriggerInterceptor{nil, ref("cel", "")}, -1, false},
		"third":                 {[]*triggersv1.TriggerInterceptor{ref("cel", ""), ref("github", ""), ours()}, 2, false},
		"a label only":          {[]*triggersv1.TriggerInterceptor{label, ours()}, 1, false},
		"twice":                 {[]*triggersv1.TriggerInterceptor{ours(), ref("cel", ""), ours()}, -1, true},
		"of the namespace":      {[]*triggersv1.TriggerInterceptor{ref(Name, triggersv1.NamespacedInterceptorKind)}, -1, true},
		"beside a real one":     {[]*triggersv1.TriggerInterceptor{ours(), ref(Name, triggersv1.NamespacedInterceptorKind)}, -1, true},
		"in another case":       {[]*triggersv1.TriggerInterceptor{ref("Countersign", "")}, -1, true},
		"with a webhook":        {[]*triggersv1.TriggerInterceptor{webhook}, -1, true},
		"a namespace's, behind": {[]*triggersv1.TriggerInterceptor{ours(), ref("cel", triggersv1.NamespacedInterceptorKind)}, -1, true},
		"a namespace's, before": {[]*triggersv1.TriggerInterceptor{ref("cel", triggersv1.NamespacedInterceptorKind), ours()}, 1, false},
		"a webhook's service":   {[]*triggersv1.TriggerInterceptor{service}, -1, true},
	} {
		at, err := Place(c.chain)
		if at != c.at || (err != nil) != c.refused || err != nil && approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %d, %v", name, at, err)
		}
		if err != nil {
			said.Check(t, name, approvals.Message(err))
		}
	}
}
