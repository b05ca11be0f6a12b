package servicetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// policy puts up a GatePolicy, or changes it.
func (w *world) policy(spec string) *v1alpha1.GatePolicy {
	w.t.Helper()
	o := &v1alpha1.GatePolicy{}
	o.Name = "strict"
	err := w.Get(w.t.Context(), types.NamespacedName{Name: "strict"}, o)
	found := err == nil
	o.Spec = v1alpha1.GatePolicySpec{}
	if err := yaml.UnmarshalStrict([]byte(spec), &o.Spec); err != nil {
		w.t.Fatal(err)
	}
	if found {
		err = w.WithWatch.Update(w.t.Context(), o)
	} else {
		err = w.WithWatch.Create(w.t.Context(), o)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// label labels namespace prod, which is there when it was not.
func (w *world) label(stage string) *corev1.Namespace {
	w.t.Helper()
	ns := &corev1.Namespace{}
	ns.Name = "prod"
	_ = w.WithWatch.Create(w.t.Context(), ns.DeepCopy())
	if err := w.Get(w.t.Context(), types.NamespacedName{Name: "prod"}, ns); err != nil {
		w.t.Fatal(err)
	}
	ns.Labels = map[string]string{"stage": stage}
	if err := w.WithWatch.Update(w.t.Context(), ns); err != nil {
		w.t.Fatal(err)
	}
	return ns
}

func (w *world) gate() string {
	w.t.Helper()
	w.step(w.gates, "production")
	var g v1alpha1.Gate
	if err := w.Get(w.t.Context(), request("production").NamespacedName, &g); err != nil {
		w.t.Fatal(err)
	}
	c := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil || c.ObservedGeneration != g.Generation {
		w.t.Fatalf("%+v of generation %d", c, g.Generation)
	}
	return string(c.Status) + " " + c.Reason + " " + c.Message
}

// wakes fails the test unless an event of o has each controller look at what it is about: the Gate,
// the Trigger, and approval.
func (w *world) wakes(o client.Object, approval string) {
	w.t.Helper()
	if got := w.gates.GatesOf(w.t.Context(), o); len(got) != 1 || got[0].Name != "production" {
		w.t.Errorf("%T wakes Gates %v", o, got)
	}
	if got := w.triggers.TriggersOf(w.t.Context(), o); len(got) != 1 || got[0].Name != "apply" {
		w.t.Errorf("%T wakes Triggers %v", o, got)
	}
	if got := w.approvals.BlockedIn(w.t.Context(), o); len(got) != 1 || got[0].Name != approval {
		w.t.Errorf("%T wakes Approvals %v, want %s", o, got, approval)
	}
}

// TestGateOutsidePolicy: a Gate outside a policy says so, is not resolved, and goes on by
// itself when the Gate, the policy or the namespace's labels are mended.
func TestGateOutsidePolicy(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const two = `{namespaceSelector: {matchLabels: {stage: production}}, minApprovals: 2}`
	for name, mend := range map[string]func(w *world) client.Object{
		"the policy": func(w *world) client.Object {
			return w.policy(`{namespaceSelector: {matchLabels: {stage: production}}, minApprovals: 1}`)
		},
		"the labels": func(w *world) client.Object { return w.label("dev") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			w.label("production")
			if got := w.gate(); got != "True Usable " {
				t.Errorf("before: %s", got)
			}
			w.policy(two)
			const want = "False OutsidePolicy "
			if got := w.gate(); !strings.HasPrefix(got, want) {
				t.Errorf("outside: %s", got)
			} else {
				said.Check(t, "the Gate", got)
			}
			approval := w.opened()
			w.step(w.approvals, approval)
			if got := w.condition(approval, v1alpha1.ConditionReady); !strings.HasPrefix(got, want) {
				t.Errorf("the Approval: %s", got)
			} else {
				said.Check(t, "the Approval", got)
			}
			b := ct.Ballot("alice", approvals.Approve, "")
			if _, _, err := w.desk.Vote(t.Context(), approvals.Key{Namespace: "prod", Name: approval}, b); approvals.CodeOf(err) != approvals.CodeNotReady {
				t.Errorf("vote: %v", err)
			}
			w.wakes(mend(w), approval)
			w.step(w.approvals, approval)
			w.step(w.approvals, approval)
			if got := w.condition(approval, v1alpha1.ConditionReady); got != "True Resolved " {
				t.Errorf("mended: %s", got)
			}
			if got := w.gate(); got != "True Usable " {
				t.Errorf("mended: %s", got)
			}
			w.vote(approval, "alice", approvals.Approve)
			// Writes do not grow with how often it is looked at.
			before := w.Writes()
			w.gate()
			w.gate()
			if n := w.Writes() - before; n != 0 {
				t.Errorf("%d writes for nothing", n)
			}
		})
	}
}

// TestPolicyGetsStricter: what waits is held to what is demanded now, too.
func TestPolicyGetsStricter(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, kubetest.World)
	w.label("production")
	name := w.opened()
	key := approvals.Key{Namespace: "prod", Name: name}
	w.policy(`{namespaceSelector: {}, allowedAuthMethods: [Login]}`)
	_, _, err := w.desk.Vote(t.Context(), key, ct.Ballot("alice", approvals.Approve, ""))
	if approvals.CodeOf(err) != approvals.CodeForbidden {
		t.Errorf("by a token: %v", err)
	}
	said.Check(t, "by a token", approvals.Message(err))
	w.policy(`{namespaceSelector: {}, minApprovals: 2}`)
	_, _, err = w.desk.Vote(t.Context(), key, ct.Ballot("alice", approvals.Approve, ""))
	if approvals.CodeOf(err) != approvals.CodeNotReady || w.get(name).Decided() {
		t.Errorf("one of two: %v", err)
	}
	said.Check(t, "one of two", approvals.Message(err))
	w.vote(name, "alice", approvals.Reject)
	if a := w.get(name); a.Outcome != approvals.Rejected {
		t.Errorf("to say no is always allowed: %s", a.Outcome)
	}
}

