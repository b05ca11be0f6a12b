//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/test/cluster"
)

// planning is a pipeline whose one task prints a plan of 600 lines and uploads it.
const planning = `
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: part-1}
spec:
  params: [{name: version, default: "1"}]
  tasks:
    - name: plan
      taskSpec:
        steps:
          - name: show
            image: cluster.local/git:1
            script: |
              #!/bin/sh -e
              i=0
              while [ $i -lt 599 ]; do
                echo "  + resource \"null_resource\" \"number_$i\" { triggers = { always = \"<b>\" } }"
                i=$((i+1))
              done >/tekton/home/plan.txt
              echo 'Plan: 599 to add, 0 to change, 0 to destroy.' >>/tekton/home/plan.txt
              cat /tekton/home/plan.txt
          - name: upload
            ref: {name: upload-evidence}
            params: [{name: name, value: plan}, {name: file, value: /tekton/home/plan.txt}]
`

// plan returns the text that the step prints: 600 lines.
func plan() string {
	var b strings.Builder
	for i := range 599 {
		fmt.Fprintf(&b, "  + resource \"null_resource\" \"number_%d\" { triggers = { always = \"<b>\" } }\n", i)
	}
	return b.String() + "Plan: 599 to add, 0 to change, 0 to destroy.\n"
}

// get reads one piece of evidence of an Approval.
func get(e *cluster.Env, approval, item, token string) (status int, text string) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, e.URL+"/api/v1/namespaces/"+e.NS+"/approvals/"+approval+"/evidence/"+item, nil)
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := e.HTTP.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}

// TestEvidence: a plan of 600 lines, uploaded by a step and read of its log, is put before the
// approver to the byte, bound to the decision, and outlives the run. A run that uploaded
// nothing can't be decided, and says why.
func TestEvidence(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	_, stranger := e.Token("stranger")
	e.Apply(cluster.Gate("gate", user, `  evidence:
    - {name: plan, from: Upload, format: terraform-plan}
    - {name: printed, from: Log, task: plan, step: show}
    - {name: notes, from: Upload, optional: true}
`))
	for _, file := range []string{"../../deploy/components/evidence/role.yaml", "../../deploy/components/evidence-log/role.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e.Apply(string(text))
	}
	example, err := os.ReadFile("../../examples/evidence/upload.yaml")
	if err != nil {
		t.Fatal(err)
	}
	step, _, _ := strings.Cut(string(example), "\n---\n")
	e.Apply(step)
	e.Apply(planning)
	e.Apply(cluster.Gated("deploy", "gate", ""))

	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "plan-1"}}
	pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "part-1"}
	pr.Spec.Params = pipelinev1.Params{{Name: "version", Value: *pipelinev1.NewStructuredValues("1")}}
	if err := e.Create(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	name := ""
	e.Eventually(2*time.Minute, "the approval, resolved", func() error {
		for _, a := range e.Approvals() {
			if a.Spec.Resolved != nil {
				name = a.Name
				return nil
			}
		}
		return fmt.Errorf("of %d", len(e.Approvals()))
	})
	a := e.Approval(name)
	want := plan()
	states := map[string]string{"plan": "Present", "printed": "Present", "notes": "Missing"}
	for _, i := range a.Spec.Resolved.Evidence {
		if i.State != states[i.Name] || i.State == "Present" && i.SHA256 != evidence.Sum([]byte(want)) {
			t.Errorf("%s is %s (%s), %d bytes", i.Name, i.State, i.Message, i.Size)
		}
		if i.State != "Present" {
			continue
		}
		if i.Summary == nil || i.Summary.Add != 599 || i.Summary.Format != "terraform-plan" {
			t.Errorf("%s counts %+v", i.Name, i.Summary)
		}
		status, got := get(e, name, i.Name, token)
		if status != http.StatusOK || got != want {
			t.Errorf("%s: %d, %d bytes of %d", i.Name, status, len(got), len(want))
		}
		if status, _ := get(e, name, i.Name, stranger); status != http.StatusForbidden {
			t.Errorf("%s for somebody else: %d", i.Name, status)
		}
		e.Eventually(time.Minute, "the approval owns what it shows", func() error {
			var o v1alpha1.Evidence
			if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: i.Object}, &o); err != nil {
				return err
			}
			for _, r := range o.OwnerReferences {
				if r.UID == a.UID {
					return nil
				}
			}
			return fmt.Errorf("%v", o.OwnerReferences)
		})
	}
	if err := e.Delete(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	if v := e.Vote(name, token, "approve", "599 to add"); v.Status != http.StatusCreated {
		t.Fatalf("%d %s", v.Status, v.Body)
	}
	e.Confirmed(name)
	if status, got := get(e, name, "plan", token); status != http.StatusOK || got != want {
		t.Errorf("when the run is deleted: %d, %d bytes of %d", status, len(got), len(want))
	}

	e.Condition(e.ApprovalOf(e.Part1("silent", "2")), v1alpha1.ConditionReady, "EvidenceMissing", "")
}
