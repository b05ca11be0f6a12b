package web

import (
	"bytes"
	"io"
	"net/http"
	"net/url"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// Show returns the data of a's page for voter, of whom only the name is known.
func (d Deps) Show(a approvals.Approval, voter string) templates.Data {
	return d.showTo(a, approvals.Identity{Name: voter})
}

func (d Deps) showTo(a approvals.Approval, id approvals.Identity) templates.Data {
	now := d.Now()
	data := templates.Data{
		Approval: a, Recipient: id.Name, Address: id.Address, ByLink: id.AuthMethod == approvals.AuthLink, MyVote: a.VoteOf(id), Now: now, Base: trimSlash(d.External.Path), Dashboard: d.Dashboard,
	}
	if a.Resolved != nil {
		for _, name := range a.Resolved.Policy.Show {
			for _, r := range a.Source.Results {
				if r.Name == name {
					data.Shown = append(data.Shown, r)
				}
			}
		}
	}
	data.Evidence = evidenceItems(a)
	data.Display = func(name, own string) string { return d.People.DisplayNameOf(a, name, own) }
	if you := approvals.Explain(a, id, now).You; you != nil && !a.Decided() {
		data.MayComment, data.MayAskForChanges = you.MayComment, you.MayAskForChanges
		data.Decidable, data.WhyNot, data.NoApproval = you.May, you.Why, you.NoApproval
		data.Agreed, data.AgreedBy = approvals.Agreed(a, id)
	}
	return data
}

func (s *server) page(w http.ResponseWriter, status int, d templates.Data, r *http.Request) {
	d.Action, d.Language = r.URL.EscapedPath(), languageOf(w)
	var leave func()
	d.Evidence, leave = s.evidenceOf(r.Context(), d.Approval, d.Action)
	defer leave()
	w.Header().Set("Content-Security-Policy", updating)
	if d.Session {
		d.Action += "?uid=" + url.QueryEscape(d.Approval.UID)
		d.Live = s.Changes != nil
	}
	s.render(w, status, func(out io.Writer) error { return s.Templates.Approval(out, d) })
}

// render renders to memory first: a template that fails half way must not leave
// half a page with a 200.
func (s *server) render(w http.ResponseWriter, status int, page func(io.Writer) error) {
	var buf bytes.Buffer
	if err := page(&buf); err != nil {
		s.Log.Error("render page", "error", err.Error())
		s.problem(w, http.StatusInternalServerError, "We can't show this", "Something went wrong. The service log has the details.")
		return
	}
	if h := w.Header(); h.Get("Content-Security-Policy") == policy {
		h.Set("Content-Security-Policy", scripted)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes())
}

func (s *server) fails(w http.ResponseWriter, err error) {
	s.logInternal(err)
	s.problem(w, statusOf(approvals.CodeOf(err)), "We can't show this", approvals.Message(err))
}

func (s *server) problem(w http.ResponseWriter, status int, title, message string) {
	s.say(w, status, templates.Problem{Status: status, Title: title, Message: message})
}

func (s *server) say(w http.ResponseWriter, status int, p templates.Problem) {
	p.Base, p.Language = s.base, languageOf(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := s.Templates.Problem(w, p); err != nil {
		s.Log.Error("render page", "error", err.Error())
	}
}

func (s *server) logInternal(err error) {
	if c := approvals.CodeOf(err); c == approvals.CodeInternal || c == approvals.CodeUnavailable {
		s.Log.Error("request not answered", "code", string(c), "error", err.Error())
	}
}
