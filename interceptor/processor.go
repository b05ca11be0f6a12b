package interceptor

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"google.golang.org/grpc/codes"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
)

// GatedTrigger is a Trigger with a countersign line, as the API server has it.
type GatedTrigger struct {
	Namespace, Name string
	Line            approvals.InterceptorParams
	Chain           []*triggersv1.TriggerInterceptor // ours among them
	Template        string                           // digest of the Trigger with its bindings and template, "" while Unresolved
	// Reads are the paths below extensions that its bindings read of other interceptors.
	Reads [][]string
	// Unresolved is the error when the Trigger can't be resolved: a binding or the template is
	// missing, say. A Gate that has its outcomes written to an object needs neither.
	Unresolved error
}

// Triggers looks Triggers up.
type Triggers interface {
	// Gated returns CodeNotFound for a Trigger that is not there or has no
	// countersign line, CodeInvalid for a line that can't be used.
	Gated(ctx context.Context, namespace, name string) (GatedTrigger, error)
}

// Opener opens Approvals. All calls are idempotent: the name of what is opened
// derives from the subject and the Trigger.
type Opener interface {
	OpenEvent(ctx context.Context, g GatedTrigger, e approvals.Event, header http.Header) (approvals.Approval, error)
	// MayHold returns CodeLimited when the namespace may hold no further event of size bytes now.
	MayHold(ctx context.Context, namespace string, size int) error
	// NotifyCompletion notes that a run may have succeeded; the opener looks for itself.
	NotifyCompletion(ctx context.Context, g GatedTrigger, namespace, name, uid string) error
}

// Releases is the store as far as releasing needs it.
type Releases interface {
	// Decided is an Approval that is decided, or the API server's word that it is not.
	Decided(ctx context.Context, key approvals.Key) (approvals.Approval, error)
}

// Processor holds and releases. It implements Triggers' InterceptorInterface.
type Processor struct {
	Triggers Triggers
	Opener   Opener
	Releases Releases
	Ring     func() keyring.Ring
	Now      func() time.Time
	Log      *slog.Logger
	Count    func(answer string) // released, held, refused, unrelated
	// Refused tells those who own the Trigger why an event was neither held nor let
	// through. trigger is "" when the request names none of the namespace. Who asks
	// is not verified, so it must bear being called with anything. Nil: nobody is notified.
	Refused func(ctx context.Context, namespace, trigger string, err error)
	// Proved is told of each request with a signed event of our own. Nil: nobody is.
	Proved func(ctx context.Context)
	// Traceparent is the span of ours that the run of a decided Approval stands below. Nil: we
	// send no spans, and the run stands where the run before stood.
	Traceparent func(a approvals.Approval) string
}

var _ triggersv1.InterceptorInterface = (*Processor)(nil)

// Process answers one request of an EventListener.
func (p *Processor) Process(ctx context.Context, r *triggersv1.InterceptorRequest) *triggersv1.InterceptorResponse {
	namespace, name, err := triggerID(r.Context)
	if err != nil {
		return p.refuse(ctx, namespace, "", err)
	}
	g, err := p.Triggers.Gated(ctx, namespace, name)
	if err != nil {
		return p.refuse(ctx, namespace, name, err)
	}
	header := http.Header(r.Header)
	if key, ours := parseEventID(header.Get("Webhook-Id")); ours {
		return p.release(ctx, g, key, r, header)
	}
	if !g.Line.After.IsZero() {
		return p.hint(ctx, g, r, header)
	}
	return p.hold(ctx, g, r, header)
}

func (p *Processor) release(ctx context.Context, g GatedTrigger, key approvals.Key, r *triggersv1.InterceptorRequest, header http.Header) *triggersv1.InterceptorResponse {
	if err := verify(p.Ring(), header, r.Body, p.Now()); err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, err)
	}
	if p.Proved != nil {
		p.Proved(ctx)
	}
	a, err := p.Releases.Decided(ctx, key)
	if err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, err)
	}
	if g.Unresolved != nil {
		return p.refuse(ctx, g.Namespace, g.Name, g.Unresolved)
	}
	if err := releasable(a, g.Namespace, g.Name, g.Template); err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, err)
	}
	if err := sameExtensions(a, r.Extensions, g.Reads); err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, err)
	}
	p.Count("released")
	x := ExtensionOf(a)
	if p.Traceparent != nil {
		x.SpanContext = tracecontext.ForTekton(p.Traceparent(a))
	}
	return &triggersv1.InterceptorResponse{Continue: true, Extensions: map[string]any{Name: x}}
}

