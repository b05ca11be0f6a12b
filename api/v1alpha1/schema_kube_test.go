//go:build kube

package v1alpha1_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/test/refusal"
)

var api client.Client

// TestMain starts a real API server with our CRDs.
func TestMain(m *testing.M) {
	env := &envtest.Environment{CRDDirectoryPaths: []string{"../../deploy/crd"}, ErrorIfCRDPathMissing: true}
	cfg, err := env.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the API server (KUBEBUILDER_ASSETS):", err)
		os.Exit(1)
	}
	scheme := runtime.NewScheme()
	if err = v1alpha1.AddToScheme(scheme); err == nil {
		api, err = client.New(cfg, client.Options{Scheme: scheme})
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := env.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the API server:", err)
	}
	os.Exit(code)
}

// An impossible Gate is refused by the API server with a sentence that says what
// to change; a possible one is taken and gets its defaults.
func TestGateAdmission(t *testing.T) {
	said := golden.Open(t)
	many := strings.Repeat("{name: u%d}, ", 1)
	var users []string
	for i := range 65 {
		users = append(users, fmt.Sprintf(strings.TrimSuffix(many, ", "), i))
	}
	for _, tc := range []struct {
		name, spec string
		refused    bool
	}{
		{"one user", `approvers: {users: [{name: alice}]}`, false},
		{"a group", `{approvers: {groups: [dev]}, strategy: QUORUM, required: 3}`, false},
		{"quorum of all", `{approvers: {users: [{name: a}, {name: b}]}, strategy: QUORUM, required: 2}`, false},
		{"a ConfigMap", `{approvers: {users: [{name: a}]}, release: {configMap: {name: approve-cm}}}`, false},
		{"a pending run", `{approvers: {users: [{name: a}]}, release: {pendingRun: {}}}`, false},
		{"both", `{approvers: {users: [{name: a}]}, release: {pendingRun: {}, configMap: {name: a}}}`, true},
		{"a release to nothing", `{approvers: {users: [{name: a}]}, release: {}}`, true},
		{"release and releaseOn", `{approvers: {users: [{name: a}]}, releaseOn: [Approved, Rejected], release: {pendingRun: {}}}`, true},
		{"no key of a ConfigMap", `{approvers: {users: [{name: a}]}, release: {configMap: {name: a, key: a/b}}}`, true},
		{"no approvers", `approvers: {}`, true},
		{"empty lists", `approvers: {users: [], groups: []}`, true},
		{"no spec of who", `strategy: SINGLE`, true},
		{"quorum above the people", `{approvers: {users: [{name: a}]}, strategy: QUORUM, required: 2}`, true},
		{"quorum without a number", `{approvers: {users: [{name: a}]}, strategy: QUORUM}`, true},
		{"single with a number", `{approvers: {users: [{name: a}, {name: b}]}, strategy: SINGLE, required: 2}`, true},
		{"multi", `{approvers: {users: [{name: a}, {name: b}]}, strategy: MULTI}`, false},
		{"multi with a number", `{approvers: {users: [{name: a}, {name: b}]}, strategy: MULTI, required: 2}`, true},
		{"multi by RBAC", `{approvers: {rbac: true}, strategy: MULTI}`, true},
		{"four eyes", `{approvers: {groups: [g]}, strategy: FOUR_EYES}`, false},
		{"four eyes of one", `{approvers: {users: [{name: a}]}, strategy: FOUR_EYES}`, true},
		{"RBAC alone", `approvers: {rbac: true}`, false},
		{"rules", `rules: [{name: security, groups: [sec]}, {name: platform, users: [{name: a}, {name: b}], required: 2}]`, false},
		{"rules and approvers", `{approvers: {groups: [g]}, rules: [{name: a, groups: [g]}]}`, true},
		{"rules and a strategy", `{rules: [{name: a, groups: [g]}], strategy: FOUR_EYES}`, true},
		{"a rule of nobody", `rules: [{name: a}]`, true},
		{"a rule of too few", `rules: [{name: a, users: [{name: x}], required: 2}]`, true},
		{"two rules of a name", `rules: [{name: a, groups: [g]}, {name: a, groups: [h]}]`, true},
		{"inputs", `{approvers: {groups: [g]}, inputs: [{name: ticket, pattern: 'OPS-\d+', required: true}, {name: size, type: enum, options: [a, b]}]}`, false},
		{"an enum of nothing", `{approvers: {groups: [g]}, inputs: [{name: size, type: enum}]}`, true},
		{"options of a number", `{approvers: {groups: [g]}, inputs: [{name: size, type: number, options: [a]}]}`, true},
		{"a pattern of a bool", `{approvers: {groups: [g]}, inputs: [{name: size, type: bool, pattern: x}]}`, true},
		{"a key for nothing", `{approvers: {groups: [g]}, supersedeKey: params.env}`, true},
		{"supersede", `{approvers: {groups: [g]}, supersede: Newest, supersedeKey: params.env}`, false},
		{"on expiry", `{approvers: {groups: [g]}, onExpiry: Forget}`, true},
		{"comment", `{approvers: {groups: [g]}, comment: Always}`, true},
		{"unknown strategy", `{approvers: {users: [{name: a}]}, strategy: ANY}`, true},
		{"the same user twice", `approvers: {users: [{name: a}, {name: a}]}`, true},
		{"nameless user", `approvers: {users: [{name: ""}]}`, true},
		{"not an address", `approvers: {users: [{name: a, email: "a b@c"}]}`, true},
		{"header injection", "approvers: {users: [{name: a, email: \"a@c\\nBcc: x@y\"}]}", true},
		{"too many users", `approvers: {users: [` + strings.Join(users, ",") + `]}`, true},
		{"expires too soon", `{approvers: {users: [{name: a}]}, expiresAfter: 1s}`, true},
		{"expires too late", `{approvers: {users: [{name: a}]}, expiresAfter: 9000h}`, true},
		{"kept too briefly", `{approvers: {users: [{name: a}]}, keepFor: 47h}`, true},
		{"kept too long", `{approvers: {users: [{name: a}]}, keepFor: 87601h}`, true},
		{"kept how long", `{approvers: {users: [{name: a}]}, keepFor: soon}`, true},
		{"not a duration", `{approvers: {users: [{name: a}]}, expiresAfter: soon}`, true},
		{"releases nothing", `{approvers: {users: [{name: a}]}, releaseOn: []}`, true},
		{"releases the unknown", `{approvers: {users: [{name: a}]}, releaseOn: [Cancelled]}`, true},
		{"told in rooms", `{approvers: {users: [{name: a}]}, notify: {channels: [ops], remindEvery: 4h, escalate: {after: 24h, emails: [boss@example.com]}}}`, false},
		{"reminded too often", `{approvers: {users: [{name: a}]}, notify: {remindEvery: 1s}}`, true},
		{"escalated at once", `{approvers: {users: [{name: a}]}, notify: {escalate: {after: 1s, channels: [ops]}}}`, true},
		{"escalated to nobody", `{approvers: {users: [{name: a}]}, notify: {escalate: {after: 1h}}}`, true},
		{"escalated when", `{approvers: {users: [{name: a}]}, notify: {escalate: {channels: [ops]}}}`, true},
		{"a duration of years", `{approvers: {users: [{name: a}]}, notify: {remindEvery: 99999999999999999999h}}`, true},
		{"escalated to no address", `{approvers: {users: [{name: a}]}, notify: {escalate: {after: 1h, emails: ["a b@c"]}}}`, true},
		{"too many rooms", `{approvers: {users: [{name: a}]}, notify: {channels: [a, b, c, d, e, f, g, h, i]}}`, true},
		{"a room twice", `{approvers: {users: [{name: a}]}, notify: {channels: [a, a]}}`, true},
		{"quorum of 33", `{approvers: {groups: [g]}, strategy: QUORUM, required: 33}`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u := &unstructured.Unstructured{}
			text := "apiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {generateName: g-, namespace: default}\nspec:\n"
			if !strings.HasPrefix(tc.spec, "{") {
				tc.spec = "{" + tc.spec + "}"
			}
			if err := yaml.Unmarshal([]byte(text+"  "+tc.spec), &u.Object); err != nil {
				t.Fatal(err)
			}
			err := api.Create(t.Context(), u)
			if apierrors.IsInvalid(err) != tc.refused || !tc.refused && err != nil {
				t.Errorf("%v, refused should be %t", err, tc.refused)
			}
			if err != nil {
				said.Check(t, tc.name, refusal.Text(err))
			}
		})
	}
}

