package triggers

import (
	"context"
	"fmt"
	"sync"
	"time"

	pipelineapi "github.com/tektoncd/pipeline/pkg/apis/pipeline"
	triggersapi "github.com/tektoncd/triggers/pkg/apis/triggers"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
)

// Account is a service account, not ours: what an EventListener acts as.
type Account struct{ Namespace, Name string }

// May asks the API server, which is to be told of the groups too.
func (a Account) May(ctx context.Context, c client.Client, do *authorizationv1.ResourceAttributes) (bool, error) {
	sar := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "system:serviceaccount:" + a.Namespace + ":" + a.Name,
		Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + a.Namespace, "system:authenticated"},
		ResourceAttributes: do,
	}}
	err := c.Create(ctx, sar)
	return sar.Status.Allowed, err
}

// MayBe reports whether a may act as another account, as an EventListener does for a Trigger
// with an account of its own.
func (a Account) MayBe(ctx context.Context, c client.Client, other Account) (bool, error) {
	return a.May(ctx, c, &authorizationv1.ResourceAttributes{Namespace: other.Namespace, Verb: "impersonate", Resource: "serviceaccounts", Name: other.Name})
}

// MayNotBe is the message for an EventListener whose account may not impersonate the Trigger's.
func MayNotBe(a, other Account) string {
	return fmt.Sprintf("service account %s/%s of the EventListener may not impersonate serviceaccount %s in namespace %s, which the Trigger's serviceAccountName requires: bind it to ClusterRole tekton-triggers-eventlistener-roles there, or remove the Trigger's serviceAccountName",
		a.Namespace, a.Name, other.Name, other.Namespace)
}

// MayListTriggers asks the API server for Triggers.MayListTriggers. No answer is
// CodeUnavailable, and no "no": votes must not be lost by it.
func MayListTriggers(c client.Client) func(ctx context.Context, home, account, namespace string) (bool, error) {
	return (&asked{client: c, do: authorizationv1.ResourceAttributes{Verb: "list", Group: triggersapi.GroupName, Resource: "triggers"}}).may
}

// MayGetRuns asks the API server for Triggers.MayGetRuns. No answer is CodeUnavailable.
func MayGetRuns(c client.Client) func(ctx context.Context, home, account, namespace string) (bool, error) {
	return (&asked{client: c, do: authorizationv1.ResourceAttributes{Verb: "get", Group: pipelineapi.GroupName, Resource: "pipelineruns"}}).may
}

// Bounds on what is remembered of the API server's answers.
const (
	askedWithin = 5 * time.Second  // an answer takes no longer
	askedAgain  = 15 * time.Second // and is as old as that at most
	mostAnswers = 4096
)

// asked remembers for a moment what accounts may do, so that a burst of runs asks
// once.
type asked struct {
	client client.Client
	do     authorizationv1.ResourceAttributes

	mu      sync.Mutex
	answers map[question]answer
}

type question struct{ home, account, namespace string }

type answer struct {
	may bool
	at  time.Time
}

func (q *asked) may(ctx context.Context, home, name, namespace string) (bool, error) {
	key, now := question{home, name, namespace}, time.Now() //nolint:forbidigo // how long a memory lasts, not what anything says
	q.mu.Lock()
	known, ok := q.answers[key]
	q.mu.Unlock()
	if ok && now.Sub(known.at) < askedAgain {
		return known.may, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askedWithin)
	defer cancel()
	do := q.do
	do.Namespace = namespace
	may, err := Account{home, name}.May(ctx, q.client, &do)
	if err != nil {
		return false, &approvals.Error{
			Code: approvals.CodeUnavailable, Err: err,
			Message: "the API server did not say whether service account " + home + "/" + name + " may " + do.Verb + " " + do.Resource + " in namespace " + namespace + "; try again in a moment",
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.answers == nil || len(q.answers) >= mostAnswers {
		q.answers = map[question]answer{}
	}
	q.answers[key] = answer{may, now}
	return may, nil
}

// MayAwait returns CodeForbidden when a Trigger may not wait for runs of another namespace, since its
// account may not get them: what they gave would be shown, and forwarded, to people who may not read
// it.
func (t *Triggers) MayAwait(ctx context.Context, s Standing, line approvals.InterceptorParams) error {
	from := line.After.Namespace
	if from == "" || from == s.Namespace {
		return nil
	}
	as := Account{s.Namespace, s.Spec.ServiceAccountName}
	switch {
	case as.Name != "":
	case s.In != nil:
		as = Listener{EventListener: s.In}.Account()
	default:
		l, err := t.ListenerFor(ctx, s.Namespace, s.Name)
		if err != nil {
			return err
		}
		as = l.Account()
	}
	if t.MayGetRuns != nil {
		if may, err := t.MayGetRuns(ctx, as.Namespace, as.Name, from); may || err != nil {
			return err
		}
	}
	return approvals.Errorf(approvals.CodeForbidden,
		"%s waits for %s, and its service account %s/%s may not get PipelineRuns there: bind the account to a role of namespace %s that may, or leave namespace out", s, line.After, as.Namespace, as.Name, from)
}

// ResourceOf is the resource of a kind, by the rules of English that its makers go by: a
// NetworkPolicy is one of networkpolicies.
func ResourceOf(obj *unstructured.Unstructured) string {
	plural, _ := meta.UnsafeGuessKindToResource(obj.GroupVersionKind())
	return plural.Resource
}
