package triggers_test

import (
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
)

const trigger = `apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: apply, labels: {app: web}}
spec:
  interceptors: [{ref: {kind: ClusterInterceptor, name: countersign}, params: [{name: gate, value: production}]}]
  template: {ref: apply}
---
`

// TestListenerFor finds the EventListener by the rules of EventListeners.
func TestListenerFor(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	el := func(name, spec string) string {
		return "apiVersion: triggers.tekton.dev/v1beta1\nkind: EventListener\nmetadata: {name: " + name + "}\nspec: " + spec + "\n---\n" + strings.ReplaceAll(kubetest.Service, "apply", name)
	}
	bare := func(name, spec string) string { return strings.Split(el(name, spec), "\n---\n")[0] }
	in := func(namespace, doc string) string {
		doc = strings.Replace(doc, "metadata: {", "metadata: {namespace: "+namespace+", ", 1)
		return strings.Replace(doc, "metadata:\n", "metadata:\n  namespace: "+namespace+"\n", 1)
	}
	for name, c := range map[string]struct {
		docs    string
		url     string
		refused bool
	}{
		"by reference":           {trigger + el("a", "{triggers: [{triggerRef: apply}]}"), "http://el-a.prod.svc:8080", false},
		"by label":               {trigger + el("a", "{labelSelector: {matchLabels: {app: web}}}"), "http://el-a.prod.svc:8080", false},
		"by namespace":           {trigger + in("infra", el("a", "{namespaceSelector: {matchNames: [prod]}}")), "http://el-a.infra.svc:8080", false},
		"elsewhere, may not":     {trigger + in("infra", el("a", "{namespaceSelector: {matchNames: ['*']}}")), "", true},
		"our own before others'": {trigger + in("infra", el("a", "{namespaceSelector: {matchNames: ['*']}}")) + "---\n" + el("b", "{triggers: [{triggerRef: apply}]}"), "http://el-b.prod.svc:8080", false},
		"our own, may not":       {trigger + el("a", "{triggers: [{triggerRef: apply}]}"), "http://el-a.prod.svc:8080", false},
		"by all namespaces":      {trigger + in("infra", el("a", "{namespaceSelector: {matchNames: ['*']}}")), "http://el-a.infra.svc:8080", false},
		"by a group":             {trigger + el("a", "{triggerGroups: [{name: g, interceptors: [], triggerSelector: {labelSelector: {matchLabels: {app: web}}}}]}"), "http://el-a.prod.svc:8080", false},
		"inline":                 {el("a", "{triggers: [{name: apply, template: {ref: apply}}]}"), "http://el-a.prod.svc:8080", false},
		"twice over":             {trigger + el("a", "{triggers: [{triggerRef: apply}], labelSelector: {matchLabels: {app: web}}}"), "http://el-a.prod.svc:8080", false},
		"of two, the first":      {trigger + el("b", "{triggers: [{triggerRef: apply}]}") + "---\n" + el("a", "{triggers: [{triggerRef: apply}]}"), "http://el-a.prod.svc:8080", false},
		"of two, who answers":    {trigger + el("b", "{triggers: [{triggerRef: apply}]}") + "---\n" + bare("a", "{triggers: [{triggerRef: apply}]}"), "http://el-b.prod.svc:8080", false},
		"label of another":       {trigger + el("a", "{labelSelector: {matchLabels: {app: api}}}"), "", true},
		"label, other namespace": {trigger + in("infra", el("a", "{labelSelector: {matchLabels: {app: web}}}")), "", true},
		"another trigger":        {trigger + el("a", "{triggers: [{triggerRef: other}]}"), "", true},
		"reference elsewhere":    {trigger + in("infra", el("a", "{triggers: [{triggerRef: apply}]}")), "", true},
		"selects nothing":        {trigger + el("a", "{}"), "", true},
		"unreadable selector":    {trigger + el("a", "{labelSelector: {matchExpressions: [{key: a, operator: Near}]}}"), "", true},
		"none":                   {strings.TrimSuffix(trigger, "---\n"), "", true},
		"no address yet":         {trigger + bare("a", "{triggers: [{triggerRef: apply}]}"), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := servicetest.NewCluster(t, kubetest.Objects(t, c.docs)...)
			if strings.HasSuffix(name, "may not") {
				cl.Deny()
			}
			l, err := cl.Opener(t).Triggers.ListenerFor(t.Context(), "prod", "apply")
			if c.refused {
				if err == nil {
					t.Errorf("%s, want an error", l.To)
				}
				said.Check(t, name, approvals.Message(err))
				return
			}
			if err != nil || l.To.String() != c.url+" at "+kubetest.ClusterIP || len(l.Triggers) != 1 {
				t.Errorf("%s, %v; %d triggers, want %s with one", l.To, err, len(l.Triggers), c.url)
			}
		})
	}
}

