package check

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// votes: each answer that somebody got is true of the votes that are there.
func (f *Findings) votes(a v1alpha1.Approval, g history.Gate) {
	byVoter := map[string][]*history.Op{}
	for _, o := range f.Ops[a.Name] {
		if o.IsVote() {
			byVoter[o.Voter] = append(byVoter[o.Voter], o)
		}
	}
	for _, voter := range slices.Sorted(maps.Keys(byVoter)) {
		v := f.voterOf(a, voter, byVoter[voter])
		if v.state != none && len(v.makers) == 0 {
			f.bad("no vote out of nowhere", a.Name, "%s has %q, which nobody sent or which was refused", voter, v.state)
		}
		for _, o := range v.ops {
			if !o.Allowed {
				f.mayNot(a, o)
				continue
			}
			f.acked(a, v, o)
			f.refused(a, g, o)
			f.unanswered(a, v, o)
		}
	}
}

// none is the state of who has no vote and took none back.
const none = "(none)"

// voter is one person's part in one Approval.
type voter struct {
	name    string
	ops     []*history.Op
	state   string // the comment of the vote that stands, or that it was taken back
	verdict string
	makers  []*history.Op // the requests that may have made it so
}

func (f *Findings) voterOf(a v1alpha1.Approval, name string, ops []*history.Op) voter {
	v := voter{name: name, ops: ops, state: none}
	for _, w := range a.Status.Withdrawn {
		if w.Voter == name {
			v.state = withdrawn
		}
	}
	for _, x := range a.Status.Votes {
		if x.Voter == name {
			v.state, v.verdict = x.Comment, string(x.Verdict)
		}
	}
	for _, o := range ops {
		if effect(o) == v.state && (o.Acked() || !o.Definite()) {
			v.makers = append(v.makers, o)
		}
	}
	return v
}

// recorded returns the time of exactly o's vote in a version of a, and false when none had it.
func (f *Findings) recorded(a v1alpha1.Approval, o *history.Op) (at time.Time, ok bool) {
	for _, v := range f.Versions[a.Name] {
		for _, x := range v.Status.Votes {
			if x.Voter == o.Voter && x.Comment == clean(o.Comment) {
				return x.At.Time, true
			}
		}
	}
	return time.Time{}, false
}

func (f *Findings) mayNot(a v1alpha1.Approval, o *history.Op) {
	if o.Acked() {
		f.bad("nobody votes who may not", a.Name, "op %d of %s was answered %d %s", o.ID, o.Voter, o.Status, o.Text)
	}
	if o.Way == history.Token && o.Definite() && !slices.Contains([]int{403, 409, 410}, o.Status) {
		f.bad("nobody votes who may not", a.Name, "op %d of %s was answered %d %s", o.ID, o.Voter, o.Status, o.Text)
	}
}

// acked: a vote that was acknowledged is there, unless its voter has said something else
// since, or said the same before.
func (f *Findings) acked(a v1alpha1.Approval, v voter, o *history.Op) {
	_, recorded := f.recorded(a, o)
	made := o.Status == 201 && o.Way == history.Token
	if o.Acked() && effect(o) != v.state {
		strict := made || o.Way == history.Link && strings.Contains(o.Text, `data-result="`) && !strings.Contains(o.Text, `data-result="absent"`) || o.Way == history.Object && recorded
		ok := !strict && v.verdict == o.Verdict // it had been there before
		for _, p := range v.makers {
			ok = ok || !p.Definite() || !p.End.Before(o.Start)
		}
		if !ok {
			f.bad("no acknowledged vote is lost", a.Name, "op %d (%s %s by %s, %s to %s, answered %d %s): %s has %q (%s)",
				o.ID, o.Verdict, o.Comment, o.Way, stamp(o.Start), stamp(o.End), o.Status, o.Text, v.name, v.state, v.verdict)
		}
	}
	// A watch that lists anew may have missed the version that had it.
	if made && o.Verdict != withdraw && !recorded && f.Gaps == 0 {
		f.bad("no acknowledged vote is lost", a.Name, "op %d was answered 201 and no version has it", o.ID)
	}
	if made && a.Status.DecidedAt != nil && o.Start.After(a.Status.DecidedAt.Time) {
		f.bad("no vote after the end", a.Name, "op %d was sent at %s, decided %s, and answered 201", o.ID, stamp(o.Start), at(a.Status.DecidedAt))
	}
}

// refused: who may vote is refused only for what is true.
func (f *Findings) refused(a v1alpha1.Approval, g history.Gate, o *history.Op) {
	if o.Way == history.Object {
		return
	}
	decided, deadline := a.Status.DecidedAt, deadlineOf(a, g)
	switch o.Status {
	case 409:
		if !strings.Contains(o.Text, "not_ready") && (decided == nil || o.End.Before(decided.Time)) {
			f.bad("refusals are true", a.Name, "op %d was told %s at %s; decided %s", o.ID, o.Text, stamp(o.End), at(decided))
		}
	case 410:
		if o.End.Before(deadline) {
			f.bad("refusals are true", a.Name, "op %d was told that it expired at %s; deadline %s", o.ID, stamp(o.End), stamp(deadline))
		}
	case 403:
		f.bad("refusals are true", a.Name, "op %d of %s, who may, was told %s", o.ID, o.Voter, o.Text)
	case 401, 404:
		f.bad("refusals are true", a.Name, "op %d of %s was told %d %s", o.ID, o.Voter, o.Status, o.Text)
	case 400:
		if o.Verdict != withdraw { // there may be nothing to take back
			f.bad("refusals are true", a.Name, "op %d of %s was told %d %s", o.ID, o.Voter, o.Status, o.Text)
		}
	}
}

// late is the time after its request's end within which a write may still be taken.
const late = 20 * time.Second

// unanswered: who is told that nothing was recorded finds nothing.
func (f *Findings) unanswered(a v1alpha1.Approval, v voter, o *history.Op) {
	if o.Way == history.Object {
		return
	}
	where, recorded := f.recorded(a, o)
	switch {
	case o.Status == 0:
		f.Notes["votes without an answer"]++
		if recorded && !where.Before(o.Start) && !where.After(o.End.Add(late)) {
			f.Notes["votes without an answer that were recorded"]++
		}
	case o.Status >= 500 || o.Status == 429:
		f.Notes["votes that were answered "+statusText(o)]++
		// The same words may be on their way twice: the other one may have been taken.
		twin := slices.ContainsFunc(v.ops, func(p *history.Op) bool {
			return p != o && p.ID == o.ID && (p.Acked() && p.Status == 201 || p.Status == 0) && !where.Before(p.Start) && !where.After(p.End.Add(late))
		})
		if recorded && !twin && !o.Unknown() && !where.Before(o.Start) && !where.After(o.End) {
			f.bad("who is told that nothing was recorded finds nothing", a.Name, "op %d was answered %d %.200s at %s, and the vote was recorded at %s", o.ID, o.Status, o.Text, stamp(o.End), stamp(where))
		}
	}
}

const (
	withdraw  = "withdraw"
	withdrawn = "(withdrawn)"
)

// effect returns the state in which o leaves its voter.
func effect(o *history.Op) string {
	if o.Verdict == withdraw {
		return withdrawn
	}
	return clean(o.Comment)
}

func clean(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
