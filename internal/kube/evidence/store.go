package evidence

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/turns"
)

// Labels and annotation of Evidence objects. They are for finding them; what they say is not
// believed.
const (
	labelEvidence   = "countersign.dev/evidence"      // the name of the first part
	labelRun        = "countersign.dev/evidence-run"  // the UID of the run
	labelFirst      = "countersign.dev/evidence-kind" // of the first part alone: the kind
	annotationBytes = "countersign.dev/evidence-bytes"
)

// Store keeps evidence: an Evidence object for each piece, with the compressed bytes in the object and
// others like it or, where there is an audit store, in that. Each object is signed.
type Store struct {
	Client client.Client // not through a cache: nobody keeps the bytes in memory
	Ring   func() keyring.Ring
	// Quota is what a namespace may have. Nil: nothing is bounded.
	Quota func(ctx context.Context, namespace string) (approvals.Quota, error)
	// Bytes is the audit store. Nil: there is none, and bytes are in the objects.
	Bytes Bytes
	// Most is how many bytes all namespaces together may have in the audit store, whose disk is that of
	// the audit log. 0: that is not bounded.
	Most int64
	Now  func() time.Time // needed with Bytes

	memory memory
	once   sync.Once
	writes *turns.Turns // see writers
}

// Of says which evidence it is. Name is that of an upload, or task and step of a log.
type Of struct {
	Namespace, Run, RunUID string
	Kind                   evidence.Kind
	Name                   string
}

func (of Of) object() string {
	return "evidence-" + approvals.Digest("evidence", of.RunUID, of.Kind, of.Name)[:32]
}

func (of Of) String() string {
	return fmt.Sprintf("evidence %q of run %s", of.Name, of.Run)
}

// Kept is evidence that Keep has stored, or found there.
type Kept struct {
	Object, SHA256, Message string
	Size                    int64
}

func (k Kept) item(w evidence.Wanted) evidence.Item {
	return evidence.Item{Name: w.Name, Kind: w.Kind, Format: w.Format, State: evidence.Present, SHA256: k.SHA256, Size: k.Size, Message: k.Message, Object: k.Object}
}

// Find returns the stored evidence, read from the API server.
//
// Errors: CodeNotFound, CodeForbidden (somebody else wrote the object).
func (s *Store) Find(ctx context.Context, of Of) (Kept, error) {
	k, _, err := s.find(ctx, of)
	return k, err
}

// find is Find, and says where the bytes are.
func (s *Store) find(ctx context.Context, of Of) (Kept, v1alpha1.EvidencePlace, error) {
	var o v1alpha1.Evidence
	if err := s.Client.Get(ctx, types.NamespacedName{Namespace: of.Namespace, Name: of.object()}, &o); err != nil {
		return Kept{}, "", kubeutil.Translate(err, of.String())
	}
	k, err := s.kept(of, &o)
	return k, o.Spec.StoredIn, err
}

// kept verifies that o was written by this service as what of says.
func (s *Store) kept(of Of, o *v1alpha1.Evidence) (Kept, error) {
	mac, err := base64.RawStdEncoding.DecodeString(o.Spec.Signature)
	if err != nil || !s.Ring().Verify(keyring.Evidence, signed(of, o.Spec), mac) {
		return Kept{}, approvals.Errorf(approvals.CodeForbidden,
			"object Evidence %s of namespace %s was not written by this service, or its key is gone: delete it, and run the pipeline again", o.Name, o.Namespace)
	}
	return Kept{Object: o.Name, SHA256: o.Spec.SHA256, Size: o.Spec.Size, Message: o.Spec.Message}, nil
}

// signed returns the bytes under an Evidence object's signature.
func signed(of Of, s v1alpha1.EvidenceSpec) []byte {
	return []byte(approvals.Digest("evidence", of.RunUID, of.Kind, of.Name, s.SHA256, s.Size, s.Message))
}

