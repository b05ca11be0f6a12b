package release_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// targeting is an Approval of namespace prod that ended with outcome and has a target.
func targeting(target approvals.Target, outcome approvals.Outcome) approvals.Approval {
	return ct.Make("a").In("prod").With(func(a *approvals.Approval) {
		a.Resolved.Target, a.Resolved.TemplateDigest = &target, ""
		a.Resolved.Digest = approvals.ContentDigest(a.Namespace, a.Trigger, "", a.Source, a.Resolved.Params, a.Resolved.Target)
		a.Outcome, a.DecidedAt = outcome, ct.T0
	}).Obj()
}

const (
	polledMap = "kind: ConfigMap\nmetadata: {name: approve-cm}\ndata: {status: %s}"
	heldRun   = "kind: PipelineRun\nmetadata: {name: held, uid: %u}\nspec: {%spipelineRef: {name: deploy}}"
)

func TestTargets(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	cm := func(status string) string { return strings.Replace(polledMap, "%s", status, 1) }
	run := func(uid, status string) string {
		if status != "" {
			status = "status: " + status + ", "
		}
		return strings.NewReplacer("%u", uid, "%s", status).Replace(heldRun)
	}
	const approved, rejected, expired, pending = approvals.Approved, approvals.Rejected, approvals.Expired, "PipelineRunPending"
	toMap := approvals.Target{Kind: approvals.TargetConfigMap, Name: "approve-cm", Key: "status"}
	toRun := approvals.Target{Kind: approvals.TargetPendingRun, Name: "held", UID: "u1", Pipeline: "deploy"}
	for name, c := range map[string]struct {
		target  approvals.Target
		outcome approvals.Outcome
		before  string // "" nothing is there
		after   string // the value, or the run's spec.status
		effect  string // what is read back
		reason  string // or why nothing is
		patches int
	}{
		"approved":                   {toMap, approved, cm("init"), "success", "ConfigMap approve-cm: status=success", "", 1},
		"rejected":                   {toMap, rejected, cm("notified"), "refused", "ConfigMap approve-cm: status=refused", "", 1},
		"expired":                    {toMap, expired, cm("init"), "refused", "ConfigMap approve-cm: status=refused", "", 1},
		"by hand, the same":          {toMap, approved, cm("success"), "success", "ConfigMap approve-cm: status=success", "", 1},
		"by hand, another":           {toMap, rejected, cm("success"), "success", "", "TargetConflict", 0},
		"refused by hand":            {toMap, approved, cm("refused"), "refused", "", "TargetConflict", 0},
		"no ConfigMap":               {toMap, approved, "", "", "", "TargetMissing", 0},
		"no ConfigMap, and refused":  {toMap, rejected, "", "", "ConfigMap approve-cm was gone", "", 0},
		"some other ConfigMap":       {toMap, approved, "kind: ConfigMap\nmetadata: {name: approve-cm}\ndata: {a: b}", "", "", "TargetMissing", 0},
		"a run is let go":            {toRun, approved, run("u1", pending), "", "PipelineRun held started", "", 1},
		"a run is cancelled":         {toRun, rejected, run("u1", pending), "Cancelled", "PipelineRun held cancelled", "", 1},
		"let go by somebody":         {toRun, approved, run("u1", ""), "", "PipelineRun held started", "", 0},
		"let go, and refused":        {toRun, expired, run("u1", ""), "Cancelled", "PipelineRun held cancelled", "", 1},
		"cancelled by somebody":      {toRun, approved, run("u1", "Cancelled"), "Cancelled", "", "TargetConflict", 0},
		"cancelled, and refused":     {toRun, rejected, run("u1", "Cancelled"), "Cancelled", "PipelineRun held cancelled", "", 0},
		"another run of the name":    {toRun, approved, run("u2", pending), pending, "", "TargetReplaced", 0},
		"another run, and refused":   {toRun, rejected, run("u2", pending), pending, "PipelineRun held was gone", "", 0},
		"no run":                     {toRun, approved, "", "", "", "TargetMissing", 0},
		"it has run, and is refused": {toRun, rejected, run("u1", "") + "\nstatus: {conditions: [{type: Succeeded, status: \"True\"}]}", "", "", "TargetConflict", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := targeting(c.target, c.outcome)
			k := servicetest.NewCluster(t)
			if c.before != "" {
				k = servicetest.NewCluster(t, kubetest.Objects(t, c.before)...)
			}
			if err := k.WithWatch.Create(t.Context(), servicetest.ObjectOf(a)); err != nil {
				t.Fatal(err)
			}
			targets := k.Targets()
			var err error
			for range 3 { // again and again, by whomever
				err = targets.Write(t.Context(), a)
			}
			if got := release.ProblemOf(err); c.reason == "" && err != nil || c.reason != "" && got.Reason != c.reason {
				t.Errorf("%v, want %s", err, c.reason)
			} else if err != nil {
				said.Check(t, name, got.Message)
			}
			if got := k.Count("patch"); got != c.patches {
				t.Errorf("%d patches, want %d", got, c.patches)
			}
			seen, ok, _ := targets.Confirm(t.Context(), a, ct.T0)
			if ok != (c.effect != "") || ok && seen.Effect.What != c.effect {
				t.Errorf("read back %t %+v, want %q", ok, seen.Effect, c.effect)
			}
			if started := c.effect == "PipelineRun held started"; (seen.SecondRun != nil) != started || started && (seen.SecondRun.UID != "u1" || seen.SecondRun.Pipeline != "deploy") {
				t.Errorf("next is %+v", seen.SecondRun)
			}
			if got := k.ValueOf(t, c.target); got != c.after {
				t.Errorf("it has %q, want %q", got, c.after)
			}
		})
	}
}

