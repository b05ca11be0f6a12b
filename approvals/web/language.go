package web

import (
	"net/http"
	"strings"

	"github.com/countersign-dev/countersign/templates"
)

// The cookie, and the field of a page's address, by which a reader chooses a language.
const (
	languageCookie = "countersign-language"
	languageField  = "language"
)

// language chooses the language of each page, and takes the choice at its foot: a link of the page's
// own address. It is kept in a cookie, and the page is shown again without it.
func (s *server) language(next http.Handler) http.Handler {
	next = s.inLanguage(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if !q.Has(languageField) || s.isForPrograms(r) || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		if tag := templates.Match("", q.Get(languageField)); strings.EqualFold(tag, q.Get(languageField)) {
			http.SetCookie(w, &http.Cookie{ //nolint:gosec // it says which language somebody reads, and a trial has no TLS
				Name: languageCookie, Value: tag, Path: s.base + "/", MaxAge: 365 * 24 * 60 * 60,
				Secure: s.External.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode,
			})
		}
		q.Del(languageField)
		to := *r.URL
		to.Scheme, to.Host, to.User, to.RawQuery = "", "", nil, q.Encode()
		// A path that begins with two slashes would be another host.
		w.Header().Set("Location", "/"+strings.TrimLeft(to.RequestURI(), "/"))
		w.WriteHeader(http.StatusSeeOther)
	})
}

// inLanguage has the language of the page in the answer's Content-Language, where what writes the
// page finds it: the reader's choice, else the browser's.
func (s *server) inLanguage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.isForPrograms(r) {
			chosen := ""
			if c, err := r.Cookie(languageCookie); err == nil {
				chosen = c.Value
			}
			w.Header().Set("Content-Language", templates.Match(r.Header.Get("Accept-Language"), chosen))
			w.Header().Add("Vary", "Accept-Language, Cookie")
		}
		next.ServeHTTP(w, r)
	})
}

// isForPrograms reports whether what programs read is asked for, which is English.
func (s *server) isForPrograms(r *http.Request) bool {
	path, _ := strings.CutPrefix(r.URL.Path, s.base)
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/slack/") || path == "/events"
}

// languageOf is the language of the page that w answers with.
func languageOf(w http.ResponseWriter) string { return w.Header().Get("Content-Language") }