func TestGateDefaults(t *testing.T) {
	g := &v1alpha1.Gate{ObjectMeta: metav1.ObjectMeta{GenerateName: "g-", Namespace: "default"}, Spec: v1alpha1.GateSpec{
		Approvers: &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "alice"}}},
	}}
	if err := api.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if g.Spec.Strategy != "SINGLE" || g.Spec.Requester != "Exclude" || len(g.Spec.ReleaseOn) != 1 || g.Spec.ReleaseOn[0] != "Approved" {
		t.Errorf("defaults: %+v", g.Spec)
	}
}

func approval(resolved *v1alpha1.ResolvedSpec) *v1alpha1.Approval {
	return &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{GenerateName: "a-", Namespace: "default"}, Spec: v1alpha1.ApprovalSpec{
		Trigger:  "t",
		Source:   v1alpha1.Source{PipelineRun: &v1alpha1.PipelineRunSource{Name: "r", UID: "u", Pipeline: "p", CompletedAt: metav1.Now()}},
		Resolved: resolved, Signature: "s", SourceSignature: "s",
	}}
}

func someResolved() *v1alpha1.ResolvedSpec {
	return &v1alpha1.ResolvedSpec{
		Gate: "g", Digest: "d", TemplateDigest: "t", Params: []v1alpha1.Param{{Name: "a", Value: "1"}},
		Policy: &v1alpha1.GateSpec{Approvers: &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "alice"}}}},
	}
}

