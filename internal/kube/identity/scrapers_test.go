package identity

import (
	"errors"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestMayGet: RBAC is asked for the path, by name and groups, and believed for a moment.
func TestMayGet(t *testing.T) {
	t.Parallel()
	now, asked, allowed := ct.T0, 0, false
	var fails error
	c := fake.NewClientset()
	c.PrependReactor("create", "subjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		asked++
		r := a.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview)
		if x := r.Spec.NonResourceAttributes; x == nil || x.Path != "/metrics" || x.Verb != "get" || r.Spec.ResourceAttributes != nil || r.Spec.User != "prometheus" || len(r.Spec.Groups) != 1 {
			t.Errorf("asked %+v", r.Spec)
		}
		r.Status.Allowed = allowed
		return true, r, fails
	})
	s := &Scrapers{Auth: &Auth{Client: c, Now: func() time.Time { return now }}}
	id := approvals.Identity{Name: "prometheus", Groups: []string{"monitoring"}, CredentialID: "uid:1"}
	look := func(want bool, times int) {
		t.Helper()
		may, err := s.MayGet(t.Context(), id, "/metrics")
		if err != nil || may != want || asked != times {
			t.Errorf("%t, %v, asked %d times; want %t, %d", may, err, asked, want, times)
		}
	}
	look(false, 1)
	allowed = true
	look(false, 1)
	now = now.Add(scrapeRefusedTTL)
	look(true, 2)
	allowed = false
	look(true, 2)
	now = now.Add(scrapeTTL)
	look(false, 3)
	id.CredentialID = "uid:2" // another account of that name
	look(false, 4)
	now, fails = now.Add(scrapeTTL), errors.New("connection refused")
	if may, err := s.MayGet(t.Context(), id, "/metrics"); may || approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("%t, %v", may, err)
	}
}
