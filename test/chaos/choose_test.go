//go:build chaos

package chaos

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// wholeShare is the number of approvals from which on a run is long enough for all faults of its own.
const wholeShare = 200

// faults are the kinds that a run makes, in their order, and how many of them at least. The
// store's are made where there is one: every other of them, and the others by the next even seed.
func (i *injector) faults(s settings) (order []string, least int) {
	if len(s.only) > 0 {
		return s.only, 0
	}
	var others, ofStore []string
	for _, name := range slices.Sorted(maps.Keys(i.kinds())) {
		if strings.HasPrefix(name, "store-") {
			ofStore = append(ofStore, name)
		} else {
			others = append(others, name)
		}
	}
	order = deck(s.seed, others)
	own := share(len(others))
	if i.store != nil {
		var half []string
		for n, name := range ofStore {
			if uint64(n%2) == s.seed/2%2 {
				half = append(half, name)
			}
		}
		order = slices.Concat(order[:own], half, order[own:])
		own += len(half)
		rng := rand.New(rand.NewPCG(s.seed, 5))
		rng.Shuffle(own, func(a, b int) { order[a], order[b] = order[b], order[a] })
	}
	if s.n < wholeShare {
		return order, 0
	}
	return order, own
}

// TestDeck: five seeds, one after the other, make every kind of fault, and a seed the same each time.
func TestDeck(t *testing.T) {
	kinds := slices.Sorted(maps.Keys((&injector{old: "an image"}).kinds()))
	for first := uint64(1); first < 100; first += hands {
		made, stores := map[string]bool{}, 0
		for seed := first; seed < first+hands; seed++ {
			i := &injector{old: "an image"}
			if seed%2 == 0 {
				i.store = &store{}
				stores++
			}
			s := settings{seed: seed, n: wholeShare}
			order, least := i.faults(s)
			again, _ := i.faults(s)
			if !slices.Equal(order, again) {
				t.Errorf("seed %d: another order the second time", seed)
			}
			for _, k := range order[:least] {
				made[k] = true
			}
		}
		if len(made) != len(kinds) || stores == 0 {
			t.Errorf("seeds from %d on make %d kinds, want all %d", first, len(made), len(kinds))
		}
	}
}
