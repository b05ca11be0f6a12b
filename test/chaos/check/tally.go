package check

import (
	"slices"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// tally is the outcome of votes, worked out here and not by the product: a rejection
// rejects, and each person fills one place of one rule.
func (f *Findings) tally(g history.Gate, votes []v1alpha1.VoteRecord) string {
	var yes []string
	for _, v := range votes {
		if v.Verdict == "reject" {
			return "Rejected"
		}
		yes = append(yes, v.Voter)
	}
	slices.Sort(yes)
	yes = slices.Compact(yes)
	rules := g.Rules
	if len(rules) == 0 {
		rules = []history.Rule{{Who: g.Who, Need: g.Need}}
	}
	need := make([]int, len(rules))
	for i, r := range rules {
		need[i] = r.Need
	}
	var fill func(i int) bool
	fill = func(i int) bool {
		if !slices.ContainsFunc(need, func(n int) bool { return n > 0 }) {
			return true
		}
		if i == len(yes) {
			return false
		}
		for j, r := range rules {
			if need[j] > 0 && slices.ContainsFunc(r.Who, func(p string) bool { return f.user(p) == yes[i] }) {
				need[j]--
				if fill(i + 1) {
					return true
				}
				need[j]++
			}
		}
		return fill(i + 1)
	}
	if fill(0) {
		return "Approved"
	}
	return "Pending"
}
