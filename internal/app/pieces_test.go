package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/yaml"

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

// TestPiecesHaveAllDefinitions: a service that is upgraded before its definitions says which of them the
// cluster lacks, whichever that is.
func TestPiecesHaveAllDefinitions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deploy/crd/countersign.dev_*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions were found: %v", err)
	}
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, p := range pieces {
		_, kinds, _ := kindsOf(scheme, p.kinds)
		asked = append(asked, kinds...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Spec struct{ Names struct{ Kind string } }
		}
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		if kind := d.Spec.Names.Kind; !slices.Contains(asked, kind) {
			t.Errorf("%s defines %q, for which the service does not ask the cluster", file, kind)
		}
	}
}
