package verifyrun

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// Starter lets a run go that its template made pending, once what it refers to by name
// was compared with what was approved. Tekton refuses changes of a pending run's spec, and
// a patch is for the run as it was compared (its resource version), so nothing gets in
// between; the UID and generation of what it refers to are the API server's, so that they
// are the same after Tekton has read them says that Tekton read what was approved. What
// makes it idempotent is the run's own spec.status: once cleared there is nothing to clear.
type Starter struct {
	Client         client.Client
	Live           client.Reader
	ServiceAccount string // namespace:name, for the grant that a message tells

	mu       sync.Mutex
	verified map[types.UID]bool // TaskRuns whose Task was found to be the approved one
}

// Start does the next step with the run of a, which was proved to be a's. started says
// that it has begun, with what was approved; a problem, that it is not what was approved
// and was cancelled.
//
// Errors: with reason RunForbidden when the service may not start it.
func (s *Starter) Start(ctx context.Context, a approvals.Approval, run *approvals.Run) (started bool, problem *approvals.Problem, err error) {
	var pr pipelinev1.PipelineRun
	err = s.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: run.Name}, &pr)
	switch {
	case apierrors.IsNotFound(err) || err == nil && string(pr.UID) != run.UID:
		return false, nil, nil // it is looked for again
	case err != nil:
		return false, nil, kubeutil.Translate(err, "run "+run.Name)
	case pr.IsCancelled() && pr.Annotations[MarkAnnotation] == MarkOf(a.Key): // by us, before somebody killed us
		return false, differs(&pr, "when it was compared", askAgain(a)), nil
	case pr.Spec.Status != "" && !pr.IsPending():
		return true, nil, nil // cancelled by somebody else: it was there
	}
	why, err := s.compare(ctx, a, &pr)
	switch {
	case err != nil:
		return false, nil, err
	case why == "" && pr.IsPending():
		return false, nil, s.patch(ctx, a, &pr, "")
	case why == "" && pr.Status.PipelineSpec == nil && !pr.IsDone():
		return false, nil, nil // Tekton has not read its Pipeline yet
	case why == "":
		return true, nil, nil
	case !pr.IsDone():
		err = s.patch(ctx, a, &pr, pipelinev1.PipelineRunSpecStatusCancelled)
	}
	return false, differs(&pr, why, askAgain(a)), err
}

// Cancel cancels what is pending under the name of a's run and is not to start.
func (s *Starter) Cancel(ctx context.Context, a approvals.Approval, name string) error {
	var pr pipelinev1.PipelineRun
	err := s.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: name}, &pr)
	if apierrors.IsNotFound(err) || err == nil && !pr.IsPending() {
		return nil
	}
	if err != nil {
		return kubeutil.Translate(err, "run "+name)
	}
	return s.patch(ctx, a, &pr, pipelinev1.PipelineRunSpecStatusCancelled)
}

// compare says what is not as it was approved, "" for nothing.
func (s *Starter) compare(ctx context.Context, a approvals.Approval, pr *pipelinev1.PipelineRun) (string, error) {
	if pr.IsPending() && pr.Status.PipelineSpec != nil {
		return "because somebody wrote the pipeline to run into its status while it was pending", nil
	}
	now, spec, err := pipelinerun.ReferencesOf(ctx, s.Live, pr)
	switch code := approvals.CodeOf(err); {
	case code == approvals.CodeNotFound || code == approvals.CodeInvalid:
		return "because " + strings.TrimSuffix(approvals.Message(err), "; this continues automatically"), nil
	case err != nil:
		return "", err
	}
	if why := Changed(a.Resolved.References, now); why != "" || pr.Status.PipelineSpec == nil {
		return why, nil
	}
	if what := pipelinerun.OtherShape(spec, pr.Status.PipelineSpec); what != "" {
		return "because what Tekton runs of it differs from the pipeline in " + what, nil
	}
	return "", nil
}

// Changed names what differs between what was approved and what is there.
func Changed(approved, now []approvals.Reference) string {
	for _, n := range now {
		i := slices.IndexFunc(approved, func(x approvals.Reference) bool { return x.Kind == n.Kind && x.Name == n.Name })
		switch {
		case i < 0:
			return "because it refers to " + n.String() + ", which was not part of what was approved"
		case approved[i].UID != n.UID:
			return "because " + n.String() + " was recreated after it was approved"
		case approved[i].Generation != n.Generation || approved[i].Digest != n.Digest:
			return "because " + n.String() + " was changed after it was approved"
		}
	}
	if len(now) != len(approved) {
		return "because it refers to fewer things by name than were approved"
	}
	return ""
}

func differs(pr *pipelinev1.PipelineRun, why, todo string) *approvals.Problem {
	return &approvals.Problem{Reason: approvals.ReasonRunDiffers, Message: fmt.Sprintf(
		"PipelineRun %s was cancelled, %s. The decision is for what was approved, and starts nothing else. %s", pr.Name, why, todo)}
}

func askAgain(a approvals.Approval) string {
	return "Request approval again, which does not repeat the first pipeline: tkn approval again " + a.Name + ", or the button on its page"
}

