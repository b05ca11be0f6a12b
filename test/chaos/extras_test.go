//go:build chaos

package chaos

import (
	"math/rand/v2"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// four plans the steps of an Approval that two distinct people must approve.
func four(rng *rand.Rand, p *history.Plan) {
	who := shuffled(rng, history.Gates["four"].Who)
	late := func(from, to float64) time.Duration { return seconds(rng, from, to) }
	switch x := rng.IntN(10); {
	case x < 4:
		p.Kind = "four"
		t := late(1, 12)
		for _, w := range who[:2+rng.IntN(2)] {
			p.Steps = append(p.Steps, vote(rng, w, "approve", t+late(0, 2)))
		}
	case x < 6:
		p.Kind = "four-alone" // one person by several ways must not be enough
		for i, way := range []string{history.Token, history.Object, history.Token} {
			p.Steps = append(p.Steps, history.Step{After: late(1, 10), Who: "bob", Way: way, Verdict: "approve", Seq: i % 2})
		}
	case x < 8:
		p.Kind = "four-withdraw"
		t := late(1, 8)
		for i, verdict := range []string{"approve", "withdraw", "approve"}[:2+rng.IntN(2)] {
			p.Steps = append(p.Steps, history.Step{After: t + time.Duration(i)*late(0.05, 1.5), Who: "carl", Way: []string{history.Token, history.Token, history.Object}[rng.IntN(3)], Verdict: verdict, Seq: 1})
		}
		if rng.IntN(2) == 0 {
			p.Steps = append(p.Steps, vote(rng, "bob", "approve", t+late(0, 4)))
		}
	default:
		p.Kind = "four-reject"
		t := late(1, 12)
		p.Steps = []history.Step{vote(rng, who[0], "approve", t), vote(rng, who[1], "reject", t+late(0, 1))}
	}
}

// extras plans what happens beside: votes that may not count, deletions, an event that comes again.
func extras(rng *rand.Rand, p *history.Plan) {
	if rng.IntN(6) == 0 { // who may not
		p.Steps = append(p.Steps, history.Step{After: seconds(rng, 0.2, 10), Who: "eve", Way: []string{history.Token, history.Object}[rng.IntN(2)], Verdict: "approve", OneTry: rng.IntN(2) == 0})
	}
	if rng.IntN(6) == 0 && history.Gates[p.Gate].Life > time.Minute { // too late
		p.Steps = append(p.Steps, history.Step{After: seconds(rng, 0.1, 8), Who: "bob", Way: []string{history.Token, history.Object}[rng.IntN(2)], Verdict: []string{"approve", "reject"}[rng.IntN(2)], Decided: true})
	}
	p.Real = p.Trigger == "single" && rng.IntN(8) == 0
	p.PruneOne = !p.Event && !p.Real && rng.IntN(20) == 0
	p.PruneTwo = rng.IntN(10) == 0
	p.Resend = p.Event && rng.IntN(2) == 0
}
