package approvaltask

import (
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/kmeta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

const memberRun = `
metadata: {name: r, namespace: prod, uid: run}
status:
  conditions: [{type: Succeeded, status: Unknown}]
  childReferences:
    - {apiVersion: tekton.dev/v1, kind: TaskRun, name: r-build, pipelineTaskName: build}
    - {apiVersion: tekton.dev/v1beta1, kind: CustomRun, name: r-approval, pipelineTaskName: approval}
    - {apiVersion: tekton.dev/v1beta1, kind: CustomRun, name: r-last, pipelineTaskName: last}
  pipelineSpec:
    tasks:
      - {name: build, taskRef: {name: build}}
      - name: approval
        taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, name: approvaltask}
        params:
          - {name: description, value: "Deploy $(tasks.build.results.version) to production"}
          - {name: approvers, value: [alice, bob]}
    finally:
      - {name: last, taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, name: approvaltask}}
`

const memberTask = `
metadata:
  name: r-approval
  namespace: prod
  uid: custom
  labels: {tekton.dev/pipelineTask: approval}
  ownerReferences: [{apiVersion: tekton.dev/v1, kind: PipelineRun, name: r, uid: run, controller: true}]
spec:
  customRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, name: approvaltask}
  params:
    - {name: description, value: "Deploy 1.2 to production"}
    - {name: approvers, value: [alice, bob]}
`

// TestMemberOf: a CustomRun is believed when the live run says the same of it, and
// else by nothing that it says itself (CVE-2023-37264).
func TestMemberOf(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		run  func(*pipelinev1.PipelineRun)
		task func(*pipelinev1beta1.CustomRun)
		code approvals.Code
	}{
		"genuine":                   {},
		"without one":               {task: func(cr *pipelinev1beta1.CustomRun) { cr.OwnerReferences = nil }, code: approvals.CodeForbidden},
		"owned, and not controlled": {task: func(cr *pipelinev1beta1.CustomRun) { cr.OwnerReferences[0].Controller = nil }, code: approvals.CodeForbidden},
		"of a TaskRun":              {task: func(cr *pipelinev1beta1.CustomRun) { cr.OwnerReferences[0].Kind = "TaskRun" }, code: approvals.CodeForbidden},
		"of another group":          {task: func(cr *pipelinev1beta1.CustomRun) { cr.OwnerReferences[0].APIVersion = "tekton.dev.example.com/v1" }, code: approvals.CodeForbidden},
		"no such run":               {task: func(cr *pipelinev1beta1.CustomRun) { cr.OwnerReferences[0].Name = "other" }, code: approvals.CodeForbidden},
		"a run of that name":        {task: func(cr *pipelinev1beta1.CustomRun) { cr.OwnerReferences[0].UID = "other" }, code: approvals.CodeForbidden},
		"a run that has ended":      {run: func(pr *pipelinev1.PipelineRun) { pr.Status.Conditions[0].Status = "False" }, code: approvals.CodeForbidden},
		"cancelled with its run": {
			run:  func(pr *pipelinev1.PipelineRun) { pr.Status.Conditions[0].Status = "False" },
			task: func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Status = pipelinev1beta1.CustomRunSpecStatusCancelled },
		},
		"not listed yet": {run: func(pr *pipelinev1.PipelineRun) { pr.Status.ChildReferences = pr.Status.ChildReferences[:1] }, code: approvals.CodeNotReady},
		"not listed, and cancelled": {
			run:  func(pr *pipelinev1.PipelineRun) { pr.Status.ChildReferences = nil },
			task: func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Status = pipelinev1beta1.CustomRunSpecStatusCancelled },
		},
		"listed for another task":     {run: func(pr *pipelinev1.PipelineRun) { pr.Status.ChildReferences[1].PipelineTaskName = "last" }, code: approvals.CodeForbidden},
		"listed for another task too": {run: func(pr *pipelinev1.PipelineRun) { pr.Status.ChildReferences[2].Name = "r-approval" }, code: approvals.CodeForbidden},
		"too early":                   {run: func(pr *pipelinev1.PipelineRun) { pr.Status.PipelineSpec = nil }, code: approvals.CodeNotReady},
		"only the spec says so": {run: func(pr *pipelinev1.PipelineRun) {
			pr.Spec.PipelineSpec, pr.Status.PipelineSpec = pr.Status.PipelineSpec, &pipelinev1.PipelineSpec{}
		}, code: approvals.CodeForbidden},
		"no such task":         {task: func(cr *pipelinev1beta1.CustomRun) { cr.Labels = nil }, code: approvals.CodeForbidden},
		"another of its tasks": {task: func(cr *pipelinev1beta1.CustomRun) { cr.Labels["tekton.dev/pipelineTask"] = "build" }, code: approvals.CodeForbidden},
		"another kind":         {task: func(cr *pipelinev1beta1.CustomRun) { cr.Spec.CustomRef.APIVersion = "edp.epam.com/v1alpha1" }, code: approvals.CodeForbidden},
		"another name":         {task: func(cr *pipelinev1beta1.CustomRun) { cr.Spec.CustomRef.Name = "mine" }, code: approvals.CodeForbidden},
		"a spec of its own":    {task: func(cr *pipelinev1beta1.CustomRun) { cr.Spec.CustomSpec = &pipelinev1beta1.EmbeddedCustomRunSpec{} }, code: approvals.CodeForbidden},
		"other approvers":      {task: func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Params[1].Value.ArrayVal = []string{"mallory"} }, code: approvals.CodeForbidden},
		"one approver more": {task: func(cr *pipelinev1beta1.CustomRun) {
			cr.Spec.Params[1].Value.ArrayVal = []string{"alice", "bob", "mallory"}
		}, code: approvals.CodeForbidden},
		"another text": {task: func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Params[0].Value.StringVal = "Deploy 1.2 to test" }, code: approvals.CodeForbidden},
		"a param more": {task: func(cr *pipelinev1beta1.CustomRun) {
			cr.Spec.Params = append(cr.Spec.Params, pipelinev1beta1.Param{Name: "groups"})
		}, code: approvals.CodeForbidden},
		"a param less": {task: func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Params = cr.Spec.Params[:1] }, code: approvals.CodeForbidden},
		"a task of finally, less": {task: func(cr *pipelinev1beta1.CustomRun) {
			cr.Name, cr.Labels["tekton.dev/pipelineTask"] = "r-last", "last"
		}, code: approvals.CodeForbidden},
		"a task of finally": {task: func(cr *pipelinev1beta1.CustomRun) {
			cr.Name, cr.Labels["tekton.dev/pipelineTask"], cr.Spec.Params = "r-last", "last", nil
		}},
		"in the place of another approval": {task: func(cr *pipelinev1beta1.CustomRun) {
			cr.Labels["tekton.dev/pipelineTask"], cr.Spec.Params = "last", nil
		}, code: approvals.CodeForbidden},
		"any other name": {task: func(cr *pipelinev1beta1.CustomRun) { cr.Name = "r-approval-0" }, code: approvals.CodeForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pr pipelinev1.PipelineRun
			var cr pipelinev1beta1.CustomRun
			for doc, o := range map[string]client.Object{memberRun: &pr, memberTask: &cr} {
				if err := yaml.UnmarshalStrict([]byte(doc), o); err != nil {
					t.Fatal(err)
				}
			}
			if c.run != nil {
				c.run(&pr)
			}
			if c.task != nil {
				c.task(&cr)
			}
			m, err := MemberOf(t.Context(), kubetest.New(t, &pr), &cr)
			if approvals.CodeOf(err) != c.code {
				t.Errorf("%v, want %q", err, c.code)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
			if err == nil && (m.Run.UID != "run" || m.Task.Name != cr.Labels["tekton.dev/pipelineTask"]) {
				t.Errorf("a member of %s as %s", m.Run.UID, m.Task.Name)
			}
		})
	}
}

