//go:build bench

package bench

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// cpuUse is the CPU seconds of each program on the machine, by its name.
type cpuUse map[string]float64

// cpuOfAll reads what every program that runs has used since it began, its threads included.
func cpuOfAll() cpuUse {
	use := cpuUse{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		name, rest, ok := strings.Cut(string(b), ") ")
		fields := strings.Fields(rest)
		if _, after, found := strings.Cut(name, "("); !found || !ok || len(fields) < 13 {
			continue
		} else {
			name = after
		}
		for _, ticks := range fields[11:13] { // user and system
			v, _ := strconv.ParseFloat(ticks, 64)
			use[name] += v / 100
		}
	}
	return use
}

// add adds what was used since before.
func (u cpuUse) add(before cpuUse) {
	for name, now := range cpuOfAll() {
		u[name] += now - before[name]
	}
}

// per tells the programs that used most, in ms for each of n.
func (u cpuUse) per(n int) string {
	names := slices.SortedFunc(maps.Keys(u), func(a, b string) int {
		if u[a] > u[b] {
			return -1
		}
		return 1
	})
	var out []string
	for _, name := range names[:min(7, len(names))] {
		out = append(out, fmt.Sprintf("%s %.1f", name, u[name]*1000/float64(n)))
	}
	return strings.Join(out, ", ")
}
