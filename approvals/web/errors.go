package web

import (
	"encoding/json"
	"net/http"

	"github.com/countersign-dev/countersign/approvals"
)

// statusOf returns the HTTP status of a code, 500 for one that is not in the table. This is the only
// such table: pages and the API both use it.
func statusOf(c approvals.Code) int {
	switch c {
	case approvals.CodeInvalid:
		return http.StatusBadRequest
	case approvals.CodeUnauthenticated:
		return http.StatusUnauthorized
	case approvals.CodeForbidden:
		return http.StatusForbidden
	case approvals.CodeNotFound:
		return http.StatusNotFound
	case approvals.CodeConflict:
		return http.StatusConflict
	case approvals.CodeGone:
		return http.StatusGone
	case approvals.CodeNotReady:
		return http.StatusConflict
	case approvals.CodeLimited:
		return http.StatusTooManyRequests
	case approvals.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// errorView is the body of an error of the API.
type errorView struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// writeError answers an API request with an errorView.
func writeError(w http.ResponseWriter, err error) {
	code := approvals.CodeOf(err)
	if code == approvals.CodeUnauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="countersign"`)
	}
	if code == approvals.CodeLimited {
		w.Header().Set("Retry-After", "1")
	}
	if code == approvals.CodeUnavailable {
		w.Header().Set("Retry-After", "5") // what is down is rarely up within a second
	}
	writeStatus(w, statusOf(code), string(code), approvals.Message(err))
}

func writeStatus(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, errorView{errorDetail{code, message}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ") // curl is a person's client
	// A failed write means that the client has gone; nobody is left to tell.
	_ = enc.Encode(v)
}