// TestOpens: which task a run begins with.
func TestOpens(t *testing.T) {
	t.Parallel()
	approval := pipelinev1.PipelineTask{Name: "approval", TaskRef: &pipelinev1.TaskRef{APIVersion: "tekton.automatiko.io/v1beta1", Kind: "ApprovalTask"}}
	for name, c := range map[string]struct {
		tasks, finally []pipelinev1.PipelineTask
		want           bool
	}{
		"first":         {[]pipelinev1.PipelineTask{approval, {Name: "go", RunAfter: []string{"approval"}}}, nil, true},
		"after another": {[]pipelinev1.PipelineTask{{Name: "go"}, with(approval, func(t *pipelinev1.PipelineTask) { t.RunAfter = []string{"go"} })}, nil, false},
		"needs a result": {[]pipelinev1.PipelineTask{{Name: "go"}, with(approval, func(t *pipelinev1.PipelineTask) {
			t.Params = pipelinev1.Params{{Name: "x", Value: *pipelinev1.NewStructuredValues("$(tasks.go.results.y)")}}
		})}, nil, false},
		"if a result": {[]pipelinev1.PipelineTask{{Name: "go"}, with(approval, func(t *pipelinev1.PipelineTask) {
			t.When = pipelinev1.WhenExpressions{{Input: "$(tasks.go.results.y)", Operator: "in", Values: []string{"1"}}}
		})}, nil, false},
		"beside another":  {[]pipelinev1.PipelineTask{approval, with(approval, func(t *pipelinev1.PipelineTask) { t.Name = "b" })}, nil, false},
		"before another":  {[]pipelinev1.PipelineTask{approval, with(approval, func(t *pipelinev1.PipelineTask) { t.Name, t.RunAfter = "b", []string{"approval"} })}, nil, true},
		"a task beside":   {[]pipelinev1.PipelineTask{approval, {Name: "go", TaskRef: &pipelinev1.TaskRef{Name: "go"}}}, nil, true},
		"at the very end": {[]pipelinev1.PipelineTask{{Name: "go"}}, []pipelinev1.PipelineTask{approval}, false},
	} {
		var cr pipelinev1beta1.CustomRun
		if err := yaml.Unmarshal([]byte(memberTask), &cr); err != nil {
			t.Fatal(err)
		}
		cr.Spec.CustomRef.Name, cr.Spec.Params = "", nil
		pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "prod", UID: "run"}}
		pr.Status.PipelineSpec = &pipelinev1.PipelineSpec{Tasks: c.tasks, Finally: c.finally}
		pr.Status.ChildReferences = []pipelinev1.ChildStatusReference{{
			TypeMeta: runtime.TypeMeta{APIVersion: "tekton.dev/v1beta1", Kind: "CustomRun"}, Name: "r-approval", PipelineTaskName: "approval",
		}}
		for _, x := range c.tasks {
			if x.Name == "approval" {
				for _, p := range x.Params {
					cr.Spec.Params = append(cr.Spec.Params, pipelinev1beta1.Param{Name: p.Name, Value: *pipelinev1beta1.NewStructuredValues("1")})
				}
			}
		}
		m, err := MemberOf(t.Context(), kubetest.New(t, pr), &cr)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if m.Opens != c.want {
			t.Errorf("%s: opens the run: %v", name, m.Opens)
		}
	}
}

