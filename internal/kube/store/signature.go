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

// Two signatures make an Approval this service's own: the source's seal from its
// opening on, and the seal of the whole spec once its terms are there. Whoever may
// create Approvals could otherwise write one of their own, with terms or without,
// and have the service release it.

// sealed is what a seal signs: where the Approval is, and its spec.
func sealed(namespace, name string, spec v1alpha1.ApprovalSpec) []byte {
	spec.Seal = ""
	return []byte(approvals.Digest("seal", namespace, name, spec))
}

// sealedSource is what a source's seal signs.
func sealedSource(namespace, name string, spec v1alpha1.ApprovalSpec) []byte {
	parts := []any{"source", namespace, name, spec.Trigger, spec.Source}
	if spec.Again != nil {
		parts = append(parts, spec.Again)
	}
	return []byte(approvals.Digest(parts...))
}

// SealSource sets the source's seal.
func SealSource(ring keyring.Ring, o *v1alpha1.Approval) {
	o.Spec.SourceSeal = encode(ring.Sign(keyring.Seal, sealedSource(o.Namespace, o.Name, o.Spec)))
}

// IsGenuine reports whether the signature of o verifies by a key that the service still has.
func (s *Store) IsGenuine(o *v1alpha1.Approval) bool {
	_, ok := s.seals.Check(s.Ring(), o)
	return ok
}

// SetTerms sets the terms and seals them with all the rest.
func SetTerms(ring keyring.Ring, o *v1alpha1.Approval, terms *approvals.Terms) {
	o.Spec.Terms = convert.TermsToAPI(terms)
	o.Spec.Seal = encode(ring.Sign(keyring.Seal, sealed(o.Namespace, o.Name, o.Spec)))
}

// IsGenuine says whether this service opened o, and set its terms if it has any.
func IsGenuine(ring keyring.Ring, o *v1alpha1.Approval) bool { return sealedBy(ring, o) != nil }

// sealedBy is the one key that o's seal is by, nil when it is not this service's.
func sealedBy(ring keyring.Ring, o *v1alpha1.Approval) keyring.Ring {
	sum := o.Spec.Seal
	if o.Spec.Terms == nil {
		sum = o.Spec.SourceSeal
	}
	mac, err := base64.RawStdEncoding.DecodeString(sum)
	if err != nil {
		return nil
	}
	return ring.Signer(keyring.Seal, SealedOf(o), mac)
}

// SealedOf is what o's seal signs: that of its source, until it has terms.
func SealedOf(o *v1alpha1.Approval) []byte {
	switch {
	case o.Spec.Lean != nil: // worked out while it was whole
		return []byte(o.Spec.Lean.Sealed)
	case o.Spec.Terms == nil:
		return sealedSource(o.Namespace, o.Name, o.Spec)
	}
	return sealed(o.Namespace, o.Name, o.Spec)
}

func encode(mac []byte) string { return base64.RawStdEncoding.EncodeToString(mac) }

// NotGenuine is the message of reason NotGenuine.
const NotGenuine = "its seal is not this service's: it was made or changed by somebody else, or its key is gone. Delete it; a genuine one is opened by itself"

// Genuine is the domain's view of o, with its terms taken away when this service
// did not set them: without terms nothing can be decided or released.
func (s *Store) Genuine(o *v1alpha1.Approval) approvals.Approval {
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

// proven is the domain's view of o, and what its seal proves.
func (s *Store) proven(o *v1alpha1.Approval) (approvals.Approval, Verified) {
	a := convert.ToDomain(o)
	v, ok := s.seals.Check(s.Ring(), o)
	if !ok {
		a.Terms = nil
		a.Blocked = &approvals.Problem{Reason: convert.NotGenuine, Message: NotGenuine}
	} else if a.Blocked != nil && a.Blocked.Reason == convert.NotGenuine {
		a.Blocked = nil // its key is back
	}
	return a, v
}

// Seals remembers which Approvals verified, so that a list of thousands is not
// verified again each time. A spec that changes gets a new generation from the API
// server and is verified anew, as is everything when the keys change.
type Seals struct {
	mu    sync.Mutex
	keys  keyring.Ring
	Known map[types.UID]Verified
}

// Verified is what verified, and what follows from it.
type Verified struct {
	Generation int64
	run        approvals.Unsaid // the name of its first run
	by         keyring.Ring     // the key that those of others follow from
}

// maxSeals bounds what is remembered; past it remembering begins again.
const maxSeals = 1 << 15

// Check verifies what o says of itself; false when no key of the ring signed it.
func (s *Seals) Check(ring keyring.Ring, o *v1alpha1.Approval) (Verified, bool) {
	if o.UID == "" || o.Generation == 0 { // not from the API server
		return verify(ring, o)
	}
	s.mu.Lock()
	if s.Known == nil || len(s.Known) > maxSeals || !ring.Same(s.keys) {
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
	by := sealedBy(ring, o)
	if by == nil {
		return Verified{}, false
	}
	return Verified{o.Generation, NameOfRun(by, o, 0), by}, true
}
