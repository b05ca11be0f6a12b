package interceptor

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
)

// fakeTriggers has two Triggers in namespace prod: "apply" waits for pipeline
// "plan", and "push" holds every event.
type fakeTriggers struct{ template string }

func (f fakeTriggers) Gated(_ context.Context, namespace, name string) (GatedTrigger, error) {
	g := GatedTrigger{Namespace: namespace, Name: name, Template: f.template, Line: approvals.InterceptorParams{Gate: "production"}}
	switch {
	case namespace == "prod" && name == "apply":
		g.Line.After = approvals.After{Pipeline: "plan"}
		return g, nil
	case namespace == "prod" && name == "push":
		return g, nil
	case namespace == "prod" && name == "broken":
		return GatedTrigger{}, approvals.Errorf(approvals.CodeInvalid, "interceptor countersign, param aftr: unknown param")
	}
	return GatedTrigger{}, approvals.Errorf(approvals.CodeNotFound, "trigger %s/%s was not found", namespace, name)
}

// fakeOpener remembers what it was asked.
type fakeOpener struct {
	err    error
	most   int // bytes of an event, 0 for any
	opened []approvals.Event
	hints  []string
}

func (f *fakeOpener) OpenEvent(_ context.Context, g GatedTrigger, e approvals.Event, _ http.Header) (approvals.Approval, error) {
	if f.err != nil {
		return approvals.Approval{}, f.err
	}
	f.opened = append(f.opened, e)
	return approvals.Approval{Key: approvals.Key{Namespace: g.Namespace, Name: "push-1"}}, nil
}

func (f *fakeOpener) MayHold(_ context.Context, namespace string, size int) error {
	if f.most > 0 && size > f.most {
		return approvals.Errorf(approvals.CodeLimited, "namespace %s has enough", namespace)
	}
	return nil
}

func (f *fakeOpener) NotifyCompletion(_ context.Context, g GatedTrigger, namespace, name, uid string) error {
	if f.err != nil {
		return f.err
	}
	f.hints = append(f.hints, g.Name+" "+namespace+"/"+name+" "+uid)
	return nil
}

// fakeReleases has a cache that may lag behind.
type fakeReleases struct{ cached, live *ct.MemStore }

func (f fakeReleases) Decided(ctx context.Context, key approvals.Key) (approvals.Approval, error) {
	if a, err := f.cached.Get(ctx, key); err == nil && a.Decided() {
		return a, nil
	}
	return f.live.Get(ctx, key)
}

type bench struct {
	*Processor
	opener *fakeOpener
	counts map[string]int
	log    *bytes.Buffer
}

var ring = keyring.Ring{{Secret: bytes.Repeat([]byte{1}, keyring.Size)}}

// now is the time at which requests arrive: after the decisions of the tests.
var now = ct.T0.Add(10 * time.Minute)

func newBench(cached, live []approvals.Approval) *bench {
	b := &bench{opener: &fakeOpener{}, counts: map[string]int{}, log: &bytes.Buffer{}}
	b.Processor = &Processor{
		Triggers: fakeTriggers{ct.Template}, Opener: b.opener,
		Releases: fakeReleases{ct.NewMemStore(cached...), ct.NewMemStore(live...)},
		Ring:     func() keyring.Ring { return ring }, Now: func() time.Time { return now },
		Log: slog.New(slog.NewTextHandler(b.log, nil)), Count: func(answer string) { b.counts[answer]++ },
	}
	return b
}

// request is one of the EventListener's.
func request(trigger, body string, header http.Header) *triggersv1.InterceptorRequest {
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return &triggersv1.InterceptorRequest{
		Body: body, Header: header,
		Context: &triggersv1.TriggerContext{EventURL: "/hook", EventID: "e-1", TriggerID: "namespaces/prod/triggers/" + trigger},
	}
}

// signed is the service's own event for an Approval.
func signed(ring keyring.Ring, k approvals.Key, at time.Time, body string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for name, v := range signature.Sign(ring, EventID(k), at, []byte(body)) {
		h.Set(name, v)
	}
	return h
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
