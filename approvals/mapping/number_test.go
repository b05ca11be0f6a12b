package mapping_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/golden"
)

// numbers is an event with what doubles get wrong, wherever a number may stand.
const numbers = `{
	"id": 9007199254740993, "below": -9007199254740993, "int": 9223372036854775807, "least": -9223372036854775808,
	"uint": 18446744073709551615, "big": 123456789012345678901234567890, "build": 12345678, "half": 1.5, "e": 1e21, "pi": 3.14159265358979323846,
	"far": 1e999, "zero": -0, "ids": [9007199254740993, 7, -9007199254740995, 36893488147419103232], "change": {"id": 9007199254740993, "nested": [{"n": 9007199254740997}]}
}`

// TestNumbersAreExact: what an expression gives is the number of the event, in every place.
func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	c := compiler(t)
	s := event(numbers)
	s.Event.Headers = []approvals.Param{{Name: "X-Change-Id", Value: "9007199254740993"}}
	for expr, want := range map[string]string{
		"body.id":                              "9007199254740993",
		"body.below":                           "-9007199254740993",
		"body.int":                             "9223372036854775807",
		"body.least":                           "-9223372036854775808",
		"body.uint":                            "18446744073709551615",
		"body.big":                             "123456789012345678901234567890",
		"body.build":                           "12345678",
		"body.half":                            "1.5",
		"body.e":                               "1000000000000000000000",
		"body.pi":                              "3.14159265358979323846",
		"body.far":                             "1e999",
		"body.zero":                            "0",
		"body.ids":                             "[9007199254740993,7,-9007199254740995,36893488147419103232]",
		"body.ids[0]":                          "9007199254740993",
		"body.ids[3]":                          "36893488147419103232",
		"body.change":                          `{"id":9007199254740993,"nested":[{"n":9007199254740997}]}`,
		"body.change.nested[0].n":              "9007199254740997",
		"{'a': body.id, 'b': [body.big]}":      `{"a":9007199254740993,"b":[123456789012345678901234567890]}`,
		"[body.id, body.half]":                 "[9007199254740993,1.5]",
		"body.ids.map(x, x)":                   "[9007199254740993,7,-9007199254740995,36893488147419103232]",
		"'change ' + string(body.id)":          "change 9007199254740993",
		"'build ' + string(body.build)":        "build 12345678",
		"string(body.big)":                     "123456789012345678901234567890",
		"int(body.id)":                         "9007199254740993",
		"body.id + 1":                          "9007199254740994",
		"body.ids.marshalJSON()":               "[9007199254740993,7,-9007199254740995,36893488147419103232]",
		"body.change.marshalJSON()":            `{"id":9007199254740993,"nested":[{"n":9007199254740997}]}`,
		"body.id == 9007199254740993":          "true",
		"body.id == 9007199254740992":          "false",
		"body.build == 12345678.0":             "true",
		"body.build > 1.5":                     "true",
		"body.big == body.id":                  "false",
		"double(body.build) * 1.5":             "18518517",
		"header.canonical('X-Change-Id')":      "9007199254740993",
		"int(header.canonical('X-Change-Id'))": "9007199254740993",
	} {
		vars, err := mapping.SourceVars("prod", s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.String(t.Context(), expr, vars); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", expr, got, err, want)
		}
	}
	for _, expr := range []string{
		"body.big + 1",
		"int(body.big)",
		"double(body.pi)",
		"body.int + 1",
		"body.id * 1.5",
		"[body.int + 1]",
		"{'a': 1, 1: 2, '1': 3}",
		"'[1e999'.parseJSON()",
		"'1 2'.parseJSON()",
		"'a: 36893488147419103232'.parseYAML().a",
	} {
		vars, err := mapping.SourceVars("prod", s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.String(t.Context(), expr, vars)
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s = %s, %v; want a refusal", expr, got, err)
		}
		said.Check(t, expr, approvals.Message(err))
	}
}

// TestJSONOfPart1: params and results of part 1 that are JSON text can be taken apart, lists
// too, with their numbers as they were.
func TestJSONOfPart1(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	v := mapping.Vars{
		Params: map[string]string{"change": `{"id":9007199254740993}`, "yaml": "id: 9007199254740993\nlist: [1, 9007199254740995]\n"},
		Results: map[string]string{
			"machines": `[{"name":"web-1","id":9007199254740993},{"name":"web-2","id":-9007199254740995}]`, "list": `["a","b"]`, "number": "9007199254740993", "text": `"x"`,
		},
	}
	for expr, want := range map[string]string{
		"results.machines":                                     v.Results["machines"],
		"results.machines.parseJSON()":                         `[{"id":9007199254740993,"name":"web-1"},{"id":-9007199254740995,"name":"web-2"}]`,
		"results.machines.parseJSON()[1].name":                 "web-2",
		"results.machines.parseJSON()[0].id":                   "9007199254740993",
		"results.machines.parseJSON().map(m, m.name).join()":   "web-1web-2",
		"results.machines.parseJSON().map(m, m.id)":            "[9007199254740993,-9007199254740995]",
		"results.list.parseJSON()[0]":                          "a",
		"results.list.parseJSON().size()":                      "2",
		"params.change.parseJSON().id":                         "9007199254740993",
		"params['change'].parseJSON().marshalJSON()":           `{"id":9007199254740993}`,
		"params.yaml.parseYAML().id":                           "9007199254740993",
		"params.yaml.parseYAML().list":                         "[1,9007199254740995]",
		"'- a\\n- b'.parseYAML()[1]":                           "b",
		"int(results.number)":                                  "9007199254740993",
		"results.text.parseJSON()":                             "x",
		"has(params.change.parseJSON().id)":                    "true",
		"'héllo 批准'.truncate(8)":                               "héllo ",
		"'abc'.truncate(-1)":                                   "",
		"'abc'.truncate(10)":                                   "abc",
		"[timestamp('2026-03-01T09:00:00Z'), duration('90s')]": `["2026-03-01T09:00:00Z","90s"]`,
		"{'b': null, 'a': b'x', 'c': \"<&>\"}":                 `{"a":"eA==","b":null,"c":"<&>"}`,
	} {
		if got, err := c.String(t.Context(), expr, v); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", expr, got, err, want)
		}
	}
}

