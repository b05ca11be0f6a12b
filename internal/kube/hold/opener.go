package hold

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/turns"
)

// maxRepeats bounds how often one event without a delivery id can be asked again.
const maxRepeats = 10_000

// largeEvent is an event that is held in turns: it is written, watched and read by every replica some times over,
// which for one of the largest takes the API server and the service 300 ms of processor time.
const largeEvent = 64 << 10

// LargeTurns are turns for all namespaces together, one of which is one namespace's. Who waits for one has
// an answer before the EventListener gives up.
func LargeTurns() *turns.Turns { return turns.New(8, 1, 6*time.Second) }

// Opener opens Approvals. What makes it idempotent is the name, derived from the
// subject and the Trigger: two processes that open the same thing make the same
// object, and the API server refuses the second.
type Opener struct {
	Client   client.Client
	Live     client.Reader
	Triggers *triggers.Triggers
	CEL      *mapping.Compiler
	Secrets  *gate.Secrets
	Ring     func() keyring.Ring
	Now      func() time.Time
	Log      *slog.Logger
	Opened   func(namespace, trigger string)
	// Page is the address of an Approval's page. Nil: there is none for people to log in.
	Page func(namespace, name string) string
	// Requesters proves who asked for a run; nil: nobody is proved.
	Requesters *Requesters
	// Finalizers are set on each new Approval.
	Finalizers []string
	// Service has the capabilities that Gates are held to; nil: they are not.
	Service *approvals.Capabilities
	// Quotas bound what a namespace may have; nil: nothing does.
	Quotas *Quotas
	// Large are the turns in which large events are held; nil: all are held at once.
	Large *turns.Turns
	// Evidence is looked for when an Approval is resolved; nil: Gates that want some can't be met.
	Evidence Evidence
}

var _ interceptor.Opener = (*Opener)(nil)

// lookback bounds the age of a completed run for which an Approval is opened. A service that
// was down, or a Trigger that gets its after param late, catches up with that much: older
// plans are stale.
const lookback = 24 * time.Hour

// OpenRun opens the Approval for a run that has succeeded and a Trigger that
// waits for it. It is not opened for a run that ended before the Trigger was
// made, or long ago: putting up a Gate does not ask about the past.
func (o *Opener) OpenRun(ctx context.Context, pr *pipelinev1.PipelineRun, trigger triggers.Waiting) error {
	if end := pipelinerun.EndOf(pr); end.Before(trigger.CreationTimestamp.Time) || o.Now().Sub(end) > lookback {
		return nil
	}
	name := approvals.Name(trigger.Name, "run:"+string(pr.UID))
	obj, err := kubeutil.Read(ctx, o.Client, trigger.Namespace, name, &v1alpha1.Approval{})
	if apierrors.IsNotFound(err) {
		if pr, err = o.wholeRun(ctx, pr); err != nil {
			return err
		}
		s := pipelinerun.SourceOf(trigger.Line.After, trigger.Namespace, pr)
		if s.RequesterProof, err = o.Requesters.ProofOf(ctx, pr); err != nil {
			return err
		}
		obj, err = o.open(ctx, trigger.Namespace, trigger.Name, name, s, nil)
	} else {
		if err == nil && obj.Spec.Lean != nil && obj.Spec.Lean.Claims {
			obj, err = kubeutil.Read(ctx, o.Live, trigger.Namespace, name, &v1alpha1.Approval{})
		}
		err = kubeutil.Translate(err, "approval "+name)
	}
	if err != nil {
		return err
	}
	if a := convert.ToDomain(obj); !a.Decided() {
		return keepClaims(ctx, o.Client, o.Live, a)
	}
	return nil
}

// wholeRun is pr with its values, which the API server has where the cache kept none.
func (o *Opener) wholeRun(ctx context.Context, pr *pipelinev1.PipelineRun) (*pipelinev1.PipelineRun, error) {
	if !pipelinerun.IsWithoutValues(pr) {
		return pr, nil
	}
	whole, err := kubeutil.Read(ctx, o.Live, pr.Namespace, pr.Name, &pipelinev1.PipelineRun{})
	if err != nil {
		return nil, kubeutil.Translate(err, fmt.Sprintf("run %s/%s", pr.Namespace, pr.Name))
	}
	if whole.UID != pr.UID {
		return nil, approvals.Errorf(approvals.CodeNotFound, "run %s/%s was deleted, and another one has that name now", pr.Namespace, pr.Name)
	}
	return whole, nil
}

