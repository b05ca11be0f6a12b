package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/destination"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Preflights find out, before anybody decides, whether what an Approval's outcome would
// start could be started as things stand. They do what the EventListener would do and stop
// short of creating anything. All of it is read from the cluster: nothing that the held
// event or its sender says decides what is looked at, but for the values that it fills in.
type Preflights struct {
	Client   client.Client // reads from the cache; asks and dry runs go to the API server
	Live     client.Reader
	Triggers *triggers.Triggers
	Secrets  *gate.Secrets
	Targets  *release.Targets
	Now      func() time.Time
	// Reach returns an error, in words for people, when there is no connection to an
	// EventListener. Nil: nobody tries.
	Reach func(ctx context.Context, d destination.Destination) error
	// Wait is the time for which Of waits for the result of the controller, which looks at every
	// Approval, before it looks itself.
	Wait time.Duration

	rights  kubeutil.Memory[bool]   // what accounts may create
	dryRuns kubeutil.Memory[string] // what the API server says of an object
	refs    kubeutil.Memory[any]    // Pipelines and Tasks
	reached kubeutil.Memory[string] // why there is no connection to an EventListener, "" when there is

	mu    sync.Mutex
	known map[string]looked // by UID
}

// looked is the result of a check, with its time.
type looked struct {
	preflight *approvals.Preflight
	at        time.Time
}

const (
	// preflightWithin bounds one look.
	preflightWithin = 5 * time.Second
	// preflightFresh is the time for which a result is returned without another look.
	preflightFresh = 30 * time.Second
	// reachedKept is the time for which an EventListener that was there is not asked again.
	reachedKept = 30 * time.Second
	// maxLooked bounds what is remembered; past it remembering begins again.
	maxLooked = 1 << 15
)

// Of returns the result of the last check of a, or checks now if that is a moment ago. Callers
// who notify people of a wait for it, for some seconds at most.
func (p *Preflights) Of(ctx context.Context, a approvals.Approval) *approvals.Preflight {
	const step = 20 * time.Millisecond
	for waited := time.Duration(0); ; waited += step {
		p.mu.Lock()
		hit, ok := p.known[a.UID]
		p.mu.Unlock()
		if ok && p.Now().Sub(hit.at) < preflightFresh {
			return hit.preflight
		}
		if waited >= p.Wait {
			return p.Look(ctx, a)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(step):
		}
	}
}

// Forget drops what is known about an Approval.
func (p *Preflights) Forget(uid string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, uid)
}

// Look looks at a now. It is nil for what starts nothing: a task, and what is not resolved.
func (p *Preflights) Look(ctx context.Context, a approvals.Approval) *approvals.Preflight {
	if a.Resolved == nil || a.Source.Task != nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, preflightWithin, fmt.Errorf("no answer within %s", preflightWithin))
	defer cancel()
	found, err := p.check(ctx, a)
	out := approvals.NewPreflight(found)
	if err != nil {
		out = approvals.UnknownPreflight(approvals.Problem{Reason: "NotChecked", Message: approvals.Message(err)})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) > maxLooked {
		p.known = map[string]looked{}
	}
	p.known[a.UID] = looked{out, p.Now()}
	return out
}

// check returns everything that it finds. An error says that the cluster did not answer.
func (p *Preflights) check(ctx context.Context, a approvals.Approval) ([]approvals.Problem, error) {
	var f findings
	if a.Resolved.Policy.Secret.Name != "" {
		if _, err := p.Secrets.Get(ctx, a.Namespace, a.Resolved.Policy.Secret); err != nil {
			if err := f.fromError("SigningSecret", err); err != nil {
				return nil, err
			}
		}
	}
	p.results(ctx, a, &f)
	if a.Resolved.Target != nil {
		return f.all, p.target(ctx, a, &f)
	}
	r, err := p.Triggers.Resolve(ctx, a.Namespace, a.Trigger)
	if err == nil {
		err = r.Unresolved
	}
	if err != nil {
		return f.all, f.fromError("TriggerNotReady", err)
	}
	if a.Resolved.TemplateDigest != r.Digest {
		f.add(approvals.ReasonContentChanged, "%s", contentChanged(a))
		return f.all, nil
	}
	name := approvals.Name(a.Trigger, "preflight:"+a.UID) // the real one is nobody's to know yet
	made, err := render.Render(ctx, p.Triggers, r, a, name)
	if err != nil {
		return f.all, f.fromError(render.ReasonTemplateError, err)
	}
	f.all = append(f.all, made.Problems...)
	if err := p.listener(ctx, r, a, made, &f); err != nil {
		return nil, err
	}
	for i, o := range made.Objects {
		if o.GetKind() != "PipelineRun" {
			continue
		}
		if err := p.run(ctx, r, a, made, i, &f); err != nil {
			return nil, err
		}
	}
	return f.all, nil
}