// TestArraysAreForwarded: what an expression gives arrives as it is, so that the next part
// can parse it.
func TestArraysAreForwarded(t *testing.T) {
	t.Parallel()
	body := `{"machines":[{"name":"web-1","size":"small"},{"name":"web-2","size":"small"}],"names":["web-1","web-2"],"none":[]}`
	line := approvals.InterceptorParams{Gate: "production", Forward: expressions("machines", "body.machines", "names", "body.names", "none", "body.none", "first", "body.machines[0].name")}
	resolved, err := compiler(t).Resolve(t.Context(), "prod", "apply", line, policy(), event(body), ct.Template)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"machines": `[{"name":"web-1","size":"small"},{"name":"web-2","size":"small"}]`, "names": `["web-1","web-2"]`, "none": "[]", "first": "web-1",
	} {
		if got := approvals.ByName(resolved.Params)[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestUnkeepable: a container takes no text with a NUL character, which is said before
// anybody is asked.
func TestUnkeepable(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	line := approvals.InterceptorParams{Gate: "production", Forward: expressions("note", "body.note")}
	_, err := compiler(t).Resolve(t.Context(), "prod", "apply", line, policy(), event(`{"note":"a\u0000b"}`), ct.Template)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Error(err)
	}
	said.Check(t, "a NUL character", approvals.Message(err))
	// Any other character arrives, and pages mark those that deceive.
	resolved, err := compiler(t).Resolve(t.Context(), "prod", "apply", line, policy(), event(`{"note":"a\u202eb\u001b[31mc\u200d批"}`), ct.Template)
	if err != nil || resolved.Params[0].Value != "a\u202eb\x1b[31mc\u200d批" {
		t.Errorf("%v, %v", resolved, err)
	}
}

// FuzzNumbers: a JSON number travels as the same number, alone and in a list, and the same
// text gives the same text again.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"0", "-0", "9007199254740993", "-9007199254740993", "18446744073709551616", "1e21", "1e-7", "0.1", "1.10", "1e999999999", "-1E+400", "0.0e5", "123456789.123456789123456789", "1e-999999999"} {
		f.Add(s)
	}
	c, err := mapping.New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var n json.Number
		if len(s) > 400 || json.Unmarshal([]byte(s), &n) != nil || strings.ContainsAny(s, "\" \t\r\n") || s == "null" {
			return
		}
		vars, err := mapping.SourceVars("prod", event(`{"n":`+s+`}`))
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		alone, err := c.String(t.Context(), "body.n", vars)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		list, err := c.String(t.Context(), "[body.n]", vars)
		if err != nil || !json.Valid([]byte(list)) {
			t.Fatalf("%s in a list: %s, %v", s, list, err)
		}
		for _, got := range []string{alone, strings.Trim(list, "[]")} {
			if got != s && !sameNumber(s, got) {
				t.Errorf("%s became %s", s, got)
			}
		}
	})
}

// sameNumber compares exactly, as long as that is no more work than a test may be.
func sameNumber(a, b string) bool {
	// Of nothing the power says nothing, and may be too large for the comparison.
	if m, _, _ := strings.Cut(strings.ToLower(a), "e"); strings.Trim(m, "-0.") == "" {
		return strings.Trim(b, "-0.") == ""
	}
	x, ok := new(big.Rat).SetString(a)
	y, yes := new(big.Rat).SetString(b)
	return ok && yes && x.Cmp(y) == 0
}

// FuzzJSON: a body that is an object is given back as the same JSON.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{numbers, `{}`, `{"a":[[],{},null,true,"\u0000\ud800<>"]}`, `{"a":{"b":[1.0,-0.0,1e5]}}`, `{"":"","a\"b":"\\"}`, `{"a":1,"a":2}`} {
		f.Add(s)
	}
	c, err := mapping.New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want map[string]any
		if len(s) > 4096 || json.Unmarshal([]byte(s), &want) != nil && !strings.Contains(s, "e") || want == nil {
			return
		}
		vars, err := mapping.SourceVars("prod", event(s))
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		got, err := c.String(t.Context(), "body", vars)
		if err != nil {
			return // larger than may be
		}
		vars, err = mapping.SourceVars("prod", event(got))
		if err != nil {
			t.Fatalf("%q became %q, which is no object: %v", s, got, err)
		}
		if again, err := c.String(t.Context(), "body", vars); err != nil || again != got {
			t.Errorf("%q, then %q, %v", got, again, err)
		}
		if parsed, err := c.String(t.Context(), "params.x.parseJSON().marshalJSON()", mapping.Vars{Params: map[string]string{"x": s}}); err != nil || parsed != got {
			t.Errorf("read as text: %q, %v; want %q", parsed, err, got)
		}
	})
}
