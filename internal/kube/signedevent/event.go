package signedevent

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/resend"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// ownEvent is the type of an event of ours, for a stock interceptor's eventTypes.
const ownEvent = "approval"

// Event is a signed request to an EventListener.
type Event struct {
	Path   string // with the query, as the sender posted it
	Body   []byte
	Header http.Header
}

// EventFor is the signed event of a decided Approval: for a held event the same
// body and headers again, for a completion a body that bindings without our
// interceptor can read. secret is that of the Gate's signingSecret, if it has one.
func EventFor(a approvals.Approval, ring keyring.Ring, secret keyring.Secret, now time.Time) (Event, error) {
	e, err := ContentOf(a, interceptor.ExtensionOf(a))
	if err != nil {
		return Event{}, err
	}
	for k, v := range signature.Sign(ring, interceptor.EventID(a.Key), now, e.Body) {
		e.Header.Set(k, v)
	}
	if ref := a.Resolved.Policy.Secret; ref.Name != "" {
		err = prove(&e, ref, a.Namespace, secret)
	}
	return e, err
}

// ContentOf is the event for a, which brings x, before it is signed.
func ContentOf(a approvals.Approval, x interceptor.Extension) (Event, error) {
	e := Event{Path: "/", Header: http.Header{}}
	if err := a.Source.Whole(); err != nil {
		return Event{}, err
	}
	if s := a.Source.Event; s != nil {
		path, err := resend.Path(s.URL)
		if err != nil {
			return Event{}, kubeutil.Reason("EventNotPostable", err)
		}
		e.Body, e.Path = []byte(s.Body), path
		for _, h := range s.Headers {
			if err := resend.Header(h.Name, h.Value); err != nil {
				return Event{}, kubeutil.Reason("EventNotPostable", err)
			}
			e.Header.Set(h.Name, h.Value)
		}
	} else {
		body, err := json.Marshal(bodyOf(x))
		if err != nil {
			return Event{}, err
		}
		e.Body = body
		e.Header.Set("X-Github-Event", ownEvent)
		if name := signature.Kind(a.Resolved.Policy.Secret.Kind).EventHeader(); name != "" {
			e.Header.Set(name, ownEvent)
		}
	}
	if readAsForm(e.Header.Get("Content-Type")) {
		e.Header.Set("Content-Type", "application/json")
	}
	if e.Header.Get("Ce-Type") == "" {
		e.Header.Set("Ce-Specversion", "1.0")
		e.Header.Set("Ce-Id", a.UID)
		e.Header.Set("Ce-Type", "dev.countersign.approval."+strings.ToLower(string(a.Outcome))+".v1")
		e.Header.Set("Ce-Source", "/apis/countersign.dev/v1alpha1/namespaces/"+a.Namespace+"/approvals/"+a.Name)
		e.Header.Set("Ce-Subject", a.Name)
		e.Header.Set("Ce-Time", a.DecidedAt.UTC().Format(time.RFC3339))
	}
	return e, nil
}

// readAsForm reports whether an EventListener, or one of its interceptors, would parse our
// JSON body as a form: it was converted from a form before it was held. Any other type is the
// sender's, with its parameters.
func readAsForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err != nil || media == "application/x-www-form-urlencoded" || media == "multipart/form-data"
}

// eventBody is the body of the event for a completion. Its results stand at the
// top for $(body.decision) and under results.
type eventBody struct {
	interceptor.Extension
	Decision   string `json:"decision"`
	Comment    string `json:"comment"`
	ApprovedBy string `json:"approvedBy"`
	RejectedBy string `json:"rejectedBy"`
	// SpanContext hides the Extension's: which run stands in which trace is not signed.
	SpanContext *struct{} `json:"spanContext,omitempty"`
}

func bodyOf(x interceptor.Extension) eventBody {
	x.Run = "" // the body passes by anyone who reads events; only our interceptor's answer has it
	return eventBody{
		Extension: x, Decision: x.Results[approvals.ResultDecision], Comment: x.Results[approvals.ResultComment],
		ApprovedBy: x.Results[approvals.ResultApprovedBy], RejectedBy: x.Results[approvals.ResultRejectedBy],
	}
}

// prove adds to e what the sender of the Gate's signingSecret would have sent. The Secret
// is read now, so that one which was changed while people decided is the new one.
func prove(e *Event, ref approvals.SecretRef, namespace string, secret keyring.Secret) error {
	if err := signature.ProveSender(signature.Kind(ref.Kind), secret, e.Header, e.Body); err != nil {
		return kubeutil.Reason("SigningSecret", approvals.Errorf(approvals.CodeInvalid, "secret %s/%s, key %s, can't be used for kind %s: %v", namespace, ref.Name, ref.Key, ref.Kind, err))
	}
	return nil
}
