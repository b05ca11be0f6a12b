package identity

import (
	"context"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/approvals"
)

const (
	// A scraper comes every few seconds; what RBAC said is believed for so long. Who has
	// lost the right reads metrics for that time more.
	scrapeTTL = 30 * time.Second
	// A refusal is believed for less: somebody is about to grant it.
	scrapeRefusedTTL = 2 * time.Second
	maxScrapers      = 1000
)

// Scrapers authenticates those who read metrics, with the API server's own audience: the token
// in a pod is made for it. The names of users and groups come from its TokenReview.
type Scrapers struct {
	*Auth

	mu    sync.Mutex
	known map[scraping]scrapeRight
}

type scraping struct{ user, evidence, path string }

type scrapeRight struct {
	may   bool
	until time.Time
}

// MayGet reports whether RBAC lets id get a path that is no resource.
func (s *Scrapers) MayGet(ctx context.Context, id approvals.Identity, path string) (bool, error) {
	k := scraping{id.Name, id.CredentialID, path}
	s.mu.Lock()
	hit, ok := s.known[k]
	s.mu.Unlock()
	if ok && s.Now().Before(hit.until) {
		return hit.may, nil
	}
	ctx, cancel := context.WithTimeout(ctx, reviewWithin)
	defer cancel()
	sar, err := s.Client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: id.Name, Groups: id.Groups, NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: "get"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, &approvals.Error{
			Code: approvals.CodeUnavailable, Message: "the cluster could not check your rights; try again in a moment", Err: err,
		}
	}
	until := s.Now().Add(scrapeRefusedTTL)
	if sar.Status.Allowed {
		until = s.Now().Add(scrapeTTL)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxScrapers {
		s.known = map[scraping]scrapeRight{}
	}
	s.known[k] = scrapeRight{sar.Status.Allowed, until}
	return sar.Status.Allowed, nil
}