// ChangedProblem returns the problem of an a that is not what would start now.
func ChangedProblem(a approvals.Approval) approvals.Problem {
	return approvals.Problem{Reason: approvals.ReasonContentChanged, Message: contentChanged(a)}
}

// contentChanged returns the message about content that is not what was approved, or is voted on, any
// more: whether it is asked about again automatically, or what to do.
func contentChanged(a approvals.Approval) string {
	if a.Decided() {
		return approvals.Message(interceptor.Unchanged(a, ""))
	}
	if a.Replaces != nil && a.Replaces.Number >= approvals.MaxAgain {
		return fmt.Sprintf("trigger %s, its bindings or its template changed again, and approval was already requested %d times because of that, so it is not requested again automatically. Once the Trigger no longer changes, run: tkn approval again %s",
			a.Trigger, approvals.MaxAgain, a.Name)
	}
	return fmt.Sprintf("trigger %s, its bindings or its template changed after %s was opened, so what would run is not what people vote on. Countersign replaces it with a request for what would run now, once the Trigger has not changed for a moment",
		a.Trigger, a.Name)
}

// listener looks at what is between our event and the run: the EventListener, its rights,
// the Triggers beside ours, and our own Trigger's chain.
func (p *Preflights) listener(ctx context.Context, r *triggers.Resolved, a approvals.Approval, made render.Rendered, f *findings) error {
	l, err := p.Triggers.ListenerFor(ctx, a.Namespace, a.Trigger)
	if err != nil {
		return f.fromError("NoEventListener", err)
	}
	if c := l.Status.GetCondition("Available"); c != nil && c.Status == corev1.ConditionFalse {
		f.add("EventListenerDown", "EventListener %s/%s is not available%s: check deployment el-%s and its pods", l.Namespace, l.Name, because(c), l.Name)
	} else if why := p.reach(ctx, l); why != "" {
		f.add("EventListenerDown", "%s", why)
	}
	for _, obj := range made.Objects {
		if err := p.mayCreate(ctx, l, r, obj, f); err != nil {
			return err
		}
		if err := p.dryRun(ctx, a, obj, made.Unknown, f); err != nil {
			return err
		}
	}
	as, err := render.AsIfApproved(ctx, p.Triggers, a)
	if err != nil {
		return err
	}
	e, err := signedevent.ContentOf(as, interceptor.ExtensionOf(as))
	if err != nil {
		return f.fromError(render.ReasonTemplateError, err)
	}
	e.Header = render.SignedHeaders(e.Header, as, "0")
	if n := release.Neighbour(ctx, p.Triggers, l, as, e); n != "" {
		f.add("SiblingTriggerWouldStart", "EventListener %s/%s also runs trigger %s, which this event would start, too: add an interceptor to it that rejects the event (cel filter: !('Webhook-Id' in header)), or give trigger %s an EventListener of its own",
			l.Namespace, l.Name, n, a.Trigger)
	}
	return p.chains(ctx, l, r, as, e, f)
}

// reach returns why there is no connection to l, "" when there is. To Kubernetes an EventListener
// without pods is available, when it asks for none. One with a certificate by a CA that the service
// does not know is up.
func (p *Preflights) reach(ctx context.Context, l triggers.Listener) string {
	if p.Reach == nil {
		return ""
	}
	why, _ := p.reached.Get(p.Now(), l.To.String(), reachedKept, func() (string, error) {
		if err := p.Reach(ctx, l.To); err != nil {
			return approvals.Message(err), nil
		}
		return "", nil
	}, func(why string) bool { return why == "" })
	return why
}

