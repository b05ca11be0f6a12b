package interceptor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tidwall/gjson"
)

const (
	// MaxRequest bounds what is read: a body of maxBody may double as a JSON
	// string, and the headers come on top.
	MaxRequest = 4 << 20
	// answerWithin is below the EventListener's own 10 s for our headers.
	answerWithin = 8 * time.Second
)

// unrelated is the answer to an event that does not concern us. It is ready made:
// most of what passes here is of this kind.
var unrelated = []byte(`{"continue":false,"status":{"code":9,"message":"not the completion of a run and not a signed event: nothing to hold"}}`)

// bodyOf is r's whole body. Who served the request may have it in memory already, where it
// was counted; it is not copied then.
func bodyOf(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if whole, ok := r.Body.(interface{ Bytes() []byte }); ok {
		if b := whole.Bytes(); len(b) <= MaxRequest {
			return b, nil
		}
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
}

// Handler serves a Processor to EventListeners.
func Handler(p *Processor) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.Error(w, "this is a Tekton interceptor: EventListeners POST here", http.StatusMethodNotAllowed)
			return
		}
		body, err := bodyOf(w, r)
		if err != nil {
			status := http.StatusBadRequest
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, "read request: "+err.Error(), status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		header := gjson.GetBytes(body, "header")
		if passesBy(body, header) {
			p.Count("unrelated")
			_, _ = w.Write(unrelated)
			if b, ok := r.Body.(interface{ Forget() }); ok {
				b.Forget() // nothing of it was kept
			}
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
		defer cancel()
		// A failed write means that the EventListener has gone; nobody is left to tell.
		if over := p.overQuota(ctx, body, header); over != nil {
			_ = json.NewEncoder(w).Encode(over)
			return
		}
		var req triggersv1.InterceptorRequest
		if err := json.Unmarshal(body, &req); err != nil {
			http.Error(w, "the request is not an InterceptorRequest: "+err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(p.Process(ctx, &req))
	})
}

// passesBy recognises, without decoding it, a request that can only end in
// "stop": the Trigger waits for runs and the event is neither ours nor Tekton's.
// It may believe the request: a lie gets its own event stopped. header is the one in it.
func passesBy(body []byte, header gjson.Result) bool {
	const after = "interceptor_params.after"
	if header.Get("Webhook-Id").Exists() || header.Get("Ce-Type").Exists() {
		return false
	}
	// EventListeners write the line's params last. What follows the header is an object as well, once its
	// comma is a brace: the event's own body, nearly all of the request, is not searched again.
	rest := body[header.Index+len(header.Raw):]
	if header.Index == 0 || len(rest) == 0 || rest[0] != ',' {
		return gjson.GetBytes(body, after).Exists()
	}
	rest[0] = '{'
	defer func() { rest[0] = ',' }()
	return gjson.GetBytes(rest, after).Exists()
}
