//go:build bench

package bench

import "fmt"

// growth has one cost at inputs that each are a multiple of the one before. A cost that grows faster
// than its input ends a service that grows: print names it.
type growth struct {
	what, unit string
	n          []int
	cost       []float64
}

func (g *growth) add(n int, cost float64) {
	g.n, g.cost = append(g.n, n), append(g.cost, cost)
}

// tolerance is the factor beyond proportion that is put down to the machine's noise.
const tolerance = 1.3

// print says the cost at each input, and where it grew faster than that. What does not
// depend on the input, such as the start of a program, makes a cost grow slower.
func (g *growth) print() {
	for i, n := range g.n {
		note := ""
		if i > 0 && g.cost[i-1] > 0 && g.cost[i]/g.cost[i-1] > tolerance*float64(n)/float64(g.n[i-1]) {
			note = fmt.Sprintf("   GROWS FASTER THAN ITS INPUT: %.1f times for %.0f times as many", g.cost[i]/g.cost[i-1], float64(n)/float64(g.n[i-1]))
		}
		fmt.Printf("bench: growth: %-58s %6d: %9.2f %s%s\n", g.what, n, g.cost[i], g.unit, note)
	}
}
