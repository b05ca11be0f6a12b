package interceptor

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tidwall/gjson"

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
	c, ok := contextIn(end)
	if !ok {
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

// contextIn is the context at the end of a request.
func contextIn(end []byte) (c triggersv1.TriggerContext, ok bool) {
	i := bytes.LastIndex(end, contextKey)
	return c, i >= 0 && json.NewDecoder(bytes.NewReader(end[i+len(contextKey):])).Decode(&c) == nil
}

// large is a request whose quota is looked at before it is decoded, which takes some ms and MB for one
// of the largest: somebody who sends many of those has most of them refused.
const large = 64 << 10

// overQuota is the answer to a large request whose event is above its namespace's quota, or larger than any
// that is held, and nil when it is not or when it can't be said without decoding it. It may believe the request: a
// lie gets its own event refused. header is the one in it. One that is held already may be refused here, and stays held.
func (p *Processor) overQuota(ctx context.Context, request []byte, header gjson.Result) *triggersv1.InterceptorResponse {
	if len(request) < large {
		return nil
	}
	if _, ours := parseEventID(header.Get("Webhook-Id.0").String()); ours {
		return nil
	}
	c, ok := contextIn(request[len(request)-min(len(request), lastBytes):])
	if !ok {
		return nil
	}
	namespace, name, err := triggerID(&c)
	if err != nil {
		return nil
	}
	size := leastBody(request[:header.Index])
	if err = checkSize(size); err == nil {
		err = p.Opener.MayHold(ctx, namespace, size)
	}
	if code := approvals.CodeOf(err); code != approvals.CodeLimited && code != approvals.CodeInvalid {
		return nil
	}
	if g, found := p.Triggers.Gated(ctx, namespace, name); found != nil || !g.Line.After.IsZero() {
		return nil
	}
	return p.refuse(ctx, namespace, name, err)
}

// leastBody is a number of bytes that the event has at least whose body is the string in a request before
// its header: an escape is two bytes of it for one, or six.
func leastBody(before []byte) int {
	const around = len(`{"body":"","header":`)
	return max(0, len(before)-around-bytes.Count(before, []byte(`\`))-4*bytes.Count(before, []byte(`\u`)))
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
