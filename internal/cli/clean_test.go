package cli

import "testing"

// TestClean: nothing that people typed moves a cursor, changes a title or reads as
// something else.
func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain, with\nlines\tand tabs": "plain, with\nlines\tand tabs",
		"\x1b[31mred\x1b[0m":           "red",
		"\x1b[2J\x1b[1;1Hgone":         "gone",
		"\u009b31mred":                 "red",
		"\x1b]0;title\x07text":         "text",
		"\x1b]8;;http://x\x1b\\link":   "link",
		"\u009d0;title\u009ctext":      "text",
		"\x1bPdcs\x1b\\text":           "text",
		"\x1b(0line\x1b(B":             "line",
		"\x1bcreset":                   "reset",
		"approved\rrefused":            "approved\nrefused",
		"a\r\nb":                       "a\nb",
		"bell\x07, back\x08, del\x7f":  "bell, back, del",
		"\u202eoverride":               "override",
		"cut \x1b[":                    "cut ",
		"bad \xff":                     "bad \uFFFD",
		"ünïcödé ✓":                    "ünïcödé ✓",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
		if got := clean(clean(in)); got != want {
			t.Errorf("again, %q gives %q", in, got)
		}
	}
	if got := line(" two\n\x1b[1mlines\t "); got != "two lines" {
		t.Errorf("%q", got)
	}
	if got := short("abcdef", 4); got != "abc…" {
		t.Errorf("%q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31mred\x1b]0;t\x07\u009b1m")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range clean(s) {
			if r != '\n' && r != '\t' && (r < ' ' || r >= 0x7f && r <= 0x9f) {
				t.Errorf("%q leaves %q", s, r)
			}
		}
	})
}
