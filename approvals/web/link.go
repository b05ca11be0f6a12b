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
	claims, a, ok := s.byLink(w, r)
	if ok {
		s.page(w, http.StatusOK, s.byMail(a, claims.Voter), r)
	}
}

// voteByLink takes the vote of the link's owner, posted by the page's form.
func (s *server) voteByLink(w http.ResponseWriter, r *http.Request) {
	claims, a, ok := s.byLink(w, r)
	if !ok {
		return
	}
	id := approvals.Identity{Name: claims.Voter, Way: approvals.WayLink, Evidence: "link until " + claims.Expires.Format("2006-01-02T15:04:05Z")}
	d := s.byMail(a, claims.Voter)
	if s.form(w, r, d) {
		s.vote(w, r, claims.Key(), id, d, func(a approvals.Approval) templates.Data { return s.byMail(a, claims.Voter) })
	}
}

// byLink reads the link and its Approval, or answers the request and says false.
func (s *server) byLink(w http.ResponseWriter, r *http.Request) (link.Claims, approvals.Approval, bool) {
	claims, err := link.Parse(s.Ring(), mux.Vars(r)["token"], s.Now())
	if err != nil {
		title := "This link does not work"
		if approvals.CodeOf(err) == approvals.CodeGone {
			title = "This link has expired"
		}
		s.problem(w, statusOf(approvals.CodeOf(err)), title, approvals.Message(err))
		return claims, approvals.Approval{}, false
	}
	a, err := s.Store.Get(r.Context(), claims.Key())
	if err != nil {
		s.logInternal(err)
		s.problem(w, statusOf(approvals.CodeOf(err)), "Can't be shown", approvals.Message(err))
		return claims, a, false
	}
	return claims, a, true
}

// byMail is what the page behind a mailed link shows: where the Gate wants a login,
// the way to it, if there is one.
func (d Deps) byMail(a approvals.Approval, voter string) templates.Data {
	data := d.showTo(a, approvals.Identity{Name: voter, Way: approvals.WayLink})
	if d.Login != nil && a.Terms != nil && a.Terms.Policy.LinkNeedsLogin && !a.Decided() {
		data.LogIn = d.pageURL(a)
	}
	return data
}
