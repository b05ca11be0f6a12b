package mapping

import (
	"strings"
	"testing"
)

// What a text may hold is known before it is read.
func TestJSONLimits(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string // of the error; "" is none
	}{
		"a large event":         {`{"commits":[` + strings.TrimSuffix(strings.Repeat(`{"id":"0123456789abcdef","message":"a message","added":["a.go"],"author":{"name":"A","email":"a@example.com"}},`, 4500), ",") + `]}`, ""},
		"numbers":               {`{"a":[` + strings.Repeat("1,", 250_000) + `1]}`, "values"},
		"empty objects":         {`{"a":[` + strings.Repeat("{},", 170_000) + `1]}`, "values"},
		"deep":                  {`{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, "deep"},
		"deep in a text":        {`{"a":"` + strings.Repeat("[", 100_000) + `\""}`, ""},
		"depth that is allowed": {`{"a":` + strings.Repeat("[", 250) + strings.Repeat("]", 250) + `}`, ""},
		"unended":               {`{"a":"` + strings.Repeat(`\`, 1001), "unexpected"},
	} {
		bytes, _ := spent(func() {
			_, err := decodeObject([]byte(c.text))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		})
		if bytes > maxAllocated {
			t.Errorf("%s: %d KiB", name, bytes>>10)
		}
	}
}

func TestYAMLLimits(t *testing.T) {
	c := patient(t)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := 'b'; i < 'j'; i++ {
		bomb += string(i) + ": &" + string(i) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(i-1)+",", 9), ",") + "]\n"
	}
	for name, x := range map[string]struct{ text, want, fails string }{
		"plain":             {"a: 1\nb: [x, z]\n", `{"a":1,"b":["x","z"]}`, ""},
		"aliases":           {"a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  z: 2\n", `{"a":{"x":1},"b":{"x":1},"c":{"x":1,"z":2}}`, ""},
		"a bomb":            {bomb, "", "more"},
		"itself":            {"a: &a [*a]\n", "", "alias"},
		"deep flow":         {strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "", "deep"},
		"deep block":        {strings.Repeat("- ", 1000) + "a", "", "deep"},
		"deep by columns":   {columns(600), "", "deep"},
		"many values":       {strings.Repeat("- a\n", 100_000), "", "more"},
		"a long text":       {"a: |\n  " + strings.Repeat("x", 100_000), `{"a":"` + strings.Repeat("x", 100_000) + `"}`, ""},
		"a star and an and": {"a: \"* & *\"\nb: '&x *y'\n", `{"a":"* & *","b":"&x *y"}`, ""},
	} {
		bytes, _ := spent(func() {
			got, err := c.String(t.Context(), "params.y.parseYAML()", Vars{Params: map[string]string{"y": x.text}})
			if got != x.want || (err == nil) != (x.fails == "") || err != nil && !strings.Contains(err.Error(), x.fails) {
				t.Errorf("%s: %.80q, %v; want %.80q, %q", name, got, err, x.want, x.fails)
			}
		})
		if bytes > maxAllocated {
			t.Errorf("%s: %d KiB", name, bytes>>10)
		}
	}
}

func columns(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}
