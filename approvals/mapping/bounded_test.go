package mapping

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

// Short expressions that would build gigabytes end with an error instead.
func TestGrowingStringsAreBounded(t *testing.T) {
	said := golden.Open(t)
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	ten := "'aaaaaaaaaa'"
	v := Vars{Params: map[string]string{"a": strings.Repeat("a", 2_000)}}
	for _, expr := range []string{
		ten + strings.Repeat(".translate('a', "+ten+")", 12),
		ten + strings.Repeat(".replace('a', "+ten+")", 12),
		"params.a.replace('a', params.a).replace('a', params.a)",
		"params.a.translate('a', params.a).translate('a', params.a)",
	} {
		_, err := c.String(t.Context(), expr, v)
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%.60s…: %v", expr, err)
		}
		said.Check(t, expr[:40], approvals.Message(err))
	}
	for expr, want := range map[string]string{
		"'abcabc'.replace('b', 'xx')":              "axxcaxxc",
		"'abcabc'.replace('b', 'xx', 1)":           "axxcabc",
		"'abc'.replace('', '-')":                   "-a-b-c-",
		"'v1.2'.translate('v([0-9]+)', '$1')":      "1.2",
		"'Some Name!'.translate('[^a-zA-Z]+', '')": "SomeName",
	} {
		if got, err := c.String(t.Context(), expr, Vars{}); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", expr, got, err, want)
		}
	}
}
