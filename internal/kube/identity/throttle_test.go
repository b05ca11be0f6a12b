package identity

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

type sourceKey struct{}

// TestUnknownTokens: anyone who makes tokens up costs a bounded number of TokenReviews, and
// keeps nobody at another address from a good one, nor somebody from one that was good
// before.
func TestUnknownTokens(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	client, asked := reviewer(func(r *authenticationv1.TokenReview) error {
		good := strings.HasPrefix(r.Spec.Token, "good")
		r.Status = authenticationv1.TokenReviewStatus{Authenticated: good, User: authenticationv1.UserInfo{Username: "alice"}}
		return nil
	})
	now := ct.T0
	a := &Auth{Client: client, Now: func() time.Time { return now }, Source: func(ctx context.Context) string {
		s, _ := ctx.Value(sourceKey{}).(string)
		return s
	}}
	ask := func(source, token string) approvals.Code {
		mu.Lock()
		defer mu.Unlock()
		_, err := a.Authenticate(context.WithValue(t.Context(), sourceKey{}, source), token)
		return approvals.CodeOf(err)
	}
	if got := ask("mallory", "good-before"); got != "" {
		t.Fatal(got)
	}
	*asked = 0
	last := approvals.Code("")
	for i := range 3000 {
		last = ask("mallory", fmt.Sprint("bad-", i))
	}
	if *asked > unknownAtOnce || last != approvals.CodeLimited {
		t.Errorf("%d reviews of 3000 tokens that were made up, the last answer is %q", *asked, last)
	}
	for i := range unknownAtOnce * 2 { // good ones cost nothing
		if got := ask("alice", fmt.Sprint("good-", i)); got != "" {
			t.Fatalf("a good token of another address: %q", got)
		}
	}
	if got := ask("mallory", "good-new"); got != approvals.CodeLimited {
		t.Errorf("%q", got)
	}
	now = now.Add(tokenTTL)
	*asked = 0
	if got := ask("mallory", "good-before"); got != "" || *asked != 1 {
		t.Errorf("what was good before: %q, asked %d times", got, *asked)
	}
	if got := ask("mallory", "good-new"); got != "" {
		t.Errorf("later: %q", got)
	}
	// As many addresses as anybody likes take no more memory than there is for them.
	for i := range 2*maxSources + 1 {
		ask(fmt.Sprint("source-", i), fmt.Sprint("bad-", i))
	}
	if n := len(a.unknown.left); n > maxSources {
		t.Errorf("%d sources are remembered", n)
	}
	if n := len(a.unknown.refused); n > maxTokens {
		t.Errorf("%d refusals are remembered", n)
	}
}
