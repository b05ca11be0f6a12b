package kube

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
)

// ownEvent is the type of an event of ours, for a stock interceptor's eventTypes.
const ownEvent = "approval"

// event is what is posted to an EventListener.
type event struct {
	path   string // with the query, as the sender posted it
	body   []byte
	header http.Header
}

// eventFor is the signed event of a decided Approval: for a held event the same
// body and headers again, for a completion a body that bindings without our
// interceptor can read. secret is that of the Gate's signingSecret, if it has one.
func eventFor(a approvals.Approval, ring keyring.Ring, secret keyring.Secret, now time.Time) (event, error) {
	e, err := contentOf(a, interceptor.ExtensionOf(a))
	if err != nil {
		return event{}, err
	}
	for k, v := range signature.Sign(ring, interceptor.EventID(a.Key), now, e.body) {
		e.header.Set(k, v)
	}
	if ref := a.Terms.Policy.Secret; ref.Name != "" {
		err = prove(&e, ref, a.Namespace, secret)
	}
	return e, err
}

// contentOf is the event for a, which brings x, before it is signed.
func contentOf(a approvals.Approval, x interceptor.Extension) (event, error) {
	e := event{path: "/", header: http.Header{}}
	if err := a.Source.Whole(); err != nil {
		return event{}, err
	}
	if s := a.Source.Event; s != nil {
		path, err := resend.Path(s.URL)
		if err != nil {
			return event{}, reason("EventNotPostable", err)
		}
		e.body, e.path = []byte(s.Body), path
		for _, h := range s.Headers {
			if err := resend.Header(h.Name, h.Value); err != nil {
				return event{}, reason("EventNotPostable", err)
			}
			e.header.Set(h.Name, h.Value)
		}
	} else {
		body, err := json.Marshal(bodyOf(x))
		if err != nil {
			return event{}, err
		}
		e.body = body
		e.header.Set("X-Github-Event", ownEvent)
		if name := signature.Kind(a.Terms.Policy.Secret.Kind).EventHeader(); name != "" {
			e.header.Set(name, ownEvent)
		}
	}
	if readAsForm(e.header.Get("Content-Type")) {
		e.header.Set("Content-Type", "application/json")
	}
	if e.header.Get("Ce-Type") == "" {
		e.header.Set("Ce-Specversion", "1.0")
		e.header.Set("Ce-Id", a.UID)
		e.header.Set("Ce-Type", "dev.countersign.approval."+strings.ToLower(string(a.Outcome))+".v1")
		e.header.Set("Ce-Source", "/apis/countersign.dev/v1alpha1/namespaces/"+a.Namespace+"/approvals/"+a.Name)
		e.header.Set("Ce-Subject", a.Name)
		e.header.Set("Ce-Time", a.DecidedAt.UTC().Format(time.RFC3339))
	}
	return e, nil
}

// readAsForm says whether an EventListener, or an interceptor of it, would not read our
// body, which is JSON, as such: a form was made JSON of before it was held. Any other
// type is the sender's, with its parameters.
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
}

func bodyOf(x interceptor.Extension) eventBody {
	x.Run = "" // the body passes by whoever reads events; only our interceptor's answer has it
	return eventBody{
		Extension: x, Decision: x.Results[approvals.ResultDecision], Comment: x.Results[approvals.ResultComment],
		ApprovedBy: x.Results[approvals.ResultApprovedBy], RejectedBy: x.Results[approvals.ResultRejectedBy],
	}
}

// prove adds to e what the sender of the Gate's signingSecret would have sent. The Secret
// is read now, so that one which was changed while people decided is the new one.
func prove(e *event, ref approvals.SecretRef, namespace string, secret keyring.Secret) error {
	if err := signature.ProveSender(signature.Kind(ref.Kind), secret, e.header, e.body); err != nil {
		return reason("SigningSecret", approvals.Errorf(approvals.CodeInvalid, "secret %s/%s, key %s, can't be used for kind %s: %v", namespace, ref.Name, ref.Key, ref.Kind, err))
	}
	return nil
}
