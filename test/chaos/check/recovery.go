package check

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// disturbed is, for each fault of a kind, for how long something was disturbed by it.
type disturbed struct {
	faults                                            int
	get, vote, led, open, release, through, confirmed []float64
	looks                                             map[string]int
}

// columns lists what is measured: of each fault, the worst.
var columns = []struct {
	name string
	of   func(*disturbed) []float64
}{
	{"GET disturbed until", func(d *disturbed) []float64 { return d.get }},
	{"vote disturbed until", func(d *disturbed) []float64 { return d.vote }},
	{"somebody leads", func(d *disturbed) []float64 { return d.led }},
	{"part 1 → Approval", func(d *disturbed) []float64 { return d.open }},
	{"decision → run", func(d *disturbed) []float64 { return d.release }},
	{"decision → confirmed", func(d *disturbed) []float64 { return d.confirmed }},
}

// Recovery tells, for each kind of fault of several histories, for how long what was
// disturbed. A fault lasts until the next one begins: gaps between them keep apart what
// comes of which.
func Recovery(w io.Writer, all []*Findings) {
	by := map[string]*disturbed{}
	base, before := disturbed{}, disturbed{looks: map[string]int{}}
	for _, f := range all {
		for i, x := range f.Faults {
			until := f.LoadEnd
			if i+1 < len(f.Faults) {
				until = f.Faults[i+1].Start
			}
			if i == 0 {
				before.add(f, history.Fault{Start: f.Began}, x.Start)
			}
			if x.Err != "" || !x.Start.Before(until) {
				continue
			}
			d := by[x.Kind]
			if d == nil {
				d = &disturbed{looks: map[string]int{}}
				by[x.Kind] = d
			}
			d.add(f, x, until)
		}
		base.quiet(f)
	}
	fmt.Fprintf(w, "\nall: opened after p50 %.2f p99 %.2f max %.1f s; decision → run p50 %.3f p99 %.2f max %.1f s; GET p50 %.1f p99 %.0f ms; vote p50 %.1f p99 %.0f ms\n",
		quantile(base.open, .5), quantile(base.open, .99), quantile(base.open, 1), quantile(base.release, .5), quantile(base.release, .99), quantile(base.release, 1),
		quantile(base.get, .5), quantile(base.get, .99), quantile(base.vote, .5), quantile(base.vote, .99))
	if len(by) == 0 {
		return
	}
	var killed []float64
	for k, d := range by {
		if strings.HasPrefix(k, "kill9-leader") && !strings.Contains(k, "api") {
			killed = append(killed, d.through...)
		}
	}
	fmt.Fprintf(w, "through kills of the leader: vote → run of %d, p50 %.3f p99 %.2f max %.1f s\n", len(killed), quantile(killed, .5), quantile(killed, .99), quantile(killed, 1))
	fmt.Fprintf(w, "before any fault: vote → run of %d, p50 %.3f p99 %.2f max %.1f s\n", len(before.through), quantile(before.through, .5), quantile(before.through, .99), quantile(before.through, 1))
	fmt.Fprint(w, "\nSeconds from the beginning of a fault to the last disturbed answer and to the first who leads anew, and the longest that something took in it (p50 / max):\n\n| fault | n |")
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c.name)
	}
	fmt.Fprint(w, " looks were |\n|---|---|", strings.Repeat("---|", len(columns)), "---|\n")
	before.row(w, "(before any)")
	for _, k := range slices.Sorted(maps.Keys(by)) {
		by[k].row(w, "`"+k+"`")
	}
}

func (d *disturbed) row(w io.Writer, name string) {
	fmt.Fprintf(w, "| %s | %d |", name, d.faults)
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", pair(c.of(d)))
	}
	var looks []string
	for _, what := range slices.Sorted(maps.Keys(d.looks)) {
		looks = append(looks, fmt.Sprintf("%s ×%d", what, d.looks[what]))
	}
	fmt.Fprintf(w, " %s |\n", strings.Join(looks, ", "))
}

func pair(l []float64) string {
	if len(l) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f / %.1f", quantile(l, .5), quantile(l, 1))
}

