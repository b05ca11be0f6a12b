// Package golden compares what a test gets with a file of testdata, which -update writes.
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files; read the difference before you commit it")

// Update reports whether the test was started with -update, for what File does not write.
func Update() bool { return *update }

// File fails the test where got is not what the file says. With -update it writes the file.
func File(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		write(t, path, got)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v: run this test with -update", err)
	} else if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs; run this test with -update and read the difference (-want +got):\n%s", path, d)
	}
}

// JSON is File for JSON, which it indents.
func JSON(t testing.TB, path string, got []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	File(t, path, b.String())
}

// Sentences are what the cases of one test say to people, in a file of their own. The test itself
// says which code, reason or field it expects: so a sentence can be rewritten without it, and
// everybody who rewrites one reads it beside the others.
type Sentences struct {
	path string
	mu   sync.Mutex
	want map[string]string
	got  map[string]string
}

// Open reads testdata/sentences/NAME.golden, NAME being the test's. When t has ended, with its
// subtests, the file must hold no case that nobody asked for.
func Open(t *testing.T) *Sentences {
	t.Helper()
	s := &Sentences{path: filepath.Join("testdata", "sentences", strings.ReplaceAll(t.Name(), "/", "_")+".golden"), got: map[string]string{}}
	text, err := os.ReadFile(s.path)
	if err != nil && !*update {
		t.Fatalf("%v: run this test with -update", err)
	}
	s.want = parse(string(text))
	t.Cleanup(func() { s.end(t) })
	return s
}

// Check fails the test where the sentence of the case is another than the file's.
func (s *Sentences) Check(t testing.TB, name, sentence string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.Join(strings.Fields(name), " ") // one line, whatever a case is called
	sentence = strings.TrimSpace(visible(sentence))
	if name == "" || sentence == "" {
		t.Errorf("%s: the case %q says %q; a case without a sentence is not one for a file of sentences", s.path, name, sentence)
		return
	}
	if before, ok := s.got[name]; ok && before != sentence {
		t.Errorf("%s: two cases are called %q", s.path, name)
	}
	s.got[name] = sentence
	if want := s.want[name]; !*update && sentence != want {
		t.Errorf("%s: %s says\n%s\nwant\n%s\nIf the new sentence is right, run this test with -update.", s.path, name, sentence, want)
	}
}

// visible writes characters that nobody sees as Go does in quotes, so that the file hides nothing.
func visible(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == '\n' || unicode.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b.WriteString(s[:n])
		} else {
			q := strconv.QuoteToASCII(s[:n])
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// end writes the file, or looks for cases that are no more. A test that ran in part, or failed,
// does not know them all.
func (s *Sentences) end(t testing.TB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if partly() || t.Failed() {
		if !*update {
			return
		}
		for name, sentence := range s.want {
			if _, ok := s.got[name]; !ok {
				s.got[name] = sentence
			}
		}
	}
	if *update {
		write(t, s.path, format(s.got))
		return
	}
	for name := range s.want {
		if _, ok := s.got[name]; !ok {
			t.Errorf("%s: there is no case %q any more: run this test with -update", s.path, name)
		}
	}
}

// partly is whether -run or -skip chose among the subtests.
func partly() bool {
	for _, name := range []string{"test.run", "test.skip"} {
		if f := flag.Lookup(name); f != nil && strings.Contains(f.Value.String(), "/") {
			return true
		}
	}
	return false
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const indent = "    "

// format has the name of each case, and its sentence indented beneath it.
func format(sentences map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sentences)) {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(name + "\n")
		for line := range strings.Lines(sentences[name] + "\n") {
			b.WriteString(strings.TrimRight(indent+line, " \n") + "\n")
		}
	}
	return b.String()
}

func parse(text string) map[string]string {
	sentences := map[string]string{}
	var name string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		sentence, ok := strings.CutPrefix(line, indent)
		switch {
		case ok || line == "":
			sentences[name] += sentence + "\n"
		default:
			name = line
		}
	}
	for name, sentence := range sentences {
		sentences[name] = strings.TrimSpace(sentence)
	}
	delete(sentences, "")
	return sentences
}
