//go:build attack

package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// Expressions that would take all memory, or all time, are errors of the objects that they
// stand in. No replica ends, and who decides there still decides.
func TestExpressionsThatTakeAllMemory(t *testing.T) {
	nested := strings.Repeat("[", 36) + `'\"\"\"\"'` + strings.Repeat("].marshalJSON()", 36) // 547 bytes
	a := newArena(t, fmt.Sprintf(`
  results:
    - {name: nested, expression: %q}
    - {name: long, expression: "lists.range(1000000000).size() == 0 ? 'a' : 'b'"}
    - {name: loops, expression: "lists.range(9999).map(x, lists.range(9999).map(y, params)).size() == 0 ? 'a' : 'b'"}`, nested))
	restarts := a.restarts()
	a.Apply(cluster.Gated("deploy", "gate", ""))
	a.ListenerURL("deploy")
	name := a.ApprovalOf(a.Part1("part-1", "7"))
	a.Condition(name, v1alpha1.ConditionStartable, "StartableWithWarnings", "ResultsTooCostly: ")
	if v := a.Vote(name, a.token, "approve", "it is fine"); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	a.Confirmed(name)
	if got := cluster.ParamOf(a.RunOf(name), "comment"); got != "it is fine" {
		t.Errorf("the default result comment is %q", got)
	}
	a.Eventually(time.Minute, "an Event of "+name, func() error {
		var all eventsv1.EventList
		if err := a.List(t.Context(), &all, client.InNamespace(a.NS)); err != nil {
			return err
		}
		for _, e := range all.Items {
			if e.Regarding.Name == name && e.Reason == "CountersignResults" && strings.Contains(e.Note, "can't be ") {
				return nil
			}
		}
		return fmt.Errorf("not among %d", len(all.Items))
	})

	// Of a forwarded param nothing can be decided, and the Approval says why.
	forwarding := strings.Replace(cluster.Gated("forward", "gate", ""), `version: "params.version"`, fmt.Sprintf("version: %q", nested), 1)
	a.Apply(strings.ReplaceAll(forwarding, "part-1", "part-1-forward"))
	a.ListenerURL("forward")
	pr := a.Start("part-1-forward", "part-1-forward", "7")
	a.FinishRun(pr)
	a.Condition(a.ApprovalOf(pr), v1alpha1.ConditionReady, "NotResolved", "forward version: ")

	// What takes all time to compile makes a Gate that is not ready.
	a.Apply(cluster.Gate("types", "nobody@example.com", fmt.Sprintf(`
  results: [{name: types, expression: "[1]%s.size() == 0 ? 'a' : 'b'"}]`, strings.Repeat(".map(x, {x: x})", 60))))
	a.Eventually(time.Minute, "what is wrong with the Gate", func() error {
		var g v1alpha1.Gate
		if err := a.Get(t.Context(), types.NamespacedName{Namespace: a.NS, Name: "types"}, &g); err != nil {
			return err
		}
		c := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady)
		if c == nil || c.Status != "False" || c.Reason != "Unusable" {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	a.survived(restarts, a.waiting("part-1-after"))
}
