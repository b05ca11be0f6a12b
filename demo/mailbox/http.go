package mailbox

import (
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
)

var list = template.Must(template.New("list").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Mails of the demo</title><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<style>
 body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
 table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8885; vertical-align: top }
</style>
<h1>Mails</h1>
{{if .}}<table><tr><th>Received<th>To<th>Subject<th>
{{range .}}<tr><td>{{.Received.Format "15:04:05"}} UTC<td>{{range .To}}{{.}} {{end}}<td><a href="/mails/{{.ID}}">{{.Subject}}</a><td><a href="/mails/{{.ID}}?text">as text</a>
{{end}}</table>{{else}}<p>None yet.</p>{{end}}
`))

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		mails := s.all()
		slices.Reverse(mails)
		_ = list.Execute(w, mails) // the browser has gone
	})
	mux.HandleFunc("GET /mails/{id}", s.show)
	mux.HandleFunc("GET /api/mails", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.all()) // likewise
	})
	return mux
}

// show shows a mail as a mail reader does: without scripts, loading nothing.
func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	mails := s.all()
	i := slices.IndexFunc(mails, func(m Mail) bool { return m.ID == id })
	if err != nil || i < 0 {
		http.Error(w, "no such mail; only the last hundred are kept", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	kind, body := "text/html", mails[i].HTML
	if r.URL.Query().Has("text") || body == "" {
		kind, body = "text/plain", mails[i].Text
	}
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	_, _ = w.Write([]byte(body)) // likewise
}

func (s *Server) all() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail{}, s.mails...)
}