// TestNeighbours: a Trigger beside ours that our event would start as well is seen
// before anything is posted.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	interceptors := func(list string) string {
		return "apiVersion: triggers.tekton.dev/v1beta1\nkind: Trigger\nmetadata: {name: other}\nspec: {interceptors: [" + list + "], template: {ref: other}}\n"
	}
	cel := func(filter string) string {
		return `{ref: {name: cel}, params: [{name: filter, value: "` + filter + `"}]}`
	}
	for name, c := range map[string]struct {
		interceptors string
		starts       bool
	}{
		"nothing keeps it":         {"", true},
		"a gate of its own":        {"{ref: {name: countersign, kind: ClusterInterceptor}, params: [{name: gate, value: x}]}", false},
		"a webhook":                {"{webhook: {objectRef: {kind: Service, name: x}}}", false},
		"one we do not know":       {"{ref: {name: enrich}}", false},
		"GitLab, its events":       {"{ref: {name: gitlab}, params: [{name: eventTypes, value: [Push Hook]}]}", false},
		"GitLab, all events":       {"{ref: {name: gitlab}}", true},
		"GitLab, the same secret":  {"{ref: {name: gitlab}, params: [{name: secretRef, value: {secretName: hub, secretKey: token}}]}", false}, // ours is of kind GitHub
		"Bitbucket, of ours":       {"{ref: {name: bitbucket}, params: [{name: eventTypes, value: null}]}", true},
		"as we advise":             {cel("!('Webhook-Id' in header)"), false},
		"too long to try":          {cel("false" + strings.Repeat(" ", 1024)), true},
		"too costly to try":        {cel("lists.range(100000000).size() == 0"), true},
		"not for approvals":        {cel("!header.match('X-GitHub-Event', 'approval')"), false},
		"for pushes":               {cel("header.match('X-GitHub-Event', 'push')"), false},
		"for approvals":            {cel("header.match('X-GitHub-Event', 'approval')"), true},
		"by the body":              {cel("body.decision == 'true'"), true},
		"by the body, not ours":    {cel("body.ref == 'main'"), false},
		"by a secret":              {cel("header.canonical('X-Sig').compareSecret('k', 's')"), false},
		"by the secret of ours":    {cel("header.canonical('X-Gitlab-Token').compareSecret('token', 'hub')"), false}, // ours is of kind GitHub
		"true for all":             {cel("true"), true},
		"an overlay only":          {"{ref: {name: cel}, params: [{name: overlays, value: []}]}", true},
		"does not compile":         {cel("body."), false},
		"GitHub, of other events":  {"{ref: {name: github}, params: [{name: eventTypes, value: [push]}]}", false},
		"GitHub, of ours":          {"{ref: {name: github}, params: [{name: eventTypes, value: [approval, push]}]}", true},
		"GitHub, without a secret": {"{ref: {name: github}}", true},
		"GitHub, another secret":   {"{ref: {name: github}, params: [{name: secretRef, value: {secretName: theirs, secretKey: k}}]}", false},
		"GitHub, the same secret":  {"{ref: {name: github}, params: [{name: secretRef, value: {secretName: hub, secretKey: token}}]}", true},
		"one lets it, one stops":   {"{ref: {name: github}}, " + cel("false"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := strings.Replace(kubetest.World, "triggers: [{triggerRef: apply}]", "triggers: [{triggerRef: apply}, {triggerRef: other}]", 1) + "---\n" + interceptors(c.interceptors)
			cl := servicetest.NewCluster(t, kubetest.Objects(t, docs)...)
			triggers := cl.Opener(t).Triggers
			l, err := triggers.ListenerFor(t.Context(), "prod", "apply")
			if err != nil {
				t.Fatal(err)
			}
			a := ct.Make("apply-1").With(func(a *approvals.Approval) {
				a.Resolved.Policy.Secret = approvals.SecretRef{Name: "hub", Key: "token", Kind: approvals.SenderGitHub}
			}).Voted("alice", approvals.Approve, "").Obj()
			e, err := signedevent.EventFor(a, servicetest.TestRing, keyring.Secret("s"), ct.T0)
			if err != nil {
				t.Fatal(err)
			}
			if got := release.Neighbour(t.Context(), triggers, l, a, e); got != map[bool]string{true: "prod/other"}[c.starts] {
				t.Errorf("%q, want that it starts: %t", got, c.starts)
			}
		})
	}
}

