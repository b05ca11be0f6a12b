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
}

// fault breaks something, and returns once that is mended, with what it did.
type fault func(ctx context.Context) (string, error)

// kinds are all faults by name.
func (i *injector) kinds() map[string]fault {
	all := map[string]fault{}
	for _, some := range []map[string]fault{i.processFaults(), i.controlPlaneFaults(), i.answerFaults(), i.networkFaults(), i.serviceFaults()} {
		maps.Copy(all, some)
	}
	return all
}

func (i *injector) seconds(from, to float64) time.Duration { return seconds(i.rng, from, to) }

var errNone = errors.New("there is none")

// run injects faults until ctx ends: each kind once in a random order, then again.
func (i *injector) run(ctx context.Context, only []string, gap [2]float64) {
	kinds := i.kinds()
	names := slices.Sorted(maps.Keys(kinds))
	if len(only) > 0 {
		names = only
	}
	var order []string
	for id := 0; ; id++ {
		if len(order) == 0 {
			order = slices.Clone(names)
			i.rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		}
		wait(ctx, i.seconds(gap[0], gap[1]))
		// Mostly from a good state. The draws are the same however long that takes.
		for n, patient := 0, i.rng.IntN(4) != 0; n < 60 && patient && !i.v.healthy() && ctx.Err() == nil; n++ {
			wait(ctx, time.Second)
		}
		if ctx.Err() != nil {
			return
		}
		f := history.Fault{ID: id, Kind: order[0], Start: time.Now()}
		order = order[1:]
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
