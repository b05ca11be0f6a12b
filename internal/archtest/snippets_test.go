package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/interceptor"
)

// TestSnippetsRead: the resources in the pages and in examples have the fields that their
// kinds have, and no others; what they say to our interceptor reads.
func TestSnippetsRead(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".md"):
			var objects []string
			for _, b := range codeBlocks(readFile(t, rel)) {
				switch b.language {
				case "yaml":
					objects = append(objects, b.text)
				case "sh":
					objects = append(objects, firstGroups(`(?s)<<'?(?:RUN|EOF|GATE)'?\n(.*?)\n(?:RUN|EOF|GATE)\n`, b.text)...)
				}
			}
			texts[rel] = strings.Join(objects, "\n---\n")
		case strings.HasPrefix(rel, "examples") && strings.HasSuffix(name, ".yaml"):
			texts[rel] = readFile(t, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]int{}
	for name, text := range texts {
		for _, doc := range regexp.MustCompile(`(?m)^---$`).Split(text, -1) {
			kind := firstGroups(`(?m)^kind: (\w+)`, doc)
			if len(kind) != 1 {
				continue
			}
			object := map[string]any{
				"Gate": &v1alpha1.Gate{}, "GatePolicy": &v1alpha1.GatePolicy{}, "Vote": &v1alpha1.Vote{}, "Delegation": &v1alpha1.Delegation{}, "Approval": &v1alpha1.Approval{}, "Evidence": &v1alpha1.Evidence{},
				"Pipeline": &pipelinev1.Pipeline{}, "Task": &pipelinev1.Task{}, "PipelineRun": &pipelinev1.PipelineRun{},
				"Trigger": &triggersv1.Trigger{}, "TriggerTemplate": &triggersv1.TriggerTemplate{}, "TriggerBinding": &triggersv1.TriggerBinding{},
				"EventListener": &triggersv1.EventListener{},
			}[kind[0]]
			if object == nil {
				continue // Kubernetes' own, which kubectl checks
			}
			read[kind[0]]++
			if err := yaml.UnmarshalStrict([]byte(doc), object); err != nil {
				t.Errorf("%s, %s: %v", name, kind[0], err)
			}
			if trigger, ok := object.(*triggersv1.Trigger); ok {
				if _, err := interceptor.ParseParams(trigger.Spec.Interceptors, nil); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	for kind, least := range map[string]int{"Gate": 5, "GatePolicy": 2, "Vote": 1, "Delegation": 1, "Trigger": 6, "TriggerTemplate": 2, "EventListener": 3, "Pipeline": 10, "PipelineRun": 3} {
		if read[kind] < least {
			t.Errorf("found %d of kind %s, want %d at least, so this test looks for the wrong thing", read[kind], kind, least)
		}
	}
}
