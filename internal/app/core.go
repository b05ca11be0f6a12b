package app

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
	"github.com/countersign-dev/countersign/internal/intake"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/contain"
	"github.com/countersign-dev/countersign/internal/kube/destination"
	kubeevidence "github.com/countersign-dev/countersign/internal/kube/evidence"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/keys"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/preflight"
	kuberelease "github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/releasequeue"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
	"github.com/countersign-dev/countersign/internal/kube/vote"
	"github.com/countersign-dev/countersign/internal/tracing"
	"github.com/countersign-dev/countersign/templates"
)

const secretKeys = "countersign-keys"

type core struct {
	Options
	mgr    manager.Manager
	panics *contain.Panics
	direct client.Client // not through the cache
	cel    *mapping.Compiler
	pages  *templates.Set

	keys     *keys.Keys
	store    *store.Store
	overview *store.Overview
	news     *changes
	metrics  *metrics

	service   *approvals.Capabilities
	triggers  *triggers.Triggers
	reports   *triggers.Reports
	secrets   *gate.Secrets
	opener    *hold.Opener
	kept      *sqlstore.Ledger // nil: there is no audit store
	evidence  *kubeevidence.Store
	quotas    *hold.Quotas
	awaited   *verifyrun.Awaited
	starter   *verifyrun.Starter
	proofs    *verifyrun.Proofs
	diagnosis *kuberelease.Diagnosis
	preflight *preflight.Preflights
	event     *kuberelease.Event
	releaser  *kuberelease.Releaser
	answers   *approvaltask.CustomRuns
	releases  *releasequeue.Queue
	follower  *releasequeue.Follower
	takeover  *releasequeue.Takeover
	outcomes  approvals.OutcomeWriter // of what no vote ends

	tracing *tracing.Tracing // nil: nothing is sent

	guards *identity.Guards
	auth   *identity.Auth
	desk   *approvals.VoteService
}

