package mapping

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

// What a text may hold is known before it is read.
func TestJSONLimits(t *testing.T) {
	said := golden.Open(t)
	for name, c := range map[string]struct {
		text    string
		refused bool
	}{
		"a large event":         {`{"commits":[` + strings.TrimSuffix(strings.Repeat(`{"id":"0123456789abcdef","message":"a message","added":["a.go"],"author":{"name":"A","email":"a@example.com"}},`, 4500), ",") + `]}`, false},
		"numbers":               {`{"a":[` + strings.Repeat("1,", 250_000) + `1]}`, true},
		"empty objects":         {`{"a":[` + strings.Repeat("{},", 170_000) + `1]}`, true},
		"deep":                  {`{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, true},
		"deep in a text":        {`{"a":"` + strings.Repeat("[", 100_000) + `\""}`, false},
		"depth that is allowed": {`{"a":` + strings.Repeat("[", 250) + strings.Repeat("]", 250) + `}`, false},
		"unended":               {`{"a":"` + strings.Repeat(`\`, 1001), true},
	} {
		bytes, _ := spent(func() {
			_, err := decodeObject([]byte(c.text))
			if (err != nil) != c.refused {
				t.Errorf("%s: %v, refused should be %t", name, err, c.refused)
			}
			if err != nil {
				said.Check(t, name, err.Error())
			}
		})
		if bytes > maxAllocated {
			t.Errorf("%s: %d KiB", name, bytes>>10)
		}
	}
}

func TestYAMLLimits(t *testing.T) {
	said := golden.Open(t)
	c := patient(t)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := 'b'; i < 'j'; i++ {
		bomb += string(i) + ": &" + string(i) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(i-1)+",", 9), ",") + "]\n"
	}
	for name, x := range map[string]struct {
		text, want string
		fails      bool
	}{
		"plain":             {"a: 1\nb: [x, z]\n", `{"a":1,"b":["x","z"]}`, false},
		"aliases":           {"a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  z: 2\n", `{"a":{"x":1},"b":{"x":1},"c":{"x":1,"z":2}}`, false},
		"a bomb":            {bomb, "", true},
		"itself":            {"a: &a [*a]\n", "", true},
		"deep flow":         {strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "", true},
		"deep block":        {strings.Repeat("- ", 1000) + "a", "", true},
		"deep by columns":   {columns(600), "", true},
		"many values":       {strings.Repeat("- a\n", 100_000), "", true},
		"a long text":       {"a: |\n  " + strings.Repeat("x", 100_000), `{"a":"` + strings.Repeat("x", 100_000) + `"}`, false},
		"a star and an and": {"a: \"* & *\"\nb: '&x *y'\n", `{"a":"* & *","b":"&x *y"}`, false},
	} {
		bytes, _ := spent(func() {
			got, err := c.String(t.Context(), "params.y.parseYAML()", Vars{Params: map[string]string{"y": x.text}})
			if got != x.want || (err != nil) != x.fails {
				t.Errorf("%s: %.80q, %v; want %.80q, refused %t", name, got, err, x.want, x.fails)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
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