// hint treats a Tekton CloudEvent as what it is: somebody's word that a run has
// succeeded.
func (p *Processor) hint(ctx context.Context, g GatedTrigger, r *triggersv1.InterceptorRequest, header http.Header) *triggersv1.InterceptorResponse {
	if header.Get("Ce-Type") != successType {
		p.Count("unrelated")
		return stop(codes.FailedPrecondition, "not the completion of a run: this Trigger waits for "+g.Line.After.String())
	}
	var data struct {
		PipelineRun struct {
			Metadata struct{ Namespace, Name, UID string }
		}
	}
	if err := json.Unmarshal([]byte(r.Body), &data); err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, approvals.Errorf(approvals.CodeInvalid, "the CloudEvent's data is not a PipelineRun: %v", err))
	}
	m := data.PipelineRun.Metadata
	if want := cmp.Or(g.Line.After.Namespace, g.Namespace); m.Namespace != want {
		p.Count("unrelated")
		return stop(codes.FailedPrecondition, "the run is in a namespace that this Trigger does not wait for")
	}
	if err := p.Opener.NotifyCompletion(ctx, g, m.Namespace, m.Name, m.UID); err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, err)
	}
	p.Count("held")
	return stop(codes.OK, "received; Countersign reads the run from the cluster")
}

func (p *Processor) hold(ctx context.Context, g GatedTrigger, r *triggersv1.InterceptorRequest, header http.Header) *triggersv1.InterceptorResponse {
	if b := strings.TrimSpace(r.Body); !strings.HasPrefix(b, "{") || !json.Valid([]byte(b)) {
		return p.refuse(ctx, g.Namespace, g.Name, approvals.Errorf(approvals.CodeInvalid,
			"the event's body is not a JSON object, so bindings could not read it; send Content-Type: application/json and an object"))
	}
	url := ""
	if r.Context != nil {
		url = r.Context.EventURL
	}
	e, err := held(r.Body, url, header)
	if err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, err)
	}
	if e.Extensions, err = foreign(r.Extensions, g.Reads); err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, err)
	}
	a, err := p.Opener.OpenEvent(ctx, g, e, header)
	if err != nil {
		return p.refuse(ctx, g.Namespace, g.Name, err)
	}
	p.Count("held")
	return stop(codes.OK, "held as approval "+a.Key.String())
}

// successType is Tekton's event for a run that succeeded.
const successType = "dev.tekton.event.pipelinerun.successful.v1"

// refuse stops the event and says why: to the EventListener, which logs it at debug
// only, to our log, and to Refused, for those who own the Trigger. The sender has had
// its 202 and hears nothing.
func (p *Processor) refuse(ctx context.Context, namespace, trigger string, err error) *triggersv1.InterceptorResponse {
	p.Count("refused")
	p.Log.Warn("event refused", "namespace", namespace, "trigger", trigger, "code", string(approvals.CodeOf(err)), "reason", err.Error())
	if p.Refused != nil && namespace != "" {
		p.Refused(ctx, namespace, trigger, err)
	}
	return stop(grpcCode(approvals.CodeOf(err)), approvals.Message(err))
}

func stop(code codes.Code, message string) *triggersv1.InterceptorResponse {
	return &triggersv1.InterceptorResponse{Continue: false, Status: triggersv1.Status{Code: code, Message: message}}
}

// triggerID reads which Trigger an EventListener asks for. A triggerGroup of the
// same name as a Trigger is not that Trigger.
func triggerID(c *triggersv1.TriggerContext) (namespace, name string, err error) {
	parts := make([]string, 4)
	if c != nil {
		parts = strings.Split(c.TriggerID, "/")
	}
	switch {
	case len(parts) == 4 && parts[0] == "namespaces" && parts[2] == "triggerGroups":
		return parts[1], "", approvals.Errorf(approvals.CodeInvalid,
			"%s is in triggerGroup %s of an EventListener of namespace %s, where it can't tell what would start: remove it from the group and add it to each Trigger that needs approval", Name, parts[3], parts[1])
	case len(parts) == 4 && parts[0] == "namespaces" && parts[2] == "triggers" && parts[1] != "" && parts[3] != "":
		return parts[1], parts[3], nil
	case len(parts) == 4 && parts[0] == "namespaces" && parts[2] == "triggers" && parts[1] != "":
		namespace = parts[1] // whose EventListeners say which trigger has no name
	}
	return namespace, "", approvals.Errorf(approvals.CodeInvalid,
		"the request names no Trigger: give the trigger in the EventListener a name, and put %s in the Trigger, not in a group", Name)
}
