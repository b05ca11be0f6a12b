package interceptor

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
)

// lastBytes are kept of a request that is too large: an EventListener writes behind the
// event which Trigger it is of.
const lastBytes = 16 << 10

// contextKey begins the context in a request. It can't be in the event, where quotes are
// escaped, and it makes no difference if somebody else wrote it: see Refused.
var contextKey = []byte(`"context":`)

// TooLarge tells those who own a Trigger that a request for it, which has size bytes, is
// more than is read: its sender has had its 202, and a push of many commits may have 25 MB.
// The request is read to its end and not kept.
func (p *Processor) TooLarge(ctx context.Context, size int64, request io.Reader) {
	end, err := tail(request, lastBytes)
	if err != nil {
		return
	}
	i := bytes.LastIndex(end, contextKey)
	if i < 0 {
		return
	}
	var c triggersv1.TriggerContext
	if json.NewDecoder(bytes.NewReader(end[i+len(contextKey):])).Decode(&c) != nil {
		return
	}
	namespace, name, err := triggerID(&c)
	if err == nil {
		g, found := p.Triggers.Gated(ctx, namespace, name)
		if found == nil && !g.Line.After.IsZero() {
			p.Count("unrelated") // no event is held
			return
		}
		err = found
	}
	if err == nil {
		err = approvals.Errorf(approvals.CodeInvalid,
			"the event has %d bytes as the EventListener sends it, and the limit is %d (%d for the body of a held event): have the sender send less, or gate a later step with after", size, MaxRequest, maxBody)
	}
	p.refuse(ctx, namespace, name, err)
}

// tail is the last n bytes of r, which is read to its end.
func tail(r io.Reader, n int) ([]byte, error) {
	buf := make([]byte, 0, 4*n)
	for {
		if len(buf) == cap(buf) {
			buf = buf[:copy(buf, buf[len(buf)-n:])]
		}
		k, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+k]
		if err == io.EOF {
			return buf[max(0, len(buf)-n):], nil
		}
		if err != nil {
			return nil, err
		}
	}
}
