package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Election times. Another replica leads leaseDuration after the last renewal of a leader that
// was paused or cut off, and the two tries that it takes to see that; after one that died, sooner
// (see obituary). A leader that can't renew its lease stops after renewDeadline, which costs
// little: its process goes on serving, and asks again. With a lease of half the length an API
// server that was short of processors for three seconds made the lead go to and fro.
const (
	leaseDuration = 8 * time.Second
	renewDeadline = 6 * time.Second
	retryPeriod   = time.Second
	leaseName     = "countersign"
	// leaseLook is the interval at which a leader checks whether its lease is over, because its
	// process was paused, say: its controllers must not wake up as a second leader.
	leaseLook = 100 * time.Millisecond
	// stopAfter bounds the time from a leader's last renewal until it stops. The others see only
	// whole seconds of a lease's times, so for them it may be over up to a second earlier.
	stopAfter = leaseDuration - time.Second - 2*leaseLook
	// electAgain is the pause of a replica that could not begin to lead.
	electAgain = time.Second
)

// electionLock returns the lease's lock for this process, nil when no other process could
// lead.
func electionLock(o Options, to *rest.Config) (resourcelock.Interface, error) {
	if !o.LeaderElection {
		return nil, nil
	}
	return resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, o.Namespace, leaseName,
		resourcelock.ResourceLockConfig{Identity: identityOf(o)}, rest.CopyConfig(to), renewDeadline)
}

// election has this replica lead whenever it holds the lease. Its process outlives the lease:
// the servers of a replica that leads no more have nobody to stop for.
type election struct {
	lock resourcelock.Interface // nil: it always leads
	lead func(ctx context.Context) error
	dial func(ctx context.Context, address string) error // to who holds the lease
	// refusal is called while who holds the lease refuses connections, which it does when it is
	// dead. The lease is taken only after some of them.
	refusal func(ctx context.Context)
	log     *slog.Logger
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*election) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable: one term after the other, until ctx ends.
func (e *election) Start(ctx context.Context) error {
	for ctx.Err() == nil {
		began := time.Now() //nolint:forbidigo // a duration, not a decision
		err := e.term(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			e.log.Error("stopped leading", "error", err.Error())
		} else {
			e.log.Warn("stopped leading, because another process has the lease or it could not be renewed in time; this process continues to serve")
		}
		if time.Since(began) < electAgain { //nolint:forbidigo // see above
			select {
			case <-ctx.Done():
			case <-time.After(electAgain):
			}
		}
	}
	return nil
}

// term waits for the lease, and leads until it is lost, ctx ends or leading fails. It returns
// when nothing of it runs any more: only then is a lease given up that is still held.
func (e *election) term(ctx context.Context) error {
	if e.lock == nil {
		return e.lead(ctx)
	}
	elect, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	lock := &watchedLock{Interface: e.lock, other: obituary{dial: e.dial, refusal: e.refusal}}
	waiting, leads := context.WithCancel(elect)
	defer leads()
	began, ended := make(chan struct{}), make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, Name: leaseName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(held context.Context) {
				leads()
				close(began)
				leading, stop := context.WithCancel(ctx)
				defer stop()
				defer context.AfterFunc(held, stop)()
				go lock.watch(leading, stop)
				e.log.Info("leading")
				err := e.lead(leading)
				giveUp()
				ended <- err
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() {
		select {
		case <-began: // it gives up when its work has ended
		default:
			giveUp()
		}
	})()
	go lock.other.watch(waiting)
	elector.Run(logr.NewContext(elect, logr.FromSlogHandler(e.log.Handler())))
	select {
	case <-began:
	default:
		if ctx.Err() != nil {
			return nil
		}
		<-began // Run returned because the lease is lost, and begins this on its way
	}
	err = <-ended
	release(context.WithoutCancel(ctx), e.lock)
	return err
}

// release lets another replica lead at once, if this one still holds the lease.
func release(ctx context.Context, lock resourcelock.Interface) {
	ctx, cancel := context.WithTimeout(ctx, renewDeadline)
	defer cancel()
	held, _, err := lock.Get(ctx)
	if err != nil || held.HolderIdentity != lock.Identity() {
		return
	}
	now := metav1.Now()
	// An error leaves the lease to run out.
	_ = lock.Update(ctx, resourcelock.LeaderElectionRecord{
		LeaderTransitions: held.LeaderTransitions, LeaseDurationSeconds: 1, RenewTime: now, AcquireTime: now,
	})
}

// watchedLock knows when its lease was last renewed, and whose it is.
type watchedLock struct {
	resourcelock.Interface

	other obituary // of who holds it

	mu      sync.Mutex
	renewed time.Time
	lost    bool
}

func (l *watchedLock) note(asked time.Time, err error) error {
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.renewed, l.lost = asked, false
	}
	return err
}

// Create implements resourcelock.Interface.
func (l *watchedLock) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.note(time.Now(), l.Interface.Create(ctx, r)) //nolint:forbidigo // a duration, not a decision
}

// Update implements resourcelock.Interface.
func (l *watchedLock) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.note(time.Now(), l.Interface.Update(ctx, r)) //nolint:forbidigo // see above
}

// Get implements resourcelock.Interface. The lease of a process that is dead is nobody's.
func (l *watchedLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	r, raw, err := l.Interface.Get(ctx)
	if err == nil && r.HolderIdentity != l.Identity() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lost = true
		if l.other.read(r) {
			r.HolderIdentity = ""
		}
	}
	return r, raw, err
}

// watch stops who leads when the lease is another's, or before it is over: a call that hangs,
// or a pause of the process, must not have it lead for longer.
func (l *watchedLock) watch(ctx context.Context, stop func()) {
	tick := time.NewTicker(leaseLook)
	defer tick.Stop()
	for {
		l.mu.Lock()
		over := l.lost || time.Since(l.renewed) > stopAfter //nolint:forbidigo // see above
		l.mu.Unlock()
		if over {
			stop()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
