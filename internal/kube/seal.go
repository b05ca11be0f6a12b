package kube

import (
	"encoding/base64"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
)

// sealed is what a seal signs: where the Approval is and all of its spec. Whoever
// may create Approvals could otherwise write one with terms of their own and have
// the service release it.
func sealed(namespace, name string, spec v1alpha1.ApprovalSpec) []byte {
	spec.Seal = ""
	return []byte(approvals.Digest("seal", namespace, name, spec))
}

func seal(ring keyring.Ring, namespace, name string, spec v1alpha1.ApprovalSpec) string {
	return base64.RawStdEncoding.EncodeToString(ring.Sign(keyring.Seal, sealed(namespace, name, spec)))
}

// NotGenuine is the reason of an Approval that this service did not open.
const NotGenuine = "NotGenuine"

// genuine is the domain's view of o, with its terms taken away when this service
// did not set them: without terms nothing can be decided or released.
func (s *Store) genuine(o *v1alpha1.Approval) approvals.Approval {
	a := toDomain(o)
	if a.Terms == nil {
		return a
	}
	sum, err := base64.RawStdEncoding.DecodeString(o.Spec.Seal)
	if err != nil || !s.Ring().Verify(keyring.Seal, sealed(o.Namespace, o.Name, o.Spec), sum) {
		a.Terms = nil
		a.Blocked = &approvals.Problem{
			Reason:  NotGenuine,
			Message: "its seal is not this service's: it was made or changed by somebody else, or its key is gone. Delete it; a genuine one is opened by itself",
		}
	}
	return a
}