// patch sets spec.status of the run as it was read.
func (s *Starter) patch(ctx context.Context, a approvals.Approval, pr *pipelinev1.PipelineRun, status pipelinev1.PipelineRunSpecStatus) error {
	err := PatchOf(pr, a.Key, func() { pr.Spec.Status = status })(ctx, s.Client)
	if apierrors.IsForbidden(err) {
		what := "an admission policy refuses it"
		if kubeutil.IsRBAC(err) {
			what = fmt.Sprintf("apply deploy/components/release-pending-run in namespace %[1]s, or: kubectl -n %[1]s create role countersign-release --verb=get,patch --resource=pipelineruns.tekton.dev && kubectl -n %[1]s create rolebinding countersign-release --role=countersign-release --serviceaccount=%[2]s",
				a.Namespace, s.ServiceAccount)
		}
		return kubeutil.Reason(RunForbidden, approvals.Errorf(approvals.CodeForbidden,
			"PipelineRun %s is pending, and the service may not start or cancel it: %s", pr.Name, what))
	}
	return kubeutil.Translate(err, "run "+pr.Name)
}

// Follow looks at the tasks of a's run that Tekton has read since: Tekton reads a Task when
// it is that task's turn, maybe hours after the run was started. What is not what was
// approved cancels the run. Of tasks from before since, when this process began to look,
// it can't be told whether a change came before Tekton read it: that is only reported.
// unread says that there are tasks which Tekton has not read yet: nobody tells when it does.
func (s *Starter) Follow(ctx context.Context, a approvals.Approval, since time.Time) (problem *approvals.Problem, unread bool, err error) {
	var pr pipelinev1.PipelineRun
	err = s.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: a.SecondRun.Name}, &pr)
	if apierrors.IsNotFound(err) || err == nil && string(pr.UID) != a.SecondRun.UID {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, kubeutil.Translate(err, "run "+a.SecondRun.Name)
	}
	for _, c := range pr.Status.ChildReferences {
		if c.Kind != "TaskRun" {
			continue
		}
		var tr pipelinev1.TaskRun
		err := s.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: c.Name}, &tr)
		switch {
		case apierrors.IsNotFound(err) || err == nil && s.isVerified(tr.UID):
			continue
		case err != nil:
			return nil, false, kubeutil.Translate(err, "task run "+c.Name)
		case tr.Status.TaskSpec == nil:
			unread = unread || !tr.IsDone()
			continue
		}
		why, err := s.taskChanged(ctx, a, &tr)
		switch {
		case err != nil:
			return nil, false, err
		case why == "":
			s.verify(tr.UID)
			continue
		case tr.CreationTimestamp.Time.Before(since):
			return &approvals.Problem{Reason: approvals.ReasonRunDiffers, Message: fmt.Sprintf(
				"task %s of PipelineRun %s may have run something else than was approved, %s. The task began before the service watched the run, so the service can't tell whether Tekton had read it by then; the run continues", c.PipelineTaskName, pr.Name, why)}, false, nil
		}
		if !pr.IsDone() && pr.Spec.Status == "" {
			if err := s.patch(ctx, a, &pr, pipelinev1.PipelineRunSpecStatusCancelled); err != nil {
				return nil, false, err
			}
		}
		return differs(&pr, fmt.Sprintf("in the middle: task %s is not what was approved, %s", c.PipelineTaskName, why), "Run the first pipeline again to request approval again"), false, nil
	}
	return nil, unread && !pr.IsDone(), nil
}

// taskChanged says what of a TaskRun's Task, or of any StepAction, is not as it was approved.
func (s *Starter) taskChanged(ctx context.Context, a approvals.Approval, tr *pipelinev1.TaskRun) (string, error) {
	if ref := tr.Spec.TaskRef; ref != nil && ref.Resolver == "" {
		if !slices.ContainsFunc(a.Resolved.References, func(x approvals.Reference) bool { return x.Kind == "Task" && x.Name == ref.Name }) {
			return "because it is of Task " + ref.Name + ", which was not part of what was approved", nil
		}
	}
	for _, x := range a.Resolved.References {
		var o client.Object
		switch {
		case x.Kind == "StepAction":
			o = &pipelinev1beta1.StepAction{}
		case x.Kind == "Task" && tr.Spec.TaskRef != nil && tr.Spec.TaskRef.Name == x.Name:
			o = &pipelinev1.Task{}
		default:
			continue
		}
		err := s.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: x.Name}, o)
		switch {
		case apierrors.IsNotFound(err):
			return "because " + x.String() + " was deleted after it was approved", nil
		case err != nil:
			return "", kubeutil.Translate(err, x.String())
		case string(o.GetUID()) != x.UID || o.GetGeneration() != x.Generation:
			return "because " + x.String() + " was changed after it was approved", nil
		}
	}
	return "", nil
}

// maxVerified bounds what is remembered; past it remembering begins again.
const maxVerified = 1 << 14

func (s *Starter) verify(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verified == nil || len(s.verified) > maxVerified {
		s.verified = map[types.UID]bool{}
	}
	s.verified[uid] = true
}

func (s *Starter) isVerified(uid types.UID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verified[uid]
}
