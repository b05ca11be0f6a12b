package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/go-logr/logr"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	triggersv1alpha1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube"
	"github.com/countersign-dev/countersign/internal/kube/cabundle"
	"github.com/countersign-dev/countersign/internal/kube/controller"
	"github.com/countersign-dev/countersign/internal/ledger"
	"github.com/countersign-dev/countersign/internal/oidc"
	"github.com/countersign-dev/countersign/templates"
)

const (
	secretKeys = "countersign-keys"
	secretTLS  = "countersign-tls"

	interceptorPort = 8443

	openWorkers    = 8
	approveWorkers = 16
	notifyWorkers  = 4
)

// Scheme knows every type that is read or written.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, v1alpha1.AddToScheme, openshiftv1.AddToScheme, pipelinev1.AddToScheme, pipelinev1beta1.AddToScheme, triggersv1.AddToScheme, triggersv1alpha1.AddToScheme,
	} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	ctrl.SetLogger(logr.FromSlogHandler(o.Log.Handler()))
	scheme, err := Scheme()
	if err != nil {
		return err
	}
	// The API server's own fairness limits us; a client-side queue would only add
	// to how long a person waits.
	o.Rest.QPS = -1
	lock, err := electionLock(o)
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(o.Rest, ctrl.Options{
		Scheme:                              scheme,
		Cache:                               cacheOptions(),
		Metrics:                             metricsserver.Options{BindAddress: o.MetricsAddress},
		HealthProbeBindAddress:              o.HealthAddress,
		LeaderElection:                      o.LeaderElection,
		LeaderElectionResourceLockInterface: lock,
		LeaderElectionReleaseOnCancel:       true,
		LeaseDuration:                       new(leaseDuration),
		RenewDeadline:                       new(renewDeadline),
		RetryPeriod:                         new(retryPeriod),
		GracefulShutdownTimeout:             new(drain + 5*time.Second),
	})
	if err != nil {
		return fmt.Errorf("connect to the cluster: %w", err)
	}
	if err := warm(ctx, mgr.GetCache()); err != nil {
		return err
	}
	kept, err := OpenRecord(o.Config.Record)
	if err != nil {
		return err
	}
	if kept != nil {
		defer kept.Close()
	}
	if err := assemble(ctx, o, mgr, kept); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func assemble(ctx context.Context, o Options, mgr manager.Manager, kept *ledger.Ledger) error {
	direct, err := client.New(o.Rest, client.Options{Scheme: mgr.GetScheme()})
	if err != nil {
		return err
	}
	clientset, err := kubernetes.NewForConfig(o.Rest)
	if err != nil {
		return err
	}
	cel, err := mapping.New() //nolint:contextcheck // no expression waits for anything
	if err != nil {
		return fmt.Errorf("CEL: %w", err)
	}
	var overrides fs.FS
	if o.Config.Templates != "" {
		overrides = os.DirFS(o.Config.Templates)
	}
	pages, err := templates.New(overrides)
	if err != nil {
		return err
	}

	keys := &kube.Keys{Client: direct, Name: types.NamespacedName{Namespace: o.Namespace, Name: secretKeys}, Now: o.Now, Log: o.Log}
	if err := keys.Load(ctx); err != nil {
		return fmt.Errorf("signing keys: %w", err)
	}
	store := &kube.Store{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Ring: keys.Ring, Now: o.Now}
	m, err := newMetrics(ctrlmetrics.Registry, store) //nolint:contextcheck // a gauge is read without a context
	if err != nil {
		return err
	}
	triggers := &kube.Triggers{Client: mgr.GetClient(), CEL: cel, MayListTriggers: kube.MayListTriggers(mgr.GetClient())}
	secrets := &kube.Secrets{Live: mgr.GetAPIReader(), Now: o.Now, ServiceAccount: o.Namespace + ":countersign"}
	opener := &kube.Opener{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Triggers: triggers, CEL: cel, Secrets: secrets, Ring: keys.Ring, Now: o.Now, Log: o.Log,
		Opened: func(namespace, trigger string) { m.opened.WithLabelValues(namespace, trigger).Inc() },
	}
	diagnosis := &kube.Diagnosis{Client: mgr.GetClient(), Triggers: triggers, Ring: keys.Ring}
	releaser := &kube.Releaser{
		Triggers: triggers, Diagnosis: diagnosis, Secrets: secrets, Ring: keys.Ring, HTTP: outbound(), Now: o.Now, Log: o.Log,
		Posted: func(ok bool) { m.posts.WithLabelValues(yes(ok)).Inc() },
	}
	results := resultsOf(cel, o)
	now := newReleases(releaser.Release)
	guards := &kube.Guards{Live: mgr.GetAPIReader(), Now: o.Now}
	auth := &kube.Auth{Client: clientset, Audiences: o.Config.TokenAudiences, Now: o.Now}
	desk := &approvals.Desk{
		Store: store, Rights: auth, Deputies: &kube.Deputies{Client: mgr.GetClient(), Guards: guards}, Now: o.Now, Results: results,
		Voted: func(_ approvals.Approval, v approvals.Verdict) { m.votes.WithLabelValues(string(v)).Inc() },
		Ended: func(a approvals.Approval) { m.ended(a); now.Now(a) },
	}
	people := web.Deps{
		Store: store, Desk: desk, Auth: auth, Operators: auth,
		Ring: keys.Ring, Templates: pages, External: o.Config.External, Now: o.Now, Log: o.Log, Observe: m.observe,
	}
	news := &changes{}
	if c := o.Config.OIDC; c != nil {
		if err := news.watch(ctx, mgr.GetCache()); err != nil {
			return err
		}
		people.Changes = news.Changes
		login, err := oidc.New(*c, oidc.Deps{External: o.Config.External, Ring: keys.Ring, Now: o.Now, Log: o.Log})
		if err != nil {
			return err
		}
		people.Login, people.Auth = login, oidc.Bearer{Cluster: auth, Login: login}
	}
	if kept != nil {
		people.History = kept
	}
	told := newTellers(o.Config, people.ForMail, pages, o.Now)
	told.buttons(&people)
	processor := &interceptor.Processor{
		Triggers: triggers, Opener: opener, Releases: store, Ring: keys.Ring, Now: o.Now, Log: o.Log,
		Count: func(answer string) { m.interceptor.WithLabelValues(answer).Inc() },
	}
	certs := &cabundle.Manager{
		Client: direct, Secret: types.NamespacedName{Namespace: o.Namespace, Name: secretTLS},
		Service: types.NamespacedName{Namespace: o.Namespace, Name: o.Service}, Port: interceptorPort,
		Interceptor: interceptor.Name, Now: o.Now, Log: o.Log,
	}

	setups := []setup{
		&controller.Gates{Client: mgr.GetClient(), CEL: cel, Now: o.Now},
		&controller.Triggers{Client: mgr.GetClient(), Triggers: triggers, Events: mgr.GetEventRecorder("countersign"), Log: o.Log},
		&controller.Votes{Client: mgr.GetClient(), Store: store, Desk: desk, Guards: guards, Log: o.Log},
		&controller.Runs{Client: mgr.GetClient(), Opener: opener, Triggers: triggers, Workers: openWorkers},
		&controller.Approvals{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Store: store, Opener: opener, Releaser: releaser, Diagnosis: diagnosis,
			Results: results, Now: o.Now, Log: o.Log, Ended: m.ended, Confirmed: m.confirmed, Workers: approveWorkers,
		},
	}
	answers, err := approvalTasks(ctx, o, mgr, guards, store, desk)
	if err != nil {
		return err
	}
	if answers != nil {
		setups = append(setups, answers)
	}
	setups = append(setups, tasksOf(o, mgr, direct, store, opener, answers, results, m)...)
	rec, err := recording(o, store, kept, m, ctrlmetrics.Registry)
	if err != nil {
		return err
	}
	if rec != nil {
		setups = append(setups, rec)
	}
	for _, s := range append(setups, told.setups(store, o.Now, o.Log, m)...) {
		if err := s.SetupWithManager(mgr); err != nil {
			return err
		}
	}
	for _, r := range []manager.Runnable{
		keys, certs, now, news,
		&server{name: "web", address: o.WebAddress, handler: web.Handler(people), log: o.Log},
		&server{
			name: "interceptor", address: o.InterceptorAddress, handler: interceptor.Handler(processor), log: o.Log,
			tls: &tls.Config{GetCertificate: certs.Certificate, MinVersion: tls.VersionTLS12},
		},
	} {
		if err := mgr.Add(r); err != nil {
			return err
		}
	}
	return errors.Join(
		mgr.AddHealthzCheck("alive", func(*http.Request) error { return nil }),
		mgr.AddReadyzCheck("certificate", func(*http.Request) error { return certs.Ready() }),
		mgr.AddReadyzCheck("caches", func(r *http.Request) error {
			ctx, cancel := context.WithTimeout(r.Context(), time.Second)
			defer cancel()
			if !mgr.GetCache().WaitForCacheSync(ctx) {
				return errors.New("the informers have not finished their first list")
			}
			return nil
		}),
	)
}

// resultsOf maps a decided Approval to its results. An expression that fails must
// not make a decision impossible: the default results stand in, and the part that
// reads a missing one is reported as not released.
func resultsOf(cel *mapping.Compiler, o Options) func(context.Context, approvals.Approval) ([]approvals.Param, error) {
	return func(ctx context.Context, a approvals.Approval) ([]approvals.Param, error) {
		vars, err := mapping.SourceVars(a.Namespace, a.Source)
		if err == nil {
			var rs []approvals.Param
			if rs, err = cel.Results(ctx, a, vars); err == nil {
				return rs, nil
			}
		}
		o.Log.Warn("results fall back to the defaults", "namespace", a.Namespace, "approval", a.Name, "reason", approvals.Message(err))
		return approvals.DefaultResults(a), nil
	}
}

// outbound is the one client for posts to EventListeners: no proxy, no redirects,
// and enough idle connections for a burst of decisions.
func outbound() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forbidigo // a copy, with its time limits
	t.Proxy = nil
	t.MaxIdleConnsPerHost = 32
	t.ResponseHeaderTimeout = 10 * time.Second
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}
