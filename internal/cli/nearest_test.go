package cli

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"deploy-abcdefghijkl", "deploy-zzzzzzzzzzzz", "build", "release"}
	for given, want := range map[string]string{
		"biuld": "build", "deploy-abcdefghijkm": "deploy-abcdefghijkl", "deploy": "deploy-abcdefghijkl,deploy-zzzzzzzzzzzz",
		"abcdefghijkl": "deploy-abcdefghijkl", "nothing-like-it": "",
	} {
		if got := strings.Join(nearest(given, names), ","); got != want {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
}
