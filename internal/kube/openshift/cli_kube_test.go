//go:build kube

package openshift_test

import (
	"encoding/base64"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/openshift"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/test/wait"
)

// cli is the command line of manual-approval-gate, as its users have it, and the
// service as far as it has to do with that.
type cli struct {
	t         *testing.T
	program   string
	dir       string
	namespace string
	ring      keyring.Ring
	mirror    *openshift.Mirror
	tasks     *openshift.ApprovalTasks
	store     *store.Store
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	program := os.Getenv("COUNTERSIGN_TKN_APPROVALTASK")
	if program == "" {
		t.Fatal("COUNTERSIGN_TKN_APPROVALTASK is not set: test/run.sh kube builds it (tool tkn-approvaltask in test/lib.sh)")
	}
	c := &cli{t: t, program: program, dir: t.TempDir(), namespace: w.namespace(t), ring: keyring.Ring{keyring.NewKey(time.Now())}}
	for name, groups := range map[string][]string{"alice": nil, "bob": {"dev"}, "mallory": nil} {
		u, err := w.env.AddUser(envtest.User{Name: name, Groups: groups}, w.cfg)
		if err != nil {
			t.Fatal(err)
		}
		config, err := u.KubeConfig()
		if err == nil {
			err = os.WriteFile(filepath.Join(c.dir, name), config, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.admin.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "approvers", Namespace: c.namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "countersign-approvaltask-approver"},
		Subjects: []rbacv1.Subject{
			{APIGroup: rbacv1.GroupName, Kind: "User", Name: "alice"},
			{APIGroup: rbacv1.GroupName, Kind: "User", Name: "mallory"},
			{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "dev"},
		},
	}); err != nil {
		t.Fatal(err)
	}
	alice, err := w.as("alice")
	if err != nil {
		t.Fatal(err)
	}
	wait.Eventually(t, time.Minute, "alice's right to list ApprovalTasks", func() error { // RBAC takes a moment to be known
		return alice.List(t.Context(), &openshiftv1.ApprovalTaskList{}, client.InNamespace(c.namespace))
	})
	c.store = &store.Store{Client: w.service, Live: w.service, Ring: func() keyring.Ring { return c.ring }, Now: time.Now}
	guards := &identity.Guards{Live: w.service, Now: time.Now}
	since, err := guards.Since(t.Context(), identity.GuardOfAnswers)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(since.Add(time.Second))) // before that the service relies on no policy
	desk := &approvals.VoteService{
		Store: c.store, Now: time.Now, Outcomes: ct.NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {},
		Results: ct.DefaultResults{},
	}
	c.mirror = &openshift.Mirror{Client: w.service, Guards: guards, Now: time.Now}
	c.tasks = &openshift.ApprovalTasks{
		Client: w.service, Store: c.store, Desk: desk, Guards: guards, Mirror: c.mirror, Events: events.NewFakeRecorder(10), Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	return c
}

// open has alice and group dev asked, of whom two must approve.
func (c *cli) open(name string) {
	c.t.Helper()
	o := &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}, Spec: v1alpha1.ApprovalSpec{
		Source: v1alpha1.Source{CustomRun: &v1alpha1.CustomRunSource{
			Name: name, UID: "custom", PipelineRun: "deploy", PipelineRunUID: "run", Pipeline: "deploy", PipelineTask: "approval",
			Mapping: "manual-approval-gate", StartedAt: metav1.NewTime(time.Now().Truncate(time.Second)), Params: []v1alpha1.Param{{Name: "description", Value: "ship it"}},
		}},
		Resolved: &v1alpha1.ResolvedSpec{Gate: approvals.InlineGate, Digest: "d", TemplateDigest: "t", Policy: &v1alpha1.GateSpec{
			Approvers: &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "alice"}}, Groups: []string{"dev"}}, Strategy: "QUORUM", Required: 2,
		}},
		SourceSignature: "s", Signature: "s",
	}}
	// The API server's defaults come first, since a signature is over all of the spec.
	dry := o.DeepCopy()
	if err := w.admin.Create(c.t.Context(), dry, client.DryRunAll); err != nil {
		c.t.Fatal(err)
	}
	o.Spec, o.Spec.Signature = dry.Spec, ""
	sign := func(parts ...any) string {
		return base64.RawStdEncoding.EncodeToString(c.ring.Sign(keyring.Approval, []byte(approvals.Digest(parts...))))
	}
	o.Spec.SourceSignature = sign("source", o.Namespace, o.Name, o.Spec.Trigger, o.Spec.Source)
	o.Spec.Signature = sign("approval", o.Namespace, o.Name, o.Spec)
	if err := w.admin.Create(c.t.Context(), o); err != nil {
		c.t.Fatal(err)
	}
	run := &pipelinev1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{
		Namespace: c.namespace, Name: name, UID: "custom", Labels: map[string]string{"tekton.dev/pipelineRun": "deploy"},
	}}
	if err := c.mirror.Sync(c.t.Context(), run, c.approval(name)); err != nil {
		c.t.Fatal(err)
	}
	c.step(name)
}

