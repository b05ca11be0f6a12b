package convert

import (
	"math"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

func summaryToDomain(s v1alpha1.Summary) evidence.Summary {
	return evidence.Summary{
		Name: s.Name, Format: s.Format,
		Add: int(s.Add), Change: int(s.Change), Destroy: int(s.Destroy), Replace: int(s.Replace), Import: int(s.Import), Forget: int(s.Forget), Move: int(s.Move), Drift: int(s.Drift),
		Tests: int(s.Tests), Failed: int(s.Failed), Skipped: int(s.Skipped),
		Critical: int(s.Critical), High: int(s.High), Medium: int(s.Medium), Low: int(s.Low), Note: int(s.Note), Incomplete: s.Incomplete,
	}
}

func summaryToAPI(s evidence.Summary) v1alpha1.Summary {
	n := func(x int) int32 { return int32(max(0, min(x, math.MaxInt32))) }
	return v1alpha1.Summary{
		Name: s.Name, Format: s.Format,
		Add: n(s.Add), Change: n(s.Change), Destroy: n(s.Destroy), Replace: n(s.Replace), Import: n(s.Import), Forget: n(s.Forget), Move: n(s.Move), Drift: n(s.Drift),
		Tests: n(s.Tests), Failed: n(s.Failed), Skipped: n(s.Skipped),
		Critical: n(s.Critical), High: n(s.High), Medium: n(s.Medium), Low: n(s.Low), Note: n(s.Note), Incomplete: s.Incomplete,
	}
}
