package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Uploads takes evidence from the pods of a run that has not ended.
type Uploads struct {
	Live  client.Reader // from the API server
	Store *Store
	// Pod is the pod that a token was made for.
	Pod func(ctx context.Context, token string) (identity.Pod, error)
}

// Upload keeps data as the evidence of that name of a PipelineRun, if token is that of a pod
// of the very run. Without a namespace and a run it is the pod's own. created is false when the same bytes were there before.
//
// Errors: CodeForbidden (not a pod of that run), CodeConflict (the run has ended, or there are
// other bytes of that name), CodeInvalid, CodeLimited.
func (u *Uploads) Upload(ctx context.Context, namespace, run, name, token string, data []byte) (kept evidence.Item, created bool, err error) {
	if why := evidence.CheckName(name); why != "" {
		return kept, false, approvals.Errorf(approvals.CodeInvalid, "%s", why)
	}
	if len(data) == 0 {
		return kept, false, approvals.Errorf(approvals.CodeInvalid, "evidence %q is empty: send its bytes as the body, for example with curl --data-binary @FILE", name)
	}
	if len(data) > evidence.MaxSize {
		return kept, false, TooLarge(name)
	}
	pod, err := u.Pod(ctx, token)
	if err != nil {
		return kept, false, err
	}
	pr, err := u.runOf(ctx, pod, namespace, run)
	if err != nil {
		return kept, false, err
	}
	if pr.IsDone() {
		return kept, false, approvals.Errorf(approvals.CodeConflict, "PipelineRun %s has ended, so its evidence can't change any more", pr.Name)
	}
	of := Of{Namespace: pr.Namespace, Run: pr.Name, RunUID: string(pr.UID), Kind: evidence.Upload, Name: name}
	k, created, err := u.Store.Keep(ctx, of, data, "")
	return k.item(evidence.Wanted{Name: name, Kind: evidence.Upload}), created, err
}

// TooLarge is the error of an upload that has too many bytes.
func TooLarge(name string) error {
	return approvals.Errorf(approvals.CodeInvalid, "evidence %q has more than %s, which is the limit: upload what people decide on, and keep the rest where it is", name, evidence.Bytes(evidence.MaxSize))
}

// runOf is the run of that name when pod is a part of it. It believes nothing that the pod's
// labels say: the owners are followed by UID, and each owner's own status, which nobody but
// Tekton writes, must name its child. Who may create pods could else give one any owner.
func (u *Uploads) runOf(ctx context.Context, pod identity.Pod, namespace, run string) (*pipelinev1.PipelineRun, error) {
	if namespace == "" {
		namespace = pod.Namespace
	}
	no := func(format string, args ...any) error {
		whose := "a PipelineRun"
		if run != "" {
			whose = "PipelineRun " + run
		}
		return approvals.Errorf(approvals.CodeForbidden, "pod %s may not upload evidence of %s in namespace %s: %s", pod.Name, whose, namespace, fmt.Sprintf(format, args...))
	}
	if pod.Namespace != namespace {
		return nil, no("it is in namespace %s", pod.Namespace)
	}
	var p metav1.PartialObjectMetadata
	p.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	if err := u.get(ctx, namespace, pod.Name, &p); err != nil {
		if apierrors.IsForbidden(err) {
			return nil, approvals.Errorf(approvals.CodeUnavailable,
				"Countersign may not read the pods of namespace %s, so it can't tell whose upload this is: apply deploy/components/evidence in that namespace", namespace)
		}
		return nil, u.gone(err, "pod "+pod.Name, no)
	}
	if string(p.UID) != pod.UID {
		return nil, no("the pod that its token was made for was deleted")
	}
	owner := controllerOf(&p, pipeline.TaskRunControllerName)
	if owner == nil {
		return nil, no("it is not a pod of a TaskRun")
	}
	var tr pipelinev1.TaskRun
	if err := u.get(ctx, namespace, owner.Name, &tr); err != nil {
		return nil, u.gone(err, "TaskRun "+owner.Name, no)
	}
	switch {
	case tr.UID != owner.UID:
		return nil, no("TaskRun %s has another UID than the pod's owner", owner.Name)
	case tr.Status.PodName == "":
		return nil, notYet("TaskRun " + tr.Name)
	case tr.Status.PodName != pod.Name:
		return nil, no("TaskRun %s runs in pod %s", tr.Name, tr.Status.PodName)
	}
	if owner = controllerOf(&tr, pipeline.PipelineRunControllerName); owner == nil {
		return nil, no("TaskRun %s is not part of a PipelineRun", tr.Name)
	}
	if run != "" && owner.Name != run {
		return nil, no("it belongs to PipelineRun %s", owner.Name)
	}
	run = owner.Name
	var pr pipelinev1.PipelineRun
	if err := u.get(ctx, namespace, run, &pr); err != nil {
		return nil, u.gone(err, "PipelineRun "+run, no)
	}
	if pr.UID != owner.UID {
		return nil, no("it belongs to another PipelineRun of that name")
	}
	if !slices.ContainsFunc(pr.Status.ChildReferences, func(c pipelinev1.ChildStatusReference) bool {
		return c.Kind == pipeline.TaskRunControllerName && c.Name == tr.Name
	}) {
		if pr.IsDone() {
			return nil, no("PipelineRun %s does not list TaskRun %s", run, tr.Name)
		}
		return nil, notYet("PipelineRun " + run)
	}
	return &pr, nil
}

func (u *Uploads) get(ctx context.Context, namespace, name string, o client.Object) error {
	return u.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, o)
}

func (u *Uploads) gone(err error, what string, no func(string, ...any) error) error {
	if apierrors.IsNotFound(err) {
		return no("%s does not exist", what)
	}
	return kubeutil.Translate(err, what)
}

// notYet is that Tekton made a child, and has not noted it yet: curl --retry sends it again.
func notYet(what string) error {
	return approvals.Errorf(approvals.CodeUnavailable, "%s does not list the tasks that it has started yet; try again in a moment", what)
}

// controllerOf is o's controller when that is one of Tekton's of a kind.
func controllerOf(o metav1.Object, kind string) *metav1.OwnerReference {
	owner := metav1.GetControllerOf(o)
	if owner == nil || owner.Kind != kind || !strings.HasPrefix(owner.APIVersion, pipeline.GroupName+"/") {
		return nil
	}
	return owner
}
