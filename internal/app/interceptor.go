package app

import (
	"crypto/tls"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/cabundle"
)

const (
	secretTLS       = "countersign-tls"
	interceptorPort = 8443
)

// interceptor is what EventListeners ask, and the certificate by which they know it.
func (c *core) interceptor() (*server, *cabundle.Manager) {
	certs := &cabundle.Manager{
		Client: c.direct, Secret: types.NamespacedName{Namespace: c.Namespace, Name: secretTLS},
		Service: types.NamespacedName{Namespace: c.Namespace, Name: c.Service}, Port: interceptorPort,
		Interceptor: interceptor.Name, Now: c.Now, Log: c.Log,
	}
	processor := &interceptor.Processor{
		Triggers: c.triggers, Opener: c.opener, Releases: c.store, Ring: c.keys.Ring, Now: c.Now, Log: c.Log,
		Count: func(answer string) { c.metrics.interceptor.WithLabelValues(answer).Inc() },
	}
	return &server{
		name: "interceptor", address: c.InterceptorAddress, handler: interceptor.Handler(processor), log: c.Log,
		tls: &tls.Config{GetCertificate: certs.Certificate, MinVersion: tls.VersionTLS12},
	}, certs
}
