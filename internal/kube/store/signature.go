package store

import (
	"encoding/base64"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// Two signatures make an Approval this service's own: the source's signature from its
// opening on, and the signature over the whole spec once it is resolved. Anyone who may
// create Approvals could otherwise write one of their own, resolved or not,
// and have the service release it.

// signedContent returns the bytes under a signature: where the Approval is, and its spec.
func signedContent(namespace, name string, spec v1alpha1.ApprovalSpec) []byte {
	spec.Signature = ""
	return []byte(approvals.Digest("approval", namespace, name, spec))
}

// signedSource returns the bytes under a source's signature.
func signedSource(namespace, name string, spec v1alpha1.ApprovalSpec) []byte {
	parts := []any{"source", namespace, name, spec.Trigger, spec.Source}
	if spec.Replaces != nil {
		parts = append(parts, spec.Replaces)
	}
	return []byte(approvals.Digest(parts...))
}

// SignSource sets the source's signature.
func SignSource(ring keyring.Ring, o *v1alpha1.Approval) {
	o.Spec.SourceSignature = encode(ring.Sign(keyring.Approval, signedSource(o.Namespace, o.Name, o.Spec)))
}

// IsGenuine reports whether the signature of o verifies by a key that the service still has.
func (s *Store) IsGenuine(o *v1alpha1.Approval) bool {
	_, ok := s.signatures.Check(s.Ring(), o)
	return ok
}

// SetResolved sets what it was resolved to, and signs that with all the rest.
func SetResolved(ring keyring.Ring, o *v1alpha1.Approval, resolved *approvals.ResolvedSpec) {
	o.Spec.Resolved = convert.ResolvedToAPI(resolved)
	o.Spec.Signature = encode(ring.Sign(keyring.Approval, signedContent(o.Namespace, o.Name, o.Spec)))
}

// IsSigned reports whether this service opened o, and resolved it if it is resolved: both
// signatures are by one of its keys.
func IsSigned(ring keyring.Ring, o *v1alpha1.Approval) bool { return signedBy(ring, o) != nil }

// signedBy is the one key that o was signed with, nil when it is none of this service's.
func signedBy(ring keyring.Ring, o *v1alpha1.Approval) keyring.Ring {
	sum := o.Spec.Signature
	if o.Spec.Resolved == nil {
		sum = o.Spec.SourceSignature
	}
	mac, err := base64.RawStdEncoding.DecodeString(sum)
	if err != nil {
		return nil
	}
	return ring.Signer(keyring.Approval, SignedContentOf(o), mac)
}

// SignedContentOf returns the bytes under o's signature: those of the source, until it is
// resolved.
func SignedContentOf(o *v1alpha1.Approval) []byte {
	switch {
	case o.Spec.Lean != nil: // worked out while it was whole
		return []byte(o.Spec.Lean.SignedContent)
	case o.Spec.Resolved == nil:
		return signedSource(o.Namespace, o.Name, o.Spec)
	}
	return signedContent(o.Namespace, o.Name, o.Spec)
}

func encode(mac []byte) string { return base64.RawStdEncoding.EncodeToString(mac) }

// SignatureInvalid is the message of reason SignatureInvalid.
const SignatureInvalid = "its signature is not by a key of this service: somebody else made or changed this Approval, or the key was deleted. Delete it: Countersign opens it again if its PipelineRun still exists, and a held event must be sent again"

// View verifies o and converts it. It is not resolved when this service
// did not resolve it: then nothing can be decided or released.
func (s *Store) View(o *v1alpha1.Approval) approvals.Approval {
	a, v := s.proven(o)
	return v.withRun(a, o)
}

// withRun is a, which o is or becomes, with the name of its run while that is awaited.
func (v Verified) withRun(a approvals.Approval, o *v1alpha1.Approval) approvals.Approval {
	if a.RunName = ""; a.AwaitsRun() {
		a.RunName = v.runOf(o, a.Attempt())
	}
	return a
}

// runOf is the name of the run that o starts in that attempt.
func (v Verified) runOf(o *v1alpha1.Approval, attempt int) approvals.Unsaid {
	if attempt == 0 || v.by == nil {
		return v.run
	}
	return NameOfRun(v.by, o, attempt)
}

// proven is the domain's view of o, and what its signature proves.
func (s *Store) proven(o *v1alpha1.Approval) (approvals.Approval, Verified) {
	a := convert.ToDomain(o)
	v, ok := s.signatures.Check(s.Ring(), o)
	if !ok {
		a.Resolved = nil
		a.Blocked = &approvals.Problem{Reason: convert.SignatureInvalid, Message: SignatureInvalid}
	} else if a.Blocked != nil && a.Blocked.Reason == convert.SignatureInvalid {
		a.Blocked = nil // its key is back
	}
	return a, v
}

// SignatureCache remembers which Approvals verified, so that a list of thousands is not
// verified again each time. A spec that changes gets a new generation from the API
// server and is verified again, as is everything when the keys change.
type SignatureCache struct {
	mu    sync.Mutex
	keys  keyring.Ring
	Known map[types.UID]Verified
}

// Verified is an object whose signature was verified, with what follows from it.
type Verified struct {
	Generation int64
	run        approvals.Unsaid // the name of its first run
	by         keyring.Ring     // the key that those of others follow from
}

// maxSignatures bounds what is remembered; past it remembering begins again.
const maxSignatures = 1 << 15

// Check verifies what o says of itself; false when no key of the ring signed it.
func (s *SignatureCache) Check(ring keyring.Ring, o *v1alpha1.Approval) (Verified, bool) {
	if o.UID == "" || o.Generation == 0 { // not from the API server
		return verify(ring, o)
	}
	s.mu.Lock()
	if s.Known == nil || len(s.Known) > maxSignatures || !ring.Same(s.keys) {
		s.Known, s.keys = map[types.UID]Verified{}, ring
	}
	v, ok := s.Known[o.UID]
	s.mu.Unlock()
	if ok && v.Generation == o.Generation {
		return v, true
	}
	if v, ok = verify(ring, o); !ok {
		return v, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ring.Same(s.keys) {
		s.Known[o.UID] = v
	}
	return v, true
}

func verify(ring keyring.Ring, o *v1alpha1.Approval) (Verified, bool) {
	by := signedBy(ring, o)
	if by == nil {
		return Verified{}, false
	}
	return Verified{o.Generation, NameOfRun(by, o, 0), by}, true
}
