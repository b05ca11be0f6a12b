//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/test/cluster"
)

// The example as it stands, with real pods: a run of "build" ends, alice is
// mailed, opens the link on the page, approves by its form, and "deploy" runs with
// the forwarded params.
func TestMainPathByMailedLink(t *testing.T) {
	e := cluster.New(t)
	alice := "alice-" + e.NS + "@example.com"
	for _, f := range []string{"pipelines.yaml", "countersign.yaml"} {
		b, err := os.ReadFile(os.Getenv("COUNTERSIGN_ROOT") + "/examples/two-pipelines/" + f)
		if err != nil {
			t.Fatal(err)
		}
		text := images.Replace(strings.ReplaceAll(string(b), "alice@example.com", alice))
		text = strings.ReplaceAll(text, "namespace: default", "namespace: NAMESPACE")
		text = strings.ReplaceAll(text, "default:deploy-listener", "NAMESPACE:deploy-listener")
		e.Apply(text)
	}
	e.ListenerURL("deploy")
	pr := &pipelinev1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, GenerateName: "build-"},
		Spec: pipelinev1.PipelineRunSpec{
			PipelineRef: &pipelinev1.PipelineRef{Name: "build"},
			Params:      pipelinev1.Params{{Name: "version", Value: *pipelinev1.NewStructuredValues("1.2.3")}},
		},
	}
	if err := e.Create(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	var mail cluster.Mail
	e.Eventually(2*time.Minute, "the mail to alice", func() error {
		if m := box.To(alice); len(m) == 1 {
			mail = m[0]
			return nil
		}
		return fmt.Errorf("%d mails", len(box.To(alice)))
	})
	link := mail.Link()
	if link == "" || !strings.Contains(mail.HTML, link) {
		t.Fatalf("the mail's two parts do not both hold the link:\n%s", mail.Text)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	page := e.URL + u.Path

	// The mail's record comes after the mail.
	e.Eventually(time.Minute, "the record of the mail", func() error {
		if n := e.OneApproval().Status.Notifications; len(n) == 0 || n[0].SentAt == nil { // one write for all
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
	// Whatever follows the link changes nothing.
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		before := e.OneApproval().ResourceVersion
		status, body := fetch(t, e, method, page, nil)
		if after := e.OneApproval().ResourceVersion; after != before {
			t.Errorf("%s of the link wrote to the Approval", method)
		}
		if method == http.MethodGet && (status != 200 || !strings.Contains(body, "1.2.3")) {
			t.Fatalf("the page: %d\n%s", status, body)
		}
	}
	status, body := fetch(t, e, http.MethodPost, page, url.Values{"vote": {"approve"}, "comment": {"looks right"}})
	if status != 200 || !strings.Contains(body, `data-result="ended"`) {
		t.Fatalf("the vote: %d\n%s", status, body)
	}
	// The link used twice: nothing more happens, and it says so.
	if status, body := fetch(t, e, http.MethodPost, page, url.Values{"vote": {"approve"}}); status != 200 || !strings.Contains(body, `data-result="absent"`) {
		t.Errorf("the same vote again: %d", status)
	}
	if status, body := fetch(t, e, http.MethodPost, page, url.Values{"vote": {"reject"}}); status != 409 || !strings.Contains(body, alice) {
		t.Errorf("another vote after the decision: %d\n%s", status, body)
	}
	name := e.OneApproval().Name
	var run pipelinev1.PipelineRun
	e.Eventually(2*time.Minute, "part 2", func() error {
		next := e.Approval(name).Status.SecondRun
		if next == nil {
			return fmt.Errorf("no run was seen")
		}
		run = pipelinev1.PipelineRun{}
		if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: next.Name}, &run); err != nil {
			return err
		}
		if c := run.Status.GetCondition(apis.ConditionSucceeded); c == nil || c.Status != corev1.ConditionTrue {
			return fmt.Errorf("%v", c)
		}
		if got := run.Spec.Params[2].Value.StringVal; got != "looks right" {
			t.Errorf("comment in part 2: %q", got)
		}
		return nil
	})
	if n := len(box.To(alice)); n != 1 {
		t.Errorf("%d mails to alice, want 1", n)
	}
	if a := e.OneApproval(); a.Status.SecondRun == nil || a.Status.SecondRun.Name == name || a.Status.SecondRun.UID != string(run.UID) || a.Status.SecondRun.Pipeline != "deploy" {
		t.Errorf("status.secondRun is %+v", a.Status.SecondRun)
	}
}

func fetch(t *testing.T, e *cluster.Env, method, address string, form url.Values) (int, string) {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := e.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