// NotifyCompletion looks at a run that somebody says has succeeded.
func (o *Opener) NotifyCompletion(ctx context.Context, g interceptor.GatedTrigger, namespace, name, uid string) error {
	var pr pipelinev1.PipelineRun
	if err := o.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &pr); err != nil {
		return kubeutil.Translate(err, fmt.Sprintf("run %s/%s", namespace, name))
	}
	switch {
	case string(pr.UID) != uid:
		return approvals.Errorf(approvals.CodeConflict, "run %s/%s has another UID than the run in the event", namespace, name)
	case !pipelinerun.Succeeded(&pr) || !g.Line.After.Takes(g.Namespace, pipelinerun.OriginOf(&pr)):
		return approvals.Errorf(approvals.CodeNotReady, "run %s/%s is not a successful run of %s", namespace, name, g.Line.After)
	}
	found, err := o.Triggers.Find(ctx, g.Namespace, g.Name)
	if err != nil {
		return err
	}
	if err := o.Triggers.MayAwait(ctx, found, g.Line); err != nil {
		return err
	}
	return o.OpenRun(ctx, &pr, triggers.Waiting{Standing: found, Line: g.Line})
}

// MayHold says with CodeLimited that the namespace's quota would refuse an event of size bytes now.
func (o *Opener) MayHold(ctx context.Context, namespace string, size int) error {
	return o.Quotas.MayHold(ctx, namespace, size)
}

// OpenEvent opens the Approval for an event. With a delivery id the same delivery
// is the same Approval for ever; without one the same body is the same Approval
// while that is pending, and a new one after it was decided.
func (o *Opener) OpenEvent(ctx context.Context, g interceptor.GatedTrigger, e approvals.Event, header http.Header) (approvals.Approval, error) {
	proof := approvals.NoProof
	about := o.subjectOf(ctx, g)
	sender, err := o.provenSender(ctx, about, e, header)
	if err != nil {
		return approvals.Approval{}, err
	}
	if sender.Name != "" {
		e.VerifiedBy = sender.String()
	}
	if e.VerifiedBy != "" { // one that nobody verified before is not taken for it
		e.Digest = approvals.Digest("event", e.Body, e.ID, e.VerifiedBy)
		if sender.Kind.Signs() {
			proof = approvals.BySignature // whom the body names as its sender, who has the Secret
		}
	}
	for n := range maxRepeats {
		name := approvals.Name(g.Name, "event:"+e.Digest+":"+strconv.Itoa(n))
		obj, err := kubeutil.Read(ctx, o.Client, g.Namespace, name, &v1alpha1.Approval{})
		if apierrors.IsNotFound(err) {
			obj, err = o.openEvent(ctx, g, name, approvals.Source{Event: &e, RequesterProof: proof}, about)
		}
		if err != nil {
			return approvals.Approval{}, err
		}
		a := convert.ToDomain(obj)
		if e.ID != "" {
			return a, nil
		}
		if !a.Decided() { // the cache may lag behind a decision
			var fresh v1alpha1.Approval
			if err := o.Live.Get(ctx, types.NamespacedName{Namespace: g.Namespace, Name: name}, &fresh); err != nil {
				return approvals.Approval{}, kubeutil.Translate(err, "approval "+name)
			}
			if a = convert.ToDomain(&fresh); !a.Decided() {
				return a, nil
			}
		}
	}
	return approvals.Approval{}, approvals.Errorf(approvals.CodeInvalid, "the same event was already decided %d times: give it a delivery id (Idempotency-Key)", maxRepeats)
}

// openEvent is open within what the namespace may hold in a minute, and for a large event in its turn.
func (o *Opener) openEvent(ctx context.Context, g interceptor.GatedTrigger, name string, s approvals.Source, about *subject) (*v1alpha1.Approval, error) {
	size := s.Event.Size()
	if o.Large != nil && size > largeEvent {
		if err := o.Quotas.MayHold(ctx, g.Namespace, size); err != nil {
			return nil, err // at once, and not after its turn has come
		}
		leave, err := o.Large.Enter(ctx, g.Namespace)
		if err != nil { // no quota's limit: what the namespace is told of those must not be hidden by it
			return nil, approvals.Errorf(approvals.CodeUnavailable, "the service was busy with other large events, so this one was not held: let its sender send it again")
		}
		defer leave()
	}
	if err := o.Quotas.Event(ctx, g.Namespace, size); err != nil {
		return nil, err
	}
	return o.open(ctx, g.Namespace, g.Name, name, s, about)
}

