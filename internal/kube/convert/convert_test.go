package convert_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

// TestMain runs everything in another time zone than UTC: objects come back from
// the API server in the process's own.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("JST", 9*3600)
	m.Run()
}

// TestRoundTrip: whatever an Approval is, it comes back from the API server as it
// went, wherever the process runs.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := servicetest.AnyApproval.Draw(t, "approval")
		o := servicetest.ThroughAPI(t, servicetest.ObjectOf(a))
		if d := cmp.Diff(a, convert.ToDomain(o), ct.Same); d != "" {
			t.Fatalf("(-went +came)\n%s", d)
		}
		// And what comes back makes no write.
		later := ct.T0.Add(time.Hour)
		if again := convert.StatusOf(convert.ToDomain(o), o.Status, 1, later); !equality.Semantic.DeepEqual(again, o.Status) {
			t.Fatalf("unchanged, and written again (-is +would be)\n%s", cmp.Diff(o.Status, again))
		}
		// What the decision binds is the same to the last byte.
		if x, y := approvals.Digest(a.Source), approvals.Digest(convert.ToDomain(o).Source); x != y && !emptyParts(a) {
			t.Fatalf("the source's digest was %s and is %s", x, y)
		}
	})
}

// emptyParts says whether a has lists that are empty and not nil: rapid makes
// them, the service does not.
func emptyParts(a approvals.Approval) bool {
	s := a.Source
	return s.Params != nil && len(s.Params) == 0 || s.Results != nil && len(s.Results) == 0 || s.Claims != nil && len(s.Claims) == 0 ||
		s.Labels != nil && len(s.Labels) == 0 || s.Annotations != nil && len(s.Annotations) == 0 || s.Event != nil && s.Event.Headers != nil && len(s.Event.Headers) == 0
}

func TestPolicyRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := servicetest.AnyPolicy.Draw(t, "policy")
		spec := convert.PolicyToAPI(p)
		if d := cmp.Diff(p, convert.PolicyToDomain(p.Gate, *servicetest.ThroughAPI(t, &spec)), ct.Same); d != "" {
			t.Fatalf("(-went +came)\n%s", d)
		}
	})
}

// TestPolicyDefaults: an inline policy, which no schema has seen, means what the
// schema's defaults say.
func TestPolicyDefaults(t *testing.T) {
	t.Parallel()
	users := func(us ...v1alpha1.User) *v1alpha1.Approvers { return &v1alpha1.Approvers{Users: us} }
	got := convert.PolicyToDomain("g", v1alpha1.GateSpec{Approvers: users(v1alpha1.User{Name: "alice@example.com"}, v1alpha1.User{Name: "bob"}, v1alpha1.User{Name: "carol@sso", Email: "c@example.com"})})
	want := approvals.Policy{
		Gate: "g", Strategy: approvals.Single, Requester: approvals.RequesterExclude, Lifetime: approvals.DefaultLifetime, ReleaseOn: []approvals.Outcome{approvals.Approved},
		Approvers: []approvals.Approver{{Name: "alice@example.com", Email: "alice@example.com"}, {Name: "bob"}, {Name: "carol@sso", Email: "c@example.com"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if got := convert.PolicyToDomain("g", v1alpha1.GateSpec{ExpiresAfter: "soon"}); got.Lifetime != 0 {
		t.Errorf("a lifetime that does not parse is %s", got.Lifetime)
	}
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").With(func(a *approvals.Approval) {
		a.Deliveries = []approvals.Delivery{{Event: "opened", Channel: "email", Recipient: "alice", Error: strings.Repeat("é", 5000), Attempts: 1 << 40}}
		a.Unreleased = &approvals.Problem{Reason: "Refused", Message: strings.Repeat("é", convert.MaxMessage)}
	}).Obj()
	s := convert.StatusOf(a, v1alpha1.ApprovalStatus{}, 1, ct.T0)
	if n := s.Notifications[0]; len(n.Error) > 1024 || n.Attempts != 1<<30 {
		t.Errorf("an error of %d bytes after %d attempts: the schema refuses it", len(n.Error), n.Attempts)
	}
	for _, c := range s.Conditions {
		if len(c.Message) > convert.MaxMessage {
			t.Errorf("%s has a message of %d bytes", c.Type, len(c.Message))
		}
	}
}
