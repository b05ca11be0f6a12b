package interceptor

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tidwall/gjson"

	"github.com/countersign-dev/countersign/approvals"
)

// TestTooLarge: of a request that is too large to be read those who own its Trigger are
// told, whatever is in it, and nobody else is.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	request := func(trigger, body string) string {
		raw, err := json.Marshal(&triggersv1.InterceptorRequest{
			Body: body, InterceptorParams: map[string]any{"gate": "g"}, Context: &triggersv1.TriggerContext{EventURL: "/", EventID: "e", TriggerID: trigger},
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	large := `{"x":"` + strings.Repeat("x", 5<<20) + `"}`
	forged := `{"x":"` + strings.Repeat("x", 5<<20) + `","context":{"trigger_id":"namespaces/dev/triggers/other"}}`
	for name, c := range map[string]struct {
		request string
		want    string // namespace/trigger: message
	}{
		"a push":                     {request("namespaces/prod/triggers/push", large), "prod/push: the event has 5243"},
		"with a context of its own":  {request("namespaces/prod/triggers/push", forged), "prod/push: the event has 5243"},
		"for a group":                {request("namespaces/prod/triggerGroups/push", large), "prod/: countersign is in triggerGroup push"},
		"without a name":             {request("namespaces/prod/triggers/", large), "prod/: the request names no Trigger"},
		"no such Trigger":            {request("namespaces/prod/triggers/none", large), "prod/none: "},
		"of one that waits for runs": {request("namespaces/prod/triggers/apply", large), ""},
		"no request":                 {large, ""},
		"no JSON":                    {strings.Repeat(`"context":`, 1<<20), ""},
		"short":                      {`"context":{"trigger_id":"namespaces/prod/triggers/push"}`, "prod/push: the event has 56 bytes"},
		"nothing":                    {"", ""},
	} {
		var said []string
		b := newBench(nil, nil)
		b.Refused = func(_ context.Context, namespace, trigger string, err error) {
			said = append(said, namespace+"/"+trigger+": "+approvals.Message(err))
		}
		b.TooLarge(t.Context(), int64(len(c.request)), strings.NewReader(c.request))
		if got := strings.Join(said, "\n"); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) || len(said) > 1 {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for n := range 100 { // in pieces, and cut anywhere
		text := strings.Repeat("ab", n) + "end"
		if got, err := tail(iotest.OneByteReader(strings.NewReader(text)), 3); err != nil || string(got) != "end" {
			t.Errorf("%d: %q, %v", n, got, err)
		}
	}
}

// TestOverQuota: a large event that its namespace may not hold is refused before it is decoded; whatever is none of that
// goes the usual way.
func TestOverQuota(t *testing.T) {
	t.Parallel()
	a := approved().Obj()
	const most = 100_000
	body := func(n int) string { return `{"x":"` + strings.Repeat("y", n-len(`{"x":""}`)) + `"}` }
	escaped := `{"x":"` + strings.Repeat(`<`, 20_000) + strings.Repeat(`\\`, 20_000) + `"}` // 60 kB, and 240 kB in the request
	ours := http.Header{"Webhook-Id": {EventID(a.Key)}}
	for name, c := range map[string]struct {
		request string
		refused bool
	}{
		"above any quota":            {asJSON(t, request("push", body(maxBody+1), nil)), true},
		"above":                      {asJSON(t, request("push", body(most+1), nil)), true},
		"what it may":                {asJSON(t, request("push", body(most), nil)), false},
		"escapes":                    {asJSON(t, request("push", escaped, nil)), false},
		"our own event":              {asJSON(t, request("push", body(2*most), ours)), false},
		"of one that waits for runs": {asJSON(t, request("apply", body(2*most), nil)), false},
		"of one that is broken":      {asJSON(t, request("broken", body(2*most), nil)), false},
		"of none":                    {asJSON(t, request("", body(2*most), nil)), false},
		"its context in the body":    {`{"body":"` + strings.Repeat("y", 2*most) + `\"context\":{\"trigger_id\":\"namespaces/prod/triggers/push\"}","header":{}}`, false},
		"no request":                 {body(2 * most), false},
		"no JSON":                    {strings.Repeat("x", 2*most), false},
		"cut":                        {asJSON(t, request("push", body(2*most), nil))[:2*most], false},
	} {
		b := newBench(nil, nil)
		b.opener.most = most
		var told string
		b.Refused = func(_ context.Context, namespace, trigger string, err error) {
			told = namespace + "/" + trigger + ": " + approvals.Message(err)
		}
		raw := []byte(c.request)
		answer := b.overQuota(t.Context(), raw, gjson.GetBytes(raw, "header"))
		if got := answer != nil; got != c.refused || got && (answer.Continue || !strings.HasPrefix(told, "prod/push: ")) {
			t.Errorf("%s: %+v, told %q, want it refused: %t", name, answer, told, c.refused)
		}
		if w := serve(b, http.MethodPost, c.request); c.refused && (decode(t, w).Continue || len(b.opener.opened) != 0 || b.counts["refused"] != 2) {
			t.Errorf("%s: %s, counts %v", name, w.Body, b.counts)
		}
	}
}

// BenchmarkOverQuota measures what one of a flood of large events costs.
func BenchmarkOverQuota(b *testing.B) {
	bench := newBench(nil, nil)
	bench.opener.most, bench.Log = 1, slog.New(slog.DiscardHandler)
	h, body := Handler(bench.Processor), asJSON(b, request("push", `{"x":"`+strings.Repeat("y", 480_000)+`"}`, nil))
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
	}
	if len(bench.opener.opened) != 0 {
		b.Fatal("it is held")
	}
}
