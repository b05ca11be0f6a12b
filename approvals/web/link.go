package web

import (
	"errors"
	"io"
	"net/http"
	"net/url"

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

// form reads a form of the page d, or answers the request and says false.
func (s *server) form(w http.ResponseWriter, r *http.Request, d templates.Data) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if err != nil {
		status, text := http.StatusBadRequest, "The form could not be read; nothing was recorded. Try again."
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			status, text = http.StatusRequestEntityTooLarge, "The form is far too large; nothing was recorded. Shorten the comment."
		}
		d.Trouble = text
		s.page(w, status, d, r)
	}
	return err == nil
}

// vote takes id's vote, from the page's form; d is the page before it, and show the
// page afterwards.
func (s *server) vote(w http.ResponseWriter, r *http.Request, key approvals.Key, id approvals.Identity, d templates.Data, show func(approvals.Approval) templates.Data) {
	// From the body alone: a query must never vote.
	verdict, comment := approvals.Verdict(r.PostForm.Get("vote")), r.PostForm.Get("comment")
	inputs := inputsOf(d.Approval, r.PostForm)
	if verdict == "" {
		// A login redirect or a broken client can turn a POST into an empty one.
		d.Trouble, d.Comment, d.Filled = "Nothing was chosen, so nothing was recorded. Press Approve or Reject.", comment, inputs
		s.page(w, http.StatusBadRequest, d, r)
		return
	}
	after, did, err := s.Desk.Vote(r.Context(), key, approvals.Ballot{Voter: id, Verdict: verdict, Comment: comment, Inputs: inputs})
	if err != nil {
		if fresh, ferr := s.Store.Get(r.Context(), key); ferr == nil {
			d = show(fresh)
		}
		d.Trouble, d.Comment, d.Filled = approvals.Message(err), comment, inputs
		s.page(w, statusOf(approvals.CodeOf(err)), d, r)
		return
	}
	d = show(after)
	d.Notice = noticeOf(did, verdict)
	s.page(w, http.StatusOK, d, r)
}

// inputsOf are the form's values of the Gate's inputs: fields input-NAME.
func inputsOf(a approvals.Approval, form url.Values) []approvals.Param {
	if a.Terms == nil {
		return nil
	}
	var out []approvals.Param
	for _, in := range a.Terms.Policy.Inputs {
		if v, ok := form["input-"+in.Name]; ok && len(v) > 0 {
			out = append(out, approvals.Param{Name: in.Name, Value: v[len(v)-1]})
		}
	}
	return out
}

func noticeOf(did approvals.Change, v approvals.Verdict) string {
	what := map[approvals.Verdict]string{approvals.Approve: "approval", approvals.Reject: "rejection"}[v]
	if did == approvals.Withdrew {
		return "Your vote was taken back."
	}
	if did == approvals.Absent {
		return "Your " + what + " was recorded before; nothing changed."
	}
	return "Your " + what + " was recorded."
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

// Show is what the page shows of a to voter, of whom nothing but the name is known.
func (d Deps) Show(a approvals.Approval, voter string) templates.Data {
	return d.showTo(a, approvals.Identity{Name: voter})
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

func (d Deps) showTo(a approvals.Approval, id approvals.Identity) templates.Data {
	now := d.Now()
	data := templates.Data{
		Approval: a, Recipient: id.Name, MyVote: a.VoteOf(id), Now: now, Base: trimSlash(d.External.Path), Dashboard: d.Dashboard,
	}
	if a.Terms != nil {
		for _, name := range a.Terms.Policy.Show {
			for _, r := range a.Source.Results {
				if r.Name == name {
					data.Shown = append(data.Shown, r)
				}
			}
		}
	}
	if you := approvals.Explain(a, id, now).You; you != nil && !a.Decided() {
		data.Decidable, data.WhyNot = you.May, you.Why
	}
	return data
}

func (s *server) page(w http.ResponseWriter, status int, d templates.Data, r *http.Request) {
	d.Action = r.URL.EscapedPath()
	w.Header().Set("Content-Security-Policy", updating)
	if d.Session {
		d.Action += "?uid=" + url.QueryEscape(d.Approval.UID)
		d.Live = s.Changes != nil
	}
	s.render(w, status, func(out io.Writer) error { return s.Templates.Approval(out, d) })
}

func (s *server) logInternal(err error) {
	if c := approvals.CodeOf(err); c == approvals.CodeInternal || c == approvals.CodeUnavailable {
		s.Log.Error("request not answered", "code", string(c), "error", err.Error())
	}
}
