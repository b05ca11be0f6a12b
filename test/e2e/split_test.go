//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/countersign-dev/countersign/internal/split"
	"github.com/countersign-dev/countersign/test/cluster"
)

// The example, cut, with real pods: its run ends, two people approve, and part 2 reads
// the volume, the digest of what is on it, a param's default and who approved.
func TestSplitExample(t *testing.T) {
	t.Parallel()
	e := inhabited(t)
	cut(t, e)
	e.ListenerURL("release")
	one := release(t, e, "one", "1.2.3")
	one.ends(corev1.ConditionTrue, "Succeeded")
	if ran := one.ran(); len(ran) != 1 || !ran["build"] {
		t.Errorf("part 1 ran %v, want build alone", ran)
	}
	a := e.OneApproval()
	one.says(a.Name, "alice", "approve", "fine")
	one.says(a.Name, "bob", "approve", "")
	one.outcome(a.Name, "Approved")
	two := next(t, e, a.Name)
	two.ends(corev1.ConditionTrue, "Succeeded")
	want := "build of 1.2.3 to stable, approved by alice|bob"
	if got := two.log("publish"); got != want {
		t.Errorf("publish printed %q, want %q", got, want)
	}
	if rs := two.pipelineRun().Status.Results; len(rs) != 1 || rs[0].Name != "published" || rs[0].Value.StringVal != want {
		t.Errorf("part 2's results are %+v", rs)
	}
}

// A rejection, which would fail a run of the whole, starts nothing.
func TestSplitExampleRejected(t *testing.T) {
	t.Parallel()
	e := inhabited(t)
	cut(t, e)
	e.ListenerURL("release")
	one := release(t, e, "one", "1.2.3")
	one.ends(corev1.ConditionTrue, "Succeeded")
	a := e.OneApproval()
	one.says(a.Name, "bob", "reject", "not on friday")
	one.outcome(a.Name, "Rejected")
	e.Consistently(5*time.Second, "no other run", func() error {
		var runs pipelinev1.PipelineRunList
		if err := e.List(t.Context(), &runs); err != nil {
			return err
		}
		for _, r := range runs.Items {
			if r.Namespace == e.NS && r.Name != one.name {
				return fmt.Errorf("run %s was started", r.Name)
			}
		}
		return nil
	})
}

// cut applies the example as tkn approval split writes it.
func cut(t *testing.T, e *cluster.Env) {
	t.Helper()
	dir := os.Getenv("COUNTERSIGN_ROOT") + "/examples/split/"
	whole, err := os.ReadFile(dir + "pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cutText(t, e, string(whole))
}

// cutText applies what a text becomes, with the example's account for its EventListener.
func cutText(t *testing.T, e *cluster.Env, text string) split.Result {
	t.Helper()
	r, err := split.Split([]byte(text), split.Options{Account: "release-listener", Namespace: e.NS})
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("COUNTERSIGN_ROOT") + "/examples/split/"
	accounts, err := os.ReadFile(dir + "accounts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	e.Apply(strings.NewReplacer(
		"namespace: default", "namespace: NAMESPACE",
		"kind: ClusterRoleBinding\nmetadata: {name: release-listener}", "kind: ClusterRoleBinding\nmetadata: {name: release-listener-NAMESPACE}",
	).Replace(string(accounts)))
	_, objects, _ := strings.Cut(r.Text, "\n---\n") // the notes are no object
	e.Apply(objects)
	return r
}

