package app

import (
	"io"
	"log/slog"
	"time"

	"k8s.io/client-go/rest"

	"github.com/countersign-dev/countersign/internal/config"
)

// Options has the flags, the configuration and the streams of a process.
type Options struct {
	Config config.Config
	Rest   *rest.Config
	Log    *slog.Logger
	Now    func() time.Time // until the API server says what time it is
	Out    io.Writer        // where the audit log is printed

	Namespace string // where the service runs: its Secrets and its lease
	Pod       string // this process's name in the election
	// PodAddress is the host at which other replicas reach this one's HealthAddress, to see that
	// it is there; "": they can't.
	PodAddress string
	Service    string // the Kubernetes Service's name

	WebAddress         string
	InterceptorAddress string
	MetricsAddress     string
	HealthAddress      string

	LeaderElection bool
	// CertificateDir has the interceptor's certificate where somebody else maintains it; "": this
	// service makes its own.
	CertificateDir string

	Version string // of this program; "": not said
}
