package identity

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

const (
	// tokenTTL is the time for which a token that the API server proved is believed without
	// asking again; API servers themselves remember for longer.
	tokenTTL  = 10 * time.Second
	maxTokens = 10_000
	maxToken  = 16 << 10
	// reviewWithin bounds one question to the API server.
	reviewWithin = 10 * time.Second
)

// Auth proves Kubernetes bearer tokens and asks what their owners may.
type Auth struct {
	Client    kubernetes.Interface
	Audiences []string // empty: the API server's own
	Now       func() time.Time
	// Source is the address that ctx's request came from. Nil: all are one.
	Source func(ctx context.Context) string

	unknown unknown
	asking  singleflight.Group
	mu      sync.Mutex
	known   map[[sha256.Size]byte]proved
}

// Pod is the pod that a token was made for.
type Pod struct{ Namespace, Name, UID string }

// What the API server says of a token that is bound to a pod.
const (
	extraPodName = "authentication.kubernetes.io/pod-name"
	extraPodUID  = "authentication.kubernetes.io/pod-uid"
	accounts     = "system:serviceaccount:"
)

// Pod is the pod that a token was made for, which is there as long as the API server takes
// the token. CodeForbidden when it was made for no pod.
func (a *Auth) Pod(ctx context.Context, token string) (Pod, error) {
	p, err := a.prove(ctx, token)
	if err == nil && p.pod == (Pod{}) {
		err = approvals.Errorf(approvals.CodeForbidden,
			"the bearer token of %s was not made for a pod: send the token that Kubernetes mounts into the step (/var/run/secrets/kubernetes.io/serviceaccount/token)", p.id.Name)
	}
	return p.pod, err
}

// podOf is the pod that a token of that user was made for, none when it was not.
func podOf(u authenticationv1.UserInfo) Pod {
	account, ok := strings.CutPrefix(u.Username, accounts)
	namespace, _, is := strings.Cut(account, ":")
	name, uid := u.Extra[extraPodName], u.Extra[extraPodUID]
	if !ok || !is || len(name) != 1 || len(uid) != 1 || name[0] == "" || uid[0] == "" {
		return Pod{}
	}
	return Pod{namespace, name[0], uid[0]}
}

var badToken = approvals.Errorf(approvals.CodeUnauthenticated,
	"the bearer token was not accepted by the cluster: get a fresh one, for example with kubectl create token NAME")

type proved struct {
	id    approvals.Identity
	pod   Pod
	until time.Time
}

// Authenticate is a TokenReview. CodeUnauthenticated when the API server does not
// know the token, CodeUnavailable when it did not answer.
func (a *Auth) Authenticate(ctx context.Context, token string) (approvals.Identity, error) {
	p, err := a.prove(ctx, token)
	return p.id, err
}

func (a *Auth) prove(ctx context.Context, token string) (proved, error) {
	if len(token) > maxToken {
		return proved{}, badToken
	}
	sum := sha256.Sum256([]byte(token))
	a.mu.Lock()
	hit, ok := a.known[sum]
	a.mu.Unlock()
	if ok && a.Now().Before(hit.until) {
		return hit, nil
	}
	var source string
	if a.Source != nil {
		source = a.Source(ctx)
	}
	// A hundred votes with one token at once are one question. The first asker's
	// leaving must not fail the others.
	got, err, _ := a.asking.Do(string(sum[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reviewWithin)
		defer cancel()
		return a.look(ctx, token, sum, source, ok)
	})
	if err != nil {
		return proved{}, err
	}
	return got.(proved), nil
}

// look asks about a token, unless it was refused just now, or its source has had too many
// refused. good says that it was good before.
func (a *Auth) look(ctx context.Context, token string, sum [sha256.Size]byte, source string, good bool) (proved, error) {
	u := &a.unknown
	if err := u.wasRefused(sum, a.Now()); err != nil {
		return proved{}, err
	}
	if !good && !u.take(source, a.Now()) {
		return proved{}, tooManyTokens
	}
	got, err := a.review(ctx, token, sum)
	if approvals.CodeOf(err) == approvals.CodeUnauthenticated {
		u.refuse(sum, err, a.Now())
		a.mu.Lock()
		delete(a.known, sum)
		a.mu.Unlock()
	} else if !good {
		u.giveBack(source)
	}
	return got, err
}

func (a *Auth) review(ctx context.Context, token string, sum [sha256.Size]byte) (proved, error) {
	review, err := a.Client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: a.Audiences},
	}, metav1.CreateOptions{})
	if err != nil {
		return proved{}, &approvals.Error{
			Code: approvals.CodeUnavailable, Message: "the cluster could not check the bearer token; try again in a moment", Err: err,
		}
	}
	u := review.Status.User
	if len(a.Audiences) > 0 && (review.Status.Authenticated && !a.meant(review.Status.Audiences) || strings.Contains(review.Status.Error, "audience")) {
		return proved{}, approvals.Errorf(approvals.CodeUnauthenticated,
			"the bearer token is for another audience than this service's, which is %s: get one with kubectl create token NAME --audience=%s", strings.Join(a.Audiences, " or "), a.Audiences[0])
	}
	if !review.Status.Authenticated || u.Username == "" || !a.meant(review.Status.Audiences) {
		return proved{}, badToken
	}
	id := approvals.Identity{
		Name: u.Username, Groups: slices.Clone(u.Groups), AuthMethod: approvals.AuthToken, CredentialID: "uid:" + u.UID,
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= maxTokens {
		a.known = map[[sha256.Size]byte]proved{}
	}
	p := proved{id, podOf(u), a.Now().Add(tokenTTL)}
	a.known[sum] = p
	return p, nil
}

// meant reports whether a token that is good for audiences is meant for us. An authenticator
// that knows of no audiences names none, and has not compared them.
func (a *Auth) meant(audiences []string) bool {
	return len(a.Audiences) == 0 || slices.ContainsFunc(audiences, func(x string) bool { return slices.Contains(a.Audiences, x) })
}

// MaySee reports whether Kubernetes RBAC lets id get or list Approvals.
func (a *Auth) MaySee(ctx context.Context, id approvals.Identity, verb, namespace, name string) (bool, error) {
	return a.may(ctx, id, verb, namespace, "approvals", name)
}

var _ approvals.Rights = (*Auth)(nil)

// Has reports whether RBAC gives id a verb on a Gate.
func (a *Auth) Has(ctx context.Context, id approvals.Identity, namespace, gate string, r approvals.Right) (bool, error) {
	return a.may(ctx, id, string(r), namespace, "gates", gate)
}

// MayOperate reports whether RBAC lets id update the status of Approvals: anyone who may looks
// after the service there.
func (a *Auth) MayOperate(ctx context.Context, id approvals.Identity, namespace string) (bool, error) {
	return a.may(ctx, id, "update", namespace, "approvals/status", "")
}

func (a *Auth) may(ctx context.Context, id approvals.Identity, verb, namespace, resource, name string) (bool, error) {
	resource, sub, _ := strings.Cut(resource, "/")
	sar, err := a.Client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: id.Name, Groups: id.Groups,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: verb, Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version,
				Resource: resource, Subresource: sub, Name: name,
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, &approvals.Error{
			Code: approvals.CodeUnavailable, Message: "the cluster could not check your rights; try again in a moment", Err: err,
		}
	}
	return sar.Status.Allowed, nil
}
