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
	time.Sleep(5 * time.Second) // nothing tells that nothing will happen
	var runs pipelinev1.PipelineRunList
	if err := e.List(t.Context(), &runs); err != nil {
		t.Fatal(err)
	}
	for _, r := range runs.Items {
		if r.Namespace == e.NS && r.Name != one.name {
			t.Errorf("run %s was started", r.Name)
		}
	}
}

// cut applies the example as tkn approval split writes it.
func cut(t *testing.T, e *cluster.Env) {
	t.Helper()
	dir := os.Getenv("COUNTERSIGN_ROOT") + "/examples/split/"
	whole, err := os.ReadFile(dir + "pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := split.Split(whole, split.Options{Account: "release-listener"})
	if err != nil {
		t.Fatal(err)
	}
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
