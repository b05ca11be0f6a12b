package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// The admission policies that a promise of docs/explanation/security.md rests on; each has a
// binding of its name.
const (
	GuardOfVotes       = "countersign-votes"
	GuardOfDelegations = "countersign-delegations"
	GuardOfApprovals   = "countersign-approvals"
	GuardOfSpecs       = "countersign-approvals-immutable"
	GuardOfRuns        = "countersign-dry-run-only"
	// GuardOfRequesters is there with component requester.
	GuardOfRequesters = "countersign-requester"
	// GuardOfAnswers is there when ApprovalTasks are served.
	GuardOfAnswers = "countersign-approvaltasks"
)

// BaseGuards returns the admission policies of every installation.
func BaseGuards() []string {
	return []string{GuardOfApprovals, GuardOfSpecs, GuardOfVotes, GuardOfDelegations, GuardOfRuns}
}

// purposeOf a policy, for anyone who finds it missing.
func purposeOf(name string) string {
	switch name {
	case GuardOfApprovals:
		return "without it, anyone with update on approvals/status can forge votes"
	case GuardOfSpecs:
		return "without it, anyone who can edit an Approval can invalidate it"
	case GuardOfRuns:
		return "without it, the service could start runs itself"
	default:
		return "without it, nothing verifies who created the object"
	}
}

// manifestOf is the file that a policy is in.
func manifestOf(name string) string {
	switch name {
	case GuardOfAnswers:
		return "deploy/components/manual-approval-gate/admission.yaml"
	case GuardOfRequesters:
		return "deploy/components/requester/runs.yaml"
	default:
		return "deploy/base/admission.yaml"
	}
}

// GuardTTL is the time for which a policy that was found is not looked up again.
const GuardTTL = time.Minute

// Guards knows whether an admission policy is in force. What it guards counts for
// nothing while it is not.
type Guards struct {
	Live client.Reader
	Now  func() time.Time

	mu    sync.Mutex
	known map[string]guard
}

// guard is a policy that was there: since when, and until when that is believed.
type guard struct{ since, until time.Time }

// Since returns the time from which a policy is in force: it has verified nothing that is
// older. The error names what is missing.
func (g *Guards) Since(ctx context.Context, name string) (time.Time, error) {
	g.mu.Lock()
	known := g.known[name]
	g.mu.Unlock()
	if g.Now().Before(known.until) {
		return known.since, nil
	}
	where := ", " + purposeOf(name) + " (it is in " + manifestOf(name) + "),"
	var policy admissionv1.ValidatingAdmissionPolicy
	if err := g.Live.Get(ctx, types.NamespacedName{Name: name}, &policy); err != nil {
		return time.Time{}, kubeutil.Translate(err, "ValidatingAdmissionPolicy "+name+where)
	}
	var binding admissionv1.ValidatingAdmissionPolicyBinding
	if err := g.Live.Get(ctx, types.NamespacedName{Name: name}, &binding); err != nil {
		return time.Time{}, kubeutil.Translate(err, "ValidatingAdmissionPolicyBinding "+name+where)
	}
	if b := binding.Spec; b.PolicyName != name || b.MatchResources != nil || !slices.Contains(b.ValidationActions, admissionv1.Deny) {
		return time.Time{}, &approvals.Error{Code: approvals.CodeUnavailable, Err: errLoose, Message: fmt.Sprintf(
			"ValidatingAdmissionPolicyBinding %s does not deny everything that its policy refuses: apply %s again", name, manifestOf(name))}
	}
	since := policy.CreationTimestamp.Time
	if at := binding.CreationTimestamp.Time; at.After(since) {
		since = at
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil {
		g.known = map[string]guard{}
	}
	g.known[name] = guard{since.Add(guardSettles), g.Now().Add(GuardTTL)}
	return g.known[name].since, nil
}

// errLoose is a binding that lets through what its policy refuses.
var errLoose = errors.New("its spec is another than the manifest's")

// NotInForce reports whether err, of Since, means that a policy is missing, and not that the
// API server did not answer.
func NotInForce(err error) bool {
	return approvals.CodeOf(err) == approvals.CodeNotFound || errors.Is(err, errLoose)
}

// guardSettles is the time from the creation of a policy until all API servers apply it.
const guardSettles = 2 * time.Second
