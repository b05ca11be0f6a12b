package app

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"

	"github.com/countersign-dev/countersign/internal/config"
)

// TestWarm: every kind that the cluster is asked for is watched from the start, except kinds that
// are only written, and tasks when none are to be answered.
func TestWarm(t *testing.T) {
	t.Parallel()
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	const all = "Approval ClusterTriggerBinding CustomRun Delegation EventListener Gate GatePolicy Namespace PipelineRun Service Trigger TriggerBinding TriggerTemplate Vote"
	for name, c := range map[string]struct {
		tasks []string // of the configuration
		want  string
	}{
		"by default":       {nil, all},
		"tasks of a kind":  {[]string{"automatiko"}, all},
		"no tasks, please": {[]string{}, strings.Replace(all, "CustomRun ", "", 1)},
	} {
		informers := &informertest.FakeInformers{Scheme: scheme}
		if err := warm(t.Context(), informers, Options{Config: config.Config{CustomTasks: c.tasks}}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for gvk := range informers.InformersByGVK {
			got = append(got, gvk.Kind)
		}
		slices.Sort(got)
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

// TestPieces: the cluster is asked once for all kinds of a piece, under the version of one.
func TestPieces(t *testing.T) {
	t.Parallel()
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		want, _, _ := kindsOf(scheme, p.kinds)
		for i, o := range p.kinds {
			if version, _, err := kindsOf(scheme, p.kinds[i:i+1]); err != nil || version != want {
				t.Errorf("%s has %T of version %q and others of %q: %v", p.name, o, version, want, err)
			}
		}
	}
}
