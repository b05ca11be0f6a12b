package interceptor

import (
	"net/http"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// maxBody is the largest event that can be held: it is kept in one object of the
// API server.
const maxBody = 512 << 10

// deliveryHeaders carry the sender's id for one delivery, most specific first.
var deliveryHeaders = []string{"X-Github-Delivery", "X-Gitea-Delivery", "X-Gitlab-Event-Uuid", "X-Request-Uuid", "Ce-Id", "Webhook-Id", "Idempotency-Key"}

// dropped are headers that are not posted again: hop-by-hop, set by the client,
// or credentials and signatures, which nobody who may read Approvals shall get.
var dropped = []string{
	"Accept-Encoding", "Connection", "Content-Length", "Cookie", "Expect", "Forwarded", "Host", "Keep-Alive", "Te",
	"Trailer", "Transfer-Encoding", "Upgrade", "Via", "Traceparent", "Tracestate",
	"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature",
}

// droppedWords in a header's name mark credentials.
var droppedWords = []string{"auth", "token", "secret", "signature", "password", "api-key", "apikey", "cookie", "x-forwarded", "x-real-ip"}

const (
	maxHeaders     = 64
	maxHeaderValue = 4096
)

// held copies an event as it came.
func held(body, url string, header http.Header) (approvals.Event, error) {
	if len(body) > maxBody {
		return approvals.Event{}, approvals.Errorf(approvals.CodeInvalid,
			"the event's body has %d bytes and the most that can be held is %d: have the sender send less, or gate a later step with after", len(body), maxBody)
	}
	e := approvals.Event{Body: body, URL: url}
	for _, h := range deliveryHeaders {
		if id := header.Get(h); id != "" && len(id) <= 253 {
			e.ID = id
			break
		}
	}
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	seen := map[string]bool{} // two spellings of one name would be one entry twice
	for _, name := range names {
		value, name := strings.Join(header[name], ","), http.CanonicalHeaderKey(name)
		if !keep(name) || seen[name] || len(value) > maxHeaderValue || len(e.Headers) == maxHeaders {
			continue
		}
		seen[name] = true
		e.Headers = append(e.Headers, approvals.Param{Name: name, Value: value})
	}
	e.Digest = approvals.Digest("event", e.Body, e.ID)
	return e, nil
}

// keep says whether a header, by its canonical name, is posted again.
func keep(name string) bool {
	if slices.Contains(dropped, name) {
		return false
	}
	lower := strings.ToLower(name)
	return !slices.ContainsFunc(droppedWords, func(w string) bool { return strings.Contains(lower, w) })
}
