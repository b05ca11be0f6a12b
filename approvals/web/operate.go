package web

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// operate does what an operator's form asks for, on the approval's own page: to
// cancel, or to try again. d is the page before it, and show the page afterwards.
func (s *server) operate(w http.ResponseWriter, r *http.Request, key approvals.Key, id approvals.Identity, d templates.Data, show func(approvals.Approval) templates.Data) {
	if r.PostForm.Get("operate") == "again" {
		s.again(w, r, key, id, d, show)
		return
	}
	a, did, err := s.operated(r.Context(), key, id, r.PostForm.Get("operate"), r.PostForm.Get("reason"), r.PostForm.Get("voter"))
	if err != nil {
		if fresh, ferr := s.Store.Get(r.Context(), key); ferr == nil {
			d = show(fresh)
		}
		s.logInternal(err)
		d.Trouble, d.Reason = approvals.Message(err), r.PostForm.Get("reason")
		s.page(w, statusOf(approvals.CodeOf(err)), d, r)
		return
	}
	d = show(a)
	d.Result, d.Notice = did, map[approvals.Change]string{
		approvals.Ended:       "Cancelled.",
		approvals.Stopped:     "Cancelled. The decision stands, and no run will be started.",
		approvals.LinkRevoked: "The link was revoked. Nobody can decide with it any more.",
		approvals.Again:       "Retrying now. This page shows the result.",
		approvals.NoChange:    "Somebody already did that. Nothing changed.",
	}[did]
	if did == approvals.Again && r.PostForm.Get("operate") == rerun {
		d.Notice = "Running it again. This page shows the result."
	}
	s.page(w, http.StatusOK, d, r)
}

// rerun is the form value that starts the run again.
const rerun = "rerun"

// revokeLink is the form value that ends a mailed link.
const revokeLink = "revoke-link"

func (s *server) operated(ctx context.Context, key approvals.Key, id approvals.Identity, what, why, voter string) (approvals.Approval, approvals.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	switch what {
	case "cancel":
		return s.Desk.Cancel(ctx, key, id, why)
	case "retry":
		return s.Desk.Retry(ctx, key, id)
	case rerun:
		return s.Desk.Rerun(ctx, key, id, why)
	case revokeLink:
		return s.Desk.RevokeLink(ctx, key, id, voter)
	default:
		return approvals.Approval{}, approvals.NoChange, approvals.Errorf(approvals.CodeInvalid, "choose what to do; nothing was changed")
	}
}

// operator reports whether id operates a's namespace, and there is anything that an operator
// could do about a.
func (s *server) operator(ctx context.Context, a approvals.Approval, id approvals.Identity) bool {
	if !a.ToCancel() && !a.ToRetry(s.Now()) && !a.ToAskAgain() && !a.ToRunAgain(s.Now()) {
		return false
	}
	may, _ := s.operates(ctx, id, map[string]bool{a.Namespace: true})
	return may[a.Namespace]
}

// linksOf returns the approvers whose mailed links id may end: an operator everybody's, others their
// own. It returns nil unless a is pending.
func linksOf(a approvals.Approval, id approvals.Identity, operator bool) []string {
	if a.Resolved == nil || a.Decided() {
		return nil
	}
	var out []string
	for _, p := range a.Resolved.Policy.People() {
		if p.Email != "" && !approvals.LinkRevokedOf(a, p.Name) && (operator || approvals.SameName(p.Name, id.Name)) {
			out = append(out, p.Name)
		}
	}
	return out
}

// operateRequest is the body of POST …/cancel, …/retry, …/rerun and …/revoke-link.
type operateRequest struct {
	Reason string `json:"reason"`
	Voter  string `json:"voter"` // of revoke-link: whose link
}

// apiOperate is POST …/cancel and …/rerun with {"reason": …}, POST …/retry, and POST …/revoke-link
// with {"voter": …}.
func (s *server) apiOperate(what string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := s.authenticate(r)
		if err != nil {
			s.fail(w, err)
			return
		}
		var req operateRequest
		if err := decode(w, r, &req); err != nil && !errors.Is(err, io.EOF) {
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				writeStatus(w, http.StatusRequestEntityTooLarge, string(approvals.CodeInvalid), "the body is too large; nothing was changed")
				return
			}
			writeError(w, approvals.Errorf(approvals.CodeInvalid, `the body is not {"reason":"…"} or {"voter":"…"}: %v; nothing was changed`, err))
			return
		}
		a, _, err := s.operated(r.Context(), keyOf(r), id, what, req.Reason, req.Voter)
		if err != nil {
			s.fail(w, s.hide(r.Context(), keyOf(r), id, false, err))
			return
		}
		writeJSON(w, http.StatusOK, s.viewTo(a, id))
	}
}
