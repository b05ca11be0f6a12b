package interceptor

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/iotest"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

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
