package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// form reads a form of the page d. It returns false after it has answered the request itself.
func (s *server) form(w http.ResponseWriter, r *http.Request, d templates.Data) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if err != nil {
		status, text := http.StatusBadRequest, "The form could not be read. Try again."
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			status, text = http.StatusRequestEntityTooLarge, "The form is too large. Shorten the comment."
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
	if verdict == approvals.Remark || verdict == approvals.AskForChanges {
		s.discuss(w, r, key, id, d, show)
		return
	}
	inputs := inputsOf(d.Approval, r.PostForm)
	if verdict == "" {
		// A login redirect or a broken client can turn a POST into an empty one.
		d.Trouble, d.Comment, d.Filled = "Press Approve or Reject.", comment, inputs
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
	d.Result, d.Notice = did, noticeOf(did, verdict, approvals.Missing(after))
	s.page(w, http.StatusOK, d, r)
}

// discuss takes id's comment without a vote, from the page's form.
func (s *server) discuss(w http.ResponseWriter, r *http.Request, key approvals.Key, id approvals.Identity, d templates.Data, show func(approvals.Approval) templates.Data) {
	b := approvals.Ballot{Voter: id, Verdict: approvals.Verdict(r.PostForm.Get("vote")), Comment: r.PostForm.Get("say")}
	// Sent twice, the same words below the same comments are one comment.
	b.ID = approvals.Digest("comment", string(b.Verdict), r.PostForm.Get("seen"), b.Comment)[:32]
	after, did, err := s.Desk.Vote(r.Context(), key, b)
	if err != nil {
		if fresh, ferr := s.Store.Get(r.Context(), key); ferr == nil {
			d = show(fresh)
		}
		s.logInternal(err)
		d.Trouble, d.Said, d.Saying = approvals.Message(err), b.Comment, true
		s.page(w, statusOf(approvals.CodeOf(err)), d, r)
		return
	}
	d = show(after)
	d.Result, d.Notice = did, "Your comment was saved."
	switch {
	case did == approvals.NoChange:
		d.Notice = "Your comment was already saved."
	case b.Verdict == approvals.AskForChanges:
		d.Notice = "Your comment was saved, and shows that you want changes. This stays open."
	}
	s.page(w, http.StatusOK, d, r)
}

// inputsOf are the form's values of the Gate's inputs: fields input-NAME.
func inputsOf(a approvals.Approval, form url.Values) []approvals.Param {
	if a.Resolved == nil {
		return nil
	}
	var out []approvals.Param
	for _, in := range a.Resolved.Policy.Inputs {
		if v, ok := form["input-"+in.Name]; ok && len(v) > 0 {
			out = append(out, approvals.Param{Name: in.Name, Value: v[len(v)-1]})
		}
	}
	return out
}

func noticeOf(did approvals.Change, v approvals.Verdict, missing int) string {
	switch {
	case did == approvals.Withdrew:
		return "Your vote was withdrawn."
	case did == approvals.NoChange && v == approvals.Reject:
		return "Your rejection was already counted."
	case did == approvals.NoChange:
		return "Your approval was already counted."
	case v == approvals.Reject:
		return "Thanks. Your rejection is in."
	case missing == 1:
		return "Thanks. Your approval is in; one more is needed."
	case missing > 1:
		return fmt.Sprintf("Thanks. Your approval is in; %d more are needed.", missing)
	default:
		return "Thanks. Your approval is in."
	}
}
