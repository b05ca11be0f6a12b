package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// maxBulk bounds the Approvals of one bulk decision: as many as somebody can have read.
const maxBulk = 50

// reviewBulk shows what a person has selected, and what would start. It changes nothing.
func (s *server) reviewBulk(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	keys, err := bulkKeys(r.URL.Query()["on"])
	if err != nil {
		s.fails(w, err)
		return
	}
	b := templates.Bulk{}
	for _, key := range keys {
		b.Items = append(b.Items, s.bulkItem(r.Context(), id, key))
	}
	s.bulk(w, http.StatusOK, id, b)
}

// decideBulk votes on each Approval that was reviewed, one after the other, and shows the result of
// each. One that can't be voted on does not stop the others.
func (s *server) decideBulk(w http.ResponseWriter, r *http.Request) {
	id, ok := s.person(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.problem(w, http.StatusBadRequest, "Nothing was decided", "The form could not be read. Go back and try again.")
		return
	}
	keys, err := bulkKeys(r.PostForm["on"])
	if err != nil {
		s.fails(w, err)
		return
	}
	verdict, b := approvals.Verdict(r.PostForm.Get("vote")), templates.Bulk{Comment: r.PostForm.Get("comment")}
	if verdict != approvals.Approve && verdict != approvals.Reject {
		for _, key := range keys {
			b.Items = append(b.Items, s.bulkItem(r.Context(), id, key))
		}
		b.Trouble = "Press Approve or Reject."
		s.bulk(w, http.StatusBadRequest, id, b)
		return
	}
	b.Done = true
	for _, key := range keys {
		b.Items = append(b.Items, s.voteBulk(r.Context(), id, key, approvals.Ballot{Verdict: verdict, Comment: b.Comment}))
	}
	s.bulk(w, http.StatusOK, id, b)
}

// voteBulk casts one of many votes. The key has the UID of what was reviewed: another
// Approval of that name is not voted on.
func (s *server) voteBulk(ctx context.Context, id approvals.Identity, key approvals.Key, ballot approvals.Ballot) templates.BulkItem {
	i := s.bulkItem(ctx, id, key)
	if !i.May {
		return i
	}
	if ballot.Verdict == approvals.Approve && i.NoApproval != "" {
		i.May, i.WhyNot = false, i.NoApproval
		return i
	}
	_, proved, err := s.found(ctx, key, id)
	if err != nil {
		s.logInternal(err)
		i.May, i.WhyNot = false, approvals.Message(err)
		return i
	}
	ballot.Voter = proved
	after, did, err := s.Desk.Vote(ctx, key, ballot)
	if err != nil {
		s.logInternal(err)
		i.May, i.WhyNot = false, approvals.Message(err)
		return i
	}
	i.Approval, i.Result = after, noticeOf(did, ballot.Verdict, approvals.Missing(after))
	return i
}

// bulkItem is one of many, as far as id may see it.
func (s *server) bulkItem(ctx context.Context, id approvals.Identity, key approvals.Key) templates.BulkItem {
	i := templates.BulkItem{Key: bulkKey(key)}
	a, proved, err := s.found(ctx, approvals.Key{Namespace: key.Namespace, Name: key.Name}, id)
	if err == nil && a.UID != key.UID {
		err = approvals.Errorf(approvals.CodeConflict, "it was opened again since you selected it: open it and read it again")
	}
	if err != nil {
		s.logInternal(err)
		i.Approval.Key, i.WhyNot = key, approvals.Message(err)
		return i
	}
	i.Approval = a
	you := approvals.Explain(a, proved, s.Now()).You
	switch {
	case a.Decided():
		i.WhyNot = "it is decided already: " + strings.ToLower(string(a.Outcome))
	case you == nil || !you.May:
		if i.WhyNot = "you can't decide it"; you != nil {
			i.WhyNot = you.Why
		}
	default:
		i.May, i.NoApproval = true, you.NoApproval
		if a.Resolved != nil && i.NoApproval == "" && slices.ContainsFunc(a.Resolved.Policy.Inputs, func(in approvals.Input) bool { return in.Required && in.Default == "" }) {
			i.NoApproval = "it has fields to fill in: open it to approve it"
		}
	}
	return i
}

func (s *server) bulk(w http.ResponseWriter, status int, id approvals.Identity, b templates.Bulk) {
	b.Person, b.Base, b.Now, b.Language = id.Name, s.base, s.Now(), languageOf(w)
	s.render(w, status, func(out io.Writer) error { return s.Templates.Bulk(out, b) })
}

func bulkKey(k approvals.Key) string { return k.Namespace + "/" + k.Name + "/" + k.UID }

// bulkKeys reads the selected Approvals, each once, from 1 to maxBulk. The error is CodeInvalid.
func bulkKeys(values []string) ([]approvals.Key, error) {
	var out []approvals.Key
	for _, v := range values {
		parts := strings.Split(v, "/")
		if len(parts) != 3 || slices.Contains(parts, "") || len(v) > 1024 {
			return nil, approvals.Errorf(approvals.CodeInvalid, "what was selected can't be read: go back and select it again")
		}
		if k := (approvals.Key{Namespace: parts[0], Name: parts[1], UID: parts[2]}); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	switch {
	case len(out) == 0:
		return nil, approvals.Errorf(approvals.CodeInvalid, "nothing is selected: go back and select what you want to decide")
	case len(out) > maxBulk:
		return nil, approvals.Errorf(approvals.CodeInvalid, "%s", fmt.Sprintf("%d are selected and the limit is %d: decide them in parts", len(out), maxBulk))
	}
	return out, nil
}
