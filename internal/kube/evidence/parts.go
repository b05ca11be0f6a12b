package evidence

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// maxPart bounds the compressed bytes of one object. As base64 they are 960 KiB, below etcd's
// bound for one object (1.5 MiB).
const maxPart = 720 << 10

func pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// unpack reads no more than a piece of evidence can have: what is packed may be anybody's.
func unpack(r io.Reader) ([]byte, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, evidence.MaxSize+1))
}

// Read gives the bytes of an item of a, if they are those that were put before the approvers.
//
// Errors: CodeNotFound (there is no such item, or its bytes are not there), CodeConflict (they
// are not the ones that are part of what is approved), CodeUnavailable (the audit store does not
// answer, or is ErrInStore).
func (s *Store) Read(ctx context.Context, a approvals.Approval, name string) (evidence.Item, []byte, error) {
	if a.Resolved == nil {
		return evidence.Item{}, nil, approvals.Errorf(approvals.CodeNotFound, "approval %s has no evidence yet: it is not resolved", a.Name)
	}
	item, ok := evidence.Find(a.Resolved.Evidence, name)
	if !ok {
		return item, nil, approvals.Errorf(approvals.CodeNotFound, "approval %s has no evidence %q", a.Name, approvals.Cut(name, approvals.MaxQuoted))
	}
	if item.State != evidence.Present {
		item = s.Later(ctx, a, item)
		return item, nil, approvals.Errorf(approvals.CodeNotFound, "evidence %q is %s: %s", item.Name, item.State.Words(), item.Message)
	}
	if item.Kind == evidence.Result {
		data, err := resultOf(a.Source, item)
		return item, data, err
	}
	if data := s.memory.get(item.SHA256); data != nil {
		return item, data, nil
	}
	data, err := s.intact(ctx, a.Namespace, item)
	if from := runNamespace(a); approvals.CodeOf(err) == approvals.CodeNotFound && from != a.Namespace {
		data, err = s.intact(ctx, from, item) // until it is copied
	}
	if err != nil {
		return item, nil, err
	}
	s.memory.put(item.SHA256, data)
	return item, data, nil
}

func resultOf(s approvals.Source, item evidence.Item) ([]byte, error) {
	for _, r := range s.Results {
		if evidence.Sum([]byte(r.Value)) == item.SHA256 {
			return []byte(r.Value), nil
		}
	}
	return nil, approvals.Errorf(approvals.CodeConflict, "evidence %q is a result that the approval no longer has", item.Name)
}

// intact returns the stored bytes if they match item's SHA-256.
func (s *Store) intact(ctx context.Context, namespace string, item evidence.Item) ([]byte, error) {
	data, err := s.stored(ctx, namespace, item)
	if err != nil {
		return nil, err
	}
	if state, why := item.Check(data); state != evidence.Present {
		return nil, approvals.Errorf(approvals.CodeConflict, "%s", why)
	}
	return data, nil
}

// stored puts the parts of an item together, from objects or from the audit store. Who wrote them does not matter: the caller
// compares the bytes with what is approved.
func (s *Store) stored(ctx context.Context, namespace string, item evidence.Item) ([]byte, error) {
	var packed []io.Reader
	name, parts, stored := item.Object, 1, ""
	for i := 0; i < parts; i++ {
		if i > 0 {
			name = partName(item.Object, stored, i)
		}
		var o v1alpha1.Evidence
		err := s.Client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &o)
		if apierrors.IsNotFound(err) {
			return nil, approvals.Errorf(approvals.CodeNotFound, "evidence %q is gone: object Evidence %s of namespace %s was deleted", item.Name, name, namespace)
		}
		if err != nil {
			return nil, kubeutil.Translate(err, fmt.Sprintf("evidence %q", item.Name))
		}
		if o.Spec.StoredIn == v1alpha1.InAuditStore {
			inStore, err := s.fromStore(ctx, keyOf(&o), item.Name)
			if err != nil {
				return nil, err
			}
			packed = append(packed, bytes.NewReader(inStore))
			break
		}
		if empty(&o) {
			return nil, approvals.Errorf(approvals.CodeNotFound, "evidence %q is gone: object Evidence %s of namespace %s was copied without its bytes, by an older version of Countersign", item.Name, name, namespace)
		}
		if i == 0 {
			parts, stored = min(int(o.Spec.Parts), maxParts), o.Spec.Stored
		}
		packed = append(packed, bytes.NewReader(o.Spec.Data))
	}
	data, err := unpack(io.MultiReader(packed...))
	if err != nil {
		return nil, approvals.Errorf(approvals.CodeConflict, "evidence %q can't be read, because its stored bytes were changed (%v)", item.Name, err)
	}
	return data, nil
}

// maxParts bounds how many objects one piece of evidence has; the schema has it too.
const maxParts = 16

// memory remembers some of what was read of late, by its SHA-256: a page is looked at by
// several people within a minute. The zero value is ready.
type memory struct {
	mu    sync.Mutex
	known map[string][]byte
	order []string
	bytes int
}

// maxMemory bounds what is remembered, in bytes.
const maxMemory = 12 << 20

func (m *memory) get(sum string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[sum]
}

func (m *memory) put(sum string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string][]byte{}
	}
	if _, ok := m.known[sum]; ok {
		return
	}
	m.known[sum] = data
	m.order = append(m.order, sum)
	for m.bytes += len(data); m.bytes > maxMemory; m.order = m.order[1:] {
		m.bytes -= len(m.known[m.order[0]])
		delete(m.known, m.order[0])
	}
}
