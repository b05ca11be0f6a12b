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
		"the most":           {strings.Repeat("é", approvals.MaxComment), strings.Repeat("é", approvals.MaxComment)},
		"the most, Chinese":  {strings.Repeat("批准上线", approvals.MaxComment/4), strings.Repeat("批准上线", approvals.MaxComment/4)},
		"the most, 4 bytes":  {strings.Repeat("𠀋", approvals.MaxComment), strings.Repeat("𠀋", approvals.MaxComment)},
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
		"one too many, of 3": strings.Repeat("批", approvals.MaxComment+1),
		"invalid ones count": strings.Repeat("x\xff", approvals.MaxComment/2) + "x",
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
		"a JSON array":       {`["x"]`, `["x"]`},
		"an empty array":     {"[]", "[]"},
		"array with space":   {" \n[1, 2] ", " \n[1, 2] "},
		"array with $(":      {`["$(uid)"]`, `["$ (uid)"]`},
		"an array of things": {`[{"a":1}]`, `[{"a":1}]`},
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
		if json.Valid([]byte(s)) && !json.Valid([]byte(got)) {
			t.Errorf("%q was JSON, and %q is none", s, got)
		}
		if back := strings.ReplaceAll(got, "$ (", "$("); back != strings.ReplaceAll(s, "$ (", "$(") {
			t.Errorf("%q became %q: more than the guards changed", s, got)
		}
		if again := approvals.Neutral(got); again != got {
			t.Errorf("twice is not once: %q, then %q", got, again)
		}
	})
}

// TestTaskResult: what Tekton would make an array of stays a string, and nothing else changes.
func TestTaskResult(t *testing.T) {
	t.Parallel()
	for in, guarded := range map[string]bool{
		`["x"]`: true, ` ["x","y"] `: true, `["x",null]`: true, "\n[\"\"]": true, `[null]`: true,
		"": false, "[]": false, "[1]": false, `[{"name":"web-1"}]`: false, `["x",1]`: false, `[["x"]]`: false, `[x]`: false, "[ ] deploy": false,
		`{"a":["x"]}`: false, `"x"`: false, "null": false, `["x"] and more`: false,
	} {
		want := in
		if guarded {
			want = "\u200b" + in
		}
		if got := approvals.TaskResult(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func FuzzTaskResult(f *testing.F) {
	for _, s := range []string{"", `["x"]`, " [\"a\",null]", "\u200b[\"x\"]", "[]", "[1]", "[[[[", `[{"a":1}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := approvals.TaskResult(s)
		var array []string // as Tekton reads it
		if json.Unmarshal([]byte(got), &array) == nil && len(array) > 0 {
			t.Errorf("%q is expanded", got)
		}
		if got != s && (got != "\u200b"+s || json.Unmarshal([]byte(s), &array) != nil) {
			t.Errorf("%q became %q", s, got)
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
			if approvals.CodeOf(err) != approvals.CodeInvalid || got != "" || len(s) <= approvals.MaxComment {
				t.Errorf("%d bytes: %q, %v", len(s), got, err)
			}
			return
		}
		if utf8.RuneCountInString(got) > approvals.MaxComment || !utf8.ValidString(got) || got != strings.TrimSpace(got) {
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
