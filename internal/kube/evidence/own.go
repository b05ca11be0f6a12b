package evidence

import (
	"context"
	"errors"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Own makes a one more owner of the evidence that it shows, or copies it into a's namespace
// when the run is in another: it then outlives the run. Doing it again changes nothing.
//
// Errors: CodeLimited, when a's namespace may not keep that much; CodeUnavailable.
func (s *Store) Own(ctx context.Context, a approvals.Approval) error {
	if a.Resolved == nil {
		return nil
	}
	ours := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Approval", Name: a.Name, UID: types.UID(a.UID)}
	from := runNamespace(a)
	var failed []error // of one that is too large the others are kept all the same
	for _, item := range a.Resolved.Evidence {
		if item.Object == "" || item.State != evidence.Present {
			continue
		}
		there, err := s.own(ctx, a.Namespace, item.Object, ours)
		if err == nil && from != a.Namespace {
			err = s.copyMissing(ctx, from, a.Namespace, item.Object, there, ours)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// partsOf lists the objects of one piece of evidence, without their bytes.
func (s *Store) partsOf(ctx context.Context, namespace, object string) ([]metav1.PartialObjectMetadata, error) {
	return s.metadata(ctx, namespace, client.MatchingLabels{labelEvidence: object})
}

// own adds ours to the owners of each part that a namespace has, which are returned by name.
func (s *Store) own(ctx context.Context, namespace, object string, ours metav1.OwnerReference) (map[string]*metav1.PartialObjectMetadata, error) {
	parts, err := s.partsOf(ctx, namespace, object)
	if err != nil {
		return nil, err
	}
	there := map[string]*metav1.PartialObjectMetadata{}
	for i := range parts {
		o := &parts[i]
		there[o.Name] = o
		if kubeutil.Owns(o.OwnerReferences, string(ours.UID)) {
			continue
		}
		o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Evidence"))
		patch := client.MergeFromWithOptions(o.DeepCopy(), client.MergeFromWithOptimisticLock{})
		o.OwnerReferences = append(o.OwnerReferences, ours)
		if err := s.Client.Patch(ctx, o, patch); err != nil && !apierrors.IsNotFound(err) {
			return nil, kubeutil.Translate(err, "evidence "+object)
		}
	}
	return there, nil
}

// copyMissing copies the parts that are not there yet from one namespace to another, within
// the quota of the other, and one at a time: all of them together may have megabytes.
func (s *Store) copyMissing(ctx context.Context, from, to, object string, there map[string]*metav1.PartialObjectMetadata, ours metav1.OwnerReference) error {
	parts, err := s.partsOf(ctx, from, object)
	if err != nil {
		return err
	}
	var missing []metav1.PartialObjectMetadata
	for _, p := range parts {
		copied, err := s.copied(ctx, there[p.Name])
		if err != nil {
			return err
		}
		if !copied {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if len(parts) > maxParts { // where the policy is not in force, others may add some under that label
		return approvals.Errorf(approvals.CodeConflict, "evidence %s has %d parts in namespace %s and can have %d: it was changed", object, len(parts), from, maxParts)
	}
	leave, err := s.writers().Enter(ctx, to)
	if err != nil {
		return err
	}
	defer leave()
	kept, err := s.metadata(ctx, to)
	if err != nil {
		return err
	}
	if err := s.mayKeep(ctx, to, kept, bytesOf(missing)); err != nil {
		return err
	}
	for _, p := range missing {
		var o v1alpha1.Evidence
		if err := s.Client.Get(ctx, types.NamespacedName{Namespace: from, Name: p.Name}, &o); err != nil {
			return kubeutil.Translate(err, "evidence "+object)
		}
		size := len(o.Spec.Data)
		if o.Spec.StoredIn == v1alpha1.InAuditStore {
			if size, err = s.copyInStore(ctx, keyOf(&o), to); err != nil {
				return err
			}
		}
		theirs := &v1alpha1.Evidence{Spec: o.Spec}
		theirs.Namespace, theirs.Name, theirs.Labels = to, o.Name, o.Labels
		theirs.Annotations = map[string]string{annotationBytes: strconv.Itoa(size)} // not what the other one says
		theirs.OwnerReferences = []metav1.OwnerReference{ours}
		if before := there[p.Name]; before != nil {
			if err := s.removeEmpty(ctx, before); err != nil {
				return err
			}
			theirs.OwnerReferences = before.OwnerReferences // ours among them
		}
		if err := s.create(ctx, theirs); err != nil && !apierrors.IsAlreadyExists(err) {
			return refused(err, "evidence "+object)
		}
	}
	return nil
}

// copied reports whether o, which may be nil, is a copy that has bytes. A version of Countersign from
// before there was evidence in the audit store copies an object without what it does not know, which
// says where the bytes are. It notes that the copy has none, so that no other object is read here.
func (s *Store) copied(ctx context.Context, o *metav1.PartialObjectMetadata) (bool, error) {
	if o == nil {
		return false, nil
	}
	if size := o.Annotations[annotationBytes]; size != "0" {
		return true, nil
	}
	var full v1alpha1.Evidence
	if err := s.Client.Get(ctx, client.ObjectKeyFromObject(o), &full); err != nil {
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return false, kubeutil.Translate(err, "evidence "+o.Name)
	}
	return !empty(&full), nil
}

// empty reports whether o neither has bytes nor says where they are. What is compressed has some.
func empty(o *v1alpha1.Evidence) bool { return o.Spec.StoredIn == "" && len(o.Spec.Data) == 0 }

// removeEmpty deletes a copy without bytes, while it is the one that was looked at.
func (s *Store) removeEmpty(ctx context.Context, o *metav1.PartialObjectMetadata) error {
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Evidence"))
	err := s.Client.Delete(ctx, o, client.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion})
	if err != nil && !apierrors.IsNotFound(err) {
		return kubeutil.Translate(err, "evidence "+o.Name)
	}
	return nil
}

func runNamespace(a approvals.Approval) string { return runOf(a.Namespace, a.Source).Namespace }

// runOf is the run whose evidence a source in a namespace has: the one that ended, or the one
// that waits. RunUID is "" when there is none.
func runOf(namespace string, s approvals.Source) Of {
	of := Of{Namespace: namespace}
	switch {
	case s.Run != nil:
		of.Run, of.RunUID = s.Run.Name, s.Run.UID
		if s.Run.Namespace != "" {
			of.Namespace = s.Run.Namespace
		}
	case s.Task != nil:
		of.Run, of.RunUID = s.Task.Run.Name, s.Task.Run.UID
	}
	return of
}
