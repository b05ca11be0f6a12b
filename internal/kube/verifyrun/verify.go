package verifyrun

import (
	"context"
	"fmt"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersapi "github.com/tektoncd/triggers/pkg/apis/triggers"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Proofs finds the run that a decided Approval started, and believes nothing that a run
// says of itself: anyone who may create PipelineRuns can give one any name and any label. A
// run counts when it has the name that only this service and its EventListener know
// before it is there, was made after the Approval, and is what the approved template
// makes of the Approval.
type Proofs struct {
	Client   client.Client // reads from the informers' cache; creates in dry runs alone
	Live     client.Reader // reads from the API server
	Triggers *triggers.Triggers
	Now      func() time.Time
	Awaited  *Awaited

	Renderings Renderings
}

// Sighting is the result of a look at the name of the run that an Approval starts.
type Sighting struct {
	Run     *approvals.Run     // it is the Approval's; nil: it is not, or nothing is there
	Problem *approvals.Problem // something is there that is not the Approval's, or can't be proved to be
	EventID string
}

// Reasons of a run that is there and does not count.
const (
	NameTaken         = "NameTaken"
	ReasonRunUnproved = "RunNotVerified"
	// RunForbidden is the reason of a pending run that the service may not start.
	RunForbidden = "RunForbidden"
)

// Expect has the run of a known by its name, and the Trigger that makes it, before somebody
// looks for it.
func (p *Proofs) Expect(ctx context.Context, a approvals.Approval) {
	p.Awaited.Add(a)
	p.Renderings.expect(ctx, p.Triggers, a)
}

// Peek returns the run under the name of a's run from the cache, without comparing it: nil for
// none. Prove compares it later.
func (p *Proofs) Peek(ctx context.Context, a approvals.Approval) *pipelinev1.PipelineRun {
	if a.RunName == "" {
		return nil
	}
	pr, err := kubeutil.Read(ctx, client.Reader(p.Client), a.Namespace, string(a.RunName), &pipelinev1.PipelineRun{})
	if err != nil || pipelinerun.IsInPart(pr) {
		return nil
	}
	return pr
}

// See compares pr, which is whole, with a.
func (p *Proofs) See(ctx context.Context, a approvals.Approval, pr *pipelinev1.PipelineRun) (Sighting, error) {
	problem, err := p.Prove(ctx, a, pr)
	if err != nil || problem != nil {
		return Sighting{Problem: problem}, err
	}
	return Sighting{
		Run:     &approvals.Run{Name: pr.Name, UID: string(pr.UID), Pipeline: pipelinerun.PipelineOf(pr), At: p.Now()},
		EventID: pr.Labels[triggersapi.GroupName+triggersapi.EventIDLabelKey],
	}, nil
}

// Forget drops what is known of an Approval whose run was recorded, or is not to come.
func (p *Proofs) Forget(k approvals.Key) {
	p.Awaited.Forget(types.NamespacedName{Namespace: k.Namespace, Name: k.Name})
	p.Renderings.forget(k.UID)
}

// Look looks for the run that a started: in the cache, and at the API server where the
// cache has it in part. That something is there and not a's is the API server's word
// alone: a cache that lags behind must have nobody delete the right run.
func (p *Proofs) Look(ctx context.Context, a approvals.Approval) (Sighting, error) {
	p.Awaited.Add(a)
	if a.RunName == "" {
		return Sighting{}, nil
	}
	pr, err := kubeutil.Read(ctx, client.Reader(p.Client), a.Namespace, string(a.RunName), &pipelinev1.PipelineRun{})
	switch {
	case apierrors.IsNotFound(err):
		return Sighting{}, nil
	case err != nil:
		return Sighting{}, kubeutil.Translate(err, "the run of approval "+a.Key.String())
	case pipelinerun.IsInPart(pr) && !p.isProved(a, pr):
		return p.LookLive(ctx, a)
	}
	found, err := p.See(ctx, a, pr)
	if err == nil && found.Problem != nil {
		return p.LookLive(ctx, a)
	}
	return found, err
}

// LookLive looks for the run that a started at the API server.
func (p *Proofs) LookLive(ctx context.Context, a approvals.Approval) (Sighting, error) {
	if a.RunName == "" {
		return Sighting{}, nil
	}
	var pr pipelinev1.PipelineRun
	err := p.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: string(a.RunName)}, &pr)
	switch {
	case apierrors.IsNotFound(err):
		return Sighting{}, nil
	case err != nil:
		return Sighting{}, kubeutil.Translate(err, "the run of approval "+a.Key.String())
	}
	return p.See(ctx, a, &pr)
}