// open creates the object, or reads the one that somebody else was first to
// create. What can't be resolved yet is opened, and can't be decided; the
// approval controller sets them when what is missing is there. CodeLimited: the
// namespace has as much as it may have.
func (o *Opener) open(ctx context.Context, namespace, trigger, name string, s approvals.Source, about *subject) (*v1alpha1.Approval, error) {
	created, err := o.Quotas.Reserve(ctx, namespace, name, s)
	if err != nil {
		return nil, err
	}
	obj, err := o.create(ctx, namespace, trigger, name, s, about)
	created(err == nil)
	return obj, err
}

func (o *Opener) create(ctx context.Context, namespace, trigger, name string, s approvals.Source, about *subject) (*v1alpha1.Approval, error) {
	obj := &v1alpha1.Approval{}
	obj.Namespace, obj.Name, obj.Finalizers = namespace, name, slices.Clone(o.Finalizers)
	obj.Spec = v1alpha1.ApprovalSpec{Trigger: trigger, Source: convert.SourceToAPI(s)}
	if o.Page != nil {
		obj.Spec.Page = o.Page(namespace, name)
	}
	store.SignSource(o.Ring(), obj)
	resolved, err := o.resolve(ctx, namespace, trigger, s, about)
	switch code := approvals.CodeOf(err); {
	case err == nil:
		store.SetResolved(o.Ring(), obj, resolved)
	case code == approvals.CodeInvalid, code == approvals.CodeNotFound,
		mapping.Interrupted(err) && ctx.Err() == nil: // nobody sends the event again
		o.Log.Warn("opened unresolved", "namespace", namespace, "approval", name, "reason", approvals.Message(err))
	default:
		return nil, err
	}
	err = o.Client.Create(ctx, obj)
	if obj.Spec.Resolved != nil && (apierrors.IsInvalid(err) || kubeutil.IsTooLarge(err)) {
		// What the schema refuses when it is resolved, or is too large with what is forwarded, is
		// shown on the Approval, not lost.
		o.Log.Warn("opened unresolved", "namespace", namespace, "approval", name, "reason", err.Error())
		obj.Spec.Resolved, obj.Spec.Signature = nil, ""
		err = o.Client.Create(ctx, obj)
	}
	if apierrors.IsAlreadyExists(err) {
		existing := &v1alpha1.Approval{}
		err = o.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, existing)
		return existing, kubeutil.Translate(err, "approval "+name)
	}
	if kubeutil.IsTooLarge(err) {
		return nil, errTooLarge(s)
	}
	if err = OverQuota(err, "approval "+name); err != nil {
		return nil, kubeutil.Translate(err, "approval "+name)
	}
	o.Opened(namespace, trigger)
	o.Log.Info("approval opened", "namespace", namespace, "approval", name, "trigger", trigger)
	return obj, nil
}

// Lifetime returns the time for which an Approval that is not resolved stays open: its Gate's
// expiresAfter, or the default without a Gate. It counts from the opening.
func (o *Opener) Lifetime(ctx context.Context, a approvals.Approval) (time.Duration, error) {
	g, err := o.Triggers.Gated(ctx, a.Namespace, a.Trigger)
	if err == nil {
		var p approvals.Policy
		if p, err = gate.PolicyFor(ctx, o.Client, a.Namespace, g.Line); err == nil && p.Lifetime >= approvals.MinLifetime && p.Lifetime <= approvals.MaxLifetime {
			return p.Lifetime, nil
		}
	}
	if c := approvals.CodeOf(err); c != "" && c != approvals.CodeInvalid && c != approvals.CodeNotFound {
		return 0, err
	}
	return approvals.DefaultLifetime, nil
}

