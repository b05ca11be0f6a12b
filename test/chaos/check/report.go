package check

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// shown bounds the violations of one invariant that are printed; all of them are in the evidence.
const shown = 12

// Report tells what was found.
func (f *Findings) Report(w io.Writer) {
	ops := 0
	for _, o := range f.Ops {
		ops += len(o)
	}
	fmt.Fprintf(w, "\n== seed %d, namespace %s, %s: %d plans, %d approvals, %d requests, %d faults, %d skipped steps, %d gaps in watches\n",
		f.Seed, f.NS, f.Dir, len(f.Plans), len(f.Final), ops, len(f.Faults), f.Skipped, f.Gaps)
	outcomes, answers := map[string]int{}, map[string]int{}
	for _, a := range f.Final {
		outcomes[string(a.Status.Outcome)]++
	}
	for _, l := range f.Ops {
		for _, o := range l {
			k := fmt.Sprintf("%s %s %d", o.Kind, o.Way, o.Status)
			if o.Way == history.Object {
				k += " " + o.Text[:min(len(o.Text), 8)]
			}
			answers[k]++
		}
	}
	fmt.Fprintln(w, "outcomes:", outcomes)
	fmt.Fprintln(w, "answers:", answers)
	f.writes(w)
	for _, l := range f.lives() {
		fmt.Fprintf(w, "process %s: over %.0f s goroutines %.0f → %.0f, resident %.0f → %.0f MiB, heap in use %.0f → %.0f MiB, files %.0f → %.0f\n",
			l.first.Pod, l.last.At.Sub(l.first.At).Seconds(), l.first.Goroutines, l.last.Goroutines, l.first.RSS/(1<<20), l.last.RSS/(1<<20), l.first.Heap/(1<<20), l.last.Heap/(1<<20), l.first.FDs, l.last.FDs)
	}
	for _, k := range slices.Sorted(maps.Keys(f.Notes)) {
		fmt.Fprintf(w, "  %5d  %s\n", f.Notes[k], k)
	}
	if len(f.Unsettled) == 0 {
		fmt.Fprintf(w, "settled %.0f s after the last fault\n", f.Settled.Sub(f.LastFault).Seconds())
	}
	by := map[string]int{}
	for _, v := range f.Violations {
		by[v.Invariant]++
	}
	fmt.Fprintf(w, "violations: %d %v\n", len(f.Violations), by)
	told := map[string]int{}
	for _, v := range f.Violations {
		if told[v.Invariant]++; told[v.Invariant] <= shown {
			fmt.Fprintf(w, "  VIOLATION %s: %s: %s\n", v.Invariant, v.Approval, v.Text)
		}
	}
}

// writes tells how often an Approval was written, its creation included.
func (f *Findings) writes(w io.Writer) {
	var all []float64
	sum, most, who := 0.0, 0, ""
	for name, vs := range f.Versions {
		if name == f.Probe {
			continue
		}
		rvs := map[string]bool{}
		for _, v := range vs {
			rvs[v.ResourceVersion] = true
		}
		all = append(all, float64(len(rvs)))
		sum += float64(len(rvs))
		if len(rvs) > most {
			most, who = len(rvs), name
		}
	}
	fmt.Fprintf(w, "writes of an approval: mean %.2f, p50 %.0f, p99 %.0f, max %d (%s); the API server took %.0f writes of our kinds and refused %.0f, the looks' votes and Vote objects among them\n",
		sum/float64(max(1, len(all))), quantile(all, 0.5), quantile(all, 0.99), most, who, f.Written, f.Refused)
}

// life has the samples of a process at first, half warm, and at its end.
type life struct{ first, last history.Sample }

// lives returns the lives of processes that were seen for more than a minute. A sample of the first 20
// seconds is no first one.
func (f *Findings) lives() []life {
	byProcess := map[string]*life{}
	for _, s := range f.Samples {
		key := fmt.Sprintf("%s@%.0f", s.Pod, s.Started)
		l := byProcess[key]
		if l == nil {
			if s.At.Sub(time.Unix(int64(s.Started), 0)) < 20*time.Second {
				continue
			}
			l = &life{first: s}
			byProcess[key] = l
		}
		l.last = s
	}
	var out []life
	for _, k := range slices.Sorted(maps.Keys(byProcess)) {
		if l := byProcess[k]; l.last.At.Sub(l.first.At) > time.Minute {
			out = append(out, *l)
		}
	}
	return out
}

func quantile(l []float64, q float64) float64 {
	if len(l) == 0 {
		return math.NaN()
	}
	l = slices.Clone(l)
	slices.Sort(l)
	return l[min(len(l)-1, int(q*float64(len(l))))]
}
