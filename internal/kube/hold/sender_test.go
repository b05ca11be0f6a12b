package hold_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/interceptors/gitlab"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

const signing = "expiresAfter: 1h\n  signingSecret: {name: hub, key: token, kind: KIND}"

// hub is Secret hub, whose key token is "one".
const hub = `---
apiVersion: v1
kind: Secret
metadata: {name: hub}
data: {token: b25l}
`

func signed(docs, kind string) string {
	return strings.Replace(docs, "expiresAfter: 1h", strings.Replace(signing, "KIND", kind, 1), 1) + hub
}

// behind is docs with interceptors before ours.
func behind(docs, interceptors string) string {
	return strings.Replace(docs, "  interceptors:\n", "  interceptors:\n    - "+strings.ReplaceAll(interceptors, "; ", "\n    - ")+"\n", 1)
}

const (
	gitlabByHub = "{ref: {kind: ClusterInterceptor, name: gitlab}, params: [{name: secretRef, value: {secretName: hub, secretKey: token}}]}"
	githubByHub = "{ref: {name: github}, params: [{name: secretRef, value: {secretName: hub, secretKey: token}}, {name: eventTypes, value: [push]}]}"
)

// TestSenderCheck: what verifies a sender in the chain must be what the Gate verifies,
// and the sentence says what to write.
func TestSenderCheck(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	cel := func(filter string) string {
		raw, _ := json.Marshal(filter)
		return `{ref: {name: cel}, params: [{name: filter, value: ` + string(raw) + `}]}`
	}
	ref := func(kind approvals.SenderKind) approvals.SecretRef {
		return approvals.SecretRef{Name: "hub", Key: "token", Kind: kind}
	}
	none := approvals.SecretRef{}
	for name, c := range map[string]struct {
		chain   string
		secret  approvals.SecretRef
		refused bool
	}{
		"nothing before ours":          {"", none, false},
		"github":                       {githubByHub, ref("GitHub"), false},
		"gitlab":                       {gitlabByHub, ref("GitLab"), false},
		"bitbucket":                    {strings.Replace(gitlabByHub, "gitlab", "bitbucket", 1), ref("BitbucketServer"), false},
		"github, no secret on a Gate":  {githubByHub, none, true},
		"gitlab, no secret on a Gate":  {gitlabByHub, none, true},
		"gitlab, of the wrong kind":    {gitlabByHub, ref("GitHub"), true},
		"gitlab, another Secret":       {gitlabByHub, approvals.SecretRef{Name: "hub2", Key: "token", Kind: "GitLab"}, true},
		"gitlab, another key":          {gitlabByHub, approvals.SecretRef{Name: "hub", Key: "other", Kind: "GitLab"}, true},
		"two, of which one would stop": {githubByHub + "; " + gitlabByHub, ref("GitHub"), true},
		"stock, verifies nobody":       {"{ref: {name: gitlab}, params: [{name: eventTypes, value: [Push Hook]}]}", none, false},
		"gitlab, in another case":      {strings.Replace(gitlabByHub, "name: secretRef", "name: SecretREF", 1), none, true},
		"cel, in another case":         {strings.Replace(cel("header.canonical('X-GitLab-Token').compareSecret('token', 'hub')"), "name: filter", "name: Filter", 1), none, true},
		"two secretRefs":               {"{ref: {name: gitlab}, params: [{name: secretRef, value: {secretName: hub, secretKey: token}}, {name: SecretRef, value: {secretName: evil, secretKey: token}}]}", ref("GitLab"), true},
		"a secretRef of null":          {"{ref: {name: gitlab}, params: [{name: secretRef, value: null}]}", none, false},
		"a secretRef of nonsense":      {"{ref: {name: gitlab}, params: [{name: secretRef, value: hub}]}", ref("GitLab"), true},
		"slack":                        {"{ref: {name: slack}, params: [{name: requestedFields, value: [text]}]}", none, true},
		"cel, a filter":                {cel("body.ref == 'main'"), none, false},
		"cel, by GitLab's token":       {cel("header.canonical('X-GitLab-Token').compareSecret('token', 'hub')"), ref("GitLab"), false},
		"cel, by a bearer token":       {cel("header.canonical('Authorization').substring(7).compareSecret('token', 'hub', 'prod')"), ref("Bearer"), false},
		"cel, no secret on a Gate":     {cel("header.canonical('X-Gitlab-Token').compareSecret('token', 'hub')"), none, true},
		"cel, a header of their own":   {cel("header.canonical('X-My-Token').compareSecret('token', 'hub')"), ref("Bearer"), true},
		"cel, of another namespace":    {cel("header.canonical('X-Gitlab-Token').compareSecret('token', 'hub', 'other')"), ref("GitLab"), true},
		"cel, of the body":             {cel("body.token.compareSecret('token', 'hub')"), ref("GitLab"), true},
		"cel, unreadable":              {cel("x.compareSecret("), ref("GitLab"), true},
		"cel, in an overlay":           {`{ref: {name: cel}, params: [{name: overlays, value: [{key: ok, expression: "header.canonical('X-Gitlab-Token').compareSecret('token', 'hub')"}]}]}`, none, true},
		"of the namespace's own":       {strings.Replace(gitlabByHub, "ClusterInterceptor", "NamespacedInterceptor", 1), none, false},
		"a webhook":                    {"{webhook: {objectRef: {apiVersion: v1, kind: Service, name: gitlab}}}", none, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var chain []*triggersv1.TriggerInterceptor
			if c.chain != "" {
				if err := yaml.Unmarshal([]byte("- "+strings.ReplaceAll(c.chain, "; ", "\n- ")), &chain); err != nil {
					t.Fatal(err)
				}
			}
			err := (&triggers.Triggers{CEL: servicetest.CelCompiler(t)}).SenderCheck("prod", chain, approvals.Policy{Gate: "g", Secret: c.secret})
			if !c.refused && err != nil || c.refused && approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
		})
	}
}