func (c *cli) approval(name string) approvals.Approval {
	c.t.Helper()
	a, err := c.store.Fresh(c.t.Context(), approvals.Key{Namespace: c.namespace, Name: name})
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *cli) step(name string) {
	c.t.Helper()
	if _, err := c.tasks.Reconcile(c.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: c.namespace, Name: name}}); err != nil {
		c.t.Fatal(err)
	}
}

var blanks = regexp.MustCompile(`[ \t]+`)

// run is what the program says to a user, blanks and the namespace's name aside.
func (c *cli) run(user string, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.program, append(args, "-n", c.namespace)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(c.dir, user), "NO_COLOR=1")
	out, _ := cmd.CombinedOutput()
	return strings.TrimSpace(blanks.ReplaceAllString(strings.ReplaceAll(string(out), c.namespace, "NS"), " "))
}

func (c *cli) says(want, user string, args ...string) {
	c.t.Helper()
	if got := c.run(user, args...); !strings.Contains(got, want) {
		c.t.Errorf("%s: %v says\n%s\nwant\n%s", user, args, got, want)
	}
}

// TestCommandLine: list, describe, approve and reject of tkn-approvaltask, unchanged.
func TestCommandLine(t *testing.T) {
	c := newCLI(t)
	c.says("No ApprovalTasks found", "alice", "list")
	c.open("deploy-approval")
	c.says("NAME NumberOfApprovalsRequired PendingApprovals Rejected STATUS\ndeploy-approval 2 2 0 Pending", "alice", "list")
	c.says("🏷️ PipelineRunRef: deploy\n\n👥 Approvers\n * alice\n * dev (Group)", "alice", "describe", "deploy-approval")

	c.says("ApprovalTask deploy-approval is approved in NS namespace", "alice", "approve", "deploy-approval", "-m", "looks fine")
	c.step("deploy-approval")
	c.says("deploy-approval 2 1 0 Pending", "alice", "list")
	c.says("alice ✅ looks fine", "bob", "describe", "deploy-approval")

	c.says("Approver: mallory, is not present in the approvers list", "mallory", "approve", "deploy-approval")
	c.says("ApprovalTask deploy-approval is approved in NS namespace", "bob", "approve", "deploy-approval", "-m", "me too")
	c.step("deploy-approval")
	c.says("deploy-approval 2 0 0 Approved", "alice", "list")
	c.says("alice ✅ looks fine\ndev: bob ✅ ---", "alice", "describe", "deploy-approval") // whose words those were is not proved
	if a := c.approval("deploy-approval"); a.Outcome != approvals.Approved || len(a.Votes) != 2 || a.Votes[1].Groups[0] != "dev" {
		t.Errorf("%s, %+v", a.Outcome, a.Votes)
	}
	c.says("it is approved already: there is nothing left to answer", "alice", "reject", "deploy-approval")

	c.open("other-approval")
	c.says("ApprovalTask other-approval is approved in NS namespace", "bob", "approve", "other-approval", "-m", "fine")
	c.step("other-approval")
	c.says("dev: bob ✅ fine", "alice", "describe", "other-approval")
	c.says("ApprovalTask other-approval is rejected in NS namespace", "bob", "reject", "other-approval", "-m", "on second thoughts")
	c.step("other-approval")
	c.says("other-approval 2 1 1 Rejected", "alice", "list")
	c.says("dev: bob ❌ on second thoughts", "alice", "describe", "other-approval")
	if a := c.approval("other-approval"); a.Outcome != approvals.Rejected || a.Votes[0].Comment != "on second thoughts" {
		t.Errorf("%s, %+v", a.Outcome, a.Votes)
	}
}
