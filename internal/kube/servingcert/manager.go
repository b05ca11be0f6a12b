package servingcert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	triggersv1alpha1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// look is how often everything is looked at again.
	look = time.Minute
	// races is how often a lost race is run again.
	races = 10
	// labelServerType tells EventListeners to load the CA bundle. With the label and
	// without a bundle every EventListener of the cluster exits.
	labelServerType = "server/type"
)

// Manager keeps the certificate and the ClusterInterceptor right. Every replica
// runs one; the objects' resource versions decide who was first.
type Manager struct {
	Client      client.Client // not cached
	Secret      types.NamespacedName
	Service     types.NamespacedName
	Port        int32
	Interceptor string // the ClusterInterceptor's name
	// Dir is a folder with ca.crt, tls.crt and tls.key that somebody else keeps right, such as
	// cert-manager; "": the Secret has the service's own.
	Dir string
	Now func() time.Time
	Log *slog.Logger

	cert atomic.Pointer[tls.Certificate]
	told atomic.Bool
	ends atomic.Int64 // the certificate, in Unix seconds
}

// Ends returns the expiry of the served certificate in Unix seconds, 0 while there is none.
func (m *Manager) Ends() float64 { return float64(m.ends.Load()) }

// Certificate is for tls.Config.GetCertificate: each handshake gets what is
// newest.
func (m *Manager) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := m.cert.Load(); c != nil {
		return c, nil
	}
	return nil, errors.New("no certificate is loaded yet")
}

// Ready returns nil once the certificate is loaded and its CA published.
func (m *Manager) Ready() error {
	if m.cert.Load() == nil {
		return errors.New("no serving certificate")
	}
	if !m.told.Load() {
		return errors.New("the ClusterInterceptor does not have the CA bundle")
	}
	return nil
}

// Ensure does everything that is due once.
func (m *Manager) Ensure(ctx context.Context) error {
	data, err := m.current(ctx)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(data[entryCert], data[entryKey])
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	m.cert.Store(&pair)
	if cert, err := leaf(data[entryCert]); err == nil {
		m.ends.Store(cert.NotAfter.Unix())
	}
	if err := m.announce(ctx, bundle(data)); err != nil {
		return fmt.Errorf("announce to ClusterInterceptor %s: %w", m.Interceptor, err)
	}
	m.told.Store(true)
	return nil
}

// Start implements manager.Runnable.
func (m *Manager) Start(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if err := m.Ensure(ctx); err != nil && ctx.Err() == nil {
			m.Log.Error("interceptor certificate", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// NeedLeaderElection is false: every replica serves, so every one needs the certificate.
func (m *Manager) NeedLeaderElection() bool { return false }

func (m *Manager) hosts() []string {
	n, ns := m.Service.Name, m.Service.Namespace
	return []string{n + "." + ns + ".svc", n + "." + ns, n + "." + ns + ".svc.cluster.local"}
}

// current is the certificate with its CA, anyone who keeps them.
func (m *Manager) current(ctx context.Context) (map[string][]byte, error) {
	if m.Dir == "" {
		return m.ensureSecret(ctx)
	}
	data := map[string][]byte{}
	for _, entry := range []string{entryCA, entryCert, entryKey} {
		b, err := os.ReadFile(filepath.Join(m.Dir, entry)) //nolint:gosec // the folder is the operator's
		if err != nil {
			return nil, err
		}
		data[entry] = b
	}
	cert, err := leaf(data[entryCert])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(m.Dir, entryCert), err)
	}
	if err := cert.VerifyHostname(m.hosts()[0]); err != nil {
		return nil, fmt.Errorf("%s: %w: EventListeners would refuse it; issue it for %s", filepath.Join(m.Dir, entryCert), err, m.hosts()[0])
	}
	if ca, err := leaf(data[entryCA]); err != nil || !ca.IsCA {
		return nil, fmt.Errorf("%s is not the certificate of a CA, which EventListeners need to verify the service", filepath.Join(m.Dir, entryCA))
	}
	return data, nil
}

func (m *Manager) ensureSecret(ctx context.Context) (map[string][]byte, error) {
	for range races {
		var s corev1.Secret
		err := m.Client.Get(ctx, m.Secret, &s)
		missing := apierrors.IsNotFound(err)
		if err != nil && !missing {
			return nil, err
		}
		data, changed, err := renew(s.Data, m.hosts(), m.Now())
		if err != nil {
			return nil, err
		}
		if !changed {
			return data, nil
		}
		s.Namespace, s.Name, s.Data = m.Secret.Namespace, m.Secret.Name, data
		if missing {
			err = m.Client.Create(ctx, &s)
		} else {
			err = m.Client.Update(ctx, &s)
		}
		switch {
		case err == nil:
			m.Log.Info("interceptor certificate made")
			return data, nil
		case !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err):
			return nil, err
		}
	}
	return nil, fmt.Errorf("secret %s changes too quickly", m.Secret)
}

// Stamp writes an annotation of the ClusterInterceptor, which Ensure has made.
func (m *Manager) Stamp(ctx context.Context, annotation, value string) error {
	for range races {
		var ci triggersv1alpha1.ClusterInterceptor
		if err := m.Client.Get(ctx, types.NamespacedName{Name: m.Interceptor}, &ci); err != nil {
			return client.IgnoreNotFound(err)
		}
		if ci.Annotations[annotation] == value {
			return nil
		}
		metav1.SetMetaDataAnnotation(&ci.ObjectMeta, annotation, value)
		if err := m.Client.Update(ctx, &ci); !apierrors.IsConflict(err) {
			return err
		}
	}
	return errors.New("it changes too quickly")
}

// announce writes address, caBundle and label in one update, never the label
// alone.
func (m *Manager) announce(ctx context.Context, ca []byte) error {
	for range races {
		var ci triggersv1alpha1.ClusterInterceptor
		err := m.Client.Get(ctx, types.NamespacedName{Name: m.Interceptor}, &ci)
		missing := apierrors.IsNotFound(err)
		if err != nil && !missing {
			return err
		}
		port := m.Port
		want := triggersv1alpha1.ClientConfig{
			CaBundle: ca,
			Service:  &triggersv1alpha1.ServiceReference{Namespace: m.Service.Namespace, Name: m.Service.Name, Port: &port},
		}
		if !missing && equality.Semantic.DeepEqual(ci.Spec.ClientConfig, want) && ci.Labels[labelServerType] == "https" {
			return nil
		}
		ci.Name = m.Interceptor
		metav1.SetMetaDataLabel(&ci.ObjectMeta, labelServerType, "https")
		metav1.SetMetaDataLabel(&ci.ObjectMeta, "app.kubernetes.io/part-of", "countersign")
		ci.Spec.ClientConfig = want
		if missing {
			err = m.Client.Create(ctx, &ci)
		} else {
			err = m.Client.Update(ctx, &ci)
		}
		switch {
		case err == nil:
			m.Log.Info("interceptor announced", "clusterInterceptor", m.Interceptor)
			return nil
		case !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err):
			return err
		}
	}
	return fmt.Errorf("it changes too quickly")
}
