package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

func TestParse(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{"90m": now.Add(90 * time.Minute), "7d": now.Add(7 * 24 * time.Hour), "2026-03-02T00:00:00+02:00": now.Add(13 * time.Hour)} {
		if got, err := parseUntil(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "soon", "-1h", "0d", "d", "2026-02-01T00:00:00Z", "99999999d"} {
		if _, err := parseUntil(s, now); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
	if got, err := parseInputs([]string{"a=b=c", "d="}); err != nil || !slices.Equal(got, []approvals.Param{{Name: "a", Value: "b=c"}, {Name: "d"}}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, in := range [][]string{{"a"}, {"=b"}, {"a=1", "a=2"}} {
		if _, err := parseInputs(in); err == nil {
			t.Errorf("%v is taken", in)
		}
	}
}
