package signedevent_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
)

func TestEventForRun(t *testing.T) {
	t.Parallel()
	a := ct.Make("apply-1").Requester("zoe").With(func(a *approvals.Approval) {
		a.Resolved.Policy.Secret = approvals.SecretRef{Name: "hub", Key: "token", Kind: approvals.SenderGitHub}
	}).Voted("alice", approvals.Approve, "ship $(uid)").Obj()
	hub := keyring.Secret("It's a Secret")
	e, err := signedevent.EventFor(a, servicetest.TestRing, hub, ct.T0)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Github-Event": "approval", "X-Hub-Signature-256": signature.Hub(hub, e.Body), "Webhook-Id": "countersign/prod/apply-1/uid-apply-1",
		"Ce-Specversion": "1.0", "Ce-Id": "uid-apply-1", "Ce-Type": "dev.countersign.approval.approved.v1", "Ce-Subject": "apply-1", "Ce-Time": "2026-03-01T09:01:00Z",
		"Ce-Source": "/apis/countersign.dev/v1alpha1/namespaces/prod/approvals/apply-1",
	} {
		if got := e.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if err := signature.Verify(servicetest.TestRing, e.Header.Get("Webhook-Id"), e.Header.Get("Webhook-Timestamp"), e.Header.Get("Webhook-Signature"), ct.T0, e.Body); err != nil {
		t.Error(err)
	}
	var body map[string]any
	if err := json.Unmarshal(e.Body, &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"outcome": "Approved", "decision": "true", "comment": "ship $ (uid)", "approvedBy": "alice", "rejectedBy": "",
		"params":   map[string]any{"digest": "sha256:abc"},
		"results":  map[string]any{"decision": "true", "comment": "ship $ (uid)", "approvedBy": "alice", "rejectedBy": ""},
		"approval": map[string]any{"namespace": "prod", "name": "apply-1", "uid": "uid-apply-1", "digest": a.Resolved.Digest, "requester": "zoe"},
	}
	if d := cmp.Diff(want, body); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestEventForEvent: what was held is posted again as it came, signed.
func TestEventForEvent(t *testing.T) {
	t.Parallel()
	const body = "{ \"a\" : 1 }\n"
	a := ct.Make("push-1").Event(body).With(func(a *approvals.Approval) {
		a.Source.Event.Headers = append(a.Source.Event.Headers, approvals.Param{Name: "Ce-Type", Value: "com.example.push"}, approvals.Param{Name: "Ce-Id", Value: "theirs"})
	}).Voted("alice", approvals.Approve, "").Obj()
	e, err := signedevent.EventFor(a, servicetest.TestRing, nil, ct.T0)
	if err != nil {
		t.Fatal(err)
	}
	if string(e.Body) != body {
		t.Errorf("the body is %q", e.Body)
	}
	for name, want := range map[string]string{"X-Github-Event": "push", "Ce-Type": "com.example.push", "Ce-Id": "theirs", "Ce-Source": "", "X-Hub-Signature-256": "", "Webhook-Id": interceptor.EventID(a.Key)} {
		if got := e.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
