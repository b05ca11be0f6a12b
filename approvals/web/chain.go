package web

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// maxNeighbours bounds how many Approvals are shown that wait after one run.
const maxNeighbours = 8

// chainOf finds in list what comes before and after a in one delivery: the Approval
// that started part 1's run, and those that wait after part 2's.
func chainOf(list []approvals.Approval, a approvals.Approval) (before, after []approvals.Approval) {
	for _, b := range list {
		switch {
		case b.Namespace != a.Namespace || b.UID == a.UID:
		case follows(b, a):
			before = append(before, b)
		case follows(a, b) && len(after) < maxNeighbours:
			after = append(after, b)
		}
	}
	return before, after
}

// follows says whether b waits after the run that a started. A run of that name is
// not enough once a's own was seen: somebody may have made another.
func follows(a, b approvals.Approval) bool {
	r := b.Source.Run
	return r != nil && r.Name == a.RunName() && (a.Next == nil || a.Next.UID == r.UID)
}

// chain is a's neighbours, as far as id may see them. It is only a help: a page is
// shown without it when it can't be found out.
func (s *server) chain(ctx context.Context, a approvals.Approval, id approvals.Identity) *templates.Chain {
	list, err := s.Store.List(ctx, a.Namespace)
	if err != nil {
		s.logInternal(err)
		return &templates.Chain{}
	}
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	before, after := chainOf(list, a)
	who := s.proven(ctx, id)
	may := func(list []approvals.Approval) (out []approvals.Approval) {
		for _, x := range list {
			if s.maySee(ctx, who(x), x) == nil {
				out = append(out, x)
			}
		}
		return out
	}
	return &templates.Chain{Before: may(before), After: may(after)}
}
