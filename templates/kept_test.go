package templates

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// TestLanguageKeepsSearch: the links at the foot of a page lead to the same search in another language,
// whatever somebody wrote into its address, unless that is too long for a link.
func TestLanguageKeepsSearch(t *testing.T) {
	t.Parallel()
	pages, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	long := url.Values{"q": {strings.Repeat("x", maxKept)}}
	for name, c := range map[string]struct {
		query url.Values
		want  string
	}{
		"a search":       {url.Values{"person": {"a&b=c"}, "namespace": {"prod"}, "to": {""}}, "?namespace=prod&amp;person=a%26b%3dc&amp;language=de"},
		"several":        {url.Values{"gate": {"x", "y"}}, "?gate=x&amp;gate=y&amp;language=de"},
		"markup":         {url.Values{`"><script>`: {`"><script>`}}, "?%22%3e%3cscript%3e=%22%3e%3cscript%3e&amp;language=de"},
		"a language":     {url.Values{"language": {"xx"}}, "?language=de"},
		"too long":       {long, "?language=de"},
		"nothing at all": {nil, "?language=de"},
	} {
		for kind, write := range map[string]func(*strings.Builder) error{
			"list":       func(b *strings.Builder) error { return pages.List(b, List{Here: "board", Query: c.query}) },
			"history":    func(b *strings.Builder) error { return pages.History(b, History{Query: c.query}) },
			"operations": func(b *strings.Builder) error { return pages.Operations(b, Operations{Query: c.query}) },
		} {
			var b strings.Builder
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(`<a href="%s" lang="de"`, c.want); !strings.Contains(b.String(), want) {
				_, foot, _ := strings.Cut(b.String(), `class="languages"`)
				t.Errorf("%s, %s: no %s in %s", kind, name, want, foot)
			}
		}
	}
}