// TestTargetOnce: a Task that has taken note of its success and reset the key, for the
// next run say, is not told once more; and neither is anybody when it was cancelled.
func TestTargetOnce(t *testing.T) {
	t.Parallel()
	target := approvals.Target{Kind: approvals.TargetConfigMap, Name: "approve-cm", Key: "status"}
	a := targeting(target, approvals.Approved)
	c := servicetest.NewCluster(t, kubetest.Objects(t, strings.Replace(polledMap, "%s", "init", 1))...)
	if err := c.WithWatch.Create(t.Context(), servicetest.ObjectOf(a)); err != nil {
		t.Fatal(err)
	}
	targets := c.Targets()
	cancel := func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cancel(a, approvals.Cancellation{Reason: "no"}, ct.T0)
	}
	set := func(value string) {
		var cm corev1.ConfigMap
		if err := c.Get(t.Context(), types.NamespacedName{Namespace: "prod", Name: "approve-cm"}, &cm); err != nil {
			t.Fatal(err)
		}
		cm.Data["status"] = value
		if err := c.WithWatch.Update(t.Context(), &cm); err != nil {
			t.Fatal(err)
		}
	}
	if err := targets.Write(t.Context(), a); err != nil || c.ValueOf(t, target) != "success" {
		t.Fatal(err, c.ValueOf(t, target))
	}
	set("init")
	if err := targets.Write(t.Context(), a); err != nil || c.ValueOf(t, target) != "init" {
		t.Errorf("%v; it has %s", err, c.ValueOf(t, target))
	}
	if _, err := c.Store().Update(t.Context(), a.Key, cancel); err != nil {
		t.Fatal(err)
	}
	var cm corev1.ConfigMap
	if err := c.Get(t.Context(), types.NamespacedName{Namespace: "prod", Name: "approve-cm"}, &cm); err != nil {
		t.Fatal(err)
	}
	cm.Annotations = nil
	if err := c.WithWatch.Update(t.Context(), &cm); err != nil {
		t.Fatal(err)
	}
	// a is what a process read before it was cancelled.
	if err := targets.Write(t.Context(), a); err != nil || c.ValueOf(t, target) != "init" {
		t.Errorf("cancelled: %v; it has %s", err, c.ValueOf(t, target))
	}
}

func TestTargetErrors(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	target := approvals.Target{Kind: approvals.TargetConfigMap, Name: "approve-cm", Key: "status"}
	maps := schema.GroupResource{Resource: "configmaps"}
	for name, c := range map[string]struct {
		verb   string
		err    error
		reason string
	}{
		"may not read":  {"get", apierrors.NewForbidden(maps, "approve-cm", errors.New(`User "s" cannot get resource "configmaps" in API group ""`)), "TargetForbidden"},
		"may not write": {"patch", apierrors.NewForbidden(maps, "approve-cm", errors.New(`User "s" cannot patch resource "configmaps" in API group ""`)), "TargetForbidden"},
		"a policy":      {"patch", apierrors.NewForbidden(maps, "approve-cm", errors.New("ValidatingAdmissionPolicy 'p' denied request: no")), "TargetRefused"},
		"immutable":     {"patch", apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "approve-cm", nil), "TargetRefused"},
		"down":          {"patch", apierrors.NewServiceUnavailable("no"), "NotPosted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := targeting(target, approvals.Approved)
			k := servicetest.NewCluster(t, kubetest.Objects(t, strings.Replace(polledMap, "%s", "init", 1))...)
			if err := k.WithWatch.Create(t.Context(), servicetest.ObjectOf(a)); err != nil {
				t.Fatal(err)
			}
			k.Fail(func(verb string, o runtime.Object) error {
				if _, ok := o.(*corev1.ConfigMap); ok && verb == c.verb {
					return c.err
				}
				return nil
			})
			got := release.ProblemOf(k.Targets().Write(t.Context(), a))
			if got.Reason != c.reason {
				t.Errorf("%+v, want %s", got, c.reason)
			}
			said.Check(t, name, got.Message)
		})
	}
}

