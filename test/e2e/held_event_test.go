//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/test/cluster"
)

const hubSecret = "aiueokakikukeko"

// heldPush gates a GitHub push itself: a stock github interceptor with a secret,
// then countersign, then bindings written for the push.
const heldPush = `
apiVersion: v1
kind: Secret
metadata: {name: github-webhook}
stringData: {secretkey: aiueokakikukeko}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: countersign-signing}
rules: [{apiGroups: [""], resources: [secrets], resourceNames: [github-webhook], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: countersign-signing}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: countersign-signing}
subjects: [{kind: ServiceAccount, name: countersign, namespace: countersign}]
---
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: push}
spec:
  interceptors:
    - ref: {kind: ClusterInterceptor, name: github}
      params:
        - {name: secretRef, value: {secretName: github-webhook, secretKey: secretkey}}
        - {name: eventTypes, value: [push]}
    - ref: {kind: ClusterInterceptor, name: countersign}
      params: [{name: gate, value: gate}]
  bindings:
    - {name: run, value: $(extensions.countersign.run)}
    - {name: version, value: $(body.head_commit.id)}
    - {name: message, value: $(body.head_commit.message)}
  template: {ref: push}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: push}
spec:
  params: [{name: run}, {name: version}, {name: message}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {name: $(tt.params.run)}
      spec:
        managedBy: countersign.dev/test
        pipelineRef: {name: part-2}
        params:
          - {name: version, value: $(tt.params.version)}
          - {name: message, value: $(tt.params.message)}
---
`

func TestHeldPush(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, "  signingSecret: {name: github-webhook, key: secretkey}"))
	e.Apply(heldPush + cluster.Listener("push", "{triggerRef: push}"))
	listener := e.ListenerURL("push")
	// White space, key order and escapes are the sender's own.
	body := []byte(`{ "head_commit": {"message": "fix \"it\"  ", "id":"0123abc"},` + "\n\t" + `"sender":{"login":"octocat"}, "zürich": 1.0 }`)
	push := map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1", "X-Hub-Signature-256": signature.Hub(keyring.Secret(hubSecret), body)}

	// Not signed by GitHub: nothing is held.
	before := answers(t, e)
	e.Post(listener, map[string]string{"X-GitHub-Event": "push"}, body)
	e.Post(listener, push, body)
	for range 10 { // delivered again and again
		e.Post(listener, push, body)
	}
	before.wait(t, e, 11)
	a := e.OneApproval()
	if a.Spec.Source.Event.Body != string(body) {
		t.Errorf("the body was not kept as it came:\n%q\n%q", a.Spec.Source.Event.Body, body)
	}
	if a.Spec.Resolved.Requester != "octocat" {
		t.Errorf("requester %q", a.Spec.Resolved.Requester)
	}
	for _, h := range a.Spec.Source.Event.Headers {
		if strings.Contains(strings.ToLower(h.Name), "signature") {
			t.Errorf("the sender's signature is kept for everybody to read: %s", h.Name)
		}
	}
	if v := e.Vote(a.Name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	e.Confirmed(a.Name)
	run := e.RunOf(a.Name)
	if got := cluster.ParamOf(run, "version"); got != "0123abc" {
		t.Errorf("version %q", got)
	}
	if got := cluster.ParamOf(run, "message"); got != `fix "it"  ` {
		t.Errorf("message %q", got)
	}
	// The same delivery after the end is still the same Approval.
	before = answers(t, e)
	e.Post(listener, push, body)
	before.wait(t, e, 1)
	if n := len(e.Approvals()); n != 1 {
		t.Errorf("%d approvals after a redelivery", n)
	}
	if n := len(e.Runs("push")); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// An event that never went through the github interceptor, posted straight to our
// own port as if it had: with a signing secret on the Gate it is not held.
func TestForgedInterceptorCall(t *testing.T) {
	e := cluster.New(t)
	user, _ := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, "  signingSecret: {name: github-webhook, key: secretkey}"))
	e.Apply(heldPush + cluster.Listener("push", "{triggerRef: push}"))
	e.ListenerURL("push")
	forged := fmt.Appendf(nil, `{"body":"{\"head_commit\":{\"id\":\"evil\"}}","header":{"X-Github-Event":["push"]},"interceptor_params":{"gate":{"approvers":{"users":[{"name":"mallory"}]}}},"context":{"event_url":"/","trigger_id":"namespaces/%s/triggers/push"}}`, e.NS)
	answer := e.PostInsecure("https://"+e.ServicePods()[0].Status.PodIP+":8443/", forged)
	if answer.Status != 200 || !strings.Contains(answer.Body, `"continue":false`) || !strings.Contains(answer.Body, "X-Hub-Signature-256") {
		t.Errorf("%d %s", answer.Status, answer.Body)
	}
	if n := len(e.Approvals()); n != 0 {
		t.Errorf("%d approvals", n)
	}
}

func TestBodyThatIsNotAnObject(t *testing.T) {
	e := cluster.New(t)
	user, _ := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, ""))
	e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "        - {name: after, value: {pipeline: part-1}}\n", ""))
	listener := e.ListenerURL("deploy")
	for _, body := range []string{`[1]`, `not json`, `"x"`} {
		if a := e.Post(listener, nil, []byte(body)); a.Status != 400 {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	if n := len(e.Approvals()); n != 0 {
		t.Errorf("%d approvals", n)
	}
}

// A curl without a delivery id: the same body is the same request while it is
// pending, and a new one after it was decided.
func TestSameCurlAgain(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, ""))
	e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "        - {name: after, value: {pipeline: part-1}}\n        - {name: forward, value: {version: \"params.version\"}}",
		"        - {name: forward, value: {version: \"body.version\"}}"))
	listener := e.ListenerURL("deploy")
	post := func(n int) {
		t.Helper()
		before := answers(t, e)
		for range n {
			e.Post(listener, nil, []byte(`{"version":"9"}`))
		}
		before.wait(t, e, n)
	}
	post(5)
	first := e.OneApproval().Name
	if v := e.Vote(first, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	e.Confirmed(first)
	post(3)
	if n := len(e.Approvals()); n != 2 {
		t.Fatalf("%d approvals, want 2", n)
	}
	if n := len(e.Runs("deploy")); n != 1 {
		t.Errorf("%d runs, want 1: the second approval waits", n)
	}
}

// A stock github interceptor before the gated one takes the signed event.
func TestStockGithubInterceptorTakesTheSignedEvent(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, "  signingSecret: {name: github-webhook, key: secretkey}"))
	secretAndRole, _, _ := strings.Cut(heldPush, "---\napiVersion: triggers.tekton.dev/v1beta1")
	e.Apply(secretAndRole)
	e.Apply(strings.Replace(cluster.Gated("deploy", "gate", ""), "  interceptors:\n", `  interceptors:
    - ref: {kind: ClusterInterceptor, name: github}
      params:
        - {name: secretRef, value: {secretName: github-webhook, secretKey: secretkey}}
        - {name: eventTypes, value: [approval]}
`, 1))
	e.ListenerURL("deploy")
	e.Confirmed(approve(t, e, token))
}
