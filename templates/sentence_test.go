package templates

import (
	"slices"
	"testing"
)

func TestSentence(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                 "",
		"already rejected":                 "Already rejected.",
		"Ready.":                           "Ready.",
		"why?":                             "Why?",
		"alice@example.com may not":        "alice@example.com may not.",
		"it ended at 2026-11-05T12:03:00Z": "It ended at Thu 5 Nov 2026, 12:03 UTC.",
		"by system:serviceaccount:shop:pat, who may": "By service account pat of namespace shop, who may.",
		"you (alice) may not":                        "You may not.",
		"step-1 fails":                               "step-1 fails.",
		"étage":                                      "Étage.",
	} {
		if got := printerOf(English).sentence(in); got != want {
			t.Errorf("sentence(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestPieces: each time of a sentence is one, wherever it stands, and nothing is lost.
func TestPieces(t *testing.T) {
	t.Parallel()
	const at = "Sun 1 Mar 2026, 09:05 UTC"
	for s, want := range map[string][]string{
		"":                                 nil,
		"No time.":                         {""},
		at:                                 {"2026-03-01T09:05:00Z"},
		"Bob rejected this at " + at + ".": {"", "2026-03-01T09:05:00Z", ""},
		at + " to " + at:                   {"2026-03-01T09:05:00Z", "", "2026-03-01T09:05:00Z"},
		"Sun 31 Feb 2026, 09:05 UTC":       {""}, // there is no such day
		printerOf(English).sentence("this link expired at 2026-03-01T10:05:09+01:00; run the pipeline again"): {"", "2026-03-01T09:05:00Z", ""},
	} {
		var whole string
		var got []string
		for _, p := range printerOf(English).pieces(s) {
			whole, got = whole+p.Text, append(got, p.ISO)
		}
		if whole != s || !slices.Equal(got, want) {
			t.Errorf("%q: %q with times %q, want %q", s, whole, got, want)
		}
	}
}
