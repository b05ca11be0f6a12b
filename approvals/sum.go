package approvals

import (
	"slices"

	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Sum adds up what the texts count that approvers decide on: the results that are shown and
// the evidence. A result that is both is counted once.
func (t *ResolvedSpec) Sum() evidence.Summary {
	if t == nil {
		return evidence.Summary{}
	}
	all := slices.Clone(t.Summaries)
	for _, i := range t.Evidence {
		if !t.shows(i) {
			all = append(all, i.Summary)
		}
	}
	return evidence.SumUp(all)
}

// shows reports whether an item is a result that the policy shows anyway.
func (t *ResolvedSpec) shows(i evidence.Item) bool {
	return i.Kind == evidence.Result && slices.ContainsFunc(t.Policy.Evidence, func(w evidence.Wanted) bool {
		return w.Name == i.Name && slices.Contains(t.Policy.Show, w.ResultName())
	})
}
