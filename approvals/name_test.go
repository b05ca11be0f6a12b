package approvals_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/approvals"
)

var objectName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func TestName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ trigger, subject, want string }{
		"short":             {"apply", "run:1", "apply-coouof2rvw3t"},
		"another subject":   {"apply", "run:2", "apply-"},
		"dots":              {"apply.prod.v2", "run:1", "apply-prod-v2-"},
		"an inline trigger": {"Deploy_To.Prod", "run:1", "deploy-to-prod-"},
		"long":              {strings.Repeat("a", 253), "run:1", strings.Repeat("a", 50) + "-"},
		"long, cut at dash": {strings.Repeat("a", 48) + "--b", "run:1", strings.Repeat("a", 48) + "-"},
		"hostile subject":   {"apply", "run:$(uid)\n../../x", "apply-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := approvals.Name(c.trigger, c.subject)
			if !strings.HasPrefix(got, c.want) || len(got) > 63 || !objectName.MatchString(got) {
				t.Errorf("%q (%d), want an object's name that starts with %q", got, len(got), c.want)
			}
			if again := approvals.Name(c.trigger, c.subject); again != got {
				t.Errorf("then %q", again)
			}
		})
	}
}

// TestNameProperty: one name for one subject, and two for two.
func TestNameProperty(t *testing.T) {
	t.Parallel()
	trigger := rapid.StringMatching(`[A-Za-z0-9]([-_.A-Za-z0-9]{0,20}[A-Za-z0-9])?(\.[a-z0-9]{1,60}){0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		t1, t2 := trigger.Draw(t, "trigger 1"), trigger.Draw(t, "trigger 2")
		s1, s2 := rapid.String().Draw(t, "subject 1"), rapid.String().Draw(t, "subject 2")
		n1, n2 := approvals.Name(t1, s1), approvals.Name(t2, s2)
		if !objectName.MatchString(n1) || len(n1) > 63 {
			t.Fatalf("%q is no object's name", n1)
		}
		if same := t1 == t2 && s1 == s2; (n1 == n2) != same {
			t.Fatalf("%q and %q for (%q, %q) and (%q, %q)", n1, n2, t1, s1, t2, s2)
		}
	})
}

func TestDigest(t *testing.T) {
	t.Parallel()
	lists := [][]any{
		nil,
		{""},
		{"", ""},
		{"a"},
		{"a", "b"},
		{"ab"},
		{"a,b"},
		{`a","b`},
		{"b", "a"},
		{[]string{"a", "b"}},
		{[]string{"a"}, "b"},
		{1},
		{"1"},
		{true},
		{"true"},
		{map[string]string{"a": "b"}},
		{`{"a":"b"}`},
		{[]approvals.Param{{Name: "a", Value: "b"}}},
		{[]approvals.Param{{Name: "ab"}}},
		{"\u2028"},
		{"\\u2028"},
		{"<"},
		{"\\u003c"},
	}
	seen := map[string]int{}
	for i, l := range lists {
		d := approvals.Digest(l...)
		if j, ok := seen[d]; ok {
			t.Errorf("%#v and %#v have one digest", l, lists[j])
		}
		seen[d] = i
		if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(d) || d != approvals.Digest(l...) {
			t.Errorf("%#v: %q", l, d)
		}
	}
	a, b := map[string]string{}, map[string]string{}
	for _, k := range []string{"x", "y", "z"} {
		a[k] = k
	}
	for _, k := range []string{"z", "y", "x"} {
		b[k] = k
	}
	if approvals.Digest(a) != approvals.Digest(b) {
		t.Error("the order of a map's keys matters")
	}
}

func TestDigestProperty(t *testing.T) {
	t.Parallel()
	list := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`[",\\a\[\]]{0,4}`)))
	rapid.Check(t, func(t *rapid.T) {
		x, y := list.Draw(t, "x"), list.Draw(t, "y")
		if same := slices.Equal(x, y); (approvals.Digest(parts(x)...) == approvals.Digest(parts(y)...)) != same {
			t.Fatalf("%q and %q", x, y)
		}
	})
}

// TestContentDigest: whatever is approved changes it; who must agree does not.
func TestContentDigest(t *testing.T) {
	t.Parallel()
	source := func() approvals.Source {
		return approvals.Source{
			Run:     &approvals.Run{Name: "plan-1", UID: "u", Pipeline: "plan"},
			Params:  []approvals.Param{{Name: "env", Value: "prod"}},
			Results: []approvals.Param{{Name: "digest", Value: "sha256:abc"}},
		}
	}
	params := []approvals.Param{{Name: "digest", Value: "sha256:abc"}}
	of := func(s approvals.Source) string { return approvals.ContentDigest("prod", "apply", "t1", s, params, nil) }
	base := of(source())
	if of(source()) != base {
		t.Error("it is not the same for the same")
	}
	run, result := source(), source()
	run.Run.UID = "v"
	result.Results[0].Value = "sha256:def"
	for name, d := range map[string]string{
		"namespace": approvals.ContentDigest("dev", "apply", "t1", source(), params, nil),
		"trigger":   approvals.ContentDigest("prod", "destroy", "t1", source(), params, nil),
		"template":  approvals.ContentDigest("prod", "apply", "t2", source(), params, nil),
		"params":    approvals.ContentDigest("prod", "apply", "t1", source(), nil, nil),
		"target":    approvals.ContentDigest("prod", "apply", "t1", source(), params, &approvals.Target{Name: "a"}),
		"another":   approvals.ContentDigest("prod", "apply", "t1", source(), params, &approvals.Target{Name: "b"}),
		"run":       of(run),
		"result":    of(result),
		"event":     of(approvals.Source{Event: &approvals.Event{Body: "{}"}}),
	} {
		if d == base {
			t.Errorf("another %s, the same digest", name)
		}
	}
}

func parts(ss []string) []any {
	out := make([]any, len(ss))
	for i, s := range ss {
		out[i] = s
	}
	return out
}

// TestNameOfRun: a name that Tekton takes, of 80 bits that only anyone who has the MAC knows.
func TestNameOfRun(t *testing.T) {
	t.Parallel()
	for trigger, prefix := range map[string]string{
		"apply":                        "apply-",
		"a.b":                          "a-b-",
		strings.Repeat("x", 100):       strings.Repeat("x", 46) + "-",
		strings.Repeat("x", 45) + "-y": strings.Repeat("x", 45) + "-",
	} {
		mac := []byte("0123456789abcdef0123456789abcdef")
		got := string(approvals.NameOfRun(trigger, mac))
		mac[9] ^= 1
		other := string(approvals.NameOfRun(trigger, mac))
		if !strings.HasPrefix(got, prefix) || len(got) != len(prefix)+16 || len(got) > 63 || got == other {
			t.Errorf("%s: %s and %s", trigger, got, other)
		}
	}
}
