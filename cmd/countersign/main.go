// Command countersign is the service: interceptor, pages and API, controllers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "golang.org/x/crypto/x509roots/fallback" // the world's CAs, where the image has none: nothing of the building machine goes into it
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/internal/app"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/version"
)

const usage = `countersign: human approval between Tekton pipelines.

Usage: countersign [flags]
       countersign verify [flags]   find a changed or missing line of the audit log
       countersign export [flags]   the audit log as JSON lines or CSV
       countersign keys [flags]     the public keys that signed the audit log
       countersign check [flags]    test the mail server, the login provider and the audit store
       countersign version          the version of this program

It serves the Triggers interceptor over TLS, the approval page and API over HTTP,
and, while it leads, opens, releases and confirms Approvals. It finds its cluster
as kubectl does (in a pod: by the service account).

  countersign --config /etc/countersign/config.yaml

Configuration (YAML; docs/reference/configuration.md has every field). Without a file, all fields have
their defaults. Files in the folder config.d next to it are read, too:

  externalURL: https://approve.example.com
  smtp: {host: mail.example.com, from: "Countersign <countersign@example.com>"}

Flags:
`

// defaultConfig is the path at which the Deployment mounts it.
const defaultConfig = "/etc/countersign/config.yaml"

func main() { os.Exit(run()) }

func run() int {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "verify":
			return verify(os.Args[2:])
		case "export":
			return export(os.Args[2:])
		case "keys":
			return keys(os.Args[2:])
		case "check":
			return check(os.Args[2:])
		case "version":
			return sayVersion()
		}
	}
	f := flag.NewFlagSet("countersign", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), usage); f.PrintDefaults() }
	path := f.String("config", defaultConfig, "the configuration `file`")
	level := f.String("log-level", "info", "debug, info, warn or error")
	o := app.Options{Now: time.Now, Out: os.Stdout, Version: version.String()}
	f.StringVar(&o.Namespace, "namespace", env("POD_NAMESPACE", "countersign"), "the service's own `namespace` ($POD_NAMESPACE)")
	f.StringVar(&o.Pod, "pod", env("POD_NAME", "countersign"), "this process's `name` in the leader election ($POD_NAME)")
	f.StringVar(&o.PodAddress, "pod-address", env("POD_IP", ""), "the `address` where other replicas reach this one, to check that it is alive ($POD_IP)")
	f.StringVar(&o.Service, "service", "countersign", "the Kubernetes Service's `name`")
	f.StringVar(&o.WebAddress, "web-address", ":8080", "`address` of pages and API")
	f.StringVar(&o.InterceptorAddress, "interceptor-address", ":8443", "`address` of the interceptor")
	f.StringVar(&o.MetricsAddress, "metrics-address", ":9090", "`address` of /metrics")
	f.StringVar(&o.HealthAddress, "health-address", ":8081", "`address` of /healthz and /readyz")
	f.StringVar(&o.CertificateDir, "interceptor-certificate", "", "a `folder` with tls.crt, tls.key and ca.crt that something else renews, such as cert-manager; without it the service creates its own certificate")
	asked := f.Bool("version", false, "print the version of this program and exit")
	f.BoolVar(&o.LeaderElection, "leader-elect", true, "elect a leader for the background work")
	if err := f.Parse(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if *asked {
		return sayVersion()
	}
	var lvl slog.Level
	if err := lvl.UnmarshalText([]byte(*level)); err != nil {
		fmt.Fprintf(os.Stderr, "countersign: --log-level %s: use debug, info, warn or error\n", *level)
		return 2
	}
	o.Log = slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: lvl}))
	var err error
	if o.Config, err = config.Load(*path); err != nil {
		fmt.Fprintln(os.Stderr, "countersign:", err)
		return 2
	}
	if o.Rest, err = ctrl.GetConfig(); err != nil {
		fmt.Fprintln(os.Stderr, "countersign: can't find the cluster:", err)
		return 1
	}
	o.Log.Info("starting", "version", o.Version, "configuration", o.Config.Files)
	noticeDeadConnections()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := app.Run(ctx, o); err != nil {
		o.Log.Error("stopped", "error", err.Error())
		return 1
	}
	return 0
}

func sayVersion() int {
	fmt.Println("countersign", version.String()) //nolint:forbidigo // the answer
	return 0
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// noticeDeadConnections has client-go ask soon whether a connection to the API server that is
// quiet is still one: by default watches notice a cut network after 45 s. It reads these from
// the environment alone, where an administrator may have set others.
func noticeDeadConnections() {
	for name, seconds := range map[string]string{"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "3", "HTTP2_PING_TIMEOUT_SECONDS": "3"} {
		if _, set := os.LookupEnv(name); !set {
			_ = os.Setenv(name, seconds) // only a name that is none is an error
		}
	}
}