// Keep writes data once. The same bytes again are what is kept already; created says whether
// they are new. What makes it safe to do again is the object's name. Bytes in the audit store are
// written before the object that stands for them: anyone who finds the object finds the bytes.
//
// Bytes that the audit store has lost are written there again.
//
// Errors: CodeConflict (other bytes are kept under that name), CodeLimited, CodeUnavailable.
func (s *Store) Keep(ctx context.Context, of Of, data []byte, message string) (k Kept, created bool, err error) {
	sum := evidence.Sum(data)
	k, where, err := s.find(ctx, of)
	switch {
	case err == nil && k.SHA256 == sum:
		return k, false, s.rewrite(ctx, of, where, sum, data)
	case err == nil:
		return k, false, differs(of, k, sum)
	case approvals.CodeOf(err) != approvals.CodeNotFound:
		return k, false, err
	}
	leave, err := s.writers().Enter(ctx, of.Namespace)
	if err != nil {
		return Kept{}, false, err
	}
	defer leave()
	packed, err := pack(data)
	if err != nil {
		return Kept{}, false, err
	}
	if err := s.room(ctx, of, int64(len(packed))); err != nil {
		return Kept{}, false, err
	}
	if err := s.put(ctx, of, sum, packed); err != nil {
		return Kept{}, false, err
	}
	parts := s.parts(of, data, packed, message)
	var written []*v1alpha1.Evidence
	for _, p := range slices.Backward(parts) { // the first part, by which it is found, last
		err := s.create(ctx, p)
		if err == nil {
			written = append(written, p)
			continue
		}
		if !apierrors.IsAlreadyExists(err) {
			return Kept{}, false, refused(err, of.String())
		}
		if p.Spec.Part > 0 {
			continue // of an attempt that ended half way: its name has the digest of these bytes
		}
		k, err := s.Find(ctx, of)
		switch {
		case err != nil:
			return k, false, err
		case k.SHA256 != sum:
			s.discard(ctx, written)
			return k, false, differs(of, k, sum)
		}
		return k, false, nil
	}
	return Kept{Object: of.object(), SHA256: sum, Size: int64(len(data)), Message: message}, true, nil
}

func differs(of Of, k Kept, sum string) error {
	return approvals.Errorf(approvals.CodeConflict, "%s already exists with other bytes (SHA-256 %s, and yours has %s): evidence can't be overwritten, so upload this under another name", of, k.SHA256, sum)
}

// discard deletes the parts of one that came second. What stays goes with the run.
func (s *Store) discard(ctx context.Context, parts []*v1alpha1.Evidence) {
	for _, p := range parts {
		_ = s.Client.Delete(ctx, p)
	}
}

// parts are the objects of data, which packed is. Bytes that are in the audit store have one.
func (s *Store) parts(of Of, data, packed []byte, message string) []*v1alpha1.Evidence {
	first, stored := of.object(), evidence.Sum(packed)[:16]
	chunks, place := slices.Collect(slices.Chunk(packed, maxPart)), v1alpha1.EvidencePlace("")
	if s.Bytes != nil {
		chunks, place = [][]byte{nil}, v1alpha1.InAuditStore
	}
	out := make([]*v1alpha1.Evidence, 0, len(chunks))
	for i, c := range chunks {
		o := &v1alpha1.Evidence{}
		o.Namespace, o.Name = of.Namespace, first
		o.Labels = map[string]string{labelEvidence: first, labelRun: of.RunUID}
		if i == 0 {
			o.Labels[labelFirst] = string(of.Kind)
		} else {
			o.Name = partName(first, stored, i)
		}
		size := len(c)
		if place != "" {
			size = len(packed)
		}
		o.Annotations = map[string]string{annotationBytes: strconv.Itoa(size)}
		o.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: pipelinev1.SchemeGroupVersion.String(), Kind: "PipelineRun", Name: of.Run, UID: types.UID(of.RunUID),
		}}
		o.Spec = v1alpha1.EvidenceSpec{
			PipelineRun: of.Run, PipelineRunUID: of.RunUID, From: v1alpha1.EvidenceKind(of.Kind), Name: of.Name,
			SHA256: evidence.Sum(data), Size: int64(len(data)), Message: message,
			Part: int32(i), Parts: int32(len(chunks)), Stored: stored, StoredIn: place, Data: c, //nolint:gosec // a few
		}
		o.Spec.Signature = base64.RawStdEncoding.EncodeToString(s.Ring().Sign(keyring.Evidence, signed(of, o.Spec)))
		out = append(out, o)
	}
	return out
}

