package mapping_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/golden"
)

func compiler(tb testing.TB) *mapping.Compiler {
	tb.Helper()
	c, err := mapping.New()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func vars() mapping.Vars {
	return mapping.Vars{
		Body:       map[string]any{"ref": "refs/heads/main", "n": 42.0, "list": []any{"b", "a"}, "tags": map[string]any{"z": 1.0, "a": true, "m": nil}, "nothing": nil},
		Header:     map[string][]string{"X-Github-Event": {"push"}},
		Extensions: map[string]any{"team": "sre"},
		RequestURL: "https://el/hook?env=prod",
		Run:        map[string]any{"name": "plan-1", "labels": map[string]string{"who": "zoe"}, "claims": map[string]string{"ws": "pvc-1"}},
		Params:     map[string]string{"repo-url": "https://git/x", "list": `["x","y"]`},
		Results:    map[string]string{"digest": "sha256:abc"},
		Approval:   map[string]any{"outcome": "Approved", "votes": []any{map[string]any{"voter": "alice"}}},
	}
}

// TestString has every variable and every group of functions, and the string that
// each type of value becomes.
func TestString(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	for expr, want := range map[string]string{
		"body.ref": "refs/heads/main", "header['X-Github-Event'][0]": "push", "extensions.team": "sre", "requestURL": "https://el/hook?env=prod",
		"run.name": "plan-1", "run.labels.who": "zoe", "run.claims.ws": "pvc-1", "params['repo-url']": "https://git/x", "results.digest": "sha256:abc",
		"approval.outcome": "Approved", "approval.votes[0].voter": "alice",

		// Triggers' own functions.
		"header.match('x-github-event', 'push')": "true", "header.canonical('x-github-event')": "push", "body.ref.truncate(4)": "refs",
		"'a/b/c'.split('/')[1]": "b", "body.list.join('+')": "b+a", `'{"a":[1,2]}'.parseJSON().a[1]`: "2",
		"'a: 1'.parseYAML().a": "1", "'https://h:1/p?q=1'.parseURL().host": "h:1", "body.list.last()": "a", "body.tags.marshalJSON()": `{"a":true,"m":null,"z":1}`,
		"'a-b'.translate('[^a-z]', '_')": "a_b", "body.list.first()": "b", "header.match('X-Nope', 'push')": "false", "header.canonical('nope')": "",
		// Strings, encoders, sets, lists, math.
		"body.ref.replace('refs/heads/', '')": "main", "'ABC'.lowerAscii()": "abc", "' x '.trim()": "x", "base64.encode(b'x')": "eA==",
		"sets.contains([1,2],[2])": "true", "[1,2,3].slice(0,2).size()": "2", "math.greatest(1, 7)": "7", "'%s-%d'.format(['a', 1])": "a-1",

		"'text'": "text", "true": "true", "1 == 2": "false", "-7": "-7", "7u": "7", "0.5": "0.5", "2.0": "2", "body.n": "42", "1e21": "1000000000000000000000",
		"[1, 'a', true]": `[1,"a",true]`, "{'b': 1, 'a': 2}": `{"a":2,"b":1}`, "[]": "[]", "{}": "{}", "body.list": `["b","a"]`,
		"body.tags": `{"a":true,"m":null,"z":1}`, "body": `{"list":["b","a"],"n":42,"nothing":null,"ref":"refs/heads/main","tags":{"a":true,"m":null,"z":1}}`,
		"['<&>']": `["<&>"]`, "params": `{"list":"[\"x\",\"y\"]","repo-url":"https://git/x"}`,
		"timestamp('2026-03-01T09:00:00Z')": "2026-03-01T09:00:00Z", "duration('90m')": "5400s",
		"has(body.absent) ? body.absent : 'none'": "none", "'$(uid)'": "$(uid)",
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			if got, err := c.String(t.Context(), expr, vars()); err != nil || got != want {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestStringRefuses(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	c := compiler(t)
	for name, expr := range map[string]string{
		"syntax":           "body.",
		"second line":      "body.ref +\n  nope",
		"wrong type":       "params.x + 1",
		"unknown function": "results.digest.sha()",
		"empty":            "",
		"far too long":     strings.Repeat("a", approvals.MaxExpression+1),
		"no such result":   "results.nope",
		"no such field":    "body.x.y",
		"null":             "null",
		"a null field":     "body.nothing",
		"bytes":            "b'abc'",
		"division by zero": "1 / (size(body.list) - 2)",
		"a type":           "type(1)",
		"compareSecret":    "body.ref.compareSecret('key', 'name', 'ns')",
		"compareSecret, 2": "body.ref.compareSecret('key', 'name')",
		"hostile":          strings.Repeat("body.list.map(a, ", 12) + "1" + strings.Repeat(")", 12) + ".size() + [0,1,2,3,4,5,6,7,8,9].map(a,[0,1,2,3,4,5,6,7,8,9].map(b,[0,1,2,3,4,5,6,7,8,9].map(c,[0,1,2,3,4,5,6,7,8,9].map(d,[0,1,2,3,4,5,6,7,8,9].map(e,[0,1,2,3,4,5,6,7,8,9].map(f,1)))))).size()",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.String(t.Context(), expr, vars())
			if got != "" || approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("%q, %v; want a refusal", got, err)
			}
			said.Check(t, name, approvals.Message(err))
			if strings.Contains(approvals.Message(err), "\n") && !strings.Contains(expr, "\n") {
				t.Errorf("more than a line: %q", approvals.Message(err))
			}
		})
	}
}

func TestValueTooLarge(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	v := mapping.Vars{Params: map[string]string{"big": strings.Repeat("x", mapping.MaxValue), "bigger": strings.Repeat("x", mapping.MaxValue+1)}}
	c := compiler(t)
	if got, err := c.String(t.Context(), "params.big", v); err != nil || len(got) != mapping.MaxValue {
		t.Errorf("the largest: %d bytes, %v", len(got), err)
	}
	_, err := c.String(t.Context(), "params.bigger", v)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("one more: %v", err)
	}
	said.Check(t, "one more", approvals.Message(err))
}

