//go:build upgrade

package upgrade

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// minute is the time that things have which happen at once on a machine that does nothing else.
const minute = time.Minute

// inPeoplesNamespace has what components evidence and release-configmap make in a namespace of their users.
const inPeoplesNamespace = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: countersign-evidence}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: countersign-evidence}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: countersign-evidence}
subjects: [{kind: ServiceAccount, name: countersign, namespace: countersign}]`

// TestRemove: the dry run lists and changes nothing, Triggers that name the interceptor come first, and what is removed
// is all that would stay behind; afterwards a namespace with Approvals goes.
func TestRemove(t *testing.T) {
	nothing(t)
	if err := cluster.This().Install(t.Context(), "test/upgrade/testdata/all"); err != nil {
		t.Fatal(err)
	}
	rolledOut(t)
	w := newWorld(t)
	w.Apply(inPeoplesNamespace)
	kept := w.open(t, "kept", 3)
	w.decide(t, kept[:1])
	w.Eventually(minute, "finalizers", func() error {
		for _, n := range kept {
			if !slices.Contains(w.Approval(n).Finalizers, v1alpha1.RecordFinalizer) {
				return fmt.Errorf("%s has %v", n, w.Approval(n).Finalizers)
			}
		}
		return nil
	})

	before := left(t)
	said := tkn(t, "uninstall", "--dry-run")
	for _, want := range []string{"trigger/deploy -n " + w.NS + "\n", "  approval/" + kept[1] + " -n " + w.NS + "\n", "  approval/" + kept[2] + " -n " + w.NS + "\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("the dry run does not say %q:\n%s", want, said)
		}
	}
	if trigger, plan := strings.Index(said, "trigger/deploy -n "+w.NS), strings.Index(said, "To remove"); trigger < 0 || trigger > plan {
		t.Errorf("the Trigger is not listed before what is to be removed:\n%s", said)
	}
	if after := left(t); !slices.Equal(before, after) {
		t.Errorf("the dry run changed something:\n%v\n%v", before, after)
	}
	if out, err := cluster.Command(t.Context(), "", program(t, "COUNTERSIGN_TKN"), "uninstall", "--yes"); err == nil {
		t.Errorf("it was removed while a Trigger uses it:\n%s", out)
	}
	kubectl(t, "-n", w.NS, "delete", "trigger", "deploy")
	tkn(t, "uninstall", "--ignore-triggers", "--yes") // other tests may have left some

	w.onlyData(t)
	if again := tkn(t, "uninstall", "--yes"); !strings.Contains(again, "To remove: nothing") {
		t.Errorf("a second time there is more to remove:\n%s", again)
	}
	for _, n := range kept {
		if a := w.Approval(n); len(a.Finalizers) > 0 {
			t.Errorf("approval %s still has finalizers %v", n, a.Finalizers)
		}
	}
	kubectl(t, "delete", "namespace", w.NS, "--wait=false")
	gone(t, w.Env, w.NS)

	tkn(t, "uninstall", "--data", "--ignore-triggers", "--yes")
	gone(t, w.Env, cluster.ServiceNamespace)
	w.Eventually(minute, "what --data removes", func() error {
		if behind := left(t); len(behind) > 0 {
			return fmt.Errorf("these stay behind: %s", strings.Join(behind, ", "))
		}
		return nil
	})
}

// TestRemoveByManifest: those who delete the manifests, and know nothing of the command, have namespaces that go, too.
func TestRemoveByManifest(t *testing.T) {
	nothing(t)
	install(t, cluster.This(), "deploy")
	w := newWorld(t)
	w.open(t, "left", 2)
	text, err := cluster.This().Manifests(t.Context(), "deploy")
	if err != nil {
		t.Fatal(err)
	}
	run(t, text, "kubectl", "delete", "--ignore-not-found", "--timeout=2m", "-f", "-")
	kubectl(t, "delete", "namespace", w.NS, "--wait=false")
	gone(t, w.Env, w.NS)
}

// onlyData waits until what is left is data and settings, which are to stay. The garbage collector takes a moment.
func (w *world) onlyData(t *testing.T) {
	t.Helper()
	w.Eventually(minute, "what is to be removed", func() error {
		behind := slices.DeleteFunc(left(t), func(l string) bool {
			kind, _, _ := strings.Cut(l, " ")
			return slices.Contains([]string{"CustomResourceDefinition", "APIService", "Namespace", "Secret", "ConfigMap", "PersistentVolumeClaim"}, kind)
		})
		if len(behind) > 0 {
			return fmt.Errorf("these stay behind: %s", strings.Join(behind, ", "))
		}
		return nil
	})
}