func with(t pipelinev1.PipelineTask, change func(*pipelinev1.PipelineTask)) pipelinev1.PipelineTask {
	t = *t.DeepCopy()
	change(&t)
	return t
}

// TestFits: anything may stand where a reference does, and nothing else anywhere else.
func TestFits(t *testing.T) {
	t.Parallel()
	text := func(s string) *pipelinev1.ParamValue {
		return &pipelinev1.ParamValue{Type: pipelinev1.ParamTypeString, StringVal: s}
	}
	list := func(s ...string) *pipelinev1.ParamValue {
		return &pipelinev1.ParamValue{Type: pipelinev1.ParamTypeArray, ArrayVal: s}
	}
	object := func(k, v string) *pipelinev1.ParamValue {
		return &pipelinev1.ParamValue{Type: pipelinev1.ParamTypeObject, ObjectVal: map[string]string{k: v}}
	}
	for _, c := range []struct {
		said, value *pipelinev1.ParamValue
		want        bool
	}{
		{text("a"), text("a"), true},
		{text("a"), text("b"), false},
		{text(""), text(""), true},
		{text(""), text("x"), false},
		{text("$(tasks.a.results.b)"), text("any\nthing"), true},
		{text("v$(tasks.a.results.b)"), text("v1"), true},
		{text("v$(tasks.a.results.b)"), text("w1"), false},
		{text("$(tasks.a.results.b)-$(tasks.a.results.c).x"), text("1-2.x"), true},
		{text("$(tasks.a.results.b)-$(tasks.a.results.c).x"), text("12.x"), false},
		{text("ab$(tasks.a.results.b)ba"), text("aba"), false},
		{text("$(tasks.a.results.b)"), list("a"), false},
		{text("$(tasks.a.results.b[*])"), list("a", "b"), true},
		{text("x $(tasks.a.results.b[*])"), list("a"), false},
		{list("alice", "$(tasks.a.results.b)"), list("alice", "x"), true},
		{list("alice", "$(tasks.a.results.b)"), list("mallory", "x"), false},
		{list("alice", "$(tasks.a.results.b)"), list("alice", "x", "y"), false},
		{list("alice", "$(tasks.a.results.b[*])", "bob"), list("alice", "bob"), true},
		{list("alice", "$(tasks.a.results.b[*])", "bob"), list("alice", "x", "y", "bob"), true},
		{list("alice", "$(tasks.a.results.b[*])", "bob"), list("alice", "x", "y"), false},
		{list("alice", "$(tasks.a.results.b[*])", "bob"), list("alice"), false},
		{list("$(tasks.a.results.b[*])", "x", "$(tasks.a.results.c[*])", "bob"), list("bob"), true},
		{list("alice"), list(), false},
		{list(), list(), true},
		{list("alice"), text("alice"), false},
		{object("k", "v$(tasks.a.results.b)"), object("k", "v1"), true},
		{object("k", "v"), object("k", "w"), false},
		{object("k", "v"), object("l", "v"), false},
		{object("k", "v"), text("v"), false},
	} {
		v := pipelinev1beta1.ParamValue{Type: pipelinev1beta1.ParamType(c.value.Type), StringVal: c.value.StringVal, ArrayVal: c.value.ArrayVal, ObjectVal: c.value.ObjectVal}
		if got := pipelinerun.Fits(*c.said, v); got != c.want {
			t.Errorf("%+v, and the value is %+v: %v", c.said, c.value, got)
		}
	}
}

