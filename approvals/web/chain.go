package web

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
	"github.com/countersign-dev/countersign/templates"
)

// maxNeighbours bounds how many Approvals are shown that wait after one run.
const maxNeighbours = 8

// chainOf finds in list what comes before and after a in one delivery: the Approval
// that started part 1's run, and those that wait after part 2's.
func chainOf(list []*overview.Entry, a approvals.Approval) (before, after []*overview.Entry) {
	for _, b := range list {
		switch {
		case b.UID == a.UID:
		case follows(b.Approval, a):
			before = append(before, b)
		case follows(a, b.Approval) && len(after) < maxNeighbours:
			after = append(after, b)
		}
	}
	return before, after
}

// follows reports whether b waits after the run that a started and that was seen: by its UID,
// since anybody can give a run a name.
func follows(a, b approvals.Approval) bool {
	r := b.Source.Run
	return r != nil && a.SecondRun != nil && a.SecondRun.UID == r.UID
}

// chain is a's neighbours, as far as id may see them. It is only a help: a page is
// shown without it when it can't be found out.
func (s *server) chain(ctx context.Context, a approvals.Approval, id approvals.Identity) *templates.Chain {
	all, err := s.Overview.Snapshot(ctx)
	if err != nil {
		s.logInternal(err)
		return &templates.Chain{}
	}
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	before, after := chainOf(all.In(a.Namespace).All, a)
	v := s.viewer(id)
	may := func(list []*overview.Entry) (out []approvals.Approval) {
		for _, x := range list {
			who, _ := v.proved(ctx, x.Approval) // logged; anyone who is not verified sees less
			if s.maySee(ctx, who, x.Approval) == nil {
				out = append(out, x.Approval)
			}
		}
		return out
	}
	return &templates.Chain{Before: may(before), After: may(after)}
}
