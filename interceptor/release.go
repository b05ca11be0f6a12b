package interceptor

import (
	"net/http"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
)

// idPrefix marks a Webhook-Id as ours. An event with any other id is somebody
// else's Standard Webhook, and is held like every event.
const idPrefix = "countersign/"

// EventID is the Webhook-Id of the signed event for an Approval.
func EventID(k approvals.Key) string {
	return idPrefix + k.Namespace + "/" + k.Name + "/" + k.UID
}

func parseEventID(id string) (approvals.Key, bool) {
	rest, ok := strings.CutPrefix(id, idPrefix)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return approvals.Key{}, false
	}
	return approvals.Key{Namespace: parts[0], Name: parts[1], UID: parts[2]}, true
}

// verify returns CodeUnauthenticated unless the headers prove that body is an event of ours.
func verify(ring keyring.Ring, header http.Header, body string, now time.Time) error {
	err := signature.Verify(ring, header.Get(signature.HeaderID), header.Get(signature.HeaderTimestamp),
		header.Get(signature.HeaderSignature), now, []byte(body))
	if err != nil {
		return approvals.Errorf(approvals.CodeUnauthenticated, "the signed event was refused: %v; the service posts a new one automatically", err)
	}
	return nil
}

// releasable returns an error unless the event for a may pass through trigger of namespace, whose
// template has the digest template now.
func releasable(a approvals.Approval, namespace, trigger, template string) error {
	switch {
	case a.Namespace != namespace || a.Trigger != trigger:
		return approvals.Errorf(approvals.CodeForbidden, "the signed event is for trigger %s/%s, not for this one", a.Namespace, a.Trigger)
	case a.Resolved == nil:
		return approvals.Errorf(approvals.CodeForbidden, "approval %s was not resolved by this service", a.Key)
	case !a.Decided():
		return approvals.Errorf(approvals.CodeNotReady, "approval %s is not decided", a.Key)
	case a.Resolved.Target != nil:
		return approvals.Errorf(approvals.CodeForbidden, "the outcome of approval %s is written to %s, and no event starts anything for it", a.Key, a.Resolved.Target)
	case !a.Resolved.Policy.Releases(a.Outcome):
		return approvals.Errorf(approvals.CodeForbidden, "approval %s is %s, which its gate does not release", a.Key, a.Outcome)
	case a.Cancellation != nil:
		return approvals.Errorf(approvals.CodeForbidden, "approval %s was cancelled: %s", a.Key, a.Cancellation.Reason)
	case a.SecondRun != nil:
		return approvals.Errorf(approvals.CodeConflict, "approval %s already started run %s", a.Key, a.SecondRun.Name)
	}
	return Unchanged(a, template)
}

// Unchanged returns an error when what would run now is not what was approved. template is the
// digest that the Trigger, with its bindings and its template, has now.
func Unchanged(a approvals.Approval, template string) error {
	if a.Resolved.TemplateDigest != template {
		return approvals.Errorf(approvals.CodeConflict,
			"trigger %s, its bindings or its template changed after %s was opened, so what would run is not what was approved. Request approval again, which does not repeat the first pipeline: tkn approval again %s, or the button on its page", a.Trigger, a.Name, a.Name)
	}
	if err := a.Source.Whole(); err != nil {
		return err
	}
	if a.Resolved.ContentDigest(a.Namespace, a.Trigger, template, a.Source) != a.Resolved.Digest {
		return approvals.Errorf(approvals.CodeConflict, "approval %s no longer has the digest that was approved", a.Key)
	}
	return nil
}

// Extension is extensions.countersign: the authoritative values for bindings.
type Extension struct {
	Run      string            `json:"run,omitempty"` // the name the next run must have, which nobody else is told
	Outcome  string            `json:"outcome"`
	Approval ExtensionApproval `json:"approval"`
	Params   map[string]string `json:"params"`
	Results  map[string]string `json:"results"`
	// SpanContext is for the next run's annotation of a trace, which Tekton reads; "" for none.
	// It is always there, so that a binding of it never fails.
	SpanContext string `json:"spanContext"`
}

// ExtensionApproval identifies the Approval that released the event, with its requester.
type ExtensionApproval struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	Digest    string `json:"digest"`
	Requester string `json:"requester"`
}

// ExtensionOf returns the extension that bindings read from a decided Approval's event.
func ExtensionOf(a approvals.Approval) Extension {
	return Extension{
		Run: string(a.RunName), Outcome: string(a.Outcome),
		Approval: ExtensionApproval{
			Namespace: a.Namespace, Name: a.Name, UID: a.UID, Digest: a.Resolved.Digest, Requester: approvals.Neutral(a.Resolved.Requester),
		},
		Params: approvals.ByName(a.Forwarded()), Results: approvals.ByName(a.Results),
		SpanContext: tracecontext.ForTekton(tracecontext.Of(a.Source)),
	}
}