func (d *disturbed) add(f *Findings, x history.Fault, until time.Time) {
	d.faults++
	worst := map[string]float64{}
	for _, p := range f.Looks {
		if p.Start.Before(x.Start.Add(-500*time.Millisecond)) || !p.Start.Before(until) || !p.Failed() {
			continue
		}
		end := p.Start.Add(time.Duration(p.Took * float64(time.Millisecond)))
		worst[p.Kind] = max(worst[p.Kind], end.Sub(x.Start).Seconds())
		d.looks[p.How()]++
	}
	open, release, confirmed := 0.0, 0.0, 0.0
	// What lasted into the next fault is that one's, from its beginning on.
	lasted := func(from, to time.Time, worst *float64) {
		if to.Before(x.Start) || !to.Before(until) {
			return
		}
		if from.Before(x.Start) {
			from = x.Start
		}
		*worst = max(*worst, to.Sub(from).Seconds())
	}
	f.spans(func(from, to time.Time) { lasted(from, to, &open) }, func(from, to time.Time) { lasted(from, to, &release) })
	for name, a := range f.Final {
		if a.Status.DecidedAt == nil {
			continue
		}
		vs := f.Versions[name]
		if i := slices.IndexFunc(vs, func(v history.ApprovalSeen) bool { return v.Status.SecondRun != nil }); i >= 0 {
			lasted(a.Status.DecidedAt.Time, vs[i].Seen, &confirmed)
		}
	}
	if i := slices.IndexFunc(f.Leads, func(l history.Led) bool { return l.At.After(x.Start) && l.At.Before(until) }); i >= 0 {
		d.led = append(d.led, f.Leads[i].At.Sub(x.Start).Seconds())
	}
	f.votesToRuns(func(from, to time.Time) {
		if !from.Before(x.Start) && from.Before(until) {
			d.through = append(d.through, to.Sub(from).Seconds())
		}
	})
	d.get, d.vote = append(d.get, worst["get"]), append(d.vote, worst["vote"])
	d.open, d.release, d.confirmed = append(d.open, open), append(d.release, release), append(d.confirmed, confirmed)
}

// quiet adds all that there was, disturbed or not.
func (d *disturbed) quiet(f *Findings) {
	f.spans(func(from, to time.Time) { d.open = append(d.open, to.Sub(from).Seconds()) }, func(from, to time.Time) { d.release = append(d.release, to.Sub(from).Seconds()) })
	for _, p := range f.Looks {
		if p.Status/100 != 2 {
			continue
		}
		if p.Kind == "get" {
			d.get = append(d.get, p.Took)
		} else {
			d.vote = append(d.vote, p.Took)
		}
	}
}

// spans tells how long each success of part 1 was without its Approval, and each decision
// without its run.
func (f *Findings) spans(opened, released func(from, to time.Time)) {
	for _, p := range f.Plans {
		if p.Approval != "" && !p.Event && p.Kind != history.Probe {
			opened(p.Finished, p.Visible)
		}
	}
	for name, a := range f.Final {
		if d := a.Status.DecidedAt; d != nil && len(f.Runs[name]) > 0 {
			released(d.Time, f.Runs[name][0].Seen)
		}
	}
}

// votesToRuns tells how long it took from when somebody first sent the vote that decided until
// its run was there: tries that got no answer included.
func (f *Findings) votesToRuns(told func(from, to time.Time)) {
	for name, a := range f.Final {
		if a.Status.DecidedAt == nil || a.Status.Outcome != "Approved" || len(f.Runs[name]) == 0 || len(a.Status.Votes) == 0 {
			continue
		}
		last := a.Status.Votes[len(a.Status.Votes)-1]
		var first time.Time
		for _, o := range f.Ops[name] {
			if o.IsVote() && o.Voter == last.Voter && o.Comment == last.Comment && (first.IsZero() || o.Start.Before(first)) {
				first = o.Start
			}
		}
		if !first.IsZero() {
			told(first, f.Runs[name][0].Seen)
		}
	}
}
