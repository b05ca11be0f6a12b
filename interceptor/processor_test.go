package interceptor

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"google.golang.org/grpc/codes"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
	"github.com/countersign-dev/countersign/internal/golden"
)

func approved() *ct.Builder {
	return ct.Make("apply-1").Requester("zoe").Voted("alice", approvals.Approve, "ship it").With(func(a *approvals.Approval) { a.RunName = "the-run" })
}

// TestRelease: only the signed, fresh event of this Trigger's own decided Approval
// passes, once.
func TestRelease(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const body = `{"decision":"true"}`
	key := ct.Make("apply-1").Obj().Key
	good := func() http.Header { return signed(ring, key, now, body) }
	resigned := func(k approvals.Key) http.Header { return signed(ring, k, now, body) }
	for name, c := range map[string]struct {
		a        *ct.Builder
		cached   *ct.Builder // when the cache lags behind
		trigger  string
		header   http.Header
		body     string
		template string
		code     codes.Code
	}{
		"it passes":                       {},
		"the cache lags behind":           {cached: ct.Make("apply-1")},
		"in the cache it is not resolved": {cached: ct.Make("apply-1").Unresolved(nil)},
		"as old as may be":                {header: signed(ring, key, now.Add(-5*time.Minute), body)},
		"stale":                           {header: signed(ring, key, now.Add(-5*time.Minute-time.Second), body), code: codes.Unauthenticated},
		"from the future":                 {header: signed(ring, key, now.Add(time.Hour), body), code: codes.Unauthenticated},
		"unsigned":                        {header: http.Header{"Webhook-Id": {EventID(key)}}, code: codes.Unauthenticated},
		"another's key":                   {header: signed(keyring.Ring{{Secret: []byte("x")}}, key, now, body), code: codes.Unauthenticated},
		"another body":                    {body: `{"decision":"false"}`, code: codes.Unauthenticated},
		"another trigger's event":         {trigger: "push", code: codes.PermissionDenied},
		"another namespace's": {
			a: approved().In("dev"), header: resigned(approvals.Key{Namespace: "dev", Name: "apply-1", UID: "uid-apply-1"}),
			code: codes.PermissionDenied,
		},
		"undecided":          {a: ct.Make("apply-1"), code: codes.FailedPrecondition},
		"not resolved":       {a: approved().Unresolved(nil), code: codes.PermissionDenied},
		"rejected":           {a: ct.Make("apply-1").Voted("alice", approvals.Reject, ""), code: codes.PermissionDenied},
		"expired":            {a: ct.Make("apply-1").Expired(), code: codes.PermissionDenied},
		"rejected, releases": {a: ct.Make("apply-1").ReleaseOn(approvals.Rejected).Voted("alice", approvals.Reject, "")},
		"a replay": {
			a: approved().With(func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: "apply-1"} }), code: codes.AlreadyExists,
		},
		"template changed": {template: "template-2", code: codes.AlreadyExists},
		"params changed": {
			a: approved().With(func(a *approvals.Approval) { a.Resolved.Params[0].Value = "sha256:evil" }), code: codes.AlreadyExists,
		},
		"no such approval": {a: ct.Make("other"), code: codes.NotFound},
		"another's UID":    {header: resigned(approvals.Key{Namespace: "prod", Name: "apply-1", UID: "uid-older"}), code: codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.a == nil {
				c.a = approved()
			}
			a := c.a.Obj()
			if name == "params changed" {
				a.Resolved.Digest = approved().Obj().Resolved.Digest
			}
			cached := a
			if c.cached != nil {
				cached = c.cached.Obj()
			}
			b := newBench([]approvals.Approval{cached}, []approvals.Approval{a})
			if c.template != "" {
				b.Triggers = fakeTriggers{c.template}
			}
			if c.header == nil {
				c.header = good()
			}
			if c.body == "" {
				c.body = body
			}
			if c.trigger == "" {
				c.trigger = "apply"
			}
			got := b.Process(t.Context(), request(c.trigger, c.body, c.header))
			if got.Continue != (c.code == codes.OK) || got.Status.Code != c.code {
				t.Fatalf("continue %t, %s %q; want %s", got.Continue, got.Status.Code, got.Status.Message, c.code)
			}
			if len(b.opener.opened)+len(b.opener.hints) > 0 {
				t.Error("an event of ours was held")
			}
			if c.code != codes.OK {
				said.Check(t, name, got.Status.Message)
				if got.Extensions != nil || b.counts["refused"] != 1 || !strings.Contains(b.log.String(), "event refused") {
					t.Errorf("extensions %v, counts %v, log %q", got.Extensions, b.counts, b.log)
				}
				return
			}
			want := ExtensionOf(a)
			if d := cmp.Diff(map[string]any{"countersign": want}, got.Extensions); d != "" || b.counts["released"] != 1 {
				t.Errorf("counts %v, extensions (-want +got)\n%s", b.counts, d)
			}
		})
	}
}

