package interceptor

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tidwall/gjson"
	"google.golang.org/grpc/codes"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

func serve(b *bench, method, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	Handler(b.Processor).ServeHTTP(w, httptest.NewRequest(method, "/", strings.NewReader(body)))
	return w
}

func TestHandler(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		method, body string
		status       int
	}{
		"GET":      {http.MethodGet, "", http.StatusMethodNotAllowed},
		"PUT":      {http.MethodPut, "{}", http.StatusMethodNotAllowed},
		"bad JSON": {http.MethodPost, `{"body":`, http.StatusBadRequest},
		"a list":   {http.MethodPost, `[]`, http.StatusBadRequest},
		"nothing":  {http.MethodPost, ``, http.StatusBadRequest},
		"oversize": {http.MethodPost, `{"body":"` + strings.Repeat("x", MaxRequest) + `"}`, http.StatusRequestEntityTooLarge},
		"no names": {http.MethodPost, `{}`, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(newBench(nil, nil), c.method, c.body)
			if w.Code != c.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.status)
			}
			said.Check(t, name, w.Body.String())
		})
	}
}

// TestHandlerAnswers: the wire form of hold and release, buffers used twice.
func TestHandlerAnswers(t *testing.T) {
	t.Parallel()
	a := approved().Obj()
	b := newBench([]approvals.Approval{a}, []approvals.Approval{a})
	for range 3 {
		w := serve(b, http.MethodPost, asJSON(t, request("push", `{"a":"`+strings.Repeat("é", 300)+`"}`, nil)))
		if got := decode(t, w); got.Continue || got.Status.Code != codes.OK {
			t.Errorf("%+v", got)
		}
		const body = `{"decision":"true"}`
		w = serve(b, http.MethodPost, asJSON(t, request("apply", body, signed(ring, a.Key, now, body))))
		if got := decode(t, w); !got.Continue || got.Extensions["countersign"].(map[string]any)["run"] != "the-run" {
			t.Errorf("%+v", got)
		}
	}
	if want := `{"a":"` + strings.Repeat("é", 300) + `"}`; b.opener.opened[2].Body != want {
		t.Error("the body is not byte-exact")
	}
}

func decode(t *testing.T, w *httptest.ResponseRecorder) (r triggersv1.InterceptorResponse) {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s %s", w.Code, w.Header(), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPassesBy: the fast path answers only what the slow one would stop as well.
func TestPassesBy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want bool
	}{
		"a push beside a plan": {`{"body":"{}","header":{"X-Github-Event":["push"]},"interceptor_params":{"gate":"g","after":{"pipeline":"plan"}}}`, true},
		"no headers":           {`{"interceptor_params":{"after":{"pipeline":"plan"}}}`, true},
		"holds every event":    {`{"body":"{}","header":{},"interceptor_params":{"gate":"g"}}`, false},
		"Tekton's":             {`{"header":{"Ce-Type":["dev.tekton.event.pipelinerun.successful.v1"]},"interceptor_params":{"after":{"pipeline":"plan"}}}`, false},
		"ours":                 {`{"header":{"Webhook-Id":["countersign/a/b/c"]},"interceptor_params":{"after":{"pipeline":"plan"}}}`, false},
		"after in the body":    {`{"body":"{\"interceptor_params\":{\"after\":1}}","header":{},"interceptor_params":{}}`, false},
		"id in the body":       {`{"body":"{\"header\":{\"Webhook-Id\":1}}","interceptor_params":{"after":{"pipeline":"plan"}}}`, true},
		"params first":         {`{"interceptor_params":{"after":{"pipeline":"plan"}},"header":{"X-Github-Event":["push"]},"body":"{}"}`, false}, // it is decoded, and not held either
		"params of another":    {`{"body":"{}","header":{},"extensions":{"x":{"interceptor_params":{"after":1}}},"interceptor_params":{"gate":"g"}}`, false},
		"nothing behind":       {`{"body":"{}","header":{}`, false},
		"not JSON":             {`hello`, false},
		"nothing":              {``, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := []byte(c.body)
			if got := passesBy(body, gjson.GetBytes(body, "header")); got != c.want || string(body) != c.body {
				t.Errorf("%t, want %t, and the request is %s now", got, c.want, body)
			}
			b := newBench(nil, nil)
			if w := serve(b, http.MethodPost, c.body); c.want && (decode(t, w).Continue || b.counts["unrelated"] != 1) {
				t.Errorf("%s, counts %v", w.Body, b.counts)
			}
		})
	}
}

// BenchmarkUnrelated measures the cost of an EventListener that is shared with a busy git host:
// one push that no gate is about.
func BenchmarkUnrelated(b *testing.B) {
	r := request("apply", `{"commits":["`+strings.Repeat("x", 20_000)+`"]}`, http.Header{"X-Github-Event": {"push"}, "Content-Type": {"application/json"}})
	r.InterceptorParams = map[string]any{"gate": "production", "after": map[string]any{"pipeline": "plan"}}
	body, bench := asJSON(b, r), newBench(nil, nil)
	h := Handler(bench.Processor)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkPassesBy(b *testing.B) {
	r := request("apply", `{"commits":["`+strings.Repeat("x", 20_000)+`"]}`, http.Header{"X-Github-Event": {"push"}})
	r.InterceptorParams = map[string]any{"after": map[string]any{"pipeline": "plan"}}
	body := []byte(asJSON(b, r))
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if !passesBy(body, gjson.GetBytes(body, "header")) {
			b.Fatal("it is looked at")
		}
	}
}

func BenchmarkRelease(b *testing.B) {
	a := approved().Obj()
	bench := newBench([]approvals.Approval{a}, []approvals.Approval{a})
	const body = `{"decision":"true"}`
	r := request("apply", body, signed(ring, a.Key, now, body))
	b.ReportAllocs()
	for b.Loop() {
		if !bench.Process(b.Context(), r).Continue {
			b.Fatal("refused")
		}
	}
}
