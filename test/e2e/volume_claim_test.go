//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/test/cluster"
)

// A claim that Tekton made for part 1 outlives part 1 while the Approval waits,
// and belongs to part 2 after it.
func TestVolumeOutlivesPartOne(t *testing.T) {
	e, token, _ := gated(t, "")
	pr := &pipelinev1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "with-volume", Labels: map[string]string{"tekton.dev/pipeline": "part-1"}},
		Spec: pipelinev1.PipelineRunSpec{
			Params: pipelinev1.Params{{Name: "version", Value: *pipelinev1.NewStructuredValues("7")}},
			PipelineSpec: &pipelinev1.PipelineSpec{
				Params:     pipelinev1.ParamSpecs{{Name: "version", Type: pipelinev1.ParamTypeString}},
				Workspaces: []pipelinev1.PipelineWorkspaceDeclaration{{Name: "source"}},
				Tasks: []pipelinev1.PipelineTask{{
					Name:       "write",
					Workspaces: []pipelinev1.WorkspacePipelineTaskBinding{{Name: "source", Workspace: "source"}},
					TaskSpec: &pipelinev1.EmbeddedTask{TaskSpec: pipelinev1.TaskSpec{
						Workspaces: []pipelinev1.WorkspaceDeclaration{{Name: "source"}},
						Steps:      []pipelinev1.Step{{Name: "s", Image: "cluster.local/busybox:1", Script: "echo kept > $(workspaces.source.path)/file"}},
					}},
				}},
			},
			Workspaces: []pipelinev1.WorkspaceBinding{{Name: "source", VolumeClaimTemplate: &corev1.PersistentVolumeClaim{
				Spec: corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
					Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
				},
			}}},
		},
	}
	if err := e.Create(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	// Tekton labels a run without a pipelineRef with its own name.
	e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "pipeline: part-1", "inlineRun: with-volume"))
	var name string
	e.Eventually(2*time.Minute, "the approval", func() error {
		l := e.Approvals()
		if len(l) != 1 {
			return fmt.Errorf("%d approvals", len(l))
		}
		name = l[0].Name
		return nil
	})
	claim := e.Approval(name).Spec.Source.PipelineRun.Claims[0].Value
	owners := func() string {
		var pvc corev1.PersistentVolumeClaim
		if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: claim}, &pvc); err != nil {
			return err.Error()
		}
		var out []string
		for _, o := range pvc.OwnerReferences {
			out = append(out, o.Kind+"/"+o.Name)
		}
		return strings.Join(out, " ")
	}
	want := func(what string) {
		t.Helper()
		e.Eventually(time.Minute, "owners "+what, func() error {
			if got := owners(); got != what {
				return fmt.Errorf("%s", got)
			}
			return nil
		})
	}
	want("PipelineRun/with-volume Approval/" + name)
	if err := e.Delete(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	e.Eventually(time.Minute, "the pruned run", func() error {
		if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: "with-volume"}, pr); err == nil {
			return fmt.Errorf("still there")
		}
		return nil
	})
	if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	e.Confirmed(name)
	e.Eventually(time.Minute, "part 2 as the claim's owner", func() error {
		if got := owners(); !strings.Contains(got, "PipelineRun/"+e.Approval(name).Status.SecondRun.Name) || strings.Contains(got, "Approval/") {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
}