// TestExtension: these are the values that bindings read.
func TestExtension(t *testing.T) {
	t.Parallel()
	a := ct.Make("apply-1").Requester("$(uid)").Voted("alice", approvals.Approve, "ship it").With(func(a *approvals.Approval) { a.RunName = "the-run" }).Obj()
	want := `{"run":"the-run","outcome":"Approved","approval":{"namespace":"prod","name":"apply-1","uid":"uid-apply-1","digest":"` + a.Resolved.Digest +
		`","requester":"$ (uid)"},"params":{"digest":"sha256:abc"},"results":{"approvedBy":"alice","comment":"ship it","decision":"true","rejectedBy":""},"spanContext":""}`
	if got := asJSON(t, ExtensionOf(a)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestSpanContext: the run is handed the trace of the run before it, and stands below our own
// span where we send some. Whatever somebody wrote into the annotation that is none is left out.
func TestSpanContext(t *testing.T) {
	t.Parallel()
	const before, ours = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01"
	const body = "{}"
	for name, c := range map[string]struct {
		annotation string
		send       func(approvals.Approval) string
		want       string
	}{
		"no trace":                      {},
		"of the run before":             {annotation: `{"traceparent":"` + before + `","x":"y"}`, want: `{"traceparent":"` + before + `"}`},
		"something else":                {annotation: `{"traceparent":"$(uid)"}`},
		"below ours":                    {annotation: `{"traceparent":"` + before + `"}`, send: func(approvals.Approval) string { return ours }, want: `{"traceparent":"` + ours + `"}`},
		"we begin one":                  {send: func(approvals.Approval) string { return ours }, want: `{"traceparent":"` + ours + `"}`},
		"we send some, but not of this": {send: func(approvals.Approval) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := approved().With(func(a *approvals.Approval) {
				a.Source.Annotations = map[string]string{tracecontext.Annotation: c.annotation}
				a.Resolved.Digest = a.Resolved.ContentDigest(a.Namespace, a.Trigger, a.Resolved.TemplateDigest, a.Source)
			}).Obj()
			b := newBench([]approvals.Approval{a}, []approvals.Approval{a})
			b.Traceparent = c.send
			got := b.Process(t.Context(), request("apply", body, signed(ring, a.Key, now, body)))
			x, ok := got.Extensions[Name].(Extension)
			if !ok || x.SpanContext != c.want {
				t.Errorf("%q (%s), want %q", x.SpanContext, got.Status.Message, c.want)
			}
		})
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		trigger string
		body    string
		header  http.Header
		err     error
		code    codes.Code
		opened  int
	}{
		"held":                   {body: ` {"a":1}`, opened: 1},
		"somebody's webhook":     {body: `{}`, header: http.Header{"Webhook-Id": {"msg_1"}}, opened: 1},
		"nearly ours":            {body: `{}`, header: http.Header{"Webhook-Id": {"countersign/prod/x"}}, opened: 1},
		"ours by a lower case":   {body: `{}`, header: http.Header{"webhook-id": {EventID(approved().Obj().Key)}}, opened: 1},
		"not JSON":               {body: `a=1&b=2`, code: codes.InvalidArgument},
		"broken JSON":            {body: `{"a":`, code: codes.InvalidArgument},
		"a list":                 {body: `[1]`, code: codes.InvalidArgument},
		"two objects":            {body: `{}{}`, code: codes.InvalidArgument},
		"nothing":                {body: ``, code: codes.InvalidArgument},
		"too large":              {body: `{"a":"` + strings.Repeat("x", maxBody) + `"}`, code: codes.InvalidArgument},
		"sender not proved":      {body: `{}`, err: approvals.Errorf(approvals.CodeUnauthenticated, "no signature"), code: codes.Unauthenticated},
		"cluster does not reply": {body: `{}`, err: approvals.Errorf(approvals.CodeUnavailable, "try again"), code: codes.Unavailable},
		"an error not ours":      {body: `{}`, err: http.ErrAbortHandler, code: codes.Internal},
		"unknown trigger":        {trigger: "nope", body: `{}`, code: codes.NotFound},
		"broken line":            {trigger: "broken", body: `{}`, code: codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(nil, nil)
			b.opener.err = c.err
			if c.trigger == "" {
				c.trigger = "push"
			}
			got := b.Process(t.Context(), request(c.trigger, c.body, c.header))
			if got.Continue || got.Extensions != nil || got.Status.Code != c.code {
				t.Errorf("continue %t, %s %q; want %s", got.Continue, got.Status.Code, got.Status.Message, c.code)
			}
			said.Check(t, name, got.Status.Message)
			if len(b.opener.opened) != c.opened || b.counts["held"] != c.opened || b.counts["refused"] != 1-c.opened {
				t.Errorf("opened %d, counts %v", len(b.opener.opened), b.counts)
			}
			if c.opened > 0 && (b.opener.opened[0].Body != c.body || b.opener.opened[0].URL != "/hook") {
				t.Errorf("held %+v, want the body as it came", b.opener.opened[0])
			}
		})
	}
}