// TestHeldBehindASender: what a stock interceptor would verify is held when we verify it
// too, and otherwise nothing is held at all.
func TestHeldBehindASender(t *testing.T) {
	t.Parallel()
	const body = `{"ref":"main"}`
	for name, c := range map[string]struct {
		docs   string
		header http.Header
		want   approvals.Code
		by     string
	}{
		"gitlab":                     {signed(behind(servicetest.PushWorld, gitlabByHub), "GitLab"), http.Header{"X-Gitlab-Token": {"one"}}, "", "GitLab hub/token"},
		"gitlab, passed by":          {signed(behind(servicetest.PushWorld, gitlabByHub), "GitLab"), http.Header{}, approvals.CodeUnauthenticated, ""},
		"gitlab, another token":      {signed(behind(servicetest.PushWorld, gitlabByHub), "GitLab"), http.Header{"X-Gitlab-Token": {"two"}}, approvals.CodeUnauthenticated, ""},
		"gitlab, no signingSecret":   {behind(servicetest.PushWorld, gitlabByHub) + hub, http.Header{"X-Gitlab-Token": {"one"}}, approvals.CodeInvalid, ""},
		"gitlab, of the wrong kind":  {signed(behind(servicetest.PushWorld, gitlabByHub), "GitHub"), http.Header{"X-Gitlab-Token": {"one"}}, approvals.CodeInvalid, ""},
		"github":                     {signed(behind(servicetest.PushWorld, githubByHub), "GitHub"), http.Header{"X-Hub-Signature-256": {signature.Hub(keyring.Secret("one"), []byte(body))}}, "", "GitHub hub/token"},
		"bitbucket":                  {signed(servicetest.PushWorld, "BitbucketServer"), http.Header{"X-Hub-Signature": {signature.Hub(keyring.Secret("one"), []byte(body))}}, "", "BitbucketServer hub/token"},
		"a bearer token":             {signed(servicetest.PushWorld, "Bearer"), http.Header{"Authorization": {"Bearer one"}}, "", "Bearer hub/token"},
		"a bearer token, another":    {signed(servicetest.PushWorld, "Bearer"), http.Header{"Authorization": {"Bearer two"}}, approvals.CodeUnauthenticated, ""},
		"Standard Webhooks, forged":  {signed(servicetest.PushWorld, "StandardWebhooks"), http.Header{"Webhook-Id": {"x"}, "Webhook-Timestamp": {"1"}, "Webhook-Signature": {"v1,AAAA"}}, approvals.CodeUnauthenticated, ""},
		"nobody verifies, and is so": {servicetest.PushWorld, http.Header{}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := servicetest.NewCluster(t, kubetest.Objects(t, c.docs)...)
			opener := cl.Opener(t)
			a, err := opener.OpenEvent(t.Context(), cl.Gated(t, opener), servicetest.Push(body, "d-1"), c.header)
			if approvals.CodeOf(err) != c.want || (err == nil) != (len(cl.Approvals(t)) == 1) {
				t.Fatalf("%v with %d approvals, want %q", err, len(cl.Approvals(t)), c.want)
			}
			if err == nil && (a.Source.Event.VerifiedBy != c.by || a.Resolved == nil) {
				t.Errorf("verified by %q, resolved %v", a.Source.Event.VerifiedBy, a.Resolved)
			}
			raw, _ := json.Marshal(cl.Approvals(t))
			if strings.Contains(string(raw), `"one"`) || strings.Contains(string(raw), "Bearer one") {
				t.Errorf("the secret is kept: %s", raw)
			}
		})
	}
}