func because(c *apis.Condition) string {
	if c.Message == "" {
		return ""
	}
	return " (" + c.Message + ")"
}

// mayCreate asks whether the EventListener's account, or the Trigger's own, may create obj.
// The answer is remembered for a while: it is the same for each Approval of a Trigger.
func (p *Preflights) mayCreate(ctx context.Context, l triggers.Listener, r *triggers.Resolved, obj *unstructured.Unstructured, f *findings) error {
	as := l.Account()
	if name := r.Spec.ServiceAccountName; name != "" {
		as = triggers.Account{Namespace: r.Namespace, Name: name}
		by := l.Account()
		may, err := p.rights.Get(p.Now(), strings.Join([]string{by.Namespace, by.Name, as.Namespace, "impersonate", name}, "/"), rightsKept, func() (bool, error) {
			return by.MayBe(ctx, p.Client, as)
		}, func(may bool) bool { return may })
		if err != nil {
			return kubeutil.Translate(err, "what service account "+by.Namespace+"/"+by.Name+" may do")
		}
		if !may {
			f.add("Forbidden", "%s", triggers.MayNotBe(by, as))
			return nil
		}
	}
	gvk := obj.GroupVersionKind()
	resource := triggers.ResourceOf(obj)
	key := strings.Join([]string{as.Namespace, as.Name, obj.GetNamespace(), gvk.Group, resource}, "/")
	may, err := p.rights.Get(p.Now(), key, rightsKept, func() (bool, error) {
		return as.May(ctx, p.Client, &authorizationv1.ResourceAttributes{
			Namespace: obj.GetNamespace(), Verb: "create", Group: gvk.Group, Version: gvk.Version, Resource: resource,
		})
	}, func(may bool) bool { return may })
	if err != nil {
		return kubeutil.Translate(err, "what service account "+as.Namespace+"/"+as.Name+" may do")
	}
	if !may {
		f.add("Forbidden", "service account %s/%s may not create %s.%s in namespace %s: bind it to ClusterRole tekton-triggers-eventlistener-roles there",
			as.Namespace, as.Name, resource, gvk.Group, obj.GetNamespace())
	}
	return nil
}

const rightsKept = time.Minute

// target looks whether the object that an approval would be written to takes it.
func (p *Preflights) target(ctx context.Context, a approvals.Approval, f *findings) error {
	if a.Decided() || p.Targets == nil {
		return nil
	}
	as := approvals.AsIfApproved(a, a.OpenedAt)
	_, err := p.Targets.Look(ctx, as)
	if r, ok := errors.AsType[kubeutil.Reasoned](err); ok {
		f.add(r.Reason, "%s", approvals.Message(err))
		return nil
	}
	return err
}

// results warns of results that can't be worked out whatever people say. Those that need
// what they say are not known yet.
func (p *Preflights) results(ctx context.Context, a approvals.Approval, f *findings) {
	if len(a.Resolved.Policy.Results) == 0 {
		return
	}
	vars, err := mapping.SourceVars(a.Namespace, a.Source)
	known := err != nil
	if err == nil {
		_, err = p.Triggers.CEL.Results(ctx, approvals.AsIfApproved(a, a.OpenedAt), vars)
		known = mapping.TooCostly(err)
	}
	if known {
		f.add(approvals.ReasonResults, "the results of gate %s can't be evaluated, so the default results are used: %s", a.Resolved.Policy.Gate, approvals.Message(err))
	}
}

type findings struct{ all []approvals.Problem }

func (f *findings) add(reason, format string, args ...any) {
	f.all = append(f.all, approvals.Problem{Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// fromError adds what somebody can fix, and returns what may go away by itself.
func (f *findings) fromError(name string, err error) error {
	if r, ok := errors.AsType[kubeutil.Reasoned](err); ok {
		name = r.Reason
	}
	if c := approvals.CodeOf(err); c == approvals.CodeInternal {
		return err
	}
	f.add(name, "%s", approvals.Message(err))
	return nil
}
