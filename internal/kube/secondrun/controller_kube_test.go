//go:build kube

package secondrun_test

import (
	"context"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"knative.dev/pkg/apis"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/secondrun"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// TestFollowsForReal: with real informers and watches, and the service's own roles, the end of
// each run comes by the run's event, the Approval's, or the deletion; and the API server takes
// what is written.
func TestFollowsForReal(t *testing.T) {
	cfg := kubetest.APIServer(t, "../../../deploy/crd", kubetest.TektonDefinition(t, "pipelinerun"), kubetest.TektonDefinition(t, "taskrun"))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, pipelinev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	as := func(user string, groups ...string) *rest.Config {
		c := rest.CopyConfig(cfg)
		c.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
		return c
	}
	root, err := client.New(as("root", "system:masters"), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	create := func(objs ...client.Object) {
		t.Helper()
		for _, o := range objs {
			if err := root.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "prod"}})
	create(servicetest.Roles(t, "", "../../../deploy/rbac/role.yaml", "../../../deploy/base/accounts.yaml")...)

	mgr, err := ctrl.NewManager(as("system:serviceaccount:countersign:countersign", "system:serviceaccounts"), ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Index(t.Context(), mgr.GetFieldIndexer()); err != nil {
		t.Fatal(err)
	}
	kept := &store.Store{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Ring: servicetest.Ring, Now: time.Now}
	told := make(chan approvals.Approval, 16)
	runs := &secondrun.Runs{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Store: kept, Now: time.Now, Log: servicetest.Quiet, Workers: 2,
		Ended: func(a approvals.Approval) { told <- a },
	}

	// Before the process leads: one run has ended, and one is deleted.
	early, lost := approve(t, root, "early"), approve(t, root, "lost")
	end(t, root, early, "True", "Completed")
	if err := root.Delete(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	if err := runs.SetupWithManager(mgr); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	expect := func(want map[string]approvals.RunOutcome) {
		t.Helper()
		for range want {
			select {
			case a := <-told:
				if got := a.RunEnd.Outcome; got != want[a.Name] {
					t.Errorf("the run of %s: %s, want %s", a.Name, got, want[a.Name])
				}
			case <-time.After(time.Minute):
				t.Fatalf("not all ends came: %v", want)
			}
		}
	}
	expect(map[string]approvals.RunOutcome{"early": approvals.RunSucceeded, "lost": approvals.RunGone})

	// While it leads.
	good, bad, gone := approve(t, root, "good"), approve(t, root, "bad"), approve(t, root, "gone")
	tr := &pipelinev1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "bad-apply"}, Spec: pipelinev1.TaskRunSpec{TaskRef: &pipelinev1.TaskRef{Name: "apply"}}}
	create(tr)
	tr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionFalse, Reason: "Failed", Message: "\"step-apply\" exited with code 1" + strings.Repeat("!", 2000)})
	if err := root.Status().Update(t.Context(), tr); err != nil {
		t.Fatal(err)
	}
	bad.Status.ChildReferences = []pipelinev1.ChildStatusReference{{TypeMeta: runtime.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "TaskRun"}, Name: "bad-apply", PipelineTaskName: "apply"}}
	end(t, root, bad, "False", "Failed")
	end(t, root, good, "True", "Succeeded")
	if err := root.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	expect(map[string]approvals.RunOutcome{"good": approvals.RunSucceeded, "bad": approvals.RunFailed, "gone": approvals.RunGone})

	var o v1alpha1.Approval
	if err := root.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: "bad"}, &o); err != nil {
		t.Fatal(err)
	}
	if n := o.Status.SecondRun; n.Outcome != "Failed" || n.FailedTask != "apply" || len(n.Message) != approvals.MaxRunMessage || n.EndedAt == nil || n.StartedAt == nil {
		t.Errorf("the status has %+v", n)
	}
	var found bool
	for _, c := range o.Status.Conditions {
		found = found || c.Type == v1alpha1.ConditionSecondRunEnded && c.Status == metav1.ConditionTrue && c.Reason == "Failed"
	}
	if !found {
		t.Errorf("condition %s is not true with reason Failed: %+v", v1alpha1.ConditionSecondRunEnded, o.Status.Conditions)
	}
	select {
	case a := <-told:
		t.Errorf("told of %s again", a.Name)
	default:
	}
}

// approve makes an Approval that was approved and whose run was seen, and that run.
func approve(t *testing.T, c client.Client, name string) *pipelinev1.PipelineRun {
	t.Helper()
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "run-" + name}, Spec: pipelinev1.PipelineRunSpec{PipelineRef: &pipelinev1.PipelineRef{Name: "apply"}}}
	if err := c.Create(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	a := ct.Make(name).Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
		a.SecondRun = &approvals.Run{Name: pr.Name, UID: string(pr.UID), Pipeline: "apply", At: time.Now()}
	}).Obj()
	o := servicetest.ObjectOf(a)
	status := o.Status
	o.UID, o.Generation, o.CreationTimestamp = "", 0, metav1.Time{}
	if err := c.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	status.Conditions = convert.ConditionsOf(a, nil, 1, time.Now())
	o.Status = status
	if err := c.Status().Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return pr
}

// end has a run end.
func end(t *testing.T, c client.Client, pr *pipelinev1.PipelineRun, succeeded corev1.ConditionStatus, reason string) {
	t.Helper()
	now := metav1.Now()
	pr.Status.StartTime, pr.Status.CompletionTime = &now, &now
	pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: succeeded, Reason: reason, Message: "Tasks Completed: 1"})
	if err := c.Status().Update(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
}
