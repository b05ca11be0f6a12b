package render_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

// TestRenderIsBounded: anyone who writes a Trigger has us make no more of an event than one
// object could hold, however they have it repeated. It must not run beside other tests: it
// counts what is allocated.
func TestRenderIsBounded(t *testing.T) {
	body := `{"ref":"` + strings.Repeat("x", 500<<10) + `","small":"y","list":["` + strings.Repeat(`a","`, 1000) + `b"]}`
	nested := func(levels, times int) (binding, params, event string) {
		for i := range levels {
			binding += fmt.Sprintf("    - {name: p%d, value: $(body.p%d)}\n", i, i)
			params += fmt.Sprintf(", {name: p%d}", i)
			event += fmt.Sprintf(`"p%d":"%s",`, i, strings.Repeat(fmt.Sprintf("$(tt.params.p%d)", i+1), times))
		}
		return binding, params, `{` + event + `"ref":"` + strings.Repeat("x", 100) + `"}`
	}
	bindings, params, event := nested(8, 200)
	for name, c := range map[string]struct {
		replace []string
		body    string
		want    string // of the first problem, "" for none
	}{
		"as it should be":          {[]string{"$(body.ref)", "$(body.small)"}, body, ""},
		"many of a large event":    {[]string{"$(body.ref)", strings.Repeat("$(body.small) ", 900)}, body, ""},
		"the body again and again": {[]string{"$(body.ref)", strings.Repeat("$(body.ref)", 1000)}, body, "have more than 4194304 bytes"},
		"by other words":           {[]string{"$(body.ref)", "\"" + strings.Repeat("$(body.ref)$({.body.ref})$(body['ref'])", 300) + "\""}, body, "have more than 4194304 bytes"},
		"in two bindings":          {[]string{"- {name: digest, value: $(body.ref)}", "- {name: digest, value: $(body.ref)$(body.ref)$(body.ref)$(body.ref)$(body.ref)}\n    - {name: more, value: " + strings.Repeat("$(body.ref)", 40) + "}"}, body, "with binding more"},
		"by the template":          {[]string{"$(tt.params.digest)", strings.Repeat("$(tt.params.digest)", 100)}, body, "would create 51"},
		"texts that are params": {[]string{
			"- {name: digest, value: $(body.ref)}", "- {name: digest, value: $(body.ref)}\n" + bindings, "{name: run}, {name: digest}", "{name: run}, {name: digest}" + params,
			"value: $(tt.params.digest)", "value: $(tt.params.p0)",
		}, event, "text that contains $(tt.params.p1)"},
		"more than are looked at": {[]string{"$(body.ref)", strings.Repeat("$(body.small)", 1025)}, body, "read 1026 values of the event and the limit is 1024"},
	} {
		docs := strings.NewReplacer(c.replace...).Replace(servicetest.PushWorld)
		triggers := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers
		r, err := triggers.Resolve(t.Context(), "prod", "apply")
		if err != nil {
			t.Fatal(name, err)
		}
		a := ct.Make("apply-1").With(func(a *approvals.Approval) {
			a.Trigger, a.Namespace = "apply", "prod"
			a.Source = approvals.Source{Event: &approvals.Event{Body: c.body, URL: "/"}}
		}).Obj()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		out, err := render.Render(t.Context(), triggers, r, a, "apply-secret")
		runtime.ReadMemStats(&after)
		said := ""
		if err != nil {
			said = approvals.Message(err)
		} else if len(out.Problems) > 0 {
			said = out.Problems[0].Message
		}
		if c.want == "" && said != "" || !strings.Contains(said, c.want) {
			t.Errorf("%s: %q, want %q", name, approvals.Cut(said, 300), c.want)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
			t.Errorf("%s: %d MB were allocated", name, n>>20)
		}
	}
}