// TestAbsentVars: what is absent is empty, never null.
func TestAbsentVars(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	for _, v := range []string{"body", "header", "extensions", "run", "params", "results", "approval"} {
		if got, err := c.String(t.Context(), v+" == {} && !has("+v+".x)", mapping.Vars{}); err != nil || got != "true" {
			t.Errorf("%s: %q, %v", v, got, err)
		}
	}
}

// TestDeterministic: the digest of what is approved needs one form of a map.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	v := mapping.Vars{Body: map[string]any{}}
	for i := range 50 {
		v.Body[fmt.Sprintf("k%02d", i)] = map[string]any{"b": []any{1.0}, "a": "x"}
	}
	want, err := compiler(t).String(t.Context(), "body", v)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if got, err := compiler(t).String(t.Context(), "body", v); err != nil || got != want {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	if strings.ContainsAny(want, " \n") {
		t.Errorf("white space in %q", want)
	}
}

func TestTrue(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	for expr, want := range map[string]bool{
		"body.ref == 'refs/heads/main'": true, "true": true, "false": false, "'true'": false, "1": false, "body.nope": false, "nope": false, "body.": false,
		"body.ref.compareSecret('k', 'n', 'ns')": false,
	} {
		if got, known := c.True(t.Context(), expr, vars()); got != want || !known {
			t.Errorf("%s: %t", expr, got)
		}
	}
}

// TestConcurrent compiles and evaluates the same and new expressions at once, past
// the bound on programs.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100 {
				want := fmt.Sprintf("%d", w%2*1000+i)
				if got, err := c.String(t.Context(), "string("+want+") + params.x", mapping.Vars{Params: map[string]string{"x": ""}}); err != nil || got != want {
					t.Errorf("%q, %v; want %q", got, err, want)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkString(b *testing.B) {
	c, v := compiler(b), vars()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.String(b.Context(), "params['repo-url']", v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile is what BenchmarkString does not pay, since programs are kept.
func BenchmarkCompile(b *testing.B) {
	c := compiler(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if err := c.Check(fmt.Sprintf("params['repo-url'] + '%d'", i)); err != nil {
			b.Fatal(err)
		}
	}
}
