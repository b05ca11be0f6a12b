package web

import (
	"net/http"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// MaxBody is the largest body that any route takes.
const MaxBody = evidence.MaxSize

// Largest bodies of routes that take less.
const (
	maxSmall = 64 << 10  // what an operator wants, with a reason
	maxSlack = 256 << 10 // what Slack sends
	maxRead  = 4 << 10   // GET has no body; some clients send one
)

// MaxBodyOf returns the most bytes that r's body may have. It is called before a byte of it is
// read. credential reports whether r carries something that may prove its sender, which nobody has
// verified yet: without it nothing is recorded, so a small body is enough.
func MaxBodyOf(r *http.Request, credential bool) int64 {
	switch path := r.URL.Path; {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return maxRead
	case strings.HasSuffix(path, "/slack/interactions"):
		return maxSlack
	case credential && isUpload(path):
		return MaxBody
	case !credential || strings.Contains(path, "/api/") && !strings.HasSuffix(path, "/votes"):
		return maxSmall
	default:
		return maxForm
	}
}

// Lasts reports whether a page keeps r open, such as a stream of events. Those have a limit of
// their own.
func Lasts(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/events")
}

// Refuse answers a request that no route has seen: to a program as the API does, to a
// person as a line of text.
func Refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	if !strings.Contains(r.URL.Path, "/api/") {
		http.Error(w, message, status)
		return
	}
	code := approvals.CodeUnavailable
	if status < http.StatusInternalServerError && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests {
		code = approvals.CodeInvalid
	}
	writeStatus(w, status, string(code), message)
}

// proves notes that r's sender is verified. The limits on requests are stricter for others.
func (s *server) proves(r *http.Request) {
	if s.Proved != nil {
		s.Proved(r.Context())
	}
}
