package render_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// rendered renders the template of Trigger apply of docs for a pending Approval that forwards
// digest=sha256:1, with the texts of digest in front of that value.
func rendered(t *testing.T, docs string, digest ...string) render.Rendered {
	t.Helper()
	triggers := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers
	r, err := triggers.Resolve(t.Context(), "prod", "apply")
	if err != nil {
		t.Fatal(err)
	}
	a := ct.Make("apply-1").With(func(a *approvals.Approval) {
		a.Trigger, a.Namespace = "apply", "prod"
		a.Resolved.Params = []approvals.Param{{Name: "digest", Value: strings.Join(append(digest, "sha256:1"), " ")}}
	}).Obj()
	out, err := render.Render(t.Context(), triggers, r, a, "apply-secret")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRender(t *testing.T) {
	t.Parallel()
	docs := strings.NewReplacer(
		"metadata: {name: $(tt.params.run)}", "metadata: {name: $(tt.params.run), annotations: {id: $(uid), by: $(tt.params.by), at: $(tt.params.at)}}",
		"params: [{name: run}, {name: digest}]", "params: [{name: run}, {name: digest}, {name: by}, {name: at}, {name: free, default: x}]",
		"{name: digest, value: $(extensions.countersign.params.digest)}", `{name: digest, value: $(extensions.countersign.params.digest)}
    - {name: by, value: "by $(extensions.countries[0].name)"}
    - {name: at, value: "$(header.webhook-timestamp) $(body.decision)"}`,
	).Replace(kubetest.World)
	out := rendered(t, docs)
	if len(out.Problems) > 0 || len(out.Objects) != 1 {
		t.Fatalf("%d objects, problems %v", len(out.Objects), out.Problems)
	}
	got := out.Objects[0]
	params, _, _ := unstructured.NestedSlice(got.Object, "spec", "params")
	notes, labels := got.GetAnnotations(), got.GetLabels()
	if got.GetName() != "apply-secret" || got.GetNamespace() != "prod" || len(params) != 1 || params[0].(map[string]any)["value"] != "sha256:1" ||
		notes["id"] != out.Unknown || notes["by"] != "by "+out.Unknown || notes["at"] != out.Unknown+" true" ||
		labels["triggers.tekton.dev/trigger"] != "apply" || labels["triggers.tekton.dev/eventlistener"] != out.Unknown {
		t.Errorf("%v", got.Object)
	}
	if other := rendered(t, docs); other.Unknown == out.Unknown {
		t.Error("what stands for the unknown is the same each time: somebody could write it")
	}
}

// TestRenderProblems: all that is wrong is told, and each in a sentence that says
// where.
func TestRenderProblems(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct{ old, new, reason string }{
		"another case":         {"params: [{name: run}, {name: digest}]", "params: [{name: run}, {name: digest}, {name: DIGEST}]", "TemplateError"},
		"not declared":         {"{pipelineRef: {name: apply}", "{pipelineRef: {name: $(tt.params.which)}", "TemplateError"},
		"nothing to read":      {"$(extensions.countersign.params.digest)", "$(body.no.such)", "TemplateError"},
		"misspelt":             {"$(extensions.countersign.params.digest)", "$(extensions.countersign.param.digest)", "TemplateError"},
		"generated name":       {"metadata: {name: $(tt.params.run)}", "metadata: {generateName: x-}", "RunNotNamed"},
		"another namespace":    {"metadata: {name: $(tt.params.run)}", "metadata: {name: $(tt.params.run), namespace: dev}", "RunNotNamed"},
		"something else first": {"    - apiVersion: tekton.dev/v1\n      kind: PipelineRun", "    - apiVersion: v1\n      kind: ConfigMap", "RunNotNamed"},
		"another API's":        {"    - apiVersion: tekton.dev/v1\n", "    - apiVersion: example.com/v1\n", "RunNotNamed"},
		"a whole object":       {"$(extensions.countersign.params.digest)", "$(extensions.countersign.params)", "TemplateError"},
	} {
		docs := strings.Replace(kubetest.World, c.old, c.new, 1)
		if docs == kubetest.World {
			t.Fatalf("%s: nothing is different", name)
		}
		out := rendered(t, docs)
		if len(out.Problems) != 1 || out.Problems[0].Reason != c.reason {
			t.Fatalf("%s: %q, want %s", name, out.Problems, c.reason)
		}
		said.Check(t, name, out.Problems[0].Message)
	}
	for _, text := range []string{"$(tt.params.run)", "$(uid)"} {
		out := rendered(t, kubetest.World, text)
		if len(out.Problems) != 1 {
			t.Fatalf("%s in a value: %q", text, out.Problems)
		}
		said.Check(t, text+" in a value", out.Problems[0].Message)
	}
	two := strings.NewReplacer("$(extensions.countersign.params.digest)", "$(body.no.such)", "{name: run}, {name: digest}]", "{name: run}, {name: digest}, {name: more}]").Replace(kubetest.World)
	if out := rendered(t, two); len(out.Problems) != 2 || out.Objects != nil {
		t.Errorf("%q, want both, and no object", out.Problems)
	}
}

// TestBindingsNameWhatTheyRead: what takes its value from anywhere is refused, since an
// interceptor may bring it after people approved something else.
func TestBindingsNameWhatTheyRead(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for value, ok := range map[string]bool{
		"$(..image)": false, "$({..image})": false, "$(*.image)": false, "$(@.extensions.image)": false, "$(['extensions','body'].image)": false,
		"a $(body.ref) $(..image)": false, "$(imag)": false, "$([0])": false,
		"plain": true, "$(body)": true, "$(body.a..b)": true, "$(.body.a) $({.header.x-y}) $(extensions['image'])": true, "$(context.eventID)": true, "$(extensions)": true,
	} {
		docs := strings.Replace(servicetest.PushWorld, "$(body.ref)", `"`+value+`"`, 1)
		r, err := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers.Resolve(t.Context(), "prod", "apply")
		if err != nil || (r.Unresolved == nil) != ok || (r.Digest != "") != ok {
			t.Errorf("%s: %v, %v", value, err, r.Unresolved)
		}
		if r.Unresolved != nil {
			said.Check(t, value, r.Unresolved.Error())
		}
	}
}

// TestRenderWrittenBehind: what came with the event, and is written again behind ours, is
// not known; nor is what others behind ours may write.
func TestRenderWrittenBehind(t *testing.T) {
	t.Parallel()
	for behind, known := range map[string]bool{
		"": true,
		"    - {ref: {name: cel}, params: [{name: filter, value: 'true'}]}\n":                              true,
		"    - {ref: {name: cel}, params: [{name: overlays, value: [{key: other, expression: '1'}]}]}\n":   true,
		"    - {ref: {name: cel}, params: [{name: overlays, value: [{key: image.x, expression: '1'}]}]}\n": false,
		"    - {ref: {name: cel}, params: [{name: Overlays, value: [{key: image, expression: '1'}]}]}\n":   false,
		"    - {ref: {name: theirs}}\n":                                 false,
		"    - {webhook: {objectRef: {kind: Service, name: theirs}}}\n": false,
	} {
		docs := strings.NewReplacer("$(body.ref)", "$(extensions.image)", "  bindings:\n    - {name: run,", behind+"  bindings:\n    - {name: run,").Replace(servicetest.PushWorld)
		triggers := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers
		r, err := triggers.Resolve(t.Context(), "prod", "apply")
		if err != nil {
			t.Fatal(behind, err)
		}
		a := ct.Make("apply-1").With(func(a *approvals.Approval) {
			a.Trigger, a.Namespace = "apply", "prod"
			a.Source = approvals.Source{Event: &approvals.Event{Body: `{}`, URL: "/", Extensions: `{"image":"good"}`}}
		}).Obj()
		out, err := render.Render(t.Context(), triggers, r, a, "apply-secret")
		if err != nil || len(out.Objects) != 1 {
			t.Fatalf("%s: %v, %v", behind, out.Problems, err)
		}
		params, _, _ := unstructured.NestedSlice(out.Objects[0].Object, "spec", "params")
		if got := params[0].(map[string]any)["value"]; (got == "good") != known || !known && got != out.Unknown {
			t.Errorf("%q: %q", behind, got)
		}
	}
}

// TestExpressions: a binding is read as Triggers reads it.
func TestExpressions(t *testing.T) {
	t.Parallel()
	known := map[string]any{"countersign": map[string]any{"x": "concealed:no"}, "number": 1, "vault": map[string]any{"token": "concealed:1", "path": "p"}}
	for value, want := range map[string]string{
		"plain":                       "plain",
		"$(extensions.count)":         "U",
		"$(extensions.country)":       "U",
		"$(extensions.countersign.x)": "$(extensions.countersign.x)",
		"a $(.extensions.count) $({.extensions['count']}) $({extensions.number})": "a U U $({extensions.number})",
		"$(extensions)": "U",
		"$(extensions.vault.path) $(extensions.vault.token) $(extensions.vault) $(extensions.vault..x)": "$(extensions.vault.path) U U U",
		"$(body.extensions.count)": "$(body.extensions.count)",
		"$(extensions.f[?(@.a)])":  "U",
		"$(header.extensions)":     "$(header.extensions)",
		"$(extensions.":            "$(extensions.",
	} {
		if got := triggers.WithUnknown(value, known, false, "U"); got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
	if got := triggers.WithUnknown("$(body.a) $(header.b) $(context.eventID) $(extensions.number)", known, true, "U"); got != "U U $(context.eventID) $(extensions.number)" {
		t.Errorf("after a webhook: %s", got)
	}
}

// TestRenderHeldExtensions: what another interceptor brought to a held event is
// rendered as it was, whatever its name begins with.
func TestRenderHeldExtensions(t *testing.T) {
	t.Parallel()
	docs := strings.Replace(servicetest.PushWorld, "$(body.ref)", "$(extensions.count) $(extensions.late)", 1)
	triggers := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers
	r, err := triggers.Resolve(t.Context(), "prod", "apply")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Gated().Reads; len(got) != 2 || got[0][0] != "count" || got[1][0] != "late" {
		t.Errorf("reads %v", got)
	}
	a := ct.Make("apply-1").With(func(a *approvals.Approval) {
		a.Trigger, a.Namespace = "apply", "prod"
		a.Source = approvals.Source{Event: &approvals.Event{Body: `{}`, URL: "/", Extensions: `{"count":3}`}}
	}).Obj()
	out, err := render.Render(t.Context(), triggers, r, a, "apply-secret")
	if err != nil || len(out.Objects) != 1 {
		t.Fatalf("%v, %v", out.Problems, err)
	}
	params, _, _ := unstructured.NestedSlice(out.Objects[0].Object, "spec", "params")
	if got := params[0].(map[string]any)["value"]; got != "3 "+out.Unknown {
		t.Errorf("%q", got)
	}
}