// TestAfter: which Triggers wait for a Pipeline.
func TestAfter(t *testing.T) {
	t.Parallel()
	cl := servicetest.NewCluster(t, kubetest.Objects(t, kubetest.World+"---\n"+strings.Replace(trigger, "{name: apply", "{name: push", 1)+`apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: inline}
spec:
  triggers:
    - name: inside
      interceptors: [{ref: {kind: ClusterInterceptor, name: countersign}, params: [{name: gate, value: g}, {name: after, value: {pipeline: plan}}]}]
      template: {ref: apply}
`)...)
	triggers := cl.Opener(t).Triggers
	for pipeline, want := range map[string]string{"plan": "inside apply", "apply": "", "": ""} {
		pr := &pipelinev1.PipelineRun{}
		pr.Namespace, pr.Spec.PipelineRef = "prod", &pipelinev1.PipelineRef{Name: pipeline}
		list, wrong, err := triggers.Waiting(t.Context(), pr)
		var names []string
		for _, x := range list {
			names = append(names, x.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != want || len(wrong) > 0 {
			t.Errorf("after %q: %s, %v, %v; want %s", pipeline, got, wrong, err, want)
		}
	}
	if g, err := triggers.Gated(t.Context(), "prod", "inside"); err != nil || g.Line.After.Pipeline != "plan" || g.Template == "" {
		t.Errorf("inline: %+v, %v", g, err)
	}
	if _, err := triggers.Gated(t.Context(), "dev", "apply"); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("another namespace: %v", err)
	}
}

// TestTemplateDigest: whatever says what starts changes it; what only says what
// is held does not.
func TestTemplateDigest(t *testing.T) {
	t.Parallel()
	of := func(docs string) string {
		cl := servicetest.NewCluster(t, kubetest.Objects(t, docs)...)
		return cl.Gated(t, cl.Opener(t)).Template
	}
	base := of(kubetest.World)
	for name, c := range map[string]struct {
		old, new string
		same     bool
	}{
		"nothing":                    {"", "", true},
		"forward":                    {"{digest: results.digest}", "{digest: results.other}", false},
		"a cel before":               {"  interceptors:\n", "  interceptors:\n    - {ref: {name: cel}, params: [{name: overlays, value: [{key: image, expression: \"'sha256:EVIL'\"}]}]}\n", false},
		"a cel behind":               {"  bindings:\n", "    - {ref: {name: cel}, params: [{name: overlays, value: [{key: image, expression: \"'sha256:EVIL'\"}]}]}\n  bindings:\n", false},
		"a webhook":                  {"  bindings:\n", "    - {webhook: {objectRef: {kind: Service, name: x}}}\n  bindings:\n", false},
		"a group":                    {"triggers: [{triggerRef: apply}]", "triggerGroups: [{name: g, triggerSelector: {namespaceSelector: {matchNames: [prod]}}, interceptors: [{ref: {name: cel}}]}]", false},
		"a group of no interceptors": {"triggers: [{triggerRef: apply}]", "triggers: [{triggerRef: apply}], triggerGroups: [{name: g, triggerSelector: {namespaceSelector: {matchNames: [prod]}}, interceptors: []}]", true},
		"another group":              {"triggers: [{triggerRef: apply}]", "triggers: [{triggerRef: apply}], triggerGroups: [{name: g, triggerSelector: {namespaceSelector: {matchNames: [dev]}}, interceptors: [{ref: {name: cel}}]}]", true},
		"how it escapes":             {"kind: TriggerTemplate\nmetadata: {name: apply}", "kind: TriggerTemplate\nmetadata: {name: apply, annotations: {triggers.tekton.dev/old-escape-quotes: \"true\"}}", false},
		"the listener":               {"serviceAccountName: listener", "serviceAccountName: other", true},
		"the template":               {"spec: {pipelineRef: {name: apply}", "spec: {pipelineRef: {name: destroy}", false},
		"a binding":                  {"{name: digest, value: $(extensions.countersign.params.digest)}", "{name: digest, value: evil}", false},
		"the account":                {"template: {ref: apply}", "template: {ref: apply}\n  serviceAccountName: admin", false},
		"a default":                  {"params: [{name: run}, {name: digest}]", "params: [{name: run}, {name: digest, default: x}]", false},
		"template's own":             {"metadata: {name: $(tt.params.run)}", "metadata: {name: $(tt.params.run), labels: {a: b}}", false},
	} {
		if got := of(strings.Replace(kubetest.World, c.old, c.new, 1)); (got == base) != c.same {
			t.Errorf("%s: the digest is the same: %t", name, got == base)
		}
	}
}