func (p *Proofs) isProved(a approvals.Approval, pr *pipelinev1.PipelineRun) bool {
	known, ok := p.Renderings.get(a)
	return ok && pr.UID != "" && known.proved == pr.UID
}

// Prove says why pr, which is whole, is not the run that a started: nil when it is.
//
// Errors: CodeUnavailable (it can't be said now).
func (p *Proofs) Prove(ctx context.Context, a approvals.Approval, pr *pipelinev1.PipelineRun) (*approvals.Problem, error) {
	switch {
	case a.RunName == "" || pr.Namespace != a.Namespace || pr.Name != string(a.RunName):
		return nameTaken(a, pr, "it is not of this approval"), nil
	case p.isProved(a, pr):
		return nil, nil
	case pr.CreationTimestamp.Time.Before(a.OpenedAt.Truncate(time.Second)): // both by the API server's clock
		return nameTaken(a, pr, "it was created before this approval was opened"), nil
	}
	known, err := p.Renderings.of(ctx, p.Triggers, a)
	switch code := approvals.CodeOf(err); {
	case code == approvals.CodeUnavailable:
		return nil, err
	case err != nil:
		return &approvals.Problem{Reason: ReasonRunUnproved, Message: fmt.Sprintf(
			"PipelineRun %s exists, but can't be compared with what was approved, because the service was restarted after trigger %s was changed (%s). The run does not count, and nothing more is started. Change the Trigger back to have the run compared, or check the run yourself and cancel this approval",
			pr.Name, a.Trigger, strings.TrimSuffix(approvals.Message(err), "."))}, nil
	}
	places, refused, err := p.compare(ctx, a, known.Made, pr)
	where := "it differs from what was approved in " + strings.Join(places, ", ")
	switch {
	case err != nil:
		return nil, err
	case len(places) == 0:
		p.Renderings.prove(a.UID, pr.UID)
		return nil, nil
	case refused != nil:
		return &approvals.Problem{Reason: ReasonRunUnproved, Message: fmt.Sprintf(
			"PipelineRun %s exists, and %s. Countersign can't find out whether admission changes every such run in that way, because the API server refuses a dry run of it: %v. It is checked again, and recorded if it is the right one, once dry runs succeed",
			pr.Name, where, refused)}, nil
	}
	return nameTaken(a, pr, where), nil
}

// compare tells where pr is not what was rendered. What admission makes of the rendered
// run is asked where it differs, by a dry run under another name: that one is taken.
// refused is that dry run's.
func (p *Proofs) compare(ctx context.Context, a approvals.Approval, made render.Rendered, pr *pipelinev1.PipelineRun) (places []string, refused, err error) {
	if a.Resolved.Policy.VerifyBeforeStart && pr.Annotations[MarkAnnotation] == MarkOf(a.Key) { // we let it go
		pr = pr.DeepCopy()
		delete(pr.Annotations, MarkAnnotation)
	}
	want, err := pipelinerun.WantedRun(ctx, made.Objects[0], made.Unknown, pr)
	if err != nil {
		return []string{"its spec, which can't be read as that of a run"}, nil, nil //nolint:nilerr // it differs
	}
	places = want.Differences(ctx, pr)
	if len(places) == 0 || strings.HasPrefix(places[0], "metadata.") {
		return places, nil, nil
	}
	admitted := want.Run.DeepCopy()
	admitted.Name, admitted.GenerateName = approvals.Name("dry-run", pr.Name), ""
	err = p.Client.Create(ctx, admitted, client.DryRunAll)
	switch terr := kubeutil.Translate(err, "a dry run of the run"); {
	case err == nil:
		return pipelinerun.Wanted{Run: admitted, Unknown: want.Unknown}.Differences(ctx, pr), nil, nil
	case apierrors.IsForbidden(err): // by a quota or a policy, say
		return places, err, nil
	case approvals.CodeOf(terr) == approvals.CodeUnavailable:
		return nil, nil, terr
	}
	return places, err, nil
}

// nameTaken is the problem that a run is there that is not a's.
func nameTaken(a approvals.Approval, pr *pipelinev1.PipelineRun, why string) *approvals.Problem {
	return &approvals.Problem{Reason: NameTaken, Message: fmt.Sprintf(
		"PipelineRun %s has the name of this approval's run but is not what trigger %s starts for it: %s. It does not count, and nothing is started while it exists. Find out who created it, and check what it does. If it does what was approved, cancel this approval: nothing more is started then. If not, delete the run, and the approved one is started",
		pr.Name, a.Trigger, why)}
}
