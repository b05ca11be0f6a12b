package split

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
	kubectl "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/countersign-dev/countersign/internal/golden"
)

// asKubectl decodes a text by kubectl's own decoder, lists aside.
func asKubectl(text []byte) ([]any, error) {
	var out []any
	for d := kubectl.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		var ext runtime.RawExtension
		err := d.Decode(&ext)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var v any
		if raw := bytes.TrimSpace(ext.Raw); len(raw) > 0 && !bytes.Equal(raw, []byte("null")) {
			if err := json.Unmarshal(raw, &v); err != nil {
				return nil, err
			}
			if _, ok := v.(map[string]any); ok {
				out = append(out, v)
			}
		}
	}
}

// asSplit decodes a text by this package, into the same form.
func asSplit(text []byte) ([]any, error) {
	docs, rs := documents(text)
	if err := rs.err(); err != nil {
		return nil, err
	}
	var out []any
	for _, d := range docs {
		plain, err := asJSON(d.root)
		if err != nil {
			return nil, err
		}
		raw, err := json.Marshal(plain)
		if err != nil {
			return nil, err
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

var texts = map[string]string{
	"nothing":               "",
	"comments":              "# one\n---\n# two\n",
	"empty documents":       "---\n---\na: b\n---\n\n---\nc: d\n---\n",
	"a separator with more": "a: b\n--- # the next\nc: d\n",
	"a mark before":         "\xef\xbb\xbfa: b\n---\nc: d\n",
	"lines of Windows":      "a: |\r\n  one\r\n  two\r\n---\r\nb: \"x\"\r\n",
	"dashes in a string":    "a: |\n  one\n  ---\n  two\nb: \"x --- y\"\nc: '---'\nd: ---x\n",
	"the end of a document": "a: b\n...\nc: d\n---\ne: f\n",
	"aliases":               "a: &x {k: v}\nb: *x\nc: &l [*x, *x]\nd: *l\n",
	"anchors of keys":       "&k a: b\nc: *k\n",
	"merges":                "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {<<: *x, b: 5}\nw: {b: 5, <<: *x}\nv:\n  <<: [*x, *y]\n  d: 6\nu:\n  <<: {q: 1}\n",
	"a key twice":           "a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n",
	"old words":             "a: [yes, No, ON, off, y, n, Yes, 'yes', \"on\"]\nyes: 1\n",
	"numbers":               "a: [1, 010, 0x1f, 0b11, 1_000, 1.10, .5, 1e3, -0, +1, 0o7, 08, 12345678901234567890, 0.1]\n1: x\n1.5: y\n1e6: z\n0.1: w\n",
	"dates and times":       "a: [2024-01-01, 2024-01-01T00:00:00Z, '2024-01-01', 12:30, 1:30:00]\n",
	"nulls":                 "a:\nb: ~\nc: null\nd: ''\ne: [~, x]\n",
	"tags":                  "a: !!str 12\nb: !!str yes\nc: !!int \"3\"\nd: !!float 1\n",
	"no last newline":       "a: |\n  one",
	"one of JSON, and YAML": "{\"a\": 1}\nb: 2\n",
	"folded":                "a: >\n  one\n  two\n\n  three\nb: >-\n  x\nc: |+\n  y\n\n",
	"plain over lines":      "a: one\n  two\n  three\nb: yes\n  no\n",
	"JSON":                  "{\"a\": \"b\", \"n\": 1, \"t\": true, \"z\": null, \"l\": [1, \"2\", {\"x\": []}], \"o\": {}}",
	"JSON objects":          "{\"a\": 1}\n{\"b\": 2} {\"c\": 3}\n",
	"JSON with tabs":        "{\n\t\"a\": {\n\t\t\"b\": \"c\\td\"\n\t}\n}\n",
	"JSON with pairs":       "{\"a\": \"\\ud83d\\ude00 \\u00e9 \\/ \\\"\"}",
	"JSON, a key twice":     "{\"a\": 1, \"a\": 2}",
	"JSON then YAML":        "{\"a\": 1}\n---\nb: 2\n",
	"braces that are YAML":  "{a: b}\n---\n{c: [d]}\n",
	"a script":              "s: |\n  #!/bin/sh\n  cat <<EOF\n  a: b\n  EOF\n  if [ x = y ]; then\n      echo \"$(date)\"\n  fi\n",
	"quotes":                "a: \"\\x41\\u00e9\\n\\t\\\\\"\nb: 'it''s'\nc: \"a\n  b\"\n",
	"a comment in a list":   "a:\n  # one\n  - x # two\n  - y\n",
	"not objects":           "- a\n---\nb\n",
	"a very long line":      "a: " + strings.Repeat("x", 70_000) + "\n",
}

// TestDocuments: a text means here what it means to kubectl.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := asKubectl([]byte(text))
			if err != nil {
				t.Fatalf("kubectl refuses it: %v", err)
			}
			got, err := asSplit([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-kubectl +here)\n%s", d)
			}
			rewritten(t, []byte(text))
		})
	}
}

