package convert

import (
	"cmp"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

func wantedToDomain(list []v1alpha1.EvidenceSource) []evidence.Wanted {
	var out []evidence.Wanted
	for _, e := range list {
		out = append(out, evidence.Wanted{
			Name: e.Name, Kind: cmp.Or(evidence.Kind(e.From), evidence.Upload), Result: e.Result, Task: e.Task, Step: e.Step,
			Format: evidence.Format(e.Format), Optional: e.Optional,
		})
	}
	return out
}

func wantedToAPI(list []evidence.Wanted) []v1alpha1.EvidenceSource {
	var out []v1alpha1.EvidenceSource
	for _, w := range list {
		out = append(out, v1alpha1.EvidenceSource{
			Name: w.Name, From: v1alpha1.EvidenceKind(w.Kind), Result: w.Result, Task: w.Task, Step: w.Step,
			Format: v1alpha1.EvidenceFormat(w.Format), Optional: w.Optional,
		})
	}
	return out
}

func itemToDomain(e v1alpha1.EvidenceItem) evidence.Item {
	i := evidence.Item{
		Name: e.Name, Kind: evidence.Kind(e.From), Format: evidence.Format(e.Format), State: evidence.State(e.State),
		SHA256: e.SHA256, Size: e.Size, Message: e.Message, Object: e.Object,
	}
	if e.Summary != nil {
		i.Summary = summaryToDomain(*e.Summary)
	}
	return i
}

func itemToAPI(i evidence.Item) v1alpha1.EvidenceItem {
	e := v1alpha1.EvidenceItem{
		Name: i.Name, From: v1alpha1.EvidenceKind(i.Kind), Format: v1alpha1.EvidenceFormat(i.Format), State: string(i.State),
		SHA256: i.SHA256, Size: i.Size, Message: approvals.Cut(i.Message, 1024), Object: i.Object,
	}
	if i.Summary != (evidence.Summary{}) {
		s := summaryToAPI(i.Summary)
		e.Summary = &s
	}
	return e
}
