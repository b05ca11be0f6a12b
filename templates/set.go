package templates

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	texttemplate "text/template"

	"github.com/countersign-dev/countersign/approvals"
)

//go:embed html text static
var embedded embed.FS

// Static has the files that pages load from Base+"/static/": the style sheet, the icon, and the
// script of live ones. Pages need nothing else, so a Content-Security-Policy may forbid all but
// style-src, img-src and form-action 'self', and for live pages script-src and connect-src 'self'.
var Static = sub(embedded, "static")

// Set is the parsed templates. It is safe for concurrent use.
type Set struct {
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
	s := &Set{html: htmltemplate.New("").Funcs(funcs), text: texttemplate.New("").Funcs(funcs)}
	if err := s.parse(sub(embedded, "html")); err != nil {
		return nil, err
	}
	if err := s.parse(sub(embedded, "text")); err != nil {
		return nil, err
	}
	if overrides == nil {
		return s, nil
	}
	if err := s.parse(overrides); err != nil {
		return nil, fmt.Errorf("template overrides: %w", err)
	}
	if err := s.try(); err != nil {
		return nil, fmt.Errorf("template overrides: %w", err)
	}
	return s, nil
}

// Version sets the version of the service that pages show, "" for none. It is called before the first
// page is written.
func (s *Set) Version(v string) {
	s.html.Funcs(htmltemplate.FuncMap{"version": func() string { return v }})
}

// Approval writes the approval page, whatever state the approval is in. On an
// error nothing was written.
func (s *Set) Approval(w io.Writer, d Data) error {
	return s.page(w, "approval.html", newView(d, maxPage))
}

// Problem writes a page for something that is not an approval. On an error
// nothing was written.
func (s *Set) Problem(w io.Writer, p Problem) error {
	p.Title, p.Message, p.Quote = line(p.Title), sentence(p.Message), drop(first(p.Quote, 4*approvals.MaxComment))
	return s.page(w, "problem.html", p)
}

// List writes a page with many approvals. On an error nothing was written.
func (s *Set) List(w io.Writer, l List) error {
	return s.page(w, "list.html", newListView(l))
}

// Bulk writes the page that decides several approvals. On an error nothing was written.
func (s *Set) Bulk(w io.Writer, b Bulk) error {
	return s.page(w, "bulk.html", newBulkView(b))
}

// History writes the page that searches the audit log. On an error nothing was written.
func (s *Set) History(w io.Writer, h History) error {
	return s.page(w, "history.html", newHistoryView(h))
}

// Operations writes the page of what went wrong. On an error nothing was written.
func (s *Set) Operations(w io.Writer, o Operations) error {
	return s.page(w, "operations.html", newOperationsView(o))
}

// page renders to memory first: half a page would look like a decision screen
// without its warnings.
func (s *Set) page(w io.Writer, name string, data any) error {
	var b bytes.Buffer
	if err := s.html.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	_, err := b.WriteTo(w)
	return err
}

func (s *Set) parse(files fs.FS) error {
	html, err := fs.Glob(files, "*.html")
	if err != nil {
		return err
	}
	text, err := fs.Glob(files, "*.txt")
	if err != nil {
		return err
	}
	if len(html) > 0 {
		if _, err := s.html.ParseFS(files, html...); err != nil {
			return err
		}
	}
	if len(text) > 0 {
		if _, err := s.text.ParseFS(files, text...); err != nil {
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
