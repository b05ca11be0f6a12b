package gate

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// SecretTTL is the time for which a Gate's signing secret is cached. Triggers' own
// interceptors cache theirs for 5 s.
const SecretTTL = 5 * time.Second

// Secrets reads the signing secrets of Gates. The service has no right to read
// Secrets at large: a Gate's owner grants it for the one Secret.
type Secrets struct {
	Live           client.Reader
	Now            func() time.Time
	ServiceAccount string // system:serviceaccount:ns:name, for the message

	mu    sync.Mutex
	known map[secretKey]knownSecret
}

type secretKey struct{ namespace, name, key string }

type knownSecret struct {
	value keyring.Secret
	at    time.Time
}

// Get returns the value of one key. Errors: CodeNotFound (no Secret or no such
// key), CodeForbidden (with the commands that grant it).
func (s *Secrets) Get(ctx context.Context, namespace string, ref approvals.SecretRef) (keyring.Secret, error) {
	k := secretKey{namespace, ref.Name, ref.Key}
	s.mu.Lock()
	hit, ok := s.known[k]
	s.mu.Unlock()
	if ok && s.Now().Sub(hit.at) < SecretTTL {
		return hit.value, nil
	}
	var obj corev1.Secret
	err := s.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.Name}, &obj)
	switch {
	case apierrors.IsForbidden(err):
		return nil, approvals.Errorf(approvals.CodeForbidden,
			"the service may not read secret %[1]s/%[2]s; allow it with: kubectl -n %[1]s create role countersign-signing --verb=get --resource=secrets --resource-name=%[2]s && kubectl -n %[1]s create rolebinding countersign-signing --role=countersign-signing --serviceaccount=%[3]s",
			namespace, ref.Name, s.ServiceAccount)
	case err != nil:
		return nil, kubeutil.Translate(err, fmt.Sprintf("secret %s/%s", namespace, ref.Name))
	}
	value := keyring.Secret(obj.Data[ref.Key])
	if len(value) == 0 {
		return nil, approvals.Errorf(approvals.CodeNotFound, "secret %s/%s has no key %s", namespace, ref.Name, ref.Key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) > 1000 {
		s.known = map[secretKey]knownSecret{}
	}
	s.known[k] = knownSecret{value, s.Now()}
	return value, nil
}