func partName(first, stored string, i int) string {
	return first + "-" + stored + "-" + strconv.Itoa(i)
}

// room says why n more bytes may not be kept, or nil: of one run as many uploads as an
// Approval shows, of one namespace as many bytes as its quota says.
func (s *Store) room(ctx context.Context, of Of, n int64) error {
	there, err := s.metadata(ctx, of.Namespace)
	if err != nil {
		return err
	}
	uploads := 0
	for _, m := range there {
		if m.Labels[labelRun] == of.RunUID && m.Labels[labelFirst] == string(evidence.Upload) {
			uploads++
		}
	}
	if of.Kind == evidence.Upload && uploads >= evidence.MaxItems {
		return approvals.Errorf(approvals.CodeLimited, "run %s has uploaded %d pieces of evidence, which is the limit: combine some of them", of.Run, uploads)
	}
	return s.mayKeep(ctx, of.Namespace, there, n)
}

// mayKeep says why a namespace that has what is there may not keep n more bytes, or nil.
func (s *Store) mayKeep(ctx context.Context, namespace string, there []metav1.PartialObjectMetadata, n int64) error {
	if s.Quota == nil && s.Most == 0 {
		return nil
	}
	used := bytesOf(there)
	if s.Bytes != nil {
		// What no object stands for yet, or any more, is there all the same.
		stored, all, err := s.Bytes.Used(ctx, namespace)
		if err != nil {
			return err
		}
		if s.Most > 0 && all+n > s.Most {
			return approvals.Errorf(approvals.CodeLimited, "the audit store may have %d bytes of evidence of all namespaces together, and with the %d of this it would have more: delete PipelineRuns and Approvals that are no longer needed (their evidence goes a day later), or ask a cluster administrator to raise the limit (limits.storedEvidenceBytes of the service's configuration)", s.Most, n)
		}
		used = max(used, stored)
	}
	if s.Quota == nil {
		return nil
	}
	q, err := s.Quota(ctx, namespace)
	if err != nil {
		return err
	}
	return q.MayKeep(namespace, used, n)
}

// bytesOf sums the sizes that objects name themselves. Where the policy is not in force,
// somebody who writes such objects can use up their own namespace's quota, and free none of
// it.
func bytesOf(objects []metav1.PartialObjectMetadata) (sum int64) {
	for _, m := range objects {
		size, _ := strconv.ParseInt(m.Annotations[annotationBytes], 10, 64)
		sum += max(size, 0)
	}
	return sum
}

// metadata lists the Evidence objects of a namespace without their bytes.
func (s *Store) metadata(ctx context.Context, namespace string, which ...client.ListOption) ([]metav1.PartialObjectMetadata, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("EvidenceList"))
	if err := s.Client.List(ctx, &list, append(which, client.InNamespace(namespace))...); err != nil {
		return nil, kubeutil.Translate(err, "the evidence of namespace "+namespace)
	}
	return list.Items, nil
}

// create makes o whole or not at all: an API server whose definition is older than this program would
// else drop a field that it does not know, and nobody would find the bytes.
func (s *Store) create(ctx context.Context, o *v1alpha1.Evidence) error {
	return s.Client.Create(ctx, o, client.FieldValidation(metav1.FieldValidationStrict))
}

// refused says why the API server did not take an object of what.
func refused(err error, what string) error {
	switch {
	case apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "unknown field"):
		return &approvals.Error{Code: approvals.CodeUnavailable, Err: err, Message: what + " could not be stored, because the cluster's definition of Evidence is older than the service: a cluster administrator has to apply deploy/crd of the service's version first"}
	case apierrors.IsForbidden(err) && !kubeutil.IsRBAC(err):
		return &approvals.Error{Code: approvals.CodeLimited, Message: what + " could not be stored: " + approvals.Cut(err.Error(), 512), Err: err}
	}
	return kubeutil.Translate(err, what)
}