// rewritten holds what is written of a text to what the text was.
func rewritten(t *testing.T, text []byte) {
	t.Helper()
	docs, rs := documents(text)
	if len(rs) > 0 {
		return
	}
	for _, d := range docs {
		raw, err := encode(d.node)
		if err != nil {
			continue // refused, with a sentence
		}
		got, err := asKubectl(append([]byte("# notes\n---\n"), raw...)) // as it is written
		if err != nil || len(got) != 1 {
			t.Fatalf("%d objects (%v) of\n%s", len(got), err, raw)
		}
		plain, err := asJSON(d.root)
		if err != nil {
			t.Fatal(err)
		}
		if !equalJSON(plain, got[0]) && !sameText(raw, d.root) {
			t.Errorf("%v, written as\n%s", plain, raw)
		}
	}
}

// TestRefusedText has what neither takes, and its line.
func TestRefusedText(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"a cycle":                  {"a: 1\n---\nb: &x\n  c: *x\n", 4},
		"no such anchor":           {"a: b\n---\nc: *nope\n", 3},
		"a separator with a value": {"a: b\n--- {c: d}\n", 2},
		"no YAML":                  {"a: b\n---\nc: d\n---\ne: [\n", 5},
		"a tab":                    {"a:\n\tb: c\n", 2},
		"a merge of a word":        {"a: {<<: b}\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rs := documents([]byte(c.text))
			if len(rs) == 0 || rs[0].Line != c.line {
				t.Fatalf("%v, want an error about line %d", rs, c.line)
			}
			said.Check(t, name, rs.Error())
		})
	}
}

// TestBombs: aliases that multiply, and very many documents, end soon.
func TestBombs(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += strings.ReplaceAll("aN: &aN [*aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM]\n", "N", string(rune('1'+i)))
		bomb = strings.ReplaceAll(bomb, "aM", "a"+string(rune('0'+i)))
	}
	begin := time.Now()
	_, rs := documents([]byte(bomb))
	if len(rs) == 0 {
		t.Fatal("taken")
	}
	said.Check(t, "a bomb", rs.Error())
	many := strings.Repeat("a: b\n---\n", 20_000)
	if docs, rs := documents([]byte(many)); len(rs) > 0 || len(docs) != 20_000 {
		t.Errorf("%d documents, %v", len(docs), rs)
	}
	if _, rs := documents([]byte(strings.Repeat("[", MaxText))); len(rs) == 0 {
		t.Error("a megabyte of brackets is taken")
	}
	if _, rs := documents([]byte("{\"a\":" + strings.Repeat("[", MaxText-5))); len(rs) == 0 {
		t.Error("a megabyte of JSON's brackets is taken")
	}
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("it took %s", d)
	}
}

// FuzzDocuments: what both take, both read alike; and what is written of it says the same.
func FuzzDocuments(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 {
			return
		}
		got, err := asSplit(text)
		if err != nil {
			return
		}
		want, err := asKubectl(text)
		if err != nil {
			return
		}
		// The two differ in tags, in marks within the text, in JSON that YAML follows, and
		// in keys of one number (kubectl takes any of 1 and 1.0): nobody has such files, and
		// TestDocuments has those of them that somebody may.
		if bytes.ContainsAny(text, "\r!\ufeff") || bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) || numbersAsKeys(text) {
			return
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-kubectl +here)\n%s", d)
		}
		rewritten(t, text)
	})
}

// numbersAsKeys reports whether a text has a field whose name is none.
func numbersAsKeys(text []byte) bool {
	docs, _ := documents(text)
	var within func(n *yaml.Node) bool
	within = func(n *yaml.Node) bool {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && !isString(c.Value) && c.Value != "" {
				return true
			}
			if within(c) {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(docs, func(d document) bool { return within(d.root) })
}
