package app

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// How a replica finds out that the process that holds the lease is dead, before the lease says so.
const (
	// knockEvery is the time between two tries to connect to it, and so between two refusals.
	knockEvery  = 500 * time.Millisecond
	knockWithin = time.Second
	// refusedOften in a row are believed.
	refusedOften = 2
	// addressMark is between a pod and its address in what the lease calls its holder.
	addressMark = "_"
)

// identityOf returns the holder's name in the lease: the pod, and the address at which its process
// answers probes. A container that was killed and is started again in its pod is the same holder,
// and goes on at once instead of waiting for its own lease; two containers of one pod never run at
// once.
func identityOf(o Options) string {
	_, port, err := net.SplitHostPort(o.HealthAddress)
	if err != nil || o.PodAddress == "" {
		return o.Pod // nobody can ask it, so it is believed until its lease is over
	}
	return o.Pod + addressMark + net.JoinHostPort(o.PodAddress, port)
}

// obituary knows whether the process that holds the lease is dead.
//
// Who that is, and at which address, is read from the Lease: anyone who may update Leases in the
// service's namespace could write another, and could as well take the lead by it. A connection
// is opened and closed, and nothing is sent.
//
// What proves it: its pod's address refuses connections to the port that a replica listens on
// from before it asks for the lease until after it has given it up. The kernel that refuses is
// alive, and says that nobody listens. To be sure that it is the pod's, and no firewall that
// refuses in its name, the port must have taken a connection of ours under the same holder. And
// a lease that is renewed is held by a process that lives, whatever is refused. No answer proves
// nothing: the process may be paused, or cut off from us alone; its lease runs out by itself.
//
// That it is wrong is thought to be impossible, and would cost a change of the leader: a lease is
// taken by an update of the version that was seen, and a moment with two leaders starts nothing
// twice (docs/explanation/guarantees.md).
type obituary struct {
	dial func(ctx context.Context, address string) error
	// refusal is called at each refusal that counts, the first one too: what it does must do no harm
	// while the holder lives.
	refusal func(ctx context.Context)

	mu       sync.Mutex
	holder   string
	renewed  time.Time // by what was last read of the lease
	answered bool      // a connection was taken under this holder
	refused  int       // times in a row, all since that renewal
}

func connect(ctx context.Context, address string) error {
	c, err := (&net.Dialer{Timeout: knockWithin}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}

// read notes the lease's holder and renewal, and reports whether that holder is dead: connections
// to it were refused refusedOften times in a row since the renewal.
func (o *obituary) read(r *resourcelock.LeaderElectionRecord) (dead bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.HolderIdentity != o.holder {
		o.holder, o.answered, o.refused = r.HolderIdentity, false, 0
	}
	if !r.RenewTime.Time.Equal(o.renewed) {
		o.renewed, o.refused = r.RenewTime.Time, 0
	}
	return o.refused >= refusedOften
}

// watch asks the holder whether it is there, until ctx ends.
func (o *obituary) watch(ctx context.Context) {
	tick := time.NewTicker(knockEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			o.knock(ctx)
		}
	}
}

func (o *obituary) knock(ctx context.Context) {
	o.mu.Lock()
	holder := o.holder
	o.mu.Unlock()
	_, address, ok := strings.Cut(holder, addressMark)
	if !ok {
		return
	}
	if o.heard(holder, o.dial(ctx, address)) {
		o.refusal(ctx)
	}
}

// heard notes what a connection to the holder came to, and reports whether that is a refusal that counts.
func (o *obituary) heard(holder string, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.holder != holder:
	case err == nil:
		o.answered, o.refused = true, 0
	case errors.Is(err, syscall.ECONNREFUSED) && o.answered:
		o.refused++
		return true
	default:
		o.refused = 0
	}
	return false
}
