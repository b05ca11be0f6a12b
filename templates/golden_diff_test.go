package templates

import (
	"fmt"
	"strings"
)

// firstDifference is the first line in which two texts differ, both ways.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("%d:\n got  %.300q\n want %.300q", i+1, a, b)
		}
	}
	return "none"
}