// TestForgedRequest: what a request says of its Trigger's line is not looked at,
// and one that names no Trigger is refused.
func TestForgedRequest(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	b := newBench(nil, nil)
	r := request("push", `{}`, nil)
	r.InterceptorParams = map[string]any{"gate": map[string]any{"approvers": map[string]any{"users": []any{"mallory"}}}, "after": map[string]any{"pipeline": "mine"}}
	r.Extensions = map[string]any{"countersign": map[string]any{"outcome": "Approved"}}
	if got := b.Process(t.Context(), r); got.Continue || len(b.opener.opened) != 0 {
		t.Errorf("%+v, opened %d with an extension of our key", got, len(b.opener.opened))
	}
	r.Extensions = nil
	if got := b.Process(t.Context(), r); got.Continue || len(b.opener.opened) != 1 {
		t.Errorf("%+v, opened %d: the line in the request was believed", got, len(b.opener.opened))
	}
	for name, c := range map[string]*triggersv1.TriggerContext{
		"no context": nil, "no id": {}, "no namespace": {TriggerID: "namespaces//triggers/push"}, "no name": {TriggerID: "namespaces/prod/triggers/"},
		"not an id": {TriggerID: "push"}, "only a namespace": {TriggerID: "namespaces/prod"},
	} {
		r := request("push", `{}`, nil)
		r.Context = c
		got := newBench(nil, nil).Process(t.Context(), r)
		if got.Continue || got.Status.Code != codes.InvalidArgument {
			t.Errorf("%s: %+v", name, got)
		}
		said.Check(t, name, got.Status.Message)
	}
}

// TestHint: a CloudEvent is somebody's word, which leads to a look and no more.
func TestHint(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	run := func(namespace string) string {
		return `{"pipelineRun":{"metadata":{"namespace":"` + namespace + `","name":"plan-1","uid":"u-1"},"status":{"conditions":[]}}}`
	}
	done := http.Header{"Ce-Type": {"dev.tekton.event.pipelinerun.successful.v1"}}
	for name, c := range map[string]struct {
		header http.Header
		body   string
		err    error
		code   codes.Code
		count  string
		hints  int
	}{
		"a success":           {done, run("prod"), nil, codes.OK, "held", 1},
		"a failure":           {http.Header{"Ce-Type": {"dev.tekton.event.pipelinerun.failed.v1"}}, run("prod"), nil, codes.FailedPrecondition, "unrelated", 0},
		"a push":              {nil, `{}`, nil, codes.FailedPrecondition, "unrelated", 0},
		"another namespace's": {done, run("dev"), nil, codes.FailedPrecondition, "unrelated", 0},
		"not a run":           {done, `[]`, nil, codes.InvalidArgument, "refused", 0},
		"it is not so":        {done, run("prod"), approvals.Errorf(approvals.CodeNotReady, "not a success"), codes.FailedPrecondition, "refused", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(nil, nil)
			b.opener.err = c.err
			got := b.Process(t.Context(), request("apply", c.body, c.header))
			if got.Continue || got.Status.Code != c.code || len(b.opener.hints) != c.hints || b.counts[c.count] != 1 {
				t.Errorf("%+v, hints %v, counts %v", got, b.opener.hints, b.counts)
			}
			said.Check(t, name, got.Status.Message)
			if c.hints > 0 && b.opener.hints[0] != "apply prod/plan-1 u-1" {
				t.Errorf("%s", b.opener.hints[0])
			}
		})
	}
}

func TestEventID(t *testing.T) {
	t.Parallel()
	k := approvals.Key{Namespace: "prod", Name: "apply-1", UID: "u-1"}
	if got, ok := parseEventID(EventID(k)); !ok || got != k {
		t.Errorf("%+v, %t", got, ok)
	}
	for _, id := range []string{"", "countersign/", "countersign/a/b", "countersign/a/b/", "countersign//b/c", "countersign/a//c", "countersign/a/b/c/d", "Countersign/a/b/c", "x/a/b/c", "msg_1"} {
		if got, ok := parseEventID(id); ok || got != (approvals.Key{}) {
			t.Errorf("%q is taken for %+v", id, got)
		}
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[approvals.Code]codes.Code{
		approvals.CodeInvalid: codes.InvalidArgument, approvals.CodeUnauthenticated: codes.Unauthenticated, approvals.CodeForbidden: codes.PermissionDenied,
		approvals.CodeNotFound: codes.NotFound, approvals.CodeConflict: codes.AlreadyExists, approvals.CodeGone: codes.FailedPrecondition,
		approvals.CodeNotReady: codes.FailedPrecondition, approvals.CodeUnavailable: codes.Unavailable, approvals.CodeInternal: codes.Internal, "new": codes.Internal,
	} {
		if got := grpcCode(code); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}
