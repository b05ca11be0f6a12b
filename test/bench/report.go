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

// reportFloor prints what of a ratio to bare posts nobody can save who records a
// decision before posting it: the same posts, each after one status write of an
// Approval by this program, and nothing of the service in the way.
func reportFloor(what string, floor, bare []float64) {
	fmt.Printf("bench:   %s, each after one status write by this program: %.2f of without (%.1f ms)\n", what, median(ratios(floor, bare)), median(floor))
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