// A PipelineRun with the pipeline in it, of an older version: it runs part 1, and the next
// part has its volume, its params and its secret.
func TestSplitEmbedded(t *testing.T) {
	t.Parallel()
	e := inhabited(t)
	e.Apply("apiVersion: v1\nkind: Secret\nmetadata: {name: target}\nstringData: {site: south}")
	cutText(t, e, `apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: nightly}
spec:
  timeout: 30m
  params: [{name: version, value: 1.10}]
  workspaces:
    - {name: source, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}}}
    - {name: target, secret: {secretName: target}}
  pipelineSpec:
    workspaces: [{name: source}, {name: target}]
    tasks:
      - name: build
        workspaces: [{name: source}]
        taskSpec:
          workspaces: [{name: source}]
          steps:
            - name: build
              image: cluster.local/busybox:1
              resources: {requests: {cpu: 10m}}
              env: [{name: VERSION, value: $(params.version)}]
              script: 'printf "built $VERSION" >$(workspaces.source.path)/artefact'
      - name: ask
        runAfter: [build]
        taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}
        params: [{name: approvers, value: [alice]}, {name: description, value: "Publish $(params.version)?"}]
      - name: publish
        runAfter: [ask]
        workspaces: [{name: source}, {name: target}]
        taskSpec:
          workspaces: [{name: source}, {name: target}]
          steps:
            - name: publish
              image: cluster.local/busybox:1
              env: [{name: VERSION, value: $(params.version)}]
              script: 'echo "$(cat $(workspaces.source.path)/artefact) to $(cat $(workspaces.target.path)/site) as $VERSION"'
`)
	e.ListenerURL("nightly")
	one := run{e.For(t), t, "nightly", ""}
	one.ends(corev1.ConditionTrue, "Succeeded")
	if ran := one.ran(); len(ran) != 1 || !ran["build"] {
		t.Errorf("part 1 ran %v, want build alone", ran)
	}
	a := e.OneApproval()
	one.says(a.Name, "alice", "approve", "fine")
	one.outcome(a.Name, "Approved")
	two := started(t, e, "nightly-2")
	two.ends(corev1.ConditionTrue, "Succeeded")
	if got := two.log("publish"); got != "built 1.1 to south as 1.1" { // 1.10 is a number to kubectl
		t.Errorf("publish printed %q", got)
	}
}

// An approval that comes first: an event is held, and what it says runs when people have
// said so. The pipeline that a rejection would run too reads which it was.
func TestSplitFirst(t *testing.T) {
	t.Parallel()
	e := inhabited(t)
	r := cutText(t, e, `apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {name: wipe}
spec:
  params: [{name: site}, {name: level, default: all}]
  tasks:
    - name: ask
      taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, name: approvaltask}
      params:
        - {name: pipeline, value: $(context.pipelineRun.name)}
        - {name: description, value: "Wipe $(params.site)?"}
        - {name: approvers, value: [alice]}
    - name: wiped
      when: [{input: $(tasks.ask.results.decision), operator: in, values: ["true"]}]
      params: [{name: site, value: $(params.site)}, {name: level, value: $(params.level)}, {name: why, value: $(tasks.ask.results.comment)}]
      taskSpec:
        params: [{name: site}, {name: level}, {name: why}]
        steps:
          - name: say
            image: cluster.local/busybox:1
            env: [{name: SITE, value: $(params.site)}, {name: LEVEL, value: $(params.level)}, {name: WHY, value: $(params.why)}]
            script: 'echo "$LEVEL of $SITE: $WHY"'
    - name: kept
      when: [{input: $(tasks.ask.results.decision), operator: in, values: ["false"]}]
      taskSpec: {steps: [{name: say, image: 'cluster.local/busybox:1', script: 'echo kept'}]}
`)
	if len(r.Parts) != 1 || r.Parts[0] != "wipe-2" {
		t.Fatalf("parts %v", r.Parts)
	}
	if a := e.Post(e.ListenerURL("wipe"), nil, []byte(`{"site": "south"}`)); a.Status != 202 {
		t.Fatalf("the event is answered %+v", a)
	}
	a := e.OneApproval()
	who := run{e.For(t), t, "", ""}
	who.says(a.Name, "alice", "approve", "'; $(reboot)")
	who.outcome(a.Name, "Approved")
	two := started(t, e, "wipe-2")
	two.ends(corev1.ConditionTrue, "Completed") // one task is skipped
	if got := two.log("wiped"); got != "all of south: '; $ (reboot)" {
		t.Errorf("wiped printed %q", got)
	}
	if ran := two.ran(); len(ran) != 1 {
		t.Errorf("it ran %v, want wiped alone", ran)
	}
}

// started waits for the run that a Trigger of that name has started.
func started(t *testing.T, e *cluster.Env, trigger string) run {
	t.Helper()
	name := ""
	e.Eventually(2*time.Minute, "a run of "+trigger, func() error {
		rs := e.Runs(trigger)
		if len(rs) != 1 {
			return fmt.Errorf("%d runs", len(rs))
		}
		name = rs[0].Name
		return nil
	})
	return run{e.For(t), t, name, ""}
}

// release starts part 1 as the whole was started.
func release(t *testing.T, e *cluster.Env, name, version string) run {
	t.Helper()
	return startWith(t, e, name, "approval", fmt.Sprintf(`  pipelineRef: {name: release}
  params: [{name: version, value: %q}]
  workspaces:
    - name: source
      volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}}
`, version))
}

// next waits until the part that an Approval starts is there.
func next(t *testing.T, e *cluster.Env, name string) run {
	t.Helper()
	return run{e.For(t), t, e.RunOf(name).Name, ""}
}