// TestSecretAfterTheEvent: a Gate that gets its signingSecret after the event was held has
// nobody asked about it: nobody knows who sent it, and we would sign in their place. The
// event that is sent again and verified is another Approval.
func TestSecretAfterTheEvent(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const body = `{"ref":"main"}`
	docs := signed(servicetest.PushWorld, "GitLab")
	gate := kubetest.Objects(t, kubetest.Only(docs, "Gate"))[0]
	cl := servicetest.NewCluster(t, kubetest.Objects(t, kubetest.Without(docs, "Gate"))...)
	opener := cl.Opener(t)
	forged, err := opener.OpenEvent(t.Context(), cl.Gated(t, opener), servicetest.Push(body, "d-1"), http.Header{})
	if err != nil || forged.Resolved != nil {
		t.Fatalf("%v, %v", forged.Resolved, err)
	}
	if err := cl.Create(t.Context(), gate); err != nil {
		t.Fatal(err)
	}
	_, err = opener.Resolve(t.Context(), "prod", "apply", forged.Source)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("the forged one is resolved: %v", err)
	}
	said.Check(t, "the forged one", approvals.Message(err))
	genuine, err := opener.OpenEvent(t.Context(), cl.Gated(t, opener), servicetest.Push(body, "d-1"), http.Header{"X-Gitlab-Token": {"one"}})
	if err != nil || genuine.Name == forged.Name || genuine.Resolved == nil {
		t.Errorf("%s, %v; forged was %s", genuine.Name, err, forged.Name)
	}
}

// live reads a Secret as Triggers' interceptors do.
type live struct{ *servicetest.Cluster }

func (l live) Get(ctx context.Context, ns string, ref *triggersv1.SecretRef) ([]byte, error) {
	s, err := kubeutil.Read(ctx, l.Cluster, ns, ref.SecretName, &corev1.Secret{})
	return s.Data[ref.SecretKey], err
}