// Resolve resolves a source as things stand now. CodeInvalid and
// CodeNotFound say what somebody has to fix; other codes may go away.
func (o *Opener) Resolve(ctx context.Context, namespace, trigger string, s approvals.Source) (*approvals.ResolvedSpec, error) {
	return o.resolve(ctx, namespace, trigger, s, nil)
}

// resolve is Resolve by what was looked up of the Trigger, if it was.
func (o *Opener) resolve(ctx context.Context, namespace, trigger string, s approvals.Source, about *subject) (*approvals.ResolvedSpec, error) {
	if err := s.Whole(); err != nil {
		return nil, err
	}
	if s.Task != nil { // they are fixed with its opening, or it is not opened
		return nil, approvals.Errorf(approvals.CodeInvalid, "this Approval of a task is not resolved, so this service did not create it: delete it")
	}
	if about == nil {
		g, err := o.Triggers.Gated(ctx, namespace, trigger)
		if err != nil {
			return nil, err
		}
		about = o.subjectOf(ctx, g)
	}
	g, p, err := about.GatedTrigger, about.policy, about.noPolicy
	if err != nil {
		return nil, err
	}
	if p.Release.Kind == "" && g.Unresolved != nil {
		return nil, g.Unresolved
	}
	if !about.senderChecked && (s.Event != nil || p.Release.Kind == "") {
		if err := o.Triggers.CheckSender(ctx, namespace, trigger, g.Chain, p); err != nil {
			return nil, err
		}
	}
	if err := provedFor(s, p); err != nil {
		return nil, err
	}
	if p, err = o.Bounds().Hold(ctx, namespace, p); err != nil {
		return nil, err
	}
	resolved, err := o.CEL.Resolve(ctx, namespace, trigger, g.Line, p, s, g.Template)
	if err == nil && resolved.Target != nil && resolved.Target.Kind == approvals.TargetPendingRun {
		err = resolvePendingRun(ctx, o.Live, namespace, trigger, s, resolved)
	}
	if err == nil {
		err = o.ResolveEvidence(ctx, namespace, trigger, s, resolved)
	}
	if err == nil && p.VerifyBeforeStart {
		err = o.resolveReferences(ctx, namespace, trigger, s, resolved)
	}
	if err != nil {
		return nil, err
	}
	return resolved, nil
}

// Bounds are the limits that the policies of what is opened have to keep to.
func (o *Opener) Bounds() gate.Bounds { return gate.Bounds{Client: o.Client, Service: o.Service} }

// SetResolved resolves an Approval that was opened before it could be: one spec
// write, refused by the schema when they are there already. The time to decide
// counts from now: nobody could before.
//
// Errors: CodeForbidden when this service did not open the Approval.
func (o *Opener) SetResolved(ctx context.Context, key approvals.Key, resolved *approvals.ResolvedSpec) error {
	var obj v1alpha1.Approval
	if err := o.Live.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name}, &obj); err != nil {
		return kubeutil.Translate(err, "approval "+key.String())
	}
	if obj.Spec.Resolved != nil {
		return nil
	}
	if !store.IsSigned(o.Ring(), &obj) {
		return approvals.Errorf(approvals.CodeForbidden, "approval %s: %s", key, store.SignatureInvalid)
	}
	late := *resolved
	late.ResolvedAt = o.Now().UTC().Truncate(time.Second)
	store.SetResolved(o.Ring(), &obj, &late)
	return kubeutil.Translate(o.Client.Update(ctx, &obj), "approval "+key.String())
}

// errTooLarge makes the CodeInvalid of a source that is too large for one object; of a run it names
// the largest param or result.
func errTooLarge(s approvals.Source) error {
	if s.Run == nil {
		return approvals.Errorf(approvals.CodeInvalid, "the event with its headers is larger than the API server's limit for an object: have the sender send less, or gate a later step with after")
	}
	sum, most := 0, approvals.Param{}
	for _, p := range slices.Concat(s.Params, s.Results) {
		sum += len(p.Value)
		if len(p.Value) > len(most.Value) {
			most = p
		}
	}
	return approvals.Errorf(approvals.CodeInvalid,
		"the params and results of run %s have %d bytes together, the largest being %s with %d, which is more than the API server's limit for an object, so approval can't be requested: have the pipeline return a digest or an address of the large value",
		s.Run.Name, sum, approvals.Cut(most.Name, approvals.MaxQuoted), len(most.Value))
}
