package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// Violation is something that must not be.
type Violation struct{ Invariant, Approval, Text string }

// Findings has the violations and notes that come of holding a history to the invariants.
type Findings struct {
	*history.History
	Violations []Violation
	Notes      map[string]int // what is worth telling and breaks no promise

	last string // the log of anyone who led at the end
}

func (f *Findings) bad(invariant, approval, format string, args ...any) {
	f.Violations = append(f.Violations, Violation{invariant, approval, fmt.Sprintf(format, args...)})
}

func (f *Findings) user(short string) string { return history.User(f.NS, short) }

// Judge holds h to every invariant.
func Judge(h *history.History) *Findings {
	f := &Findings{History: h, Notes: map[string]int{}}
	f.opened()
	f.last = f.lastLeader()
	for _, name := range slices.Sorted(maps.Keys(h.Final)) {
		a := h.Final[name]
		g, ok := history.Gates[history.GateOf(a.Spec.Trigger)]
		if !ok {
			f.bad("approvals are of what was made", name, "no trigger %q was made", a.Spec.Trigger)
			continue
		}
		f.steps(a, g)
		if name == h.Probe {
			continue
		}
		f.released(a, g)
		f.votes(a, g)
		f.mails(a, g)
		f.record(a)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Runs)) {
		if _, ok := h.Final[name]; !ok {
			f.bad("no run without an approval", name, "run %s", h.Runs[name][0].Run.Name)
		}
	}
	for _, r := range h.Strays {
		f.bad("no run without an approval", "", "run %s says no approval", r.Run.Name)
	}
	f.objects()
	f.allMails()
	f.chains()
	f.advice()
	f.growth()
	for _, u := range h.Unsettled {
		f.bad("everything ends", "", "%.0f s after the last fault: %s", h.Ended.Sub(h.LastFault).Seconds(), u)
	}
	return f
}

// opened: one Approval for each success of part 1 and for each event that was held.
func (f *Findings) opened() {
	bySource := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(f.Final)) {
		if f.replaced(f.Final[name]) {
			continue // another one asks in its place
		}
		key := sourceOf(f.Final[name]) + " " + f.Final[name].Spec.Trigger
		bySource[key] = append(bySource[key], name)
	}
	for _, src := range slices.Sorted(maps.Keys(bySource)) {
		if names := bySource[src]; len(names) > 1 {
			f.bad("one approval a source", names[0], "%s has %v", src, names)
		}
	}
	for _, p := range f.Plans {
		switch {
		case p.Failed:
			f.Notes["part 1 failed by itself (a real run)"]++
		case p.Source != "" && len(bySource[p.Source+" "+p.Trigger]) == 0 && !p.Finished.IsZero() && !p.Event:
			f.bad("every success is asked about", "", "plan %d (%s): run %s finished at %s and has no approval: %s", p.ID, p.Kind, p.Source, stamp(p.Finished), p.Lost)
		case p.Lost != "" && p.Approval == "":
			f.Notes["not opened: "+p.Lost]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Versions)) {
		if _, ok := f.Final[name]; !ok {
			f.bad("nothing vanishes", name, "it was there and is not any more")
		}
	}
}

// replaced reports whether a is rightly asked about by another Approval. Nothing that is approved
// here changes, but an older version makes its digest in its own way, and to a newer one that is a
// change.
func (f *Findings) replaced(a v1alpha1.Approval) bool {
	if a.Status.Outcome != "Superseded" || !slices.ContainsFunc(f.Faults, func(x history.Fault) bool { return x.Kind == "two-versions" }) {
		return false
	}
	for _, b := range f.Final {
		if b.Spec.Replaces != nil && b.Spec.Replaces.UID == string(a.UID) && sourceOf(b) == sourceOf(a) {
			return true
		}
	}
	return false
}

func sourceOf(a v1alpha1.Approval) string {
	switch s := a.Spec.Source; {
	case s.PipelineRun != nil:
		return s.PipelineRun.UID
	case s.Event != nil:
		return s.Event.ID
	}
	return ""
}

// advice: nobody but the service makes runs here, so whatever message says that a run is a
// stranger's is wrong, and an operator who did what it says has deleted the right one.
func (f *Findings) advice() {
	for _, name := range slices.Sorted(maps.Keys(f.Versions)) {
		for _, v := range f.Versions[name] {
			if i := slices.IndexFunc(v.Status.Conditions, accuses); i >= 0 {
				c := v.Status.Conditions[i]
				f.bad("messages are true", name, "at %s it said %s: %s", stamp(v.Seen), c.Reason, c.Message)
				break
			}
		}
	}
	for _, o := range f.Obeyed {
		f.Notes["messages that were obeyed: "+o.Reason]++
	}
}

// growth: a process that has lived for a while has not more to carry at its end than what
// it does explains. What it holds per Approval is measured by the bench, not here.
func (f *Findings) growth() {
	for _, l := range f.lives() {
		if l.last.Goroutines > 2*l.first.Goroutines+200 {
			f.bad("nothing grows without an end", "", "%s had %.0f goroutines at first and %.0f at the end", l.first.Pod, l.first.Goroutines, l.last.Goroutines)
		}
		if l.last.Heap > 3*l.first.Heap+128<<20 {
			f.bad("nothing grows without an end", "", "%s had %.0f MiB of heap in use at first and %.0f at the end", l.first.Pod, l.first.Heap/(1<<20), l.last.Heap/(1<<20))
		}
	}
}
