//go:build upgrade

package upgrade

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/test/cluster"
)

// helmValues are what an administrator sets: the image of the version, and settings with mail.
func helmValues(image string) string {
	repository, tag, _ := strings.Cut(image, ":")
	lines := strings.ReplaceAll(strings.TrimSpace(cluster.LeanConfig()), "\n", "\n  ")
	return "image: {repository: " + repository + ", tag: " + tag + ", pullPolicy: Never}\nconfig:\n  " + lines + "\n"
}

// helm runs it with a configuration of its own, which goes with the test.
func helm(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, "", program(t, "COUNTERSIGN_HELM"), args...)
}

// chart makes the chart of a version by that version's own program.
func chart(t *testing.T, maker string, v cluster.Installation, version string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "countersign")
	run(t, "", maker, "--root", v.Tree, "--version", version, "--out", dir, "chart")
	return dir
}

// helmFiles gives Helm folders of its own, which go with the test.
func helmFiles(t *testing.T) {
	t.Helper()
	for _, name := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		t.Setenv(name, t.TempDir())
	}
}

func valuesFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// waits has helm wait for what it does, in the service's namespace.
var waits = []string{"--namespace", cluster.ServiceNamespace, "--wait", "--timeout=3m"}

// TestHelm: the chart is installed, upgraded, installed again, rolled back and uninstalled, and what is pending meanwhile
// is decided by the version that is there then. The definitions stay, with all Gates and Approvals.
func TestHelm(t *testing.T) {
	nothing(t)
	helmFiles(t)
	before, this := cluster.Previous(), cluster.This()
	older := chart(t, program(t, "COUNTERSIGN_PREVIOUS_RELEASE"), before, "v0.0.1")
	newer := chart(t, program(t, "COUNTERSIGN_RELEASE"), this, "v0.0.2")
	values := func(image string) string { return valuesFile(t, helmValues(image)) }

	helm(t, slices.Concat([]string{"install", "countersign", older, "--create-namespace", "-f", values(before.Image)}, waits)...)
	// The manifests' own namespace has this label; Helm's has none.
	kubectl(t, "label", "namespace", cluster.ServiceNamespace, "pod-security.kubernetes.io/enforce=restricted")
	w := newWorld(t)
	pending := w.open(t, "older", 6)
	digests := w.digests(pending)
	set := settings(t, w.Env)

	upgrade := slices.Concat([]string{"upgrade", "countersign", newer, "-f", values(this.Image)}, waits)
	helm(t, upgrade...)
	if got := settings(t, w.Env); !maps.Equal(set, got) {
		t.Errorf("the upgrade changed settings:\n%v\n%v", set, got)
	}
	kubectl(t, "get", "crd", "evidences.countersign.dev") // the older version had none
	if got := w.digests(pending); !maps.Equal(digests, got) {
		t.Errorf("people would approve something else:\n%v\n%v", digests, got)
	}
	running := pods(t, w.Env)
	helm(t, upgrade...)
	if again := pods(t, w.Env); !slices.Equal(running, again) {
		t.Errorf("the same upgrade again restarted pods: %v, then %v", running, again)
	}
	w.decide(t, pending[:2])
	pending = append(pending[2:], w.open(t, "newer", 4)...)
	digests = w.digests(pending)

	helm(t, slices.Concat([]string{"rollback", "countersign", "1"}, waits)...)
	if image := kubectl(t, "-n", cluster.ServiceNamespace, "get", "deployment", "countersign", "-o", "jsonpath={.spec.template.spec.containers[0].image}"); image != before.Image {
		t.Errorf("after the rollback image %s runs, want %s", image, before.Image)
	}
	if got := w.digests(pending); !maps.Equal(digests, got) {
		t.Errorf("people would approve something else:\n%v\n%v", digests, got)
	}
	w.decide(t, pending[3:])
	pending = pending[:3]

	removeRelease(t, w)
	for _, n := range pending {
		if a := w.Approval(n); a.Spec.Resolved == nil || a.Spec.Resolved.Digest != digests[n] {
			t.Errorf("approval %s has not stayed as it was: %+v", n, a.Spec.Resolved)
		}
	}
	// Who installs it again finds all of it, with the keys that signed it.
	helm(t, slices.Concat([]string{"install", "countersign", newer, "-f", values(this.Image)}, waits)...)
	w.URL = "http://" + kubectl(t, "-n", cluster.ServiceNamespace, "get", "service", "countersign", "-o", "jsonpath={.spec.clusterIP}") // another one
	w.decide(t, pending[:1])
	removeRelease(t, w)
	kubectl(t, "delete", "namespace", w.NS, "--wait=false")
	gone(t, w.Env, w.NS)
}

// removeRelease does what docs/getting-started/install.md says, and finds nothing left that is not to stay.
func removeRelease(t *testing.T, w *world) {
	t.Helper()
	helm(t, slices.Concat([]string{"uninstall", "countersign"}, waits)...)
	kubectl(t, "get", "clusterinterceptor", "countersign") // no chart owns it
	tkn(t, "uninstall", "--ignore-triggers", "--yes")
	w.onlyData(t)
}

// TestHelmTakesOver: what was installed by kubectl goes on as a release of Helm, with its settings.
func TestHelmTakesOver(t *testing.T) {
	nothing(t)
	helmFiles(t)
	this := cluster.This()
	install(t, this, "deploy")
	w := newWorld(t)
	configure(t, w.Env)
	pending := w.open(t, "kubectl", 2)
	set := settings(t, w.Env)

	image, _, _ := strings.Cut(helmValues(this.Image), "config:") // the ConfigMap that is there stays the administrator's
	newer := chart(t, program(t, "COUNTERSIGN_RELEASE"), this, "v0.0.2")
	helm(t, slices.Concat([]string{"install", "countersign", newer, "--take-ownership", "-f", valuesFile(t, image)}, waits)...)
	if got := settings(t, w.Env); !maps.Equal(set, got) {
		t.Errorf("it changed settings:\n%v\n%v", set, got)
	}
	w.decide(t, pending)
}
