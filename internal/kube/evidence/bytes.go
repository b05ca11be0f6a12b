package evidence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Bytes keeps compressed bytes outside of the cluster: the audit store. Each call has a deadline
// of its own.
type Bytes interface { //nolint:interfacebloat // one table, of which each call is a statement
	// Put writes packed under k, again where it is there already.
	Put(ctx context.Context, k evidence.Key, packed []byte, now time.Time) error
	// Get returns CodeNotFound for what is not there, and CodeUnavailable while the store is not.
	Get(ctx context.Context, k evidence.Key) ([]byte, error)
	// Used is how many bytes a namespace has there, and how many all of them together.
	Used(ctx context.Context, namespace string) (its, all int64, err error)
	// Page has the next rows after a Key, none at the end.
	Page(ctx context.Context, after evidence.Key) ([]evidence.Stored, error)
	// Orphan and Delete do nothing to what was written after s was read.
	Orphan(ctx context.Context, s evidence.Stored, since time.Time) error
	Delete(ctx context.Context, s evidence.Stored) (bool, error)
}

// ErrInStore is the cause of an error about evidence whose bytes are in an audit store, for anyone
// who has none.
var ErrInStore = errors.New("the bytes are in the audit store")

// keyOf names the bytes that o stands for.
func keyOf(o *v1alpha1.Evidence) evidence.Key {
	return evidence.Key{Namespace: o.Namespace, Object: o.Name, SHA256: o.Spec.SHA256}
}

// put writes packed to the audit store, where there is one. A process that dies before it has
// made the object leaves bytes that the Sweeper deletes, and the same upload again writes them
// again.
func (s *Store) put(ctx context.Context, of Of, sum string, packed []byte) error {
	if s.Bytes == nil {
		return nil
	}
	err := s.Bytes.Put(ctx, evidence.Key{Namespace: of.Namespace, Object: of.object(), SHA256: sum}, packed, s.Now())
	if err == nil {
		return nil
	}
	return &approvals.Error{Code: approvals.CodeOf(err), Message: of.String() + " was not stored: " + approvals.Message(err), Err: err}
}

// rewrite writes data to the audit store again when its object says that it is there and it is not, such
// as after the database was restored from an older backup. The object's signature proves that data,
// which has that SHA-256, is what it stands for, and its size is counted for the namespace already.
func (s *Store) rewrite(ctx context.Context, of Of, where v1alpha1.EvidencePlace, sum string, data []byte) error {
	if s.Bytes == nil || where != v1alpha1.InAuditStore {
		return nil
	}
	_, err := s.Bytes.Get(ctx, evidence.Key{Namespace: of.Namespace, Object: of.object(), SHA256: sum})
	if err == nil {
		return nil
	}
	if approvals.CodeOf(err) != approvals.CodeNotFound {
		return err
	}
	packed, err := pack(data)
	if err != nil {
		return err
	}
	return s.put(ctx, of, sum, packed)
}

// fromStore returns the compressed bytes of an item that are in the audit store.
func (s *Store) fromStore(ctx context.Context, k evidence.Key, item string) ([]byte, error) {
	if s.Bytes == nil {
		return nil, inStore(k)
	}
	packed, err := s.Bytes.Get(ctx, k)
	switch code := approvals.CodeOf(err); code {
	case "":
		return packed, nil
	case approvals.CodeNotFound:
		return nil, approvals.Errorf(code, "evidence %q is gone: %s. They were deleted there, or it was restored from an older backup", item, approvals.Message(err))
	default:
		return nil, &approvals.Error{Code: code, Message: fmt.Sprintf("evidence %q can't be read: %s", item, approvals.Message(err)), Err: err}
	}
}

// inStore is the error of those who have no audit store.
func inStore(k evidence.Key) error {
	return &approvals.Error{
		Code: approvals.CodeUnavailable, Err: ErrInStore,
		Message: "the bytes of Evidence " + k.Object + " of namespace " + k.Namespace + " are in the audit store, and the service is configured without one: set record.sqlite or record.postgres as it was",
	}
}

// copyInStore copies bytes to another namespace, and says how many.
func (s *Store) copyInStore(ctx context.Context, k evidence.Key, to string) (int, error) {
	if s.Bytes == nil {
		return 0, inStore(k)
	}
	packed, err := s.Bytes.Get(ctx, k)
	if err != nil {
		return 0, err
	}
	k.Namespace = to
	return len(packed), s.Bytes.Put(ctx, k, packed, s.Now())
}
