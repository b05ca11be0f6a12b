//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/internal/app"
)

// kube is the API server, as an administrator sees it. test/cluster's Env fails a test at
// the first error, and here errors are what is wanted: everything is tried until it works.
type kube struct {
	client.Client
	clientset kubernetes.Interface
	dynamic   dynamic.Interface // without a time limit, for watches
	rest      *rest.Config
}

func connect() (*kube, error) {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	cfg.QPS = -1
	scheme, err := app.Scheme()
	if err != nil {
		return nil, err
	}
	k := &kube{rest: cfg}
	if k.dynamic, err = dynamic.NewForConfig(rest.CopyConfig(cfg)); err != nil {
		return nil, err
	}
	short := rest.CopyConfig(cfg)
	short.Timeout = 20 * time.Second
	if k.Client, err = client.New(short, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	k.clientset, err = kubernetes.NewForConfig(short)
	return k, err
}

// persist does f until it succeeds or ctx ends.
func persist(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		wait(ctx, 300*time.Millisecond)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// apply creates or updates every object of a YAML text.
func (k *kube) apply(ctx context.Context, ns, text string) error {
	text = strings.ReplaceAll(text, "NAMESPACE", ns)
	for doc := range strings.SplitSeq(text, "\n---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			return fmt.Errorf("%w in\n%s", err, doc)
		}
		if u.GetNamespace() == "" {
			u.SetNamespace(ns)
		}
		var last error
		for try := range 40 {
			//nolint:staticcheck // server-side apply of untyped test objects
			last = k.Patch(ctx, u.DeepCopy(), client.Apply, client.FieldOwner("chaos"), client.ForceOwnership)
			if last == nil || apierrors.IsInvalid(last) || apierrors.IsBadRequest(last) {
				break
			}
			wait(ctx, time.Duration(min(try, 4))*250*time.Millisecond)
		}
		if last != nil {
			return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), last)
		}
	}
	return nil
}

// token makes a ServiceAccount and returns a bearer token of it.
func (k *kube) token(ctx context.Context, ns, name string) (string, error) {
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	if err := k.Create(ctx, sa); err != nil && !apierrors.IsAlreadyExists(err) {
		return "", err
	}
	life := int64(4 * 3600)
	r, err := k.clientset.CoreV1().ServiceAccounts(ns).CreateToken(ctx, name,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &life}}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return r.Status.Token, nil
}

func str(u *unstructured.Unstructured, path ...string) string {
	if u == nil {
		return ""
	}
	s, _, _ := unstructured.NestedString(u.Object, path...)
	return s
}

func decided(u *unstructured.Unstructured) bool {
	o := str(u, "status", "outcome")
	return o != "" && o != "Pending"
}
