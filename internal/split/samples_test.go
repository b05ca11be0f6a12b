package split_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/split"
)

// sample is a pipeline in a shape that people publish, written anew, and what becomes of
// it: parts, or a refusal.
type sample struct {
	o      split.Options
	parts  []string
	params map[string]string // of what starts the first part
	last   map[string]string // of the params of the last part's run
	shown  map[string]string
	line   int // of the refusal, 0 for none
}

var samples = map[string]sample{
	// manual-approval-gate
	"mag-run-inline": {parts: []string{"nightly", "nightly-2"}, shown: map[string]string{"nightly-2": "Go on?"}},
	"mag-run-beta":   {parts: []string{"custom-task-beta", "custom-task-beta-2"}, last: map[string]string{"site": "south"}, shown: map[string]string{"custom-task-beta-2": "Deploy to south?"}},
	"mag-run-group":  {parts: []string{"group-example", "group-example-2"}},
	"mag-check":      {parts: []string{"checked", "checked-2"}},
	"mag-serving":    {parts: []string{"model-serving", "model-serving-2"}, last: map[string]string{"path": "granite/v1"}, shown: map[string]string{"model-serving-2": "Serve granite/v1?"}},
	"mag-day":        {parts: []string{"deploy-with-approval", "deploy-with-approval-2"}},
	"mag-compiled":   {o: split.Options{Finally: map[string]int{"tell": 2}}, parts: []string{"web", "web-2"}, last: map[string]string{"deploy-staging-image": "result deploy-staging-image", "targets-0": "south"}},
	"mag-two":        {parts: []string{"two-gates", "two-gates-2", "two-gates-3"}, last: map[string]string{"version": "param version"}},
	"mag-gitops": {
		parts: []string{"build-and-promote", "build-and-promote-2"},
		last:  map[string]string{"IMAGE": "registry.example.com/shop/app:main", "build-IMAGE_DIGEST": "result IMAGE_DIGEST"},
		shown: map[string]string{"build-and-promote-2": "Promote result build-IMAGE_URL@result IMAGE_DIGEST of run of build-and-promote"},
	},
	"mag-run-first": {o: split.Options{Account: "x"}, parts: []string{"guarded-2"}, last: map[string]string{"site": "south", "level": "info"}, shown: map[string]string{"guarded-2": "Wipe south?"}},
	"mag-only":      {line: 7},
	"mag-run-only":  {line: 9},
	// Automatiko
	"automatiko-single": {parts: []string{"approve-dev-2"}, last: map[string]string{"approval-decision": "true", "approval-comment": "fine"}, shown: map[string]string{"approve-dev-2": "A question of approve-dev on the way to development"}},
	"automatiko-four":   {parts: []string{"approve-eyes-2"}},
	"automatiko-multi":  {parts: []string{"approve-groups-2"}},
	"automatiko-alpha":  {parts: []string{"approve-soon-2"}},
	"automatiko-built":  {parts: []string{"build-approve-deploy", "build-approve-deploy-2"}, last: map[string]string{"approval-approvedBy": "alice", "build-IMAGE_DIGEST": "result build-IMAGE_DIGEST"}},
	"automatiko-print":  {line: 13},
	"automatiko-stages": {
		parts: []string{"stages-2", "stages-3"}, last: map[string]string{"version": "param version", "site": "param site", "run-name": "run of stages-2"},
		shown: map[string]string{"stages-2": "param version to development", "stages-3": "result deploy-dev-url to param site"},
	},
	// KubeRocketCI
	"krci-deploy":   {parts: []string{"deploy-then-ask", "deploy-then-ask-2"}, last: map[string]string{"CDSTAGE": ""}, shown: map[string]string{"deploy-then-ask-2": "Promote versions to the next environment?"}},
	"krci-own-spec": {parts: []string{"own-spec", "own-spec-2"}, shown: map[string]string{"own-spec-2": "On to the next stage?"}, last: map[string]string{"approve-approved": "true"}},
	"krci-gate":     {parts: []string{"with-gate", "with-gate-2"}, last: map[string]string{"approve-approvedBy": "alice", "approve-approved": "true"}},
	"krci-readme":   {line: 15},
	// what others make of them
	"list-of-cluster": {parts: []string{"listed", "listed-2"}, last: map[string]string{"build-digest": "result build-digest"}},
	"pac-run":         {parts: []string{"on-push", "on-push-2"}, last: map[string]string{"revision": "{{ revision }}"}},
	"terraform":       {parts: []string{"terraform", "terraform-2"}, last: map[string]string{"directory": "."}},
}

func TestSamples(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	files, err := filepath.Glob("testdata/samples/*.yaml")
	if err != nil || len(files) != len(samples) {
		t.Fatalf("%d files and %d rows (%v)", len(files), len(samples), err)
	}
	cut := 0
	for name, c := range samples {
		if c.line == 0 {
			cut++
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join("testdata/samples", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := split.Split(raw, c.o)
			if c.line > 0 {
				rs, ok := errors.AsType[split.Refusals](err)
				if !ok || rs[0].Line != c.line {
					t.Fatalf("%v, want an error about line %d", err, c.line)
				}
				said.Check(t, name, err.Error())
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			golden.File(t, filepath.Join("testdata/samples/golden", name+".yaml"), got.Text)
			if !slices.Equal(got.Parts, c.parts) {
				t.Errorf("parts %v, want %v", got.Parts, c.parts)
			}
			o := parse(t, got.Text)
			last := o.run(t, c.parts, c.params)
			for k, v := range c.last {
				if got, ok := last[k]; !ok || got != v {
					t.Errorf("the last part's param %s is %q, want %q: %v", k, got, v, last)
				}
			}
			for k, v := range c.shown {
				var all []string
				for _, s := range o.forwarded[k] {
					all = append(all, s)
				}
				if !slices.Contains(all, v) {
					t.Errorf("Trigger %s does not show %q: %q", k, v, all)
				}
			}
		})
	}
	if cut < 20 {
		t.Errorf("%d of %d are cut", cut, len(samples))
	}
}
