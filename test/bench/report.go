//go:build bench

// Package bench measures the service on the real cluster. Every claim is a ratio
// of two things measured in turn in one run: the machine's speed drops out.
package bench

import (
	"fmt"
	"slices"
	"time"
)

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// ratios of a to b, pair by pair.
func ratios(a, b []float64) []float64 {
	each := make([]float64, len(a))
	for i := range a {
		each[i] = a[i] / b[i]
	}
	return each
}

// report prints both medians and the median of the ratios pair by pair.
func report(what string, a, b []float64, unit string, goal float64) {
	compare(what, a, b, "≤", goal, "%.1f "+unit)
}

// reportFloor prints beside that what the one status write costs, which nobody can save who
// records a decision before posting it: ours and the floor to the same posts without it.
func reportFloor(what string, ours, floor, bare []float64) {
	fmt.Printf("bench:   to %s without a status write (%.1f ms): %.2f, and %.2f with it alone\n", what, median(bare), median(ratios(ours, bare)), median(ratios(floor, bare)))
}

// reportAtLeast is report for what should be high.
func reportAtLeast(what string, a, b []float64, unit string, goal float64) {
	compare(what, a, b, "≥", goal, "%.0f"+unit)
}

func compare(what string, a, b []float64, is string, goal float64, number string) {
	each := ratios(a, b)
	fmt.Printf("bench: %-62s %.2f (goal %s %.2f)   "+number+" / "+number+", min %.2f max %.2f, n=%d\n",
		what, median(each), is, goal, median(a), median(b), slices.Min(each), slices.Max(each), len(a))
}
