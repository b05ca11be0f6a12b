package templates

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

//go:embed html text static locales
var embedded embed.FS

// Static has the files that pages load from Base+"/static/": the style sheet, the icon, and the
// script of live ones. Pages need nothing else, so a Content-Security-Policy may forbid all but
// style-src, img-src and form-action 'self', and for live pages script-src and connect-src 'self'.
var Static = sub(embedded, "static")

// Set is the parsed templates. It is safe for concurrent use.
type Set struct {
	each map[string]*edition // by language
}

// edition is the templates in one language.
type edition struct {
	html *htmltemplate.Template
	text *texttemplate.Template
}

// Problem is a page for something that is not an approval: not found, expired
// link, not allowed.
type Problem struct {
	Status  int // the HTTP status; an error has a sign
	Title   string
	Message string
	Base    string
	// Language is the reader's, of Languages; "" for English.
	Language string
	// Quote is the text that the person typed, shown so that they do not lose it; "" for none.
	Quote string
	// Link leads on, to a path of ours; Post does so by a button.
	Link, LinkText string
	Post, PostText string
}

// New parses the embedded templates and then the *.html and *.txt files at the
// root of overrides, which may be nil. A file replaces the embedded one of its
// name; a {{define}} in it redefines the part of that name. Overrides are tried
// on every Preview here, so that a mistake in one stops the start of the service
// and not the day's most important approval.
func New(overrides fs.FS) (*Set, error) {
	english := newEdition(printerOf(English))
	if err := english.parse(sub(embedded, "html")); err != nil {
		return nil, err
	}
	if err := english.parse(sub(embedded, "text")); err != nil {
		return nil, err
	}
	if overrides != nil {
		if err := english.parse(overrides); err != nil {
			return nil, fmt.Errorf("template overrides: %w", err)
		}
	}
	s := &Set{each: map[string]*edition{}}
	for _, p := range catalogue() {
		e, err := english.in(p)
		if err != nil {
			return nil, err
		}
		s.each[p.Tag] = e
	}
	if overrides == nil {
		return s, nil
	}
	if err := s.try(); err != nil {
		return nil, fmt.Errorf("template overrides: %w", err)
	}
	return s, nil
}

// Version sets the version of the service that pages show, "" for none. It is called before the first
// page is written.
func (s *Set) Version(v string) {
	for _, e := range s.each {
		e.html.Funcs(htmltemplate.FuncMap{"version": func() string { return v }})
	}
}

// Approval writes the approval page, whatever state the approval is in. On an
// error nothing was written.
func (s *Set) Approval(w io.Writer, d Data) error {
	return s.page(w, d.Language, "approval.html", newView(d, maxPage))
}

// Problem writes a page for something that is not an approval. On an error
// nothing was written.
func (s *Set) Problem(w io.Writer, p Problem) error {
	r := newReader(time.Time{}, p.Language)
	p.Title, p.Message, p.Quote = line(r.told(p.Title)), r.sentence(p.Message), drop(first(p.Quote, 4*approvals.MaxComment))
	p.LinkText, p.PostText = r.told(p.LinkText), r.told(p.PostText)
	return s.page(w, p.Language, "problem.html", p)
}

// List writes a page with many approvals. On an error nothing was written.
func (s *Set) List(w io.Writer, l List) error {
	return s.page(w, l.Language, "list.html", newListView(l))
}

// Bulk writes the page that decides several approvals. On an error nothing was written.
func (s *Set) Bulk(w io.Writer, b Bulk) error {
	return s.page(w, b.Language, "bulk.html", newBulkView(b))
}

// History writes the page that searches the audit log. On an error nothing was written.
func (s *Set) History(w io.Writer, h History) error {
	return s.page(w, h.Language, "history.html", newHistoryView(h))
}

// Operations writes the page of what went wrong. On an error nothing was written.
func (s *Set) Operations(w io.Writer, o Operations) error {
	return s.page(w, o.Language, "operations.html", newOperationsView(o))
}

// page renders to memory first: half a page would look like a decision screen
// without its warnings.
func (s *Set) page(w io.Writer, language, name string, data any) error {
	var b bytes.Buffer
	if err := s.in(language).html.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	_, err := b.WriteTo(w)
	return err
}

// in returns the edition in a language, the English one for a language that there is not.
func (s *Set) in(language string) *edition { return s.each[printerOf(language).Tag] }

func newEdition(p *printer) *edition {
	e := &edition{html: htmltemplate.New("").Funcs(p.funcs()), text: texttemplate.New("").Funcs(p.funcs())}
	e.html.Funcs(p.markupFuncs(e.part))
	return e
}

// in returns e in another language. Templates are parsed once: those of a language differ in their
// functions only.
func (e *edition) in(p *printer) (*edition, error) {
	html, err := e.html.Clone()
	if err != nil {
		return nil, err
	}
	text, err := e.text.Clone()
	if err != nil {
		return nil, err
	}
	out := &edition{html: html.Funcs(p.funcs()), text: text.Funcs(p.funcs())}
	out.html.Funcs(p.markupFuncs(out.part))
	return out, nil
}

// part returns what the template of a name makes, to stand in a sentence.
func (e *edition) part(name string, data any) (htmltemplate.HTML, error) {
	var b strings.Builder
	if err := e.html.ExecuteTemplate(&b, name, data); err != nil {
		return "", err
	}
	return htmltemplate.HTML(b.String()), nil //nolint:gosec // html/template has escaped it
}

func (e *edition) parse(files fs.FS) error {
	html, err := fs.Glob(files, "*.html")
	if err != nil {
		return err
	}
	text, err := fs.Glob(files, "*.txt")
	if err != nil {
		return err
	}
	if len(html) > 0 {
		if _, err := e.html.ParseFS(files, html...); err != nil {
			return err
		}
	}
	if len(text) > 0 {
		if _, err := e.text.ParseFS(files, text...); err != nil {
			return err
		}
	}
	return nil
}

// try renders everything once.
func (s *Set) try() error {
	for _, p := range Previews() {
		if err := s.Approval(io.Discard, p.Data); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
		if _, err := s.Mail(p.Data); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
		if _, err := s.Outcome(p.Data); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
		if _, err := s.RunEnded(p.Data); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
		if _, err := s.Comment(p.Data); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
	}
	for _, p := range ListPreviews() {
		if err := s.List(io.Discard, p.List); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
	}
	for _, p := range BulkPreviews() {
		if err := s.Bulk(io.Discard, p.Bulk); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
	}
	for _, p := range HistoryPreviews() {
		if err := s.History(io.Discard, p.History); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
	}
	for _, p := range OperationsPreviews() {
		if err := s.Operations(io.Discard, p.Operations); err != nil {
			return fmt.Errorf("preview %q: %w", p.Name, err)
		}
	}
	return s.Problem(io.Discard, Problem{Status: 404, Title: "Not found", Message: "No such approval."})
}

func sub(files fs.FS, dir string) fs.FS {
	s, err := fs.Sub(files, dir)
	if err != nil {
		panic("templates: " + err.Error())
	}
	return s
}
