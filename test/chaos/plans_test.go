//go:build chaos

package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

func seconds(rng *rand.Rand, from, to float64) time.Duration {
	return time.Duration((from + rng.Float64()*(to-from)) * float64(time.Second))
}

// makePlans plans what is to happen to n Approvals within span; the same for the same seed.
func makePlans(seed uint64, n int, span time.Duration, ns string) []*history.Plan {
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []*history.Plan
	// Some come in bursts.
	var at []time.Duration
	for len(at) < n {
		t := time.Duration(rng.Float64() * float64(span))
		k := 1
		if rng.IntN(18) == 0 {
			k = 8 + rng.IntN(10)
		}
		for range min(k, n-len(at)) {
			at = append(at, t+seconds(rng, 0, 0.3))
		}
	}
	slices.Sort(at)
	for i := range n {
		p := &history.Plan{ID: i, At: at[i], Version: fmt.Sprintf("v%d.%d", seed, i)}
		kindOf(rng, p)
		if p.Event {
			p.Trigger = map[string]string{"single": "push", "four": "pushfour"}[p.Gate]
		} else {
			p.Trigger = p.Gate
		}
		switch rng.IntN(10) {
		case 0, 1:
			p.Request = history.User(ns, history.Asker) // is told of the end
		case 2:
			p.Request = history.User(ns, "ann") // who must not decide it
		}
		extras(rng, p)
		for j := range p.Steps {
			if p.Steps[j].Seq == 0 {
				p.Steps[j].Seq = 100 + j // on its own
			}
		}
		out = append(out, p)
	}
	return out
}

// wayOf is one of the ways that somebody can vote by.
func wayOf(rng *rand.Rand, who string) string {
	switch {
	case slices.Contains(history.People, who):
		return history.Link
	case rng.IntN(3) == 0:
		return history.Object
	}
	return history.Token
}

func vote(rng *rand.Rand, who, verdict string, after time.Duration) history.Step {
	s := history.Step{After: after, Who: who, Way: wayOf(rng, who), Verdict: verdict}
	s.Twice = s.Way == history.Token && rng.IntN(4) == 0
	return s
}

func shuffled(rng *rand.Rand, l []string) []string {
	l = slices.Clone(l)
	rng.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
	return l
}

// kindOf chooses what happens, and by which Gate.
func kindOf(rng *rand.Rand, p *history.Plan) {
	late := func(from, to float64) time.Duration { return seconds(rng, from, to) }
	switch x := rng.IntN(100); {
	case x < 16:
		p.Kind, p.Gate = "approve", "single"
		p.Event = rng.IntN(3) == 0
		p.Steps = []history.Step{vote(rng, shuffled(rng, history.Gates["single"].Who)[0], "approve", late(0.3, 20))}
	case x < 22:
		p.Kind, p.Gate = "reject", "single"
		p.Event = rng.IntN(3) == 0
		p.Steps = []history.Step{vote(rng, shuffled(rng, history.Gates["single"].Who)[0], "reject", late(0.3, 15))}
	case x < 34:
		p.Kind, p.Gate = "race", "single"
		p.Event = rng.IntN(4) == 0
		t := late(1, 15)
		for _, who := range shuffled(rng, history.Gates["single"].Who)[:2+rng.IntN(3)] {
			p.Steps = append(p.Steps, vote(rng, who, []string{"approve", "approve", "reject"}[rng.IntN(3)], t+late(0, 0.1)))
		}
	case x < 50:
		p.Gate, p.Event = "four", rng.IntN(4) == 0
		four(rng, p)
	case x < 60:
		p.Kind, p.Gate = "quorum", "quorum"
		t := late(1, 15)
		for i, who := range shuffled(rng, history.Gates["quorum"].Who)[:3+rng.IntN(3)] {
			verdict := "approve"
			if i > 0 && rng.IntN(10) == 0 {
				verdict = "reject"
			}
			p.Steps = append(p.Steps, vote(rng, who, verdict, t+late(0, 3)))
		}
	case x < 68:
		p.Kind, p.Gate = "rules", "rules"
		t := late(1, 15)
		for _, who := range shuffled(rng, history.Gates["rules"].All())[:3+rng.IntN(4)] {
			p.Steps = append(p.Steps, vote(rng, who, "approve", t+late(0, 3)))
		}
	case x < 75:
		p.Kind, p.Gate = "expire", "short"
		if rng.IntN(2) == 0 {
			p.Steps = []history.Step{{After: late(0.5, 4), Who: "ann", Way: []string{history.Token, history.Object}[rng.IntN(2)], Verdict: "approve", FromDeadline: true}}
		}
	case x < 81:
		p.Kind, p.Gate = "edge", "short"
		p.Steps = []history.Step{{After: late(-1.2, 0.6), Who: "ann", Way: []string{history.Token, history.Object}[rng.IntN(2)], Verdict: "approve", FromDeadline: true, OneTry: true}}
	case x < 89:
		p.Kind, p.Gate = "shortall", "shortall"
		who := shuffled(rng, []string{"ann", "bob"})
		switch rng.IntN(4) {
		case 0:
			p.Steps = []history.Step{vote(rng, who[0], "reject", late(1, 12))}
		case 1:
			p.Steps = []history.Step{vote(rng, who[0], "approve", late(1, 12))}
		case 2:
			p.Steps = []history.Step{vote(rng, who[0], "approve", late(1, 8)), vote(rng, who[1], "approve", late(1, 8))}
		}
	case x < 93:
		p.Kind, p.Gate = "auto", "auto"
	case x < 97:
		p.Kind, p.Gate = "cancel", "four"
		p.Steps = []history.Step{
			vote(rng, "bob", "approve", late(1, 10)),
			{After: late(1, 12), Who: "op", Way: history.Token, Verdict: "cancel"},
		}
	default:
		p.Kind, p.Gate = "cancel-decided", "single"
		t := late(1, 12)
		p.Steps = []history.Step{
			vote(rng, "bob", "approve", t),
			{After: t + late(0, 0.06), Who: "op", Way: history.Token, Verdict: "cancel"},
		}
	}
}