// What people vote on cannot change under them, whoever writes: the schema compares what
// tells a change, and a policy (tested in deploy) the rest.
func TestApprovalIsImmutable(t *testing.T) {
	said := golden.Open(t)
	for _, tc := range []struct {
		name   string
		change func(*v1alpha1.ApprovalSpec)
	}{
		{"trigger", func(s *v1alpha1.ApprovalSpec) { s.Trigger = "other" }},
		{"page", func(s *v1alpha1.ApprovalSpec) { s.Page = "https://other.example.com" }},
		{"digest", func(s *v1alpha1.ApprovalSpec) { s.Resolved.Digest = "other" }},
		{"resolved taken away", func(s *v1alpha1.ApprovalSpec) { s.Resolved = nil }},
		{"signature", func(s *v1alpha1.ApprovalSpec) { s.Signature = "x" }},
		{"source's signature", func(s *v1alpha1.ApprovalSpec) { s.SourceSignature = "x" }},
		{"source's signature taken away", func(s *v1alpha1.ApprovalSpec) { s.SourceSignature = "" }},
		{"signature taken away", func(s *v1alpha1.ApprovalSpec) { s.Signature = "" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := approval(someResolved())
			if err := api.Create(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			tc.change(&a.Spec)
			err := api.Update(t.Context(), a)
			if !apierrors.IsInvalid(err) {
				t.Fatalf("got %v, want a refusal", err)
			}
			said.Check(t, tc.name, refusal.Text(err))
		})
	}
}

func TestResolvedMayBeSetOnce(t *testing.T) {
	a := approval(nil)
	a.Spec.Signature = ""
	if err := api.Create(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	a.Spec.Resolved, a.Spec.Signature = someResolved(), "s"
	if err := api.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	a.Spec.Resolved.Digest = "other"
	if err := api.Update(t.Context(), a); !apierrors.IsInvalid(err) {
		t.Errorf("set twice: %v", err)
	}
}

// A new Approval is Pending without a status write.
func TestPendingIsTheDefault(t *testing.T) {
	said := golden.Open(t)
	a := approval(someResolved())
	if err := api.Create(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if a.Status.Outcome != "Pending" {
		t.Errorf("outcome %q", a.Status.Outcome)
	}
	neither := approval(someResolved())
	neither.Spec.Source = v1alpha1.Source{}
	err := api.Create(t.Context(), neither)
	if !apierrors.IsInvalid(err) {
		t.Fatalf("a source of nothing: %v", err)
	}
	said.Check(t, "a source of nothing", refusal.Text(err))
}

// A task in the middle of a run has no Trigger, and nothing else has none.
func TestTaskOrTrigger(t *testing.T) {
	said := golden.Open(t)
	task := func() *v1alpha1.Approval {
		a := approval(someResolved())
		a.Spec.Trigger = ""
		a.Spec.Source = v1alpha1.Source{CustomRun: &v1alpha1.CustomRunSource{
			Name: "r-approval", UID: "c", PipelineRun: "r", PipelineRunUID: "u", Pipeline: "p", PipelineTask: "approval", Mapping: "automatiko", StartedAt: metav1.Now(),
		}}
		return a
	}
	a := task()
	if err := api.Create(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	a.Spec.Trigger = "t"
	err := api.Update(t.Context(), a)
	if !apierrors.IsInvalid(err) {
		t.Fatalf("a Trigger given later: %v", err)
	}
	said.Check(t, "a Trigger given later", refusal.Text(err))
	both, neither := task(), approval(someResolved())
	both.Spec.Trigger, neither.Spec.Trigger = "t", ""
	for name, a := range map[string]*v1alpha1.Approval{"both": both, "neither": neither} {
		err := api.Create(t.Context(), a)
		if !apierrors.IsInvalid(err) {
			t.Fatalf("%s: %v", name, err)
		}
		said.Check(t, name, refusal.Text(err))
	}
}

// TestExamplesAreAccepted: the API server takes the examples of the reference.
func TestExamplesAreAccepted(t *testing.T) {
	files, err := filepath.Glob("../../internal/docgen/examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, doc := range strings.Split(string(data), "\n---\n") {
			var o unstructured.Unstructured
			if err := yaml.UnmarshalStrict([]byte(doc), &o.Object); err != nil {
				t.Fatalf("%s, object %d: %v", f, i, err)
			}
			if o.GetNamespace() != "" {
				o.SetNamespace("default")
			}
			status := o.DeepCopy()
			if err := api.Create(t.Context(), &o); err != nil {
				t.Errorf("%s, object %d: %v", f, i, err)
				continue
			}
			accepted++
			if _, ok := status.Object["status"]; !ok {
				continue
			}
			status.SetName(o.GetName())
			status.SetResourceVersion(o.GetResourceVersion())
			if err := api.Status().Update(t.Context(), status); err != nil {
				t.Errorf("%s, status of object %d: %v", f, i, err)
			}
		}
	}
	if accepted < 15 {
		t.Errorf("the API server accepted %d examples, want 15 at least", accepted)
	}
}