// TestThroughTheStockInterceptor: the released event passes Tekton's own gitlab
// interceptor, with the Secret that there is when it is posted, and carries what github's
// and bitbucket's want.
func TestThroughTheStockInterceptor(t *testing.T) {
	t.Parallel()
	const body = `{"ref":"main"}`
	cl := servicetest.NewCluster(t, kubetest.Objects(t, strings.TrimPrefix(hub, "---\n"))...)
	now := ct.T0
	secrets := &gate.Secrets{Live: cl, Now: func() time.Time { return now }}
	post := func(kind approvals.SenderKind, event bool) signedevent.Event {
		t.Helper()
		b := ct.Make("push-1")
		if event {
			b = b.Event(body)
		}
		a := b.With(func(a *approvals.Approval) {
			a.Resolved.Policy.Secret = approvals.SecretRef{Name: "hub", Key: "token", Kind: kind}
			if event {
				a.Source.Event.Headers = []approvals.Param{{Name: "X-Gitlab-Event", Value: "Push Hook"}, {Name: "X-Github-Event", Value: "push"}}
			}
		}).Voted("alice", approvals.Approve, "").Obj()
		secret, err := secrets.Get(t.Context(), "prod", a.Resolved.Policy.Secret)
		if err != nil {
			t.Fatal(err)
		}
		e, err := signedevent.EventFor(a, servicetest.TestRing, secret, now)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	passes := func(e signedevent.Event, types ...string) bool {
		resp := gitlab.NewInterceptor(live{cl}).Process(t.Context(), &triggersv1.InterceptorRequest{
			Body: string(e.Body), Header: e.Header, Context: &triggersv1.TriggerContext{TriggerID: "namespaces/prod/triggers/apply"},
			InterceptorParams: map[string]any{"secretRef": map[string]any{"secretName": "hub", "secretKey": "token"}, "eventTypes": types},
		})
		return resp.Continue
	}
	if !passes(post(approvals.SenderGitLab, true), "Push Hook") || !passes(post(approvals.SenderGitLab, false), "approval") {
		t.Error("gitlab turns our own event away")
	}
	if passes(post(approvals.SenderGitHub, true), "Push Hook") {
		t.Error("gitlab takes an event without its token")
	}
	// It is changed while people decide.
	s, err := kubeutil.Read(t.Context(), cl, "prod", "hub", &corev1.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	s.Data["token"] = []byte("another")
	if err := cl.Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	now = now.Add(gate.SecretTTL)
	e := post(approvals.SenderGitLab, true)
	if !passes(e, "Push Hook") || e.Header.Get("X-Gitlab-Token") != "another" {
		t.Errorf("after rotation: %v", e.Header)
	}
	if e := post(approvals.SenderGitHub, true); e.Header.Get("X-Hub-Signature-256") != signature.Hub(keyring.Secret("another"), []byte(body)) || e.Header.Get("X-Gitlab-Token") != "" {
		t.Errorf("github: %v", e.Header)
	}
	if e := post(approvals.SenderBitbucketServer, false); e.Header.Get("X-Hub-Signature") != signature.Hub(keyring.Secret("another"), e.Body) || e.Header.Get("X-Event-Key") != "approval" {
		t.Errorf("bitbucket: %v", e.Header)
	}
	// A Secret that no header can carry is no event with two headers.
	s.Data["token"] = []byte("a\r\nHost: attacker")
	a := ct.Make("push-1").Event(body).With(func(a *approvals.Approval) {
		a.Resolved.Policy.Secret = approvals.SecretRef{Name: "hub", Key: "token", Kind: approvals.SenderGitLab}
	}).Voted("alice", approvals.Approve, "").Obj()
	if _, err := signedevent.EventFor(a, servicetest.TestRing, keyring.Secret(s.Data["token"]), now); release.ProblemOf(err).Reason != "SigningSecret" || strings.Contains(release.ProblemOf(err).Message, "attacker") {
		t.Errorf("%v", err)
	}
}

// TestKindsAreKnown: each kind of sender that a Gate may name can be verified.
func TestKindsAreKnown(t *testing.T) {
	t.Parallel()
	for _, k := range approvals.SenderKinds() {
		if signature.Kind(k).Header() == "" {
			t.Errorf("%s proves nothing", k)
		}
	}
}
