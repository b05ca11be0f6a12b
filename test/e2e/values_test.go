//go:build e2e

package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/test/cluster"
)

// arriving holds an event, forwards what doubles and guards get wrong, and asks for an input
// that need not be filled in. The run has no pods, save for the one that prints.
const arriving = `
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: deploy}
spec:
  interceptors:
    - ref: {kind: ClusterInterceptor, name: countersign}
      params:
        - {name: gate, value: gate}
        - name: forward
          value: {change: body.change.id, below: body.below, ids: body.ids, machines: body.machines, names: body.names, second: "body.machines[1].name"}
  bindings:
    - {name: run, value: $(extensions.countersign.run)}
    - {name: change, value: $(extensions.countersign.params.change)}
    - {name: below, value: $(extensions.countersign.params.below)}
    - {name: ids, value: $(extensions.countersign.params.ids)}
    - {name: machines, value: $(extensions.countersign.params.machines)}
    - {name: names, value: $(extensions.countersign.params.names)}
    - {name: second, value: $(extensions.countersign.params.second)}
    - {name: note, value: $(extensions.countersign.params.note)}
    - {name: comment, value: $(extensions.countersign.results.comment)}
  template: {ref: deploy}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: deploy}
spec:
  params: [{name: run}, {name: change}, {name: below}, {name: ids}, {name: machines}, {name: names}, {name: second}, {name: note}, {name: comment}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {name: $(tt.params.run)}
      spec:
        params:
          - {name: change, value: $(tt.params.change)}
          - {name: below, value: $(tt.params.below)}
          - {name: ids, value: $(tt.params.ids)}
          - {name: machines, value: $(tt.params.machines)}
          - {name: names, value: $(tt.params.names)}
          - {name: second, value: $(tt.params.second)}
          - {name: note, value: $(tt.params.note)}
          - {name: comment, value: $(tt.params.comment)}
        pipelineSpec:
          params: [{name: machines}, {name: names}, {name: comment}]
          tasks:
            - name: print
              params: [{name: machines, value: $(params.machines)}, {name: names, value: $(params.names)}, {name: comment, value: $(params.comment)}]
              taskSpec:
                params: [{name: machines}, {name: names}, {name: comment}]
                steps:
                  - name: s
                    image: cluster.local/busybox:1
                    env: [{name: MACHINES, value: $(params.machines)}, {name: NAMES, value: $(params.names)}, {name: COMMENT, value: $(params.comment)}]
                    script: 'printf "%s %s %s" "$MACHINES" "$NAMES" "$COMMENT"'
---
`

// Values arrive as they are: integers beyond 2^53, arrays that a script can parse, an input
// that nobody filled in, and a comment of 2000 characters that have three bytes each.
func TestValuesArriveAsTheyAre(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, "  inputs: [{name: note, description: Anything operations should know}]"))
	e.Apply(arriving + cluster.Listener("deploy", "{triggerRef: deploy}"))
	const machines = `[{"name":"web-1","size":"small"},{"name":"web-2","size":"small"}]`
	e.Post(e.ListenerURL("deploy"), nil, []byte(`{"change":{"id":9007199254740993},"below":-9007199254740993,"ids":[9007199254740993,7],"machines":`+machines+`,"names":["web-1","web-2"]}`))
	a := e.OneApproval()
	comment := strings.Repeat("批", 2000)
	if v := e.Vote(a.Name, token, "approve", comment); v.Status != 201 {
		t.Fatalf("vote: %d %.300s", v.Status, v.Body)
	}
	e.Confirmed(a.Name)
	part2 := e.RunOf(a.Name)
	for name, want := range map[string]string{
		"change": "9007199254740993", "below": "-9007199254740993", "ids": "[9007199254740993,7]", "machines": machines, "names": `["web-1","web-2"]`, "second": "web-2",
		"note": "", "comment": comment,
	} {
		if got := cluster.ParamOf(part2, name); got != want {
			t.Errorf("%s in part 2 is %.60q, want %.60q", name, got, want)
		}
	}
	r := run{e.For(t), t, part2.Name, "print"}
	r.ends(corev1.ConditionTrue, "Succeeded")
	if got, want := r.log("print"), machines+` ["web-1","web-2"] `+comment; got != want {
		t.Errorf("printed %.200q, want %.200q", got, want)
	}
}

// KubeRocketCI's task written as a taskSpec: its fields are params, and what it says of a
// decision decides nothing.
func TestTaskOfItsOwnSpec(t *testing.T) {
	t.Parallel()
	e := inhabited(t)
	e.Apply(alices)
	r := startWith(t, e, "embedded", "wait", `
  pipelineSpec:
    tasks:
      - name: wait
        taskSpec:
          apiVersion: edp.epam.com/v1alpha1
          kind: ApprovalTask
          spec: {gate: alices, description: Deploy to production, action: Approved, build: 9007199254740993}
`)
	a := r.asked(0)
	shown := map[string]string{}
	for _, p := range a.Spec.Resolved.Params {
		shown[p.Name] = p.Value
	}
	if len(shown) != 2 || shown["description"] != "Deploy to production" || shown["build"] != "9007199254740993" {
		t.Errorf("shown: %v", shown)
	}
	r.says(a.Name, "alice", "approve", "go")
	r.ends(corev1.ConditionTrue, "Succeeded")
	r.results(map[string]string{"approved": "true", "approvedBy": "alice", "comment": "go"})
	if o := r.object(tasks.KubeRocketCI); o.GetName() == "" {
		t.Error("there is no object")
	}
}