// TestResolvePendingRun: what is put to the vote is the run as it is, not as the event says.
func TestResolvePendingRun(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	world := strings.Replace(servicetest.PushWorld, "expiresAfter: 1h", "expiresAfter: 1h\n  release: {pendingRun: {}}", 1)
	world = strings.Replace(kubetest.Without(world, "TriggerTemplate"), "{ref: body.ref}", "{branch: body.branch}", 1)
	const held = "\n---\nkind: PipelineRun\nmetadata: {name: held, uid: u1}\nspec: {status: PipelineRunPending, pipelineRef: {name: deploy}, params: [{name: version, value: v1}]}"
	body := `{"run": "held", "branch": "main", "version": "harmless"}`
	for name, c := range map[string]struct {
		docs, body string
		refused    bool
	}{
		"as it is":        {world + held, body, false},
		"not there":       {world, body, true},
		"not pending":     {world + strings.Replace(held, "status: PipelineRunPending, ", "", 1), body, true},
		"no name":         {world + held, `{"branch": "main"}`, true},
		"no kind of name": {world + held, `{"run": "../held", "branch": "main"}`, true},
		"a forged param":  {strings.Replace(world, "{branch: body.branch}", "{version: body.version}", 1) + held, body, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := servicetest.NewCluster(t, kubetest.Objects(t, c.docs)...)
			o := k.Opener(t)
			a, err := o.OpenEvent(t.Context(), k.Gated(t, o), servicetest.Push(c.body, "1"), nil)
			if err != nil {
				t.Fatal(err)
			}
			resolved, err := o.Resolve(t.Context(), "prod", "apply", a.Source)
			if c.refused {
				if a.Resolved != nil || err == nil {
					t.Errorf("%+v, %v, want a refusal", a.Resolved, err)
				}
				said.Check(t, name, approvals.Message(err))
				return
			}
			if err != nil || a.Resolved == nil {
				t.Fatal(a.Blocked, err)
			}
			want := approvals.Target{Kind: approvals.TargetPendingRun, Name: "held", UID: "u1", Pipeline: "deploy"}
			if *a.Resolved.Target != want || resolved.Digest != a.Resolved.Digest {
				t.Errorf("%+v, digest %s and %s", a.Resolved.Target, resolved.Digest, a.Resolved.Digest)
			}
			if got := approvals.ByName(a.Resolved.Params); got["version"] != "v1" || got["branch"] != "main" {
				t.Errorf("params %v", got)
			}
		})
	}
}

// TestPlainPipeline: a pending run's label says nothing of what it will run.
func TestPlainPipeline(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"{pipelineRef: {name: deploy}}":                                                 "deploy",
		"{pipelineSpec: {tasks: [{name: evil, taskRef: {name: evil}}]}}":                "",
		"{pipelineRef: {name: deploy, resolver: git, params: [{name: url, value: x}]}}": "",
	} {
		doc := "kind: PipelineRun\nmetadata: {name: held, labels: {tekton.dev/pipeline: harmless}}\nspec: " + spec
		if got := hold.PlainPipeline(kubetest.Objects(t, doc)[0].(*pipelinev1.PipelineRun)); got != want {
			t.Errorf("%s: %q, want %q", spec, got, want)
		}
	}
}

// TestTargetRoundTrip: a target, and its effect, are the same after their way through the API.
func TestTargetRoundTrip(t *testing.T) {
	t.Parallel()
	a := targeting(approvals.Target{Kind: approvals.TargetPendingRun, Name: "held", UID: "u1", Pipeline: "deploy"}, approvals.Approved)
	a.Resolved.Policy.Release = approvals.Release{Kind: approvals.TargetPendingRun, Name: "body.run"}
	a.Effect = &approvals.Effect{What: "PipelineRun held started", At: ct.T0.Add(time.Second)}
	got := convert.ToDomain(servicetest.ThroughAPI(t, servicetest.ObjectOf(a)))
	if *got.Resolved.Target != *a.Resolved.Target || got.Resolved.Policy.Release != a.Resolved.Policy.Release || got.Effect.What != a.Effect.What || !got.Effect.At.Equal(a.Effect.At) {
		t.Errorf("%+v %+v %+v", got.Resolved.Target, got.Resolved.Policy.Release, got.Effect)
	}
}

// TestPage: an Approval says where its page is, under the signature.
func TestPage(t *testing.T) {
	t.Parallel()
	k := servicetest.NewCluster(t, kubetest.Objects(t, servicetest.PushWorld)...)
	o := k.Opener(t)
	o.Page = func(namespace, name string) string { return "https://approve.test/approvals/" + namespace + "/" + name }
	a, err := o.OpenEvent(t.Context(), k.Gated(t, o), servicetest.Push(`{"ref": "main"}`, "1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var obj v1alpha1.Approval
	if err := k.Get(t.Context(), types.NamespacedName{Namespace: "prod", Name: a.Name}, &obj); err != nil {
		t.Fatal(err)
	}
	if obj.Spec.Page != "https://approve.test/approvals/prod/"+a.Name || !store.IsSigned(servicetest.TestRing, &obj) {
		t.Errorf("%q, genuine %t", obj.Spec.Page, store.IsSigned(servicetest.TestRing, &obj))
	}
	if obj.Spec.Page = "https://evil.test"; store.IsSigned(servicetest.TestRing, &obj) {
		t.Error("another page under the same signature")
	}
}
