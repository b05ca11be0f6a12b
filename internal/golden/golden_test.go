package golden

import (
	"maps"
	"os"
	"strings"
	"testing"
)

// spy is a test that fails without failing this one.
type spy struct {
	testing.TB

	said []string
}

func (s *spy) Helper()                   { _ = s }
func (s *spy) Errorf(f string, _ ...any) { s.said = append(s.said, f) }
func (s *spy) Failed() bool              { return len(s.said) > 0 }

func TestFilesReadAsWritten(t *testing.T) {
	t.Parallel()
	want := map[string]string{"one": "A sentence.", "two words": "First line.\n\n  Third line, with an indent.", "z": "x"}
	if got := parse(format(want)); !maps.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if got := format(want); !strings.HasPrefix(got, "one\n    A sentence.\n\ntwo words\n    First line.\n") {
		t.Errorf("wrote %q", got)
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	if *update {
		return // there is nothing here to write
	}
	for name, c := range map[string]struct {
		check  map[string]string
		passes bool
	}{
		"the same":        {map[string]string{"a": "One.", "b": "Two."}, true},
		"space around it": {map[string]string{"a": " One.\n", " b\n": "Two."}, true},
		"another":         {map[string]string{"a": "One.", "b": "Three."}, false},
		"a new case":      {map[string]string{"a": "One.", "b": "Two.", "c": "Three."}, false},
		"a case less":     {map[string]string{"a": "One."}, false},
		"no sentence":     {map[string]string{"a": "", "b": "Two."}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &spy{TB: t}
			s := &Sentences{path: "x", want: map[string]string{"a": "One.", "b": "Two."}, got: map[string]string{}}
			for at, sentence := range c.check {
				s.Check(x, at, sentence)
			}
			s.end(x)
			if ok := !x.Failed(); ok != c.passes && !partly() {
				t.Errorf("passes is %v, want %v: %q", ok, c.passes, x.said)
			}
		})
	}
}

func TestWhatNobodySeesIsEscaped(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"a “b” é批👍\nc": "a “b” é批👍\nc", "a\u202eb": `a\u202eb`, "a\tb\x00": `a\tb\x00`, "\xff": `\xff`, "\u200b": `\u200b`, "\ufffd": "\ufffd",
	} {
		if got := visible(s); got != want {
			t.Errorf("%q is written %q, want %q", s, got, want)
		}
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	name := t.TempDir() + "/x"
	if err := os.WriteFile(name, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, got string
		passes    bool
	}{{name, "one", true}, {name, "two", false}, {name + "y", "one", false}} {
		x := &spy{TB: t}
		if File(x, c.path, c.got); !*update && x.Failed() == c.passes {
			t.Errorf("%s with %q: passes is %v, want %v", c.path, c.got, !x.Failed(), c.passes)
		}
	}
}
