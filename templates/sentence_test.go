package templates

import "testing"

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
		if got := sentence(in); got != want {
			t.Errorf("sentence(%q) = %q, want %q", in, got, want)
		}
	}
}
