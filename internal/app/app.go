package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	triggersv1alpha1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
	"github.com/countersign-dev/countersign/internal/intake"
	"github.com/countersign-dev/countersign/internal/kube/apiserver"
	"github.com/countersign-dev/countersign/internal/kube/contain"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/servingcert"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
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
	clock := apiserver.NewClock(o.Now)
	o.Now = clock.Now
	reach := &apiserver.Reach{Clock: clock}
	patient := reach.Guard(o.Rest, true)
	o.Rest = reach.Guard(o.Rest, false)
	if err := installed(ctx, scheme, o.Rest); err != nil {
		return err
	}
	lock, err := electionLock(o, patient)
	if err != nil {
		return err
	}
	awaited := &verifyrun.Awaited{}
	cached, err := cacheOptions(awaited)
	if err != nil {
		return err
	}
	clientset, err := kubernetes.NewForConfig(o.Rest)
	if err != nil {
		return err
	}
	panics, err := newPanics(ctrlmetrics.Registry, o.Log)
	if err != nil {
		return err
	}
	certs := &servingcert.Manager{}
	mgr, err := ctrl.NewManager(o.Rest, ctrl.Options{
		Scheme:                  scheme,
		Cache:                   cached,
		NewCache:                panics.NewCache,
		Metrics:                 metricsserver.Options{BindAddress: "0"}, // see early
		HealthProbeBindAddress:  "0",                                     // see withProbes
		GracefulShutdownTimeout: new(leaveAfter + drain + 5*time.Second),
	})
	if err != nil {
		return fmt.Errorf("connect to the cluster: %w", err)
	}
	scrapers := &identity.Scrapers{Auth: &identity.Auth{Client: clientset, Now: o.Now, Source: intake.Source}}
	if err := early(ctx, mgr, "metrics", o.MetricsAddress, metricsHandler(mgr.GetLogger(), scrapers, ctrlmetrics.Registry), metricsTLS(certs.Certificate), metricsIntake(o.Config.Limits.Proxies, o.Now), o.Log); err != nil {
		return err
	}
	if mgr, err = withProbes(ctx, mgr, o); err != nil {
		return err
	}
	panics.Events = mgr.GetEventRecorder("countersign")
	if err := store.Index(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	if err := triggers.IndexTriggers(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	if err := warm(ctx, mgr.GetCache(), o); err != nil {
		return err
	}
	kept, err := OpenRecord(o.Config.Record)
	if err != nil {
		return err
	}
	if kept != nil {
		defer kept.Close()
	}
	if err := reachable(ctx, o, mgr, reach, patient); err != nil {
		return err
	}
	if err := assemble(ctx, o, mgr, lock, certs, awaited, kept, panics); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// assemble puts everything together, in the order in which one needs the other.
func assemble(ctx context.Context, o Options, mgr manager.Manager, lock resourcelock.Interface, certs *servingcert.Manager, awaited *verifyrun.Awaited, kept *sqlstore.Ledger, panics *contain.Panics) error {
	c, err := newCore(ctx, o, mgr, awaited, kept, panics)
	if err != nil {
		return err
	}
	people, err := c.people(kept)
	if err != nil {
		return err
	}
	told := newTellers(o.Config, people.ForMail, c.pages, o.Now)
	told.buttons(&people)
	hooks := c.interceptor(certs)
	if err := ctrlmetrics.Registry.Register(certificateEnds(certs)); err != nil {
		return err
	}
	background, err := c.controllers(ctx, kept, told)
	if err != nil {
		return err
	}
	held, err := newPolicies(c.guards, o.Log, ctrlmetrics.Registry)
	if err != nil {
		return err
	}
	if c.tracing != nil {
		if err := mgr.Add(c.tracing); err != nil {
			return err
		}
	}
	leads := append([]manager.Runnable{held, &leader{certs: certs, version: c.Version, log: c.Log}}, c.sweeps()...)
	for _, r := range []manager.Runnable{
		newSpareMemory(), c.keys, certs, c.releases, c.follower, c.news, hooks,
		&election{lock: lock, dial: connect, refusal: c.takeOver, log: o.Log, lead: func(ctx context.Context) error {
			return c.lead(ctx, background, leads...)
		}},
		&server{name: "web", address: o.WebAddress, handler: web.Handler(people), intake: c.webIntake(), log: o.Log},
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
			if !mgr.GetCache().WaitForCacheSync(ctx) || !c.overview.Synced() {
				return errors.New("the informers have not finished their first list")
			}
			return nil
		}),
	)
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}
