package templates

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	text := func(s string) Words { return Words{{Text: s}} }
	for name, c := range map[string]struct {
		in   string
		want []Block
	}{
		"nothing":    {in: " \n\n"},
		"paragraphs": {in: "one\ntwo\n\nthree", want: []Block{{Kind: "p", Items: []Words{{{Text: "one"}, {Text: " "}, {Text: "two"}}}}, {Kind: "p", Items: []Words{text("three")}}}},
		"a list":     {in: "- a\n* b\n\n- c", want: []Block{{Kind: "ul", Items: []Words{text("a"), text("b"), text("c")}}}},
		"two lists":  {in: "- a\n1. b", want: []Block{{Kind: "ul", Items: []Words{text("a")}}, {Kind: "ol", Items: []Words{text("b")}}}},
		"a heading":  {in: "# Look ##\nhere", want: []Block{{Kind: "h", Items: []Words{text("Look")}}, {Kind: "p", Items: []Words{text("here")}}}},
		"code":       {in: "```sh\na **b**\n```\nc", want: []Block{{Kind: "pre", Code: "a **b**"}, {Kind: "p", Items: []Words{text("c")}}}},
		"words": {in: "**a** *b* _c_ `d*e*`", want: []Block{{Kind: "p", Items: []Words{{
			{Kind: "b", Text: "a"}, {Text: " "}, {Kind: "i", Text: "b"}, {Text: " "}, {Kind: "i", Text: "c"}, {Text: " "}, {Kind: "code", Text: "d*e*"},
		}}}}},
		"snake_case_name": {in: "a_b_c 2 * 3 * 4", want: []Block{{Kind: "p", Items: []Words{text("a_b_c 2 * 3 * 4")}}}},
		"links": {in: "[a](https://x.example.com/a?b=1) https://y.example.com.", want: []Block{{Kind: "p", Items: []Words{{
			{Kind: "a", Text: "a", URL: "https://x.example.com/a?b=1"}, {Text: " "}, {Kind: "a", Text: "https://y.example.com", URL: "https://y.example.com"}, {Text: "."},
		}}}}},
		"no links": {in: "[a](http://x) [b](javascript:x) [https://x.example](https://y.example)", want: []Block{{Kind: "p", Items: []Words{{
			{Text: "[a](http://x)"}, {Text: " "}, {Text: "[b](javascript:x)"}, {Text: " "}, {Text: "[https://x.example](https://y.example)"},
		}}}}},
		"markup":   {in: "<script>\u202e</script>", want: []Block{{Kind: "p", Items: []Words{text("<script>[U+202E]</script>")}}}},
		"unclosed": {in: "**a\n```\nb", want: []Block{{Kind: "p", Items: []Words{text("**a")}}, {Kind: "pre", Code: "b"}}},
	} {
		if d := cmp.Diff(c.want, parseMarkdown(c.in)); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
	}
}

// FuzzMarkdown: no text is lost but the signs of the subset, and links lead by https.
func FuzzMarkdown(f *testing.F) {
	f.Add("# a\n- **b** [c](https://d)\n```\ne\n```")
	f.Fuzz(func(t *testing.T, s string) {
		for _, b := range parseMarkdown(s) {
			if strings.ContainsFunc(b.Code, deceptive) {
				t.Errorf("%q shows what deceives", b.Code)
			}
			for _, item := range b.Items {
				for _, w := range item {
					if w.URL != "" && !strings.HasPrefix(w.URL, "https://") || strings.ContainsFunc(w.Text, deceptive) {
						t.Errorf("%+v of %q", w, s)
					}
				}
			}
			_ = b.Plain()
		}
	})
}
