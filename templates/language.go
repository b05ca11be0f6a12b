package templates

import (
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// English is the language of the sentences in templates and Go code, which are the keys of the
// other languages' files.
const English = "en"

// Language is one that pages and messages are written in.
type Language struct{ Tag, Name string } // the name is its own: "Deutsch"

// catalogue has the printers, in the order in which a choice shows them. It is read once.
var catalogue = sync.OnceValue(func() []*printer {
	files, err := fs.Glob(embedded, "locales/*.po")
	if err != nil {
		panic("templates: " + err.Error())
	}
	all := []*printer{{Language: Language{English, "English"}, english: true}}
	for _, f := range files {
		text, err := fs.ReadFile(embedded, f)
		if err != nil {
			panic("templates: " + err.Error())
		}
		p, err := newPrinter(strings.TrimSuffix(path.Base(f), ".po"), string(text))
		if err != nil {
			panic("templates: " + f + ": " + err.Error())
		}
		all = append(all, p)
	}
	return all
})

var matcher = sync.OnceValue(func() language.Matcher {
	var tags []language.Tag
	for _, p := range catalogue() {
		tags = append(tags, language.MustParse(p.Tag))
	}
	return language.NewMatcher(tags)
})

// Languages are all languages, English first.
func Languages() []Language {
	var out []Language
	for _, p := range catalogue() {
		out = append(out, p.Language)
	}
	return out
}

// Match returns the language that fits best: the first of chosen that is one of Languages, else by
// the Accept-Language header of a request, else English.
func Match(accept string, chosen ...string) string {
	for _, tag := range chosen {
		for _, p := range catalogue() {
			if strings.EqualFold(p.Tag, tag) {
				return p.Tag
			}
		}
	}
	const most = 1000 // bytes of a header
	wanted, _, err := language.ParseAcceptLanguage(first(accept, most))
	if err != nil || len(wanted) == 0 {
		return English
	}
	if _, i, sure := matcher().Match(wanted...); sure != language.No {
		return catalogue()[i].Tag
	}
	return English
}

// printer says things in one language. It is safe for concurrent use.
type printer struct {
	Language
	english  bool
	lang     language.Tag
	messages map[string][]string // by the English singular
	escaped  map[string][]string // the same for HTML
	order    []plural.Form       // of the forms of a message
	patterns []pattern           // of what other packages say
}

// printerOf returns the printer for a language's tag, and that for English for any other.
func printerOf(tag string) *printer {
	all := catalogue()
	for _, p := range all {
		if p.Tag == tag {
			return p
		}
	}
	return all[0]
}

func newPrinter(tag, po string) (*printer, error) {
	lang, err := language.Parse(tag)
	if err != nil {
		return nil, err
	}
	entries, err := parsePO(po)
	if err != nil {
		return nil, err
	}
	p := &printer{lang: lang, messages: map[string][]string{}, escaped: map[string][]string{}, order: formsOf(lang)}
	for _, e := range entries {
		want := 1
		if e.many != "" {
			want = len(p.order)
		}
		if len(e.forms) != want {
			return nil, fmt.Errorf("line %d: %q has %d forms, and %d are needed", e.line, e.id, len(e.forms), want)
		}
		if p.messages[e.id] != nil {
			return nil, fmt.Errorf("line %d: %q is there twice", e.line, e.id)
		}
		p.messages[e.id] = e.forms
		for _, f := range e.forms {
			p.escaped[e.id] = append(p.escaped[e.id], markup.Replace(f))
		}
	}
	p.patterns = patternsOf(p.messages)
	p.Language = Language{tag, p.t("English")}
	return p, nil
}

// formsOf returns the plural forms that whole numbers have in a language, in CLDR's order, which is
// gettext's.
func formsOf(lang language.Tag) []plural.Form {
	var out []plural.Form
	for n := range 200 {
		if f := pluralOf(lang, n); !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	order := []plural.Form{plural.Zero, plural.One, plural.Two, plural.Few, plural.Many, plural.Other}
	slices.SortFunc(out, func(x, y plural.Form) int { return slices.Index(order, x) - slices.Index(order, y) })
	return out
}

// categories have the names that browsers have for plural forms.
var categories = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}

func pluralOf(lang language.Tag, n int) plural.Form {
	return plural.Cardinal.MatchPlural(lang, n, 0, 0, 0, 0)
}

// t returns the sentence in p's language, with args as fmt.Sprintf puts them in.
func (p *printer) t(key string, args ...any) string {
	return sprintf(p.of(p.messages, key, "", 1), args)
}

// n is t for a sentence that counts. n is the first of its args; one and many are the sentence in
// English for one and for any other number.
func (p *printer) n(n int, one, many string, args ...any) string {
	return sprintf(p.of(p.messages, one, many, n), append([]any{n}, args...))
}

// html is t for markup: args are escaped, but for those that are markup already.
func (p *printer) html(key string, args ...any) htmltemplate.HTML {
	return htmltemplate.HTML(sprintf(p.of(p.escaped, key, "", 1), escaped(args))) //nolint:gosec // text of ours, args are escaped
}

// htmlN is n for markup.
func (p *printer) htmlN(n int, one, many string, args ...any) htmltemplate.HTML {
	return htmltemplate.HTML(sprintf(p.of(p.escaped, one, many, n), escaped(append([]any{n}, args...)))) //nolint:gosec // text of ours, args are escaped
}

// of returns the form of a message for the number n. What has no translation is English: an
// operator's own templates may say anything.
func (p *printer) of(messages map[string][]string, one, many string, n int) string {
	forms := messages[one]
	switch {
	case forms == nil && many != "" && n != 1:
		return many
	case forms == nil:
		return one
	case len(forms) == 1:
		return forms[0]
	}
	return forms[max(0, slices.Index(p.order, pluralOf(p.lang, n)))]
}

func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// escaped returns args for a sentence that is markup.
func escaped(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case htmltemplate.HTML:
			out[i] = string(a)
		case int:
			out[i] = a
		default:
			out[i] = string(escape(a))
		}
	}
	return out
}

// escape returns a value as markup, with the same characters replaced as html/template does.
func escape(a any) htmltemplate.HTML {
	if h, ok := a.(htmltemplate.HTML); ok {
		return h
	}
	return htmltemplate.HTML(quotes.Replace(fmt.Sprint(a))) //nolint:gosec // it is escaped
}

var (
	quotes = strings.NewReplacer("\x00", "\uFFFD", `"`, "&#34;", "&", "&amp;", "'", "&#39;", "+", "&#43;", "<", "&lt;", ">", "&gt;")
	// markup is for sentences of ours: what could be taken for a tag.
	markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)
