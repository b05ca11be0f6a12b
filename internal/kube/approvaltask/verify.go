package approvaltask

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// Member is a CustomRun's place in the live run that it is a part of.
type Member struct {
	Run  *pipelinev1.PipelineRun
	Task pipelinev1.PipelineTask
	// Opens says that the run begins with this decision: it waits for no other task,
	// and no other approval task does so.
	Opens bool
}

// MemberOf finds the place of cr, and believes nothing that cr says of itself: Tekton
// takes a CustomRun that somebody made beforehand under a child's name for its own
// (CVE-2023-37264). Its owner must be a live run with that UID, and it must be what
// that run's own status says of the task.
//
// Errors: CodeForbidden (it is not believed, and why), CodeNotReady (Tekton makes
// children before it writes the status that they are held against).
func MemberOf(ctx context.Context, live client.Reader, cr *pipelinev1beta1.CustomRun) (Member, error) {
	owner := metav1.GetControllerOf(cr)
	if owner == nil || owner.Kind != pipeline.PipelineRunControllerName || !strings.HasPrefix(owner.APIVersion, pipeline.GroupName+"/") {
		return Member{}, doubt("it does not belong to a PipelineRun, so the requester is unknown")
	}
	var pr pipelinev1.PipelineRun
	err := live.Get(ctx, types.NamespacedName{Namespace: cr.Namespace, Name: owner.Name}, &pr)
	switch {
	case apierrors.IsNotFound(err):
		return Member{}, doubt("run %s, which it names as its owner, does not exist", owner.Name)
	case err != nil:
		return Member{}, kubeutil.Translate(err, "run "+owner.Name)
	case pr.UID != owner.UID:
		return Member{}, doubt("run %s has another UID than the owner that it names", owner.Name)
	case pr.IsDone() && !cr.IsCancelled():
		return Member{}, doubt("run %s has ended", owner.Name)
	case pr.Status.PipelineSpec == nil:
		return Member{}, approvals.Errorf(approvals.CodeNotReady, "run %s does not list its tasks yet", owner.Name)
	}
	spec := pr.Status.PipelineSpec
	name := cr.Labels[pipeline.PipelineTaskLabelKey]
	all := slices.Concat(spec.Tasks, spec.Finally)
	at := slices.IndexFunc(all, func(t pipelinev1.PipelineTask) bool { return t.Name == name })
	switch {
	case at < 0:
		return Member{}, doubt("run %s has no task %q", owner.Name, name)
	case !sameRef(all[at], cr.Spec):
		return Member{}, doubt("task %s of run %s refers to something else", name, owner.Name)
	}
	place := placeOf(pr.Name, all[at], cr.Name)
	if place < 0 {
		return Member{}, doubt("its name does not match task %s of run %s", name, owner.Name)
	}
	if param := strangeParam(all[at], place, cr.Spec.Params); param != "" {
		return Member{}, doubt("task %s of run %s has another value of param %s", name, owner.Name, param)
	}
	if err := listed(&pr, cr, name); err != nil {
		return Member{}, err
	}
	m := Member{Run: &pr, Task: all[at], Opens: at < len(spec.Tasks) && len(all[at].Deps()) == 0}
	for i, t := range spec.Tasks {
		m.Opens = m.Opens && (i == at || len(t.Deps()) > 0 || !pipelinerun.IsApproval(t))
	}
	return m, nil
}

// listed says why the run's status does not have cr as that task's, and no other's.
// Tekton goes by what it lists there once, for good: a label can be changed before it
// is listed, and back.
func listed(pr *pipelinev1.PipelineRun, cr *pipelinev1beta1.CustomRun, task string) error {
	is := false
	for _, c := range pr.Status.ChildReferences {
		if c.Kind == pipeline.CustomRunControllerName && c.Name == cr.Name {
			if is = true; c.PipelineTaskName != task {
				return doubt("run %s lists it for task %s", pr.Name, c.PipelineTaskName)
			}
		}
	}
	if !is && !cr.IsCancelled() {
		return approvals.Errorf(approvals.CodeNotReady, "run %s does not list it yet", pr.Name)
	}
	return nil
}

func doubt(format string, args ...any) error {
	return approvals.Errorf(approvals.CodeForbidden, "this CustomRun is ignored: %s. Tekton did not create it, but somebody who can create CustomRuns",
		fmt.Sprintf(format, args...))
}

// KindOf is the kind of approval task that cr asks for.
func KindOf(cr *pipelinev1beta1.CustomRun) (tasks.Mapping, bool) {
	switch {
	case cr.Spec.CustomRef != nil:
		return tasks.Of(cr.Spec.CustomRef.APIVersion, string(cr.Spec.CustomRef.Kind))
	case cr.Spec.CustomSpec != nil:
		return tasks.Of(cr.Spec.CustomSpec.APIVersion, cr.Spec.CustomSpec.Kind)
	}
	return tasks.Mapping{}, false
}

func sameRef(t pipelinev1.PipelineTask, s pipelinev1beta1.CustomRunSpec) bool {
	switch {
	case t.TaskRef != nil && s.CustomRef != nil && s.CustomSpec == nil:
		return t.TaskRef.APIVersion == s.CustomRef.APIVersion && string(t.TaskRef.Kind) == string(s.CustomRef.Kind) && t.TaskRef.Name == s.CustomRef.Name
	case t.TaskSpec != nil && s.CustomSpec != nil && s.CustomRef == nil:
		return t.TaskSpec.APIVersion == s.CustomSpec.APIVersion && t.TaskSpec.Kind == s.CustomSpec.Kind && sameEmbedded(t.TaskSpec.Spec.Raw, s.CustomSpec.Spec.Raw)
	}
	return false
}

// strangeParam names a param of which t says something else, in that place of its
// matrix, "" for none.
func strangeParam(t pipelinev1.PipelineTask, place int, given pipelinev1beta1.Params) string {
	said := map[string][]pipelinev1.ParamValue{}
	values, there := ofMatrix(t.Matrix, place)
	for _, p := range slices.Concat(t.Params, values) {
		said[p.Name] = append(said[p.Name], p.Value)
	}
	for _, p := range given {
		if !slices.ContainsFunc(said[p.Name], func(v pipelinev1.ParamValue) bool { return pipelinerun.Fits(v, p.Value) }) {
			return p.Name
		}
	}
	for _, p := range slices.Concat(t.Params, there) {
		if !slices.ContainsFunc(given, func(g pipelinev1beta1.Param) bool { return g.Name == p.Name }) {
			return p.Name
		}
	}
	return ""
}
