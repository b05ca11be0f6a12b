package interceptor

import (
	"net/http"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor/resend"
)

// maxBody is the largest event that can be held: it is kept in one object of the
// API server.
const maxBody = 512 << 10

// deliveryHeaders carry the sender's id for one delivery, most specific first.
var deliveryHeaders = []string{"X-Github-Delivery", "X-Gitea-Delivery", "X-Gitlab-Event-Uuid", "X-Request-Uuid", "Ce-Id", "Webhook-Id", "Idempotency-Key"}

// dropped are headers that are not posted again: hop-by-hop, set by the client or by
// proxies on the way. Credentials and signatures, which nobody who may read Approvals
// shall get, are dropped by the words in their names.
var dropped = []string{
	"Accept-Encoding", "Connection", "Content-Length", "Expect", "Forwarded", "Host", "Keep-Alive", "Proxy-Connection", "Te",
	"Trailer", "Transfer-Encoding", "Upgrade", "Via", "X-Real-Ip", "Traceparent", "Tracestate",
	"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature",
}

const (
	maxHeaders     = 64
	maxHeaderValue = 4096
)

// held copies an event as it came.
func held(body, url string, header http.Header) (approvals.Event, error) {
	if err := checkSize(len(body)); err != nil {
		return approvals.Event{}, err
	}
	path, err := resend.Path(url)
	if err != nil {
		return approvals.Event{}, err
	}
	e := approvals.Event{Body: body, URL: path}
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
		if !keep(name) || seen[name] || len(name) > 253 || len(value) > maxHeaderValue || len(e.Headers) == maxHeaders {
			continue
		}
		if err := resend.Header(name, value); err != nil {
			return approvals.Event{}, err
		}
		seen[name] = true
		e.Headers = append(e.Headers, approvals.Param{Name: name, Value: value})
	}
	e.Digest = approvals.Digest("event", e.Body, e.ID)
	return e, nil
}

// checkSize returns CodeInvalid for an event whose body has too many bytes to be held.
func checkSize(n int) error {
	if n <= maxBody {
		return nil
	}
	return approvals.Errorf(approvals.CodeInvalid,
		"the event's body has %d bytes and the limit for a held event is %d: have the sender send less, or gate a later step with after", n, maxBody)
}

// keep reports whether a header, by its canonical name, is posted again.
func keep(name string) bool {
	return !slices.Contains(dropped, name) && !strings.HasPrefix(name, "X-Forwarded") && !approvals.SecretHeader(name)
}