// TestSilenceUnderPolicy: what would be approved by silence expires when a policy has come
// to forbid that.
func TestSilenceUnderPolicy(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]approvals.Outcome{
		`{namespaceSelector: {}}`:                            approvals.Approved,
		`{namespaceSelector: {}, allowedOnExpiry: [Expire]}`: approvals.Expired,
	} {
		w := newWorld(t, strings.Replace(kubetest.World, "required: 1", "required: 1\n  onExpiry: Approve", 1))
		w.label("production")
		name := w.opened()
		w.policy(policy)
		w.wait(2 * time.Hour)
		w.step(w.approvals, name)
		if a := w.get(name); a.Outcome != want {
			t.Errorf("%s: %s, want %s", policy, a.Outcome, want)
		}
	}
}

// TestInlineGateOutsidePolicy: anyone who looks at the Trigger is told.
func TestInlineGateOutsidePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(kubetest.World, "value: production}", "value: {approvers: {users: [{name: alice}]}}}", 1))
	w.label("production")
	w.policy(`{namespaceSelector: {}, inlineGates: Forbid}`)
	w.step(w.triggers, "apply")
	select {
	case e := <-w.events.Events:
		if !strings.HasPrefix(e, "Warning CountersignInvalid ") {
			t.Error(e)
		}
	default:
		t.Error("no event")
	}
}