// TestMatrix: of a task that fans out, the values in one place, which the name tells.
func TestMatrix(t *testing.T) {
	t.Parallel()
	param := func(name string, values ...string) pipelinev1.Param {
		v := pipelinev1.ParamValue{Type: pipelinev1.ParamTypeArray, ArrayVal: values}
		return pipelinev1.Param{Name: name, Value: v}
	}
	one := func(name, value string) pipelinev1.Param {
		return pipelinev1.Param{Name: name, Value: *pipelinev1.NewStructuredValues(value)}
	}
	known := &pipelinev1.Matrix{
		Params:  pipelinev1.Params{param("region", "eu", "us")},
		Include: pipelinev1.IncludeParamsList{{Params: pipelinev1.Params{one("region", "eu"), one("approvers", "alice")}}, {Params: pipelinev1.Params{one("region", "ap"), one("approvers", "mallory")}}},
	}
	open := &pipelinev1.Matrix{Params: pipelinev1.Params{param("region", "eu", "$(tasks.a.results.more[*])"), param("tier", "web")}}
	long := strings.Repeat("t", 62)
	for _, c := range []struct {
		matrix                             *pipelinev1.Matrix
		task, name, region, tier, approver string
		place                              int
		strange                            string
	}{
		{known, "a", "r-a-0", "eu", "", "alice", 0, ""},
		{known, "a", "r-a-1", "us", "", "", 1, ""},
		{known, "a", "r-a-2", "ap", "", "mallory", 2, ""},
		{known, "a", "r-a-0", "ap", "", "mallory", 0, "region"},
		{known, "a", "r-a-0", "eu", "", "mallory", 0, "approvers"},
		{known, "a", "r-a-0", "eu", "", "", 0, "approvers"},
		{known, "a", "r-a-3", "eu", "", "", 3, "region"},
		{open, "a", "r-a-7", "anything", "", "", 7, "tier"},
		{known, "a", "r-a", "eu", "", "alice", 0, ""}, // a matrix of one has no number
		{known, "a", "r-b-0", "eu", "", "", -1, ""},
		{known, "a", "r-a-00", "eu", "", "", -1, ""},
		{known, "a", "r-a--1", "eu", "", "", -1, ""},
		{known, "a", "r-a-0-1", "eu", "", "", -1, ""},
		{nil, "a", "r-a-0", "", "", "", -1, ""},
		{nil, "a", "", "", "", "", -1, ""},
		{open, "a", "r-a-7", "anything", "web", "", 7, ""},
		{open, "a", "r-a-7", "anything", "db", "", 7, "tier"},
		{known, long, kmeta.ChildName("r", "-"+long)[:61] + "-1", "us", "", "", 1, ""},
		{known, long, kmeta.ChildName("r", "-"+long)[:40] + "-1", "us", "", "", -1, ""},
	} {
		task := pipelinev1.PipelineTask{Name: c.task, Matrix: c.matrix}
		place := placeOf("r", task, c.name)
		if place != c.place {
			t.Errorf("%s is in place %d, want %d", c.name, place, c.place)
		}
		if place < 0 {
			continue
		}
		var given pipelinev1beta1.Params
		for _, x := range [][2]string{{"region", c.region}, {"tier", c.tier}, {"approvers", c.approver}} {
			if x[1] != "" {
				given = append(given, pipelinev1beta1.Param{Name: x[0], Value: *pipelinev1beta1.NewStructuredValues(x[1])})
			}
		}
		if got := strangeParam(task, place, given); got != c.strange {
			t.Errorf("%s with %+v: strange is %q, want %q", c.name, given, got, c.strange)
		}
	}
}
