package web

import (
	"context"
	"net/http"
	"net/url"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// again replaces an Approval that can't start anything any more with a new one, and redirects to
// that.
func (s *server) again(w http.ResponseWriter, r *http.Request, key approvals.Key, id approvals.Identity, d templates.Data, show func(approvals.Approval) templates.Data) {
	ctx, cancel := context.WithTimeout(r.Context(), rightsWithin)
	defer cancel()
	next, err := s.Desk.AskAgain(ctx, key, id)
	if err != nil {
		if fresh, ferr := s.Store.Get(r.Context(), key); ferr == nil {
			d = show(fresh)
		}
		s.logInternal(err)
		d.Trouble = approvals.Message(err)
		s.page(w, statusOf(approvals.CodeOf(err)), d, r)
		return
	}
	http.Redirect(w, r, s.base+"/approvals/"+url.PathEscape(next.Namespace)+"/"+url.PathEscape(next.Name), http.StatusSeeOther)
}

// apiAgain is POST …/again: 201 with the approval that asks again.
func (s *server) apiAgain(w http.ResponseWriter, r *http.Request) {
	id, err := s.authenticate(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), rightsWithin)
	defer cancel()
	next, err := s.Desk.AskAgain(ctx, keyOf(r), id)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, s.viewTo(next, id))
}