// TestNotConfigured: a Gate that asks for what the service does not have says so, and its
// Approvals are not resolved.
func TestNotConfigured(t *testing.T) {
	t.Parallel()
	for more, want := range map[string]string{
		"record: Required":            "record: Required",
		"mailLink: NeedsLogin":        "mailLink: NeedsLogin",
		"notify: {channels: [ops]}":   "channel ops, which is not in the service's configuration",
		"notify: {channels: [known]}": "",
	} {
		w := newWorld(t, strings.Replace(kubetest.World, "required: 1", "required: 1\n  "+more, 1))
		service := &approvals.Capabilities{Channels: []string{"known"}}
		w.gates.Service, w.approvals.Opener.Service = service, service
		got := w.gate()
		name := w.opened()
		w.step(w.approvals, name)
		ready := w.condition(name, v1alpha1.ConditionReady)
		if want == "" {
			if got != "True Usable " || w.get(name).Resolved == nil {
				t.Errorf("%s: %s, %s", more, got, ready)
			}
			continue
		}
		for _, c := range []string{got, ready} {
			if !strings.HasPrefix(c, "False NotConfigured ") || !strings.Contains(c, want) {
				t.Errorf("%s: %q, want %q", more, c, want)
			}
		}
	}
}

// TestStatusIsOurs: what somebody else wrote into a Gate's status does not stay.
func TestStatusIsOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.gate()
	var g v1alpha1.Gate
	if err := w.Get(t.Context(), request("production").NamespacedName, &g); err != nil {
		t.Fatal(err)
	}
	g.Status.Conditions[0].Status, g.Status.Conditions[0].Reason = "False", "Forged"
	if err := w.WithWatch.Status().Update(t.Context(), &g); err != nil {
		t.Fatal(err)
	}
	if got := w.gate(); got != "True Usable " {
		t.Errorf("%s", got)
	}
}

// TestTaskOutsidePolicy: a task is held to policies by what it says, and by the Gate that
// it names; what it can't say is as the strictest policy has it.
func TestTaskOutsidePolicy(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	// In the task of the run, and in the CustomRun: both or the run is not believed.
	byGate := []string{"{name: approvers, value: [alice, bob]}", "{name: gate, value: production}"}
	late := []string{"spec:\n  customRef:", "spec:\n  timeout: 96h\n  customRef:"}
	for name, c := range map[string]struct {
		kind    string
		change  []string
		policy  string
		refused bool
	}{
		"nothing to say":             {"automatiko", nil, `{namespaceSelector: {}, minApprovals: 1}`, false},
		"its own approvers":          {"automatiko", nil, `{namespaceSelector: {}, taskApprovers: Forbid}`, true},
		"its own approvers, a gate":  {"manual-approval-gate", nil, `{namespaceSelector: {}, taskApprovers: Forbid}`, true},
		"what RBAC says":             {"kuberocketci", nil, `{namespaceSelector: {}, taskApprovers: Forbid}`, true},
		"by a Gate":                  {"automatiko", byGate, `{namespaceSelector: {}, taskApprovers: Forbid}`, false},
		"by a Gate that is outside":  {"automatiko", byGate, `{namespaceSelector: {}, minApprovals: 2}`, true},
		"too few":                    {"automatiko", nil, `{namespaceSelector: {}, minApprovals: 2}`, true},
		"too long, as it says":       {"automatiko", late, `{namespaceSelector: {}, maxExpiresAfter: 72h}`, true},
		"as long as the policy says": {"automatiko", nil, `{namespaceSelector: {}, maxExpiresAfter: 72h}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTasking(t, c.kind, c.change...)
			if slices.Equal(c.change, byGate) {
				for _, o := range kubetest.Objects(t, kubetest.Only(kubetest.World, "Gate")) {
					if err := x.WithWatch.Create(t.Context(), o); err != nil {
						t.Fatal(err)
					}
				}
			}
			x.label("production")
			x.policy(c.policy)
			got := ending(x.settle())
			if c.refused {
				if !strings.HasPrefix(got, "False ApprovalTaskRefused ") || len(x.all()) > 0 {
					t.Errorf("%s, want a refusal", got)
				}
				said.Check(t, name, sentence(got))
				return
			}
			if !strings.HasPrefix(got, "Unknown Running") {
				t.Fatalf("%s; %s", got, x.log.String())
			}
			if p := x.only().Resolved.Policy; strings.Contains(c.policy, "72h") && p.Lifetime != 72*time.Hour {
				t.Errorf("it waits for %s", p.Lifetime)
			}
		})
	}
}
