package identity

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// reviewer answers TokenReviews: "good" is alice's.
func reviewer(status func(*authenticationv1.TokenReview) error) (*fake.Clientset, *int) {
	asked := 0
	c := fake.NewClientset()
	c.PrependReactor("create", "tokenreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		asked++
		r := a.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenReview)
		return true, r, status(r)
	})
	return c, &asked
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	alice := authenticationv1.UserInfo{Username: "alice", UID: "u-1", Groups: []string{"sre", "system:authenticated"}}
	for name, c := range map[string]struct {
		token     string
		audiences []string
		status    authenticationv1.TokenReviewStatus
		err       error
		code      approvals.Code
	}{
		"good":                   {token: "good", status: authenticationv1.TokenReviewStatus{Authenticated: true, User: alice}},
		"for our audience":       {token: "good", audiences: []string{"countersign"}, status: authenticationv1.TokenReviewStatus{Authenticated: true, User: alice, Audiences: []string{"countersign"}}},
		"audience not looked at": {token: "good", audiences: []string{"countersign"}, status: authenticationv1.TokenReviewStatus{Authenticated: true, User: alice}, code: approvals.CodeUnauthenticated},
		"not known":              {token: "bad", status: authenticationv1.TokenReviewStatus{Error: "expired"}, code: approvals.CodeUnauthenticated},
		"of nobody":              {token: "good", status: authenticationv1.TokenReviewStatus{Authenticated: true}, code: approvals.CodeUnauthenticated},
		"a name, not proved":     {token: "good", status: authenticationv1.TokenReviewStatus{User: alice}, code: approvals.CodeUnauthenticated},
		"far too long":           {token: strings.Repeat("x", maxToken+1), code: approvals.CodeUnauthenticated},
		"no answer":              {token: "good", err: errors.New("connection refused"), code: approvals.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := reviewer(func(r *authenticationv1.TokenReview) error {
				if d := cmp.Diff(authenticationv1.TokenReviewSpec{Token: c.token, Audiences: c.audiences}, r.Spec); d != "" {
					t.Errorf("asked (-want +got)\n%s", d)
				}
				r.Status = c.status
				return c.err
			})
			got, err := (&Auth{Client: client, Audiences: c.audiences, Now: func() time.Time { return ct.T0 }}).Authenticate(t.Context(), c.token)
			if approvals.CodeOf(err) != c.code {
				t.Fatalf("%v, want %q", err, c.code)
			}
			want := approvals.Identity{Name: "alice", Groups: alice.Groups, AuthMethod: approvals.AuthToken, CredentialID: "uid:u-1"}
			if c.code != "" {
				want = approvals.Identity{}
				if strings.Contains(err.Error(), c.token) {
					t.Errorf("the error has the token: %v", err)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestAuthenticateRemembers a proof for a moment, and a refusal for a shorter one.
func TestAuthenticateRemembers(t *testing.T) {
	t.Parallel()
	ok := false
	client, asked := reviewer(func(r *authenticationv1.TokenReview) error {
		r.Status = authenticationv1.TokenReviewStatus{Authenticated: ok, User: authenticationv1.UserInfo{Username: "alice"}}
		return nil
	})
	now := ct.T0
	a := &Auth{Client: client, Now: func() time.Time { return now }}
	ask := func(token string) error {
		_, err := a.Authenticate(t.Context(), token)
		return err
	}
	if first, again := ask("t"), ask("t"); first == nil || again == nil || *asked != 1 {
		t.Errorf("refused, asked %d times", *asked)
	}
	ok = true
	if ask("new") != nil || *asked != 2 {
		t.Errorf("another token, which is good, waits for the refusal's end")
	}
	now = now.Add(refusedTTL)
	if first, again := ask("t"), ask("t"); first != nil || again != nil || *asked != 3 {
		t.Errorf("proved, asked %d times", *asked)
	}
	if ask("u") != nil || *asked != 4 {
		t.Error("another token is taken for the first")
	}
	ok, now = false, now.Add(tokenTTL)
	if ask("t") == nil || *asked != 5 {
		t.Error("a token that was taken back is believed for longer than its moment")
	}
}

func TestMayOperate(t *testing.T) {
	t.Parallel()
	c := fake.NewClientset()
	c.PrependReactor("create", "subjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		r := a.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview)
		want := authorizationv1.ResourceAttributes{
			Namespace: "prod", Verb: "update", Group: "countersign.dev", Version: "v1alpha1", Resource: "approvals", Subresource: "status",
		}
		if d := cmp.Diff(&want, r.Spec.ResourceAttributes); d != "" {
			t.Errorf("asked (-want +got)\n%s", d)
		}
		r.Status.Allowed = r.Spec.User == "olga"
		return true, r, nil
	})
	a := &Auth{Client: c}
	for name, want := range map[string]bool{"olga": true, "alice": false} {
		if got, err := a.MayOperate(t.Context(), approvals.Identity{Name: name}, "prod"); err != nil || got != want {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
}

func TestMaySee(t *testing.T) {
	t.Parallel()
	c := fake.NewClientset()
	var fail error
	c.PrependReactor("create", "subjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		r := a.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview)
		want := authorizationv1.SubjectAccessReviewSpec{User: "alice", Groups: []string{"sre"}, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: "prod", Verb: r.Spec.ResourceAttributes.Verb, Group: "countersign.dev", Version: "v1alpha1", Resource: "approvals", Name: "a",
		}}
		if d := cmp.Diff(want, r.Spec); d != "" {
			t.Errorf("asked (-want +got)\n%s", d)
		}
		r.Status.Allowed = r.Spec.ResourceAttributes.Verb == "get"
		return true, r, fail
	})
	a := &Auth{Client: c}
	id := approvals.Identity{Name: "alice", Groups: []string{"sre"}}
	for verb, want := range map[string]bool{"get": true, "list": false} {
		if got, err := a.MaySee(t.Context(), id, verb, "prod", "a"); err != nil || got != want {
			t.Errorf("%s: %t, %v", verb, got, err)
		}
	}
	fail = errors.New("connection refused")
	if got, err := a.MaySee(t.Context(), id, "get", "prod", "a"); got || approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("no answer: %t, %v", got, err)
	}
}

// TestPod: a token is a pod's when the API server says so, and the namespace is its account's.
func TestPod(t *testing.T) {
	t.Parallel()
	extra := func(name, uid string) map[string]authenticationv1.ExtraValue {
		return map[string]authenticationv1.ExtraValue{extraPodName: {name}, extraPodUID: {uid}}
	}
	for name, c := range map[string]struct {
		user authenticationv1.UserInfo
		want Pod
	}{
		"a pod's":          {authenticationv1.UserInfo{Username: "system:serviceaccount:prod:builder", Extra: extra("p", "u")}, Pod{"prod", "p", "u"}},
		"of no pod":        {authenticationv1.UserInfo{Username: "system:serviceaccount:prod:builder"}, Pod{}},
		"a person's claim": {authenticationv1.UserInfo{Username: "alice", Extra: extra("p", "u")}, Pod{}},
		"without a UID":    {authenticationv1.UserInfo{Username: "system:serviceaccount:prod:builder", Extra: extra("p", "")}, Pod{}},
	} {
		client, _ := reviewer(func(r *authenticationv1.TokenReview) error {
			r.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: c.user}
			return nil
		})
		got, err := (&Auth{Client: client, Now: func() time.Time { return ct.T0 }}).Pod(t.Context(), "token")
		if got != c.want || (approvals.CodeOf(err) == approvals.CodeForbidden) != (c.want == Pod{}) {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}
