package approvals_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals"
)

func TestCleanComment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"empty":              {"", ""},
		"blank":              {" \t\n ", ""},
		"plain":              {"ship it", "ship it"},
		"ends":               {"\n  ship it\t\n", "ship it"},
		"tab and newline":    {"a\tb\nc", "a\tb\nc"},
		"line ends of forms": {"a\r\nb\rc", "a\nb\nc"},
		"control characters": {"a\x00b\x1b[31mc\x7fd\u0085e", "ab[31mcde"},
		"bidi overrides":     {"a\u202eb\u2066c\u200fd", "abcd"},
		"line separators":    {"a\u2028b\u2029c", "abc"},
		"byte order mark":    {"\ufeffa", "a"},
		"not UTF-8":          {"a\xffb", "a\ufffdb"},
		"emoji, RTL letters": {"👍🏽 שלום", "👍🏽 שלום"},
		"markup stays":       {`<script>"'&$(x)`, `<script>"'&$(x)`},
		"the most":           {strings.Repeat("é", approvals.MaxComment/2), strings.Repeat("é", approvals.MaxComment/2)},
		"the most, by lines": {strings.Repeat("\r\n", 10) + strings.Repeat("x\r\n", approvals.MaxComment/2), strings.TrimSpace(strings.Repeat("x\n", approvals.MaxComment/2))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := approvals.CleanComment(c.in)
			if err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
	for name, in := range map[string]string{
		"one too many":       strings.Repeat("x", approvals.MaxComment+1),
		"100 kB":             strings.Repeat("x", 100_000),
		"grows when cleaned": strings.Repeat("x\xff", approvals.MaxComment/2),
	} {
		if got, err := approvals.CleanComment(in); approvals.CodeOf(err) != approvals.CodeInvalid || got != "" {
			t.Errorf("%s: %d bytes and %v, want it refused", name, len(got), err)
		}
	}
}

// TestNeutral has the rows of what Tekton does to text.
func TestNeutral(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"empty":              {"", ""},
		"plain":              {"ship it", "ship it"},
		"quotes, newlines":   {"\"a\"\n\\ 'b'", "\"a\"\n\\ 'b'"},
		"Triggers' uuid":     {"$(uid)", "$ (uid)"},
		"a template param":   {"$(tt.params.other)", "$ (tt.params.other)"},
		"a task's result":    {"$(tasks.a.results.b)", "$ (tasks.a.results.b)"},
		"a container's env":  {"echo $(SECRET_TOKEN)", "echo $ (SECRET_TOKEN)"},
		"Triggers' escape":   {"$$(context.pipelineRun.name)", "$$ (context.pipelineRun.name)"},
		"nested":             {"$($(uid))", "$ ($ (uid))"},
		"split by the guard": {"$$((", "$$ (("},
		"shell without":      {"$HOME ${HOME} $ (x)", "$HOME ${HOME} $ (x)"},
		"a JSON array":       {`["x"]`, "\u200b" + `["x"]`},
		"an empty array":     {"[]", "\u200b[]"},
		"array with space":   {" \n[1, 2] ", "\u200b \n[1, 2] "},
		"array with $(":      {`["$(uid)"]`, "\u200b" + `["$ (uid)"]`},
		"not quite an array": {"[x]", "[x]"},
		"a task list":        {"[ ] deploy", "[ ] deploy"},
		"a JSON object":      {`{"a":1}`, `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := approvals.Neutral(c.in); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func FuzzNeutral(f *testing.F) {
	for _, s := range []string{"", "$(", "$$(", "$($(uid))", `["x"]`, " [1]", "\u200b[]", "$\x00(", "\xff$(", "[[[["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := approvals.Neutral(s)
		if strings.Contains(got, "$(") {
			t.Errorf("%q still has $(", got)
		}
		var array []any
		if json.Unmarshal([]byte(got), &array) == nil && array != nil {
			t.Errorf("%q is still an array", got)
		}
		if back := strings.ReplaceAll(strings.TrimPrefix(got, "\u200b"), "$ (", "$("); back != strings.ReplaceAll(strings.TrimPrefix(s, "\u200b"), "$ (", "$(") {
			t.Errorf("%q became %q: more than the guards changed", s, got)
		}
		if again := approvals.Neutral(got); again != got {
			t.Errorf("twice is not once: %q, then %q", got, again)
		}
	})
}

func FuzzCleanComment(f *testing.F) {
	for _, s := range []string{"", "a\r\nb\r", "\x00\u202e\u2028", "\xff\xfe", " \ufeff ", strings.Repeat("x\xff", 1024), strings.Repeat("x", 2049)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := approvals.CleanComment(s)
		if err != nil {
			if approvals.CodeOf(err) != approvals.CodeInvalid || got != "" || len(s) <= approvals.MaxComment/3 {
				t.Errorf("%d bytes: %q, %v", len(s), got, err)
			}
			return
		}
		if len(got) > approvals.MaxComment || !utf8.ValidString(got) || got != strings.TrimSpace(got) {
			t.Errorf("%d bytes, kept: %q", len(got), got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool {
			return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) || r == '\u2028' || r == '\u2029')
		}); i >= 0 {
			t.Errorf("%q has a character at %d that was to be dropped", got, i)
		}
		if again, err := approvals.CleanComment(got); err != nil || again != got {
			t.Errorf("twice is not once: %q, then %q, %v", got, again, err)
		}
	})
}

// TestCut: never longer than asked, whole characters, and one can see it.
func TestCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		most int
		want string
	}{
		"short": {"abc", 3, "abc"}, "long": {"abcdef", 5, "ab…"}, "between letters": {"ééé", 5, "é…"}, "empty": {"", 0, ""},
		"room for the mark": {"abcdef", 3, "…"}, "no room": {"abcdef", 2, ""}, "invalid": {"a\xffb", 5, "ab"}, "invalid and long": {"a\xffbcdef", 5, "ab…"},
	} {
		if got := approvals.Cut(c.in, c.most); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
