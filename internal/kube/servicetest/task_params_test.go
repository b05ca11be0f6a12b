package servicetest

import (
	"strings"
	"testing"
	"unicode/utf8"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
)

// embedded writes the task as a customSpec, in the run and in its CustomRun.
func (x *tasking) embedded(inRun, inTask string) {
	x.t.Helper()
	meta := runtime.TypeMeta{APIVersion: x.kind.APIVersion, Kind: x.kind.Kind}
	raw := func(s string) runtime.RawExtension {
		if s == "" {
			return runtime.RawExtension{}
		}
		return runtime.RawExtension{Raw: []byte(s)}
	}
	x.pipeline(func(spec *pipelinev1.PipelineSpec) {
		spec.Tasks[0].TaskRef = nil
		spec.Tasks[0].TaskSpec = &pipelinev1.EmbeddedTask{TypeMeta: meta, Spec: raw(inRun)}
	})
	x.change(func(cr *pipelinev1beta1.CustomRun) {
		cr.Spec.CustomRef = nil
		cr.Spec.CustomSpec = &pipelinev1beta1.EmbeddedCustomRunSpec{TypeMeta: meta, Spec: raw(inTask)}
	})
}

// TestCustomSpec: KubeRocketCI's task may be written as a customSpec, whose fields are params,
// as they stand in the run. What it says of a decision decides nothing.
func TestCustomSpec(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const spec = `{"action":"Approved","approve":{"approvedBy":"mallory"},"description":"not this one","ticket":"OPS-7","build":9007199254740993,"hosts":["a","b"],"none":null}`
	x := newTasking(t, tasks.KubeRocketCI)
	x.embedded(spec, `{"ticket": "OPS-7", "hosts": ["a","b"], "build": 9007199254740993, "description": "not this one", "approve": {"approvedBy":"mallory"}, "action": "Approved", "none": null}`)
	if got := ending(x.settle()); !strings.HasPrefix(got, "Unknown Running ") {
		t.Fatalf("got %s; %s", got, x.event())
	}
	a := x.only()
	shown := approvals.ByName(a.Resolved.Params)
	for name, want := range map[string]string{"description": "Deploy 1.2 to production", "ticket": "OPS-7", "build": "9007199254740993", "hosts": `["a","b"]`} {
		if shown[name] != want {
			t.Errorf("%s is %q, want %q", name, shown[name], want)
		}
	}
	for _, name := range []string{"action", "approve", "none"} {
		if v, ok := shown[name]; ok {
			t.Errorf("%s is shown: %q", name, v)
		}
	}
	if a.Decided() || !a.Resolved.Policy.RBAC {
		t.Errorf("%s, %+v", a.Outcome, a.Resolved.Policy)
	}

	for name, c := range map[string]struct{ inRun, inTask string }{
		"nothing":        {"", ""},
		"an empty one":   {"{}", "{}"},
		"no description": {`{"action":"Pending"}`, `{"action":"Pending"}`},
	} {
		x := newTasking(t, tasks.KubeRocketCI)
		x.embedded(c.inRun, c.inTask)
		if got := ending(x.settle()); !strings.HasPrefix(got, "Unknown Running ") {
			t.Errorf("%s: %s; %s", name, got, x.event())
		}
	}

	x = newTasking(t, tasks.KubeRocketCI)
	x.embedded(`{"gate":"other"}`, `{"gate":"other"}`)
	if got := ending(x.settle()); !strings.HasPrefix(got, "False ApprovalTaskRefused ") {
		t.Errorf("a Gate of its own: %s", got)
	} else {
		said.Check(t, "a Gate of its own", got)
	}
	x = newTasking(t, tasks.KubeRocketCI)
	x.embedded(`{"description":"a"}`, `{"description":"b"}`)
	if got := ending(x.settle()); got != "" || !strings.Contains(x.event(), "NotBelieved") || len(x.all()) != 0 {
		t.Errorf("another spec than the run's: %s", got)
	}
	cr := &pipelinev1beta1.CustomRun{Spec: pipelinev1beta1.CustomRunSpec{CustomSpec: &pipelinev1beta1.EmbeddedCustomRunSpec{Spec: runtime.RawExtension{Raw: []byte(`["x"]`)}}}}
	err := approvaltask.CheckSpec(cr, x.kind)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("no object: %v", err)
	}
	said.Check(t, "no object", approvals.Message(err))
}

// TestTaskValues: what Tekton would make an array of stays a string, and only that is changed;
// an input that nobody filled in is a result, and empty; a comment has 2000 characters in any
// script.
func TestTaskValues(t *testing.T) {
	t.Parallel()
	gate := func(x *tasking) {
		g := &v1alpha1.Gate{}
		g.Namespace, g.Name = "prod", "production"
		g.Spec.Approvers = &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "alice"}}}
		g.Spec.ExpiresAfter, g.Spec.Strategy, g.Spec.Requester = "1h", v1alpha1.Strategy(approvals.Single), v1alpha1.RequesterRule(approvals.RequesterExclude)
		g.Spec.Inputs = []v1alpha1.Input{{Name: "note", Type: v1alpha1.InputType(approvals.InputString)}, {Name: "hosts", Type: v1alpha1.InputType(approvals.InputString), Default: "none"}}
		x.must(x.Create(x.t.Context(), g))
		x.param("gate", "production")
	}
	long := strings.Repeat("批", 2000)
	for name, c := range map[string]struct {
		comment string
		verdict approvals.Verdict
		inputs  []approvals.Param
		want    map[string]string
	}{
		"blank":          {"ok", approvals.Approve, nil, map[string]string{"note": "", "hosts": "none", "comment": "ok"}},
		"rejected":       {"no", approvals.Reject, nil, map[string]string{"note": "", "hosts": "none", "comment": "no", "decision": "false"}},
		"expanded":       {`["x"]`, approvals.Approve, []approvals.Param{{Name: "note", Value: `["a","b"]`}}, map[string]string{"comment": "\u200b[\"x\"]", "note": "\u200b[\"a\",\"b\"]"}},
		"not expanded":   {`[{"x":1}]`, approvals.Approve, []approvals.Param{{Name: "note", Value: `[1,2]`}}, map[string]string{"comment": `[{"x":1}]`, "note": "[1,2]"}},
		"in any script":  {long, approvals.Approve, nil, map[string]string{"comment": long}},
		"nobody decided": {"", "", nil, map[string]string{"note": "", "hosts": "none", "comment": "", "decision": "false"}},
	} {
		x := newTasking(t, tasks.ManualApprovalGate)
		gate(x)
		x.settle()
		if c.verdict != "" {
			b := ct.Ballot("alice", c.verdict, c.comment)
			b.Inputs = c.inputs
			if _, _, err := x.desk.Vote(t.Context(), x.only().Key, b); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
		} else {
			x.wait(approvals.MaxLifetime)
		}
		cr := x.settle()
		got := map[string]string{}
		for _, r := range cr.Status.Results {
			got[r.Name] = r.Value
		}
		for result, want := range c.want {
			if v, ok := got[result]; !ok || v != want {
				t.Errorf("%s: %s is %q (%d characters), there: %v; want %q", name, result, v, utf8.RuneCountInString(v), ok, want)
			}
		}
	}
}
