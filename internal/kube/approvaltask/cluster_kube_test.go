//go:build kube

package approvaltask

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// TestTasksForReal: what is signed comes back from a real API server as it went, with
// all that its schema fills in; the CustomRun takes its statuses, and the objects of
// the kinds are what their definitions allow, written once.
func TestTasksForReal(t *testing.T) {
	cfg := kubetest.APIServer(t, "../../../deploy/crd", "../../../deploy/components/approvaltask/automatiko.yaml",
		"../../../deploy/components/approvaltask/kuberocketci.yaml", kubetest.TektonDefinition(t, "customrun"))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, pipelinev1.AddToScheme, pipelinev1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	now := servicetest.At(time.Now())
	store := &store.Store{Client: c, Live: c, Ring: servicetest.Ring, Now: now}
	runs := &CustomRuns{Client: c, Live: c, Now: now}
	kinds := &Kinds{Live: c, Now: now}
	opener := &hold.Opener{Client: c, Live: c, CEL: cel, Ring: servicetest.Ring, Now: now, Log: slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil)), Opened: func(string, string) {}}
	views := map[string]View{tasks.Automatiko: AutomatikoView(c, nil), tasks.KubeRocketCI: RocketView(c)}
	for _, kind := range tasks.All() {
		t.Run(kind.Name, func(t *testing.T) {
			cr := &pipelinev1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: kind.Name}}
			cr.Spec.CustomRef, cr.Spec.Retries = &pipelinev1beta1.TaskRef{APIVersion: kind.APIVersion, Kind: pipelinev1beta1.TaskKind(kind.Kind)}, 1
			cr.Spec.Params = pipelinev1beta1.Params{
				{Name: "description", Value: *pipelinev1beta1.NewStructuredValues("deploy")},
				{Name: "approvers", Value: *pipelinev1beta1.NewStructuredValues("alice@example.com", "bob")},
			}
			if err := c.Create(t.Context(), cr); err != nil {
				t.Fatal(err)
			}
			m := Member{Run: &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "deploy-1", UID: "run", CreationTimestamp: metav1.NewTime(ct.T0)}}, Task: pipelinev1.PipelineTask{Name: "approval"}}
			for range 2 { // twice is once
				if err := OpenTask(t.Context(), opener, cr, m, kind); err != nil {
					t.Fatal(err)
				}
			}
			a, err := store.Fresh(t.Context(), approvals.Key{Namespace: "default", Name: approvals.TaskName(cr.Name, string(cr.UID), 0)})
			if err != nil || a.Resolved == nil {
				t.Fatalf("%v, %+v: the schema changed what is signed", err, a.Blocked)
			}
			if want := approvals.ContentDigest("default", "", "", a.Source, a.Resolved.Params, nil); a.Resolved.Digest != want {
				t.Error("what is approved came back as something else")
			}
			s, err := kinds.Of(t.Context(), kind)
			if _, ours := views[kind.Name]; err != nil || s.Serves != ours || s.Mirrored != ours {
				t.Errorf("%+v, %v; its definition is ours: %v", s, err, ours)
			}
			fresh := func() *pipelinev1beta1.CustomRun {
				got, err := runs.Fresh(t.Context(), cr)
				if err != nil || got == nil {
					t.Fatal(err, got)
				}
				return got
			}
			fail := tasks.End{Reason: "Failed", Message: "no"}
			if err := runs.PickUp(t.Context(), fresh(), a.Name); err != nil {
				t.Fatal(err)
			}
			before := fresh()
			for range 2 { // the same attempt is noted once
				if err := runs.Finish(t.Context(), before, fail, []approvals.Param{{Name: "decision", Value: "false"}}, false); err != nil {
					t.Fatal(err)
				}
			}
			if got := fresh(); got.IsDone() || Tried(got) != 1 || len(got.Status.RetriesStatus[0].Results) != 1 || len(got.Status.Results) != 0 || got.Status.StartTime == nil {
				t.Errorf("after the first attempt: %+v", got.Status)
			}
			if err := runs.Finish(t.Context(), fresh(), fail, nil, false); err != nil {
				t.Fatal(err)
			}
			ended := fresh()
			if !ended.IsFailure() || ended.Status.CompletionTime == nil {
				t.Errorf("at the end: %+v", ended.Status)
			}
			if err := runs.Finish(t.Context(), ended, tasks.End{Succeeded: true, Reason: "Late"}, nil, false); err != nil || fresh().ResourceVersion != ended.ResourceVersion {
				t.Errorf("an ended one was touched, %v", err)
			}
			view, ok := views[kind.Name]
			if !ok {
				return
			}
			object := func() *unstructured.Unstructured {
				o := view.empty(cr)
				if err := c.Get(t.Context(), types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, o); err != nil {
					t.Fatal(err)
				}
				return o
			}
			for _, o := range []approvals.Outcome{approvals.Pending, approvals.Rejected} {
				a.Outcome = o
				a.Results = approvals.DefaultResults(a)
				for range 2 {
					if err := view.Sync(t.Context(), cr, a); err != nil {
						t.Fatal(err)
					}
				}
			}
			was := object().GetResourceVersion()
			if err := view.Sync(t.Context(), cr, a); err != nil || object().GetResourceVersion() != was {
				t.Errorf("the same again was written, %v: %v", err, object().Object)
			}
		})
	}
}
