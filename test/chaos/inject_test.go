//go:build chaos

package chaos

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// injector breaks things, and mends what does not mend itself.
type injector struct {
	l    *load
	v    *replicaView
	k    *kube
	o    *history.Writer
	rng  *rand.Rand
	undo *undo

	old   string // the image of an older version; "" for none
	store *store // nil: the service keeps its record nowhere
}

// fault breaks something, and returns once that is mended, with what it did.
type fault func(ctx context.Context) (string, error)

// kinds are all faults by name.
func (i *injector) kinds() map[string]fault {
	all := map[string]fault{}
	for _, some := range []map[string]fault{i.processFaults(), i.controlPlaneFaults(), i.answerFaults(), i.networkFaults(), i.serviceFaults(), i.clockFaults(), i.versionFaults(), i.storeFaults()} {
		maps.Copy(all, some)
	}
	return all
}

func (i *injector) seconds(from, to float64) time.Duration { return seconds(i.rng, from, to) }

var errNone = errors.New("there is none")

// hands is the number of seeds, one after the other, that together make every kind of fault.
const hands = 5

// deck is the order in which a seed's faults come: each kind once, and then again. Seeds of one
// hand have one order, and begin at other places of it, so that together they get through it.
func deck(seed uint64, kinds []string) []string {
	all := slices.Sorted(slices.Values(kinds))
	hand, in := (seed+hands-1)/hands, int((seed+hands-1)%hands)
	rng := rand.New(rand.NewPCG(hand, 3))
	rng.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	first := min(in*share(len(all)), len(all))
	return slices.Concat(all[first:], all[:first])
}

// share returns the number of kinds, of n, that a seed begins with and no other seed of its hand does.
func share(n int) int { return (n + hands - 1) / hands }

// run injects faults: until a time, and until it has made so many.
func (i *injector) run(ctx context.Context, order []string, least int, until time.Time, gap [2]float64) {
	kinds := i.kinds()
	for id := 0; ; id++ {
		wait(ctx, i.seconds(gap[0], gap[1]))
		// Mostly from a good state. The draws are the same however long that takes.
		for n, patient := 0, i.rng.IntN(4) != 0; n < 60 && patient && !i.v.healthy() && ctx.Err() == nil; n++ {
			wait(ctx, time.Second)
		}
		if ctx.Err() != nil || id >= least && !time.Now().Before(until) {
			return
		}
		f := history.Fault{ID: id, Kind: order[id%len(order)], Start: time.Now()}
		do := kinds[f.Kind]
		if do == nil {
			f.Err = "no such kind of fault"
			i.o.Add(history.FaultsFile, f)
			return
		}
		say("fault %2d %s", f.ID, f.Kind)
		detail, err := do(context.WithoutCancel(ctx))
		f.End, f.Detail = time.Now(), detail
		if err != nil {
			f.Err = err.Error()
		}
		i.o.Add(history.FaultsFile, f)
		say("fault %2d %-26s %5.1f s  %s %s", f.ID, f.Kind, f.End.Sub(f.Start).Seconds(), f.Detail, f.Err)
	}
}
