package templates

import (
	htmltemplate "html/template"
	"net/url"
)

// funcs are the functions of the templates in p's language, besides the methods of View. Overrides
// may use them, too. Those that make markup are set for pages and HTML mails only: see markupFuncs.
func (p *printer) funcs() map[string]any {
	return map[string]any{
		"t":         p.t,
		"n":         p.n,
		"b":         func(a any) any { return a },
		"code":      func(a any) any { return a },
		"host":      host,
		"indent":    indent,
		"brief":     func(most int, s string) string { return brief(s, most) },
		"language":  func() string { return p.Tag },
		"languages": Languages,
		"list":      p.list,
		"more":      func(n int, unit string) string { return p.plural(n, "more "+unit) },
		"pieces":    p.pieces,
		"plural":    p.plural,
		"size":      p.size,
		"add":       func(a, b int) int { return a + b },
		"sub":       func(a, b int) int { return a - b },
		"was":       p.was,
		"words":     p.scriptWords,
		"version":   func() string { return "" }, // see Set.Version
		"upto":      func(n int) []struct{} { return make([]struct{}, max(0, min(n, 64))) },
	}
}

// markupFuncs are those of HTML templates. A sentence is one message with all that stands in it:
// b and code make a part of it bold or a code, and part is what the template of a name makes.
func (p *printer) markupFuncs(part func(name string, data any) (htmltemplate.HTML, error)) map[string]any {
	return map[string]any{
		"t":    p.html,
		"n":    p.htmlN,
		"b":    func(a any) htmltemplate.HTML { return "<b>" + escape(a) + "</b>" },
		"code": func(a any) htmltemplate.HTML { return "<code>" + escape(a) + "</code>" },
		"part": part,
	}
}

// host returns the host of a link for its text, with the port, and "" when address is no URL.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return line(u.Host)
}

// size is a number of bytes as people write it: "812 bytes", "38 KB".
func (p *printer) size(n int) string {
	if n < 1<<10 {
		return p.n(n, "%d byte", "%d bytes")
	}
	return p.t("%d KB", (n+1<<9)>>10)
}

// list joins names as a sentence does.
func (p *printer) list(names []string) string {
	const most = 8
	if len(names) > most {
		names = append(names[:most:most], p.n(len(names)-most, "%d other", "%d others"))
	}
	if len(names) == 0 {
		return ""
	}
	s, last := names[0], len(names)-1
	for i, name := range names[1:] {
		if i+1 == last {
			return p.t("%s and %s", s, name)
		}
		s = p.t("%s, %s", s, name)
	}
	return s
}
