package render_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

// TestRoundedNumbers: a binding that reads an integer which the EventListener would round
// starts nothing, and any other is what it was.
func TestRoundedNumbers(t *testing.T) {
	t.Parallel()
	const body = `{"id":9007199254740993,"least":-9007199254740993,"ok":9007199254740992,"zero":-0,"text":"9007199254740993","half":1.5,"e":1e21,
		"big":123456789012345678901234567890,"ids":[7,9007199254740993],"change":{"nested":[{"id":9007199254740993,"name":"x"}]},"none":null}`
	for value, rounds := range map[string]bool{
		"$(body.id)": true, "$(body.least)": true, "$(body.big)": true, "v$(body.id)-$(body.text)": true, "$(body.ids[1])": true, "$(body.ids[-1:])": true,
		"$(body.ids)": true, "$(body.change)": true, "$(body.change.nested[0].id)": true, "$(body.change..id)": true, "$(extensions.count)": true, "$({.body.id})": true,
		"$(body.change.nested[?(@.name==\"x\")].id)": true,
		"$(body.ok)": false, "$(body.zero)": false, "$(body.text)": false, "$(body.half)": false, "$(body.e)": false, "$(body.ids[0])": false, "$(body.none)": false,
		"$(body.change.nested[0].name)": false, "$(extensions.few)": false, "9007199254740993": false, "$(extensions.countersign.params.digest)": false,
	} {
		docs := strings.Replace(servicetest.PushWorld, "$(body.ref)", "'"+value+"'", 1)
		triggers := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers
		r, err := triggers.Resolve(t.Context(), "prod", "apply")
		if err != nil || r.Unresolved != nil {
			t.Fatal(value, err, r.Unresolved)
		}
		a := ct.Make("apply-1").With(func(a *approvals.Approval) {
			a.Trigger, a.Namespace = "apply", "prod"
			a.Resolved.Params = []approvals.Param{{Name: "digest", Value: "9007199254740993"}}
			a.Source = approvals.Source{Event: &approvals.Event{Body: body, URL: "/", Extensions: `{"count":9007199254740994,"few":3}`}}
		}).Obj()
		out, err := render.Render(t.Context(), triggers, r, a, "apply-secret")
		if err != nil {
			t.Fatal(value, err)
		}
		said := ""
		for _, p := range out.Problems {
			said += p.Reason + ": " + p.Message
		}
		if want := "TemplateError: binding digest of trigger apply reads " + value + ", which is or contains an integer beyond 2^53"; rounds != strings.Contains(said, want) || !rounds && said != "" {
			t.Errorf("%s: %q", value, said)
		}
	}
}
