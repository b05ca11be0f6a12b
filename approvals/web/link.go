package web

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/link"
	"github.com/countersign-dev/countersign/templates"
)

// showLink shows the Approval that a mailed link is for. It changes nothing: mail
// scanners follow links too.
func (s *server) showLink(w http.ResponseWriter, r *http.Request) {
	if id, a, ok := s.byLink(w, r); ok {
		s.page(w, http.StatusOK, s.byMail(a, id), r)
	}
}

// voteByLink takes the vote of the link's owner, posted by the page's form.
func (s *server) voteByLink(w http.ResponseWriter, r *http.Request) {
	id, a, ok := s.byLink(w, r)
	if !ok {
		return
	}
	d := s.byMail(a, id)
	if !s.form(w, r, d) {
		return
	}
	act := s.vote
	if r.PostForm.Get("operate") == revokeLink { // their own: what a link may do besides
		act = s.operate
	}
	act(w, r, a.Key, id, d, func(a approvals.Approval) templates.Data { return s.byMail(a, id) })
}

// byLink reads the link and its Approval. It returns false after it has answered the request
// itself. The identity is good for that Approval only: the proof is access to the mailbox that the
// link was mailed to.
func (s *server) byLink(w http.ResponseWriter, r *http.Request) (approvals.Identity, approvals.Approval, bool) {
	var id approvals.Identity
	claims, err := link.Parse(s.Ring(), mux.Vars(r)["token"], s.Now())
	if err != nil {
		title := "This link doesn't work"
		if approvals.CodeOf(err) == approvals.CodeGone {
			title = "This link has expired"
		}
		s.problem(w, statusOf(approvals.CodeOf(err)), title, approvals.Message(err))
		return id, approvals.Approval{}, false
	}
	s.proves(r)
	id = approvals.Identity{Name: claims.Voter, AuthMethod: approvals.AuthLink, Address: claims.Address, CredentialID: credentialOf(claims)}
	a, err := s.Store.Get(r.Context(), claims.Key())
	if err == nil {
		a.Key = claims.Key()
		id, err = s.Desk.Prove(r.Context(), a, id, false)
	}
	if err != nil {
		s.logInternal(err)
		s.problem(w, statusOf(approvals.CodeOf(err)), "We can't show this", approvals.Message(err))
		return id, a, false
	}
	return id, a, true
}

// maxCredentialID bounds a vote's credential id, in bytes. The CRD schema has it too.
const maxCredentialID = 253

// credentialOf names the link: until when, and of which address.
func credentialOf(c link.Claims) string {
	until := "link until " + c.Expires.Format("2006-01-02T15:04:05Z")
	if c.Address == "" {
		return until
	}
	return until + " to " + approvals.Cut(c.Address, maxCredentialID-len(until)-len(" to "))
}

// byMail returns the data of the page behind a mailed link. If the Gate needs a login, the
// page leads there.
func (d Deps) byMail(a approvals.Approval, id approvals.Identity) templates.Data {
	data := d.showTo(a, id)
	if !approvals.LinkDecides(a, id) {
		if d.Login != nil && a.Resolved != nil && !a.Decided() {
			data.LogIn = d.pageURL(a)
		}
		return data
	}
	data.Links = linksOf(a, id, false)
	return data
}
