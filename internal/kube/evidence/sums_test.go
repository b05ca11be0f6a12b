package evidence_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

const (
	planText = "Terraform will perform the following actions:\n\n  # a.b will be destroyed\n  - resource \"a\" \"b\" {\n    }\n\nPlan: 0 to add, 0 to change, 1 to destroy.\n"
	planJSON = `{"format_version":"1.2","resource_changes":[{"address":"a.b","mode":"managed","type":"a","name":"b","change":{"actions":["delete"],"before":{},"after":null}},` +
		`{"address":"a.c","mode":"managed","type":"a","name":"c","change":{"actions":["create"],"before":null,"after":{}}}]}`
	junit = `<testsuite tests="2"><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>`
)

// TestCounted: what an upload, a log and a result count is known when the Approval is resolved,
// in the format that the Gate says, and stays the same when the Approval is written and read.
func TestCounted(t *testing.T) {
	t.Parallel()
	cluster := kubetest.New(t, kubetest.Objects(t, ended)...)
	s := &evidence.Store{Client: cluster, Ring: ringOf(1)}
	for name, text := range map[string]string{
		"plan.json": planJSON, "as-text": planJSON, "notes": "# Notes\n\n- one\n", "claims": strings.Repeat("Plan: 1000000000 to add, 0 to change, 0 to destroy.\n", 5),
	} {
		if _, _, err := s.Keep(t.Context(), of(name), []byte(text), ""); err != nil {
			t.Fatal(err)
		}
	}
	r := evidence.Resolver{Store: s, Sums: evidence.NewSums(), Logs: &evidence.Logs{Live: cluster, Open: func(_ context.Context, _, _ string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
		var b strings.Builder
		for l := range strings.Lines(map[string]string{"step-show": planText}[o.Container]) {
			b.WriteString("2026-03-01T09:00:02Z " + l)
		}
		return io.NopCloser(strings.NewReader(b.String())), nil
	}}}
	source := approvals.Source{Run: &approvals.Run{Name: "plan-1", UID: "run-1"}, Results: []approvals.Param{{Name: "tests", Value: junit}}}
	items, err := r.Items(t.Context(), "prod", source, []rules.Wanted{
		{Name: "plan.json", Kind: rules.Upload},
		{Name: "as-text", Kind: rules.Upload, Format: rules.Text},
		{Name: "notes", Kind: rules.Upload},
		{Name: "claims", Kind: rules.Upload, Format: rules.TerraformPlan},
		{Name: "plan", Kind: rules.Log, Task: "plan", Step: "show"},
		{Name: "tests", Kind: rules.Result},
		{Name: "absent", Kind: rules.Upload},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"plan.json": "1 add · 1 destroy", "as-text": "", "notes": "", "claims": "2147483647 add · incomplete", "plan": "1 destroy", "tests": "1 failed · 1 passed", "absent": "",
	}
	for _, i := range items {
		if got := i.Summary.Line(); got != want[i.Name] {
			t.Errorf("%s: %q, want %q", i.Name, got, want[i.Name])
		}
		if (i.Summary.Name == i.Name) != (want[i.Name] != "") {
			t.Errorf("%s: the summary has the name %q", i.Name, i.Summary.Name)
		}
	}
	a := showing(items...)
	var o v1alpha1.Approval
	o.Spec.Source, o.Spec.Resolved = convert.SourceToAPI(a.Source), convert.ResolvedToAPI(a.Resolved)
	again := convert.ToDomain(&o)
	if got := again.Resolved.ContentDigest("prod", a.Trigger, a.Resolved.TemplateDigest, a.Source); got != a.Resolved.Digest {
		t.Errorf("what was approved has the digest %s, and read again %s", a.Resolved.Digest, got)
	}
}

// TestCountedChanged: what is not what the service wrote can't be put before anybody.
func TestCountedChanged(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, change := range map[string]func(*v1alpha1.Evidence) error{
		"other bytes": func(o *v1alpha1.Evidence) error { o.Spec.Data = []byte("not compressed"); return nil },
		"a part lost": func(o *v1alpha1.Evidence) error { o.Spec.Parts = 2; return nil },
	} {
		c := kubetest.New(t)
		s := &evidence.Store{Client: c, Ring: ringOf(1)}
		k, _, err := s.Keep(t.Context(), of("plan"), []byte(planText), "")
		if err != nil {
			t.Fatal(err)
		}
		var o v1alpha1.Evidence
		err = c.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: k.Object}, &o)
		if err = errors.Join(err, change(&o)); err == nil {
			err = c.Update(t.Context(), &o)
		}
		if err != nil {
			t.Fatal(err)
		}
		r := evidence.Resolver{Store: s, Sums: evidence.NewSums()}
		items, err := r.Items(t.Context(), "prod", approvals.Source{Run: &approvals.Run{Name: "plan-1", UID: "run-1"}}, []rules.Wanted{{Name: "plan", Kind: rules.Upload}})
		if err != nil || items[0].State != rules.Missing || items[0].SHA256 != "" {
			t.Fatalf("%s: got %+v, %v", name, items, err)
		}
		said.Check(t, name, strings.ReplaceAll(items[0].Message, k.Object, "OBJECT"))
	}
}

// TestSums: each text is read once, however often it is asked for; a namespace with many waits
// for itself and holds up nobody else; and who waits for too long is told to try again.
func TestSums(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, item := evidence.NewSums(), func(text string) rules.Item {
			return rules.Wanted{Name: "plan", Kind: rules.Upload}.Of([]byte(text))
		}
		reads := 0
		for range 3 {
			sum, err := s.Of(t.Context(), "prod", item(planText), func() ([]byte, error) { reads++; return []byte(planText), nil })
			if err != nil || sum.Destroy != 1 {
				t.Fatalf("%+v, %v", sum, err)
			}
		}
		if reads != 1 {
			t.Errorf("it was read %d times", reads)
		}
		forever := make(chan struct{})
		errs := make(chan error, 50)
		for i := range cap(errs) {
			go func() {
				_, err := s.Of(t.Context(), "greedy", item(planText+strings.Repeat("\n", i+1)), func() ([]byte, error) { <-forever; return nil, errors.New("slow") })
				errs <- err
			}()
		}
		synctest.Wait()
		if sum, err := s.Of(t.Context(), "prod", item(junit), func() ([]byte, error) { return []byte(junit), nil }); err != nil || sum.Failed != 1 {
			t.Errorf("beside a greedy namespace: %+v, %v", sum, err)
		}
		for range cap(errs) - 1 {
			if err := <-errs; approvals.CodeOf(err) != approvals.CodeUnavailable {
				t.Errorf("one more of the greedy namespace: %v", err)
			}
		}
		close(forever)
		if err := <-errs; err == nil || approvals.CodeOf(err) != approvals.CodeInternal {
			t.Errorf("what could not be read: %v", err)
		}
	})
}
