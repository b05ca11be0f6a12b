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
	a, did, err := s.operated(r.Context(), key, id, r.PostForm.Get("operate"), r.PostForm.Get("reason"))
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
	d.Notice = map[approvals.Change]string{
		approvals.Ended:   "It was cancelled.",
		approvals.Stopped: "It was cancelled: the decision stands, and no run is started any more.",
		approvals.Again:   "It is tried again now. This page shows what comes of it.",
		approvals.Absent:  "Somebody asked for that before; nothing changed.",
	}[did]
	s.page(w, http.StatusOK, d, r)
}

func (s *server) operated(ctx context.Context, key approvals.Key, id approvals.Identity, what, why string) (approvals.Approval, approvals.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	switch what {
	case "cancel":
		return s.Desk.Cancel(ctx, key, id, why)
	case "retry":
		return s.Desk.Retry(ctx, key, id)
	default:
		return approvals.Approval{}, approvals.Absent, approvals.Errorf(approvals.CodeInvalid, "nothing was chosen that can be done here; nothing was changed")
	}
}

// operator says whether id looks after a's namespace, where there is anything that
// an operator could do about a.
func (s *server) operator(ctx context.Context, a approvals.Approval, id approvals.Identity) bool {
	if !a.ToCancel() && !a.ToRetry(s.Now()) {
		return false
	}
	may, _ := s.operates(ctx, id, map[string]bool{a.Namespace: true})
	return may[a.Namespace]
}

// apiOperate is POST …/cancel with {"reason": …}, and POST …/retry.
func (s *server) apiOperate(what string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := s.authenticate(r)
		if err != nil {
			s.fail(w, err)
			return
		}
		var req struct {
			Reason string `json:"reason"`
		}
		if err := decode(w, r, &req); err != nil && !errors.Is(err, io.EOF) {
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				writeStatus(w, http.StatusRequestEntityTooLarge, string(approvals.CodeInvalid), "the body is far too large; nothing was changed")
				return
			}
			writeError(w, approvals.Errorf(approvals.CodeInvalid, `the body is not {"reason":"…"}: %v; nothing was changed`, err))
			return
		}
		a, _, err := s.operated(r.Context(), keyOf(r), id, what, req.Reason)
		if err != nil {
			s.fail(w, err)
			return
		}
		writeJSON(w, http.StatusOK, s.viewTo(a, id))
	}
}