func newCore(ctx context.Context, o Options, mgr manager.Manager, awaited *verifyrun.Awaited, kept *sqlstore.Ledger, panics *contain.Panics) (*core, error) {
	c := &core{Options: o, mgr: mgr, awaited: awaited, kept: kept, panics: panics}
	for _, part := range []func(context.Context) error{c.read, c.keep, c.open, c.decide} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// read gets ready what nothing else is needed for.
func (c *core) read(context.Context) (err error) {
	if c.direct, err = client.New(c.Rest, client.Options{Scheme: c.mgr.GetScheme()}); err != nil {
		return err
	}
	if c.cel, err = mapping.New(); err != nil { //nolint:contextcheck // no expression waits for anything
		return fmt.Errorf("CEL: %w", err)
	}
	c.cel.People = c.Config.Directory
	var overrides fs.FS
	if c.Config.Templates != "" {
		overrides = os.DirFS(c.Config.Templates)
	}
	if c.pages, err = templates.New(overrides); err != nil {
		return err
	}
	c.pages.Version(c.Version)
	return nil
}

// keep sets up the store, by which Approvals are read and written.
func (c *core) keep(ctx context.Context) (err error) {
	c.keys = &keys.Keys{Client: c.direct, Name: types.NamespacedName{Namespace: c.Namespace, Name: secretKeys}, Now: c.Now, Log: c.Log}
	if err := c.keys.Load(ctx); err != nil {
		return fmt.Errorf("signing keys: %w", err)
	}
	c.store = &store.Store{Client: c.mgr.GetClient(), Live: c.mgr.GetAPIReader(), Ring: c.keys.Ring, Now: c.Now}
	c.news = &changes{}
	c.overview = &store.Overview{Store: c.store, Changed: c.news.tell}
	if err := c.overview.Watch(ctx, c.mgr.GetCache()); err != nil {
		return err
	}
	if c.metrics, err = newMetrics(ctrlmetrics.Registry, c.overview, c.Version, c.Now); err != nil {
		return err
	}
	c.tracing, err = tracing.New(ctx, tracing.Options{Env: os.Getenv, Metrics: ctrlmetrics.Registry, Version: c.Version, Pod: c.Pod, Log: c.Log})
	return err
}

// open sets up the opening of Approvals, and the release of their runs.
func (c *core) open(ctx context.Context) error {
	cached, live := c.mgr.GetClient(), c.mgr.GetAPIReader()
	c.service = capabilities(c.Config)
	c.triggers = &triggers.Triggers{
		Client: cached, CEL: c.cel, MayListTriggers: triggers.MayListTriggers(cached), MayGetRuns: triggers.MayGetRuns(cached), Service: c.service,
	}
	c.reports = &triggers.Reports{Triggers: c.triggers, Events: c.mgr.GetEventRecorder("countersign"), Now: c.Now}
	c.secrets = &gate.Secrets{Live: live, Now: c.Now, ServiceAccount: c.Namespace + ":countersign"}
	c.opener = &hold.Opener{
		Client: cached, Live: live, Triggers: c.triggers, CEL: c.cel, Secrets: c.secrets, Ring: c.keys.Ring, Now: c.Now, Log: c.Log, Service: c.service, Large: hold.LargeTurns(),
		Opened: func(namespace, trigger string) { c.metrics.opened.WithLabelValues(namespace, trigger).Inc() },
	}
	c.quotas = &hold.Quotas{Client: cached, Default: c.Config.Limits.Namespace, Now: c.Now}
	if err := c.quotas.Watch(ctx, c.mgr.GetCache()); err != nil {
		return err
	}
	c.opener.Quotas = c.quotas
	if err := c.keepEvidence(ctx); err != nil {
		return err
	}
	c.guards = &identity.Guards{Live: live, Now: c.Now}
	c.opener.Requesters = &hold.Requesters{Guards: c.guards, Store: c.store}
	if c.Config.Record.Kept() {
		c.opener.Finalizers = []string{v1alpha1.RecordFinalizer}
	}
	if c.Config.OIDC != nil {
		c.opener.Page = func(namespace, name string) string {
			return c.Config.External.JoinPath("approvals", namespace, name).String()
		}
	}
	targets := &kuberelease.Targets{Client: cached, Live: live, Approvals: c.store, ServiceAccount: c.Namespace + ":countersign"}
	c.proofs = &verifyrun.Proofs{Client: cached, Live: live, Triggers: c.triggers, Now: c.Now, Awaited: c.awaited}
	c.starter = &verifyrun.Starter{Client: cached, Live: live, ServiceAccount: c.Namespace + ":countersign"}
	c.diagnosis = &kuberelease.Diagnosis{Client: cached, Triggers: c.triggers}
	listeners := &destination.Client{CAFile: c.Config.EventListenerCAs}
	c.answers = &approvaltask.CustomRuns{Client: cached, Live: live, Now: c.Now}
	c.event = &kuberelease.Event{Triggers: c.triggers, Proofs: c.proofs, Secrets: c.secrets, Ring: c.keys.Ring, Client: listeners, Now: c.Now}
	c.releaser = &kuberelease.Releaser{
		Event:   c.event,
		Targets: targets, Task: c.answers, Now: c.Now, Log: c.Log,
		Posted: func(ok bool) { c.metrics.posts.WithLabelValues(yes(ok)).Inc() },
	}
	c.traceReleases()
	c.preflight = &preflight.Preflights{
		Client: cached, Live: live, Triggers: c.triggers, Secrets: c.secrets, Targets: targets, Now: c.Now, Wait: time.Second,
		Reach: listeners.Reach,
	}
	now := &releasequeue.Once{Client: cached, Store: c.store, Releaser: c.releaser, Proofs: c.proofs, Now: c.Now}
	c.releases = releasequeue.New(now, c.panics)
	c.follower = &releasequeue.Follower{Runs: now, Again: c.releases}
	now.Follower = c.follower
	c.takeover = &releasequeue.Takeover{
		Approvals: c.overview, Fresh: c.store.Fresh, Attempts: &c.releaser.Attempts, Runs: now, Outcomes: c.releases, Now: c.Now,
	}
	return nil
}

// takeOver releases what a leader that died had decided.
func (c *core) takeOver(ctx context.Context) {
	if err := c.takeover.Take(ctx); err != nil {
		c.Log.Warn("the decisions of the leader before are left to the next one", "error", err.Error())
	}
}

// decide sets up authentication and voting.
func (c *core) decide(context.Context) error {
	clientset, err := kubernetes.NewForConfig(c.Rest)
	if err != nil {
		return err
	}
	results := &outcome.Results{CEL: c.cel, Reports: c.reports, Log: c.Log}
	c.outcomes = approvals.OutcomeWriter{Store: c.store, Results: results, Handler: c.decided(c.metrics)}
	c.auth = &identity.Auth{Client: clientset, Audiences: c.Config.TokenAudiences, Now: c.Now, Source: intake.Source}
	c.desk = &approvals.VoteService{
		Store: c.store, People: c.Config.Directory, Links: &vote.Links{Client: c.mgr.GetClient(), Triggers: c.triggers},
		Rights: c.auth, Operators: c.auth, Again: c.opener, Delegates: &identity.Delegates{
			Client: c.mgr.GetClient(), Guards: c.guards, Quota: c.quotas.Of,
			Over: func(o *v1alpha1.Delegation, err error) { c.reports.Say(o, triggers.EventOverLimit, err) },
		},
		Policies: gate.Policies{Client: c.mgr.GetClient()}, Now: c.Now, Results: results,
		Voted:    func(_ approvals.Approval, v approvals.Verdict) { c.metrics.votes.WithLabelValues(string(v)).Inc() },
		Outcomes: c.decided(c.metrics, c.releases),
	}
	return nil
}
