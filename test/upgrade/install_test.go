//go:build upgrade

package upgrade

import (
	"maps"
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/test/cluster"
)

// TestInstallTwice: the same command again changes no setting, no key and no certificate, and restarts nothing; neither
// does the previous version become this one with other settings.
func TestInstallTwice(t *testing.T) {
	nothing(t)
	install(t, cluster.Previous(), "deploy")
	w := newWorld(t)
	configure(t, w.Env)
	before := settings(t, w.Env)
	for _, name := range []string{"Secret countersign-keys", "Secret countersign-tls", "Secret countersign-secrets", "ConfigMap countersign", "caBundle"} {
		if before[name] == "" {
			t.Errorf("%s is not there: the test would prove nothing of it", name)
		}
	}
	pending := w.open(t, "before", 3)
	digests := w.digests(pending)

	install(t, cluster.This(), "deploy")
	if after := settings(t, w.Env); !maps.Equal(before, after) {
		t.Errorf("the upgrade changed settings:\n%v\n%v", before, after)
	}
	running := pods(t, w.Env)
	install(t, cluster.This(), "deploy")
	if after := settings(t, w.Env); !maps.Equal(before, after) {
		t.Errorf("the same command again changed settings:\n%v\n%v", before, after)
	}
	if after := pods(t, w.Env); !slices.Equal(running, after) {
		t.Errorf("the same command again restarted pods: %v, then %v", running, after)
	}
	if after := w.digests(pending); !maps.Equal(digests, after) {
		t.Errorf("people would approve something else:\n%v\n%v", digests, after)
	}
	w.decide(t, pending)
}
