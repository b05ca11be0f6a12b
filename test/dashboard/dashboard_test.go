//go:build dashboard

// Package dashboard looks at Approvals and Gates in the real Tekton Dashboard, with a real Chromium.
// The Dashboard is not made here: DASHBOARD is the address of one that shows the cluster. It runs
// inside the cluster's network.
package dashboard

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/go-logr/logr"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
)

const component = "../../deploy/components/dashboard"

// rows counts, on a page, those of a list that have come: until then it has empty ones.
const rows = "[...document.querySelectorAll('tbody tr td:first-child')].filter(e => e.innerText.trim()).length"

var (
	box  *cluster.Mailbox
	dash string // the Dashboard's address
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	dash = strings.TrimSuffix(os.Getenv("DASHBOARD"), "/")
	var err error
	if dash == "" {
		err = fmt.Errorf("DASHBOARD is not set: give the address of a Tekton Dashboard that shows this cluster")
	} else {
		box, err = cluster.Main()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// release starts a run with a pod, whose log says where it was approved, as docs/tasks/tekton-dashboard.md
// has it.
const release = `
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: release}
spec:
  interceptors:
    - ref: {kind: ClusterInterceptor, name: countersign}
      params:
        - {name: gate, value: release-managers}
        - {name: after, value: {pipeline: build}}
  bindings:
    - {name: run, value: $(extensions.countersign.run)}
    - {name: page, value: "http://countersign.test/approvals/$(extensions.countersign.approval.namespace)/$(extensions.countersign.approval.name)"}
  template: {ref: release}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: release}
spec:
  params: [{name: run}, {name: page}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {name: $(tt.params.run)}
      spec:
        params: [{name: page, value: $(tt.params.page)}]
        pipelineSpec:
          params: [{name: page}]
          tasks:
            - name: release
              params: [{name: page, value: $(params.page)}]
              taskSpec:
                params: [{name: page}]
                steps: [{name: approved, image: "cluster.local/busybox:1", command: [echo], args: ["Approved on $(params.page)"]}]
---
`

// TestExtensions: the menu has both entries by name, each list has what is in the cluster with columns
// that can be read, an Approval can be opened, and links lead from Countersign's page to the run in the
// Dashboard, and from the log of a run there to Countersign's page.
func TestExtensions(t *testing.T) {
	e := cluster.New(t)
	install(t, e)
	e.Reconfigure(cluster.MailConfig("http://countersign.test")+
		"links: {dashboard: '"+dash+"/#/namespaces/{namespace}/pipelineruns/{name}'}\n", nil)
	page, names := approvals(t, e)

	ctx := browser(t)
	do(t, ctx, chromedp.EmulateViewport(1280, 800))
	open(t, ctx, "/about")
	for _, kind := range []struct {
		entry, resource string
		want            []string
	}{
		{"Approvals", "approvals", names},
		{"Gates", "gates", []string{"deploy-gate", "release-managers"}},
	} {
		follow(t, ctx, kind.entry)
		list := "/countersign.dev/v1alpha1/" + kind.resource
		waits(t, ctx, "the list of "+kind.entry, fmt.Sprintf("location.hash.endsWith(%q) && %s > 0", list, rows))
		if got, want := texts(t, ctx, "thead th"), []string{"Name", "Namespace", "Created"}; !slices.Equal(got, want) {
			t.Errorf("the columns of %s are %q, want %q", kind.entry, got, want)
		}
		// Of this test alone, as a person who has chosen the namespace.
		open(t, ctx, "/namespaces/"+e.NS+list)
		waits(t, ctx, "the rows of "+kind.entry, fmt.Sprintf("location.hash.includes(%q) && %s === %d", e.NS, rows, len(kind.want)))
		got := slices.Sorted(slices.Values(texts(t, ctx, "tbody tr td:first-child")))
		if want := slices.Sorted(slices.Values(kind.want)); !slices.Equal(got, want) {
			t.Errorf("the list of %s has %q, want %q", kind.entry, got, want)
		}
		if hidden := texts(t, ctx, "tbody td", "e.scrollWidth > e.clientWidth + 1"); len(hidden) > 0 {
			t.Errorf("in the list of %s these are cut off: %q", kind.entry, hidden)
		}
		screenshot(t, ctx, kind.resource)
	}

	// An Approval, whole.
	name := names[0]
	open(t, ctx, "/namespaces/"+e.NS+"/countersign.dev/v1alpha1/approvals")
	follow(t, ctx, name)
	waits(t, ctx, "the Approval", fmt.Sprintf("document.querySelector('h1')?.innerText === %q", name))
	screenshot(t, ctx, "approval")
	follow(t, ctx, "YAML")
	waits(t, ctx, "its YAML", "document.body.innerText.includes('outcome: Pending')")
	screenshot(t, ctx, "approval-yaml")

	// From Countersign's page to the run that it is about.
	do(t, ctx, chromedp.Navigate(page))
	link := `a[href^="` + dash + `/#/namespaces/` + e.NS + `/pipelineruns/"]`
	do(t, ctx, chromedp.WaitVisible(link))
	screenshot(t, ctx, "countersign")
	do(t, ctx, chromedp.Click(link))
	waits(t, ctx, "the Dashboard's page of the first run", "document.querySelector('h1')?.innerText.includes('plan-1')")
	screenshot(t, ctx, "run")

	// And from the run that was approved to the page of its Approval.
	second := e.RunOf(names[1])
	open(t, ctx, "/namespaces/"+e.NS+"/pipelineruns/"+second.Name+"?pipelineTask=release&step=approved")
	waits(t, ctx, "a link in the log of "+second.Name, fmt.Sprintf("document.querySelector('a[href=%q]') !== null", "http://countersign.test/approvals/"+e.NS+"/"+names[1]))
	screenshot(t, ctx, "log")
}

// install applies the component as it is, in the Dashboard's namespace, until the test ends.
func install(t *testing.T, e *cluster.Env) {
	t.Helper()
	for _, name := range []string{"extensions.yaml", "accounts.yaml"} {
		b, err := os.ReadFile(filepath.Join(component, name))
		if err != nil {
			t.Fatal(err)
		}
		e.Apply(string(b))
		t.Cleanup(func() {
			for doc := range strings.SplitSeq(string(b), "\n---\n") {
				u := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
					t.Error(err)
				} else if err := e.Delete(context.WithoutCancel(t.Context()), u); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// approvals makes one that is pending, and then one approved and one rejected, and returns the page of
// the first one, by a mailed link, and their names.
func approvals(t *testing.T, e *cluster.Env) (page string, names []string) {
	t.Helper()
	alice := "alice-" + e.NS + "@example.com"
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("deploy-gate", alice, ""))
	e.Apply(cluster.Gate("release-managers", user, ""))
	e.Apply(cluster.Gated("apply", "deploy-gate", ""))
	e.ListenerURL("apply")
	e.Part1("plan-1", "7")
	names = append(names, e.OneApproval().Name)
	e.Eventually(time.Minute, "the mail", func() error {
		mails := box.To(alice)
		if len(mails) == 0 {
			return fmt.Errorf("none yet")
		}
		u, err := url.Parse(mails[0].Link())
		page = e.URL + u.Path
		return err
	})
	// Others, that somebody has decided by the API.
	e.Apply(release + cluster.Listener("release", "{triggerRef: release}"))
	e.ListenerURL("release")
	for _, verdict := range []string{"approve", "reject"} {
		build := e.Start("build-"+verdict, "build", "8")
		e.FinishRun(build)
		name := of(t, e, build)
		if a := e.Vote(name, token, verdict, "seen"); a.Status != 201 {
			t.Fatalf("the vote: %d %s", a.Status, a.Body)
		}
		names = append(names, name)
	}
	return page, names
}

// of is the Approval of a run.
func of(t *testing.T, e *cluster.Env, run *pipelinev1.PipelineRun) string {
	t.Helper()
	name := ""
	e.Eventually(time.Minute, "the Approval of "+run.Name, func() error {
		for _, a := range e.Approvals() {
			if r := a.Spec.Source.PipelineRun; r != nil && r.Name == run.Name {
				name = a.Name
				return nil
			}
		}
		return fmt.Errorf("there is none for %s", client.ObjectKeyFromObject(run))
	})
	return name
}

// browser is a Chromium of the test's own, without a window.
func browser(t *testing.T) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(2*time.Minute), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("no-proxy-server", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	do(t, ctx, chromedp.Navigate("about:blank"))
	ctx, cancel = context.WithTimeout(ctx, 6*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		screenshot(t, ctx, "failed")
		t.Fatal(err)
	}
}

// open opens a page of the Dashboard as a link from elsewhere does: another part after the # alone
// loads nothing, and there would be nothing to wait for.
func open(t *testing.T, ctx context.Context, route string) {
	t.Helper()
	do(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(dash+"/#"+route))
}

// waits waits until an expression is true on the page.
func waits(t *testing.T, ctx context.Context, what, expression string) {
	t.Helper()
	var said string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err == nil && ok {
			return
		}
		said, _ = chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	}
	screenshot(t, ctx, "failed")
	t.Fatalf("%s: not within a minute; the page is\n%s", what, said)
}

// follow clicks the link or tab of that name.
func follow(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	waits(t, ctx, "a link "+name, fmt.Sprintf(
		"(e => { e?.click(); return !!e })([...document.querySelectorAll('a, [role=tab]')].find(e => e.innerText.trim() === %q))", name))
}

// texts are what a person reads in the elements of a CSS selector, of which a condition on e may choose some.
func texts(t *testing.T, ctx context.Context, selector string, where ...string) []string {
	t.Helper()
	condition := strings.Join(append(where, "true"), " && ")
	v, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(
		"[...document.querySelectorAll(%q)].filter(e => %s).map(e => e.innerText.trim())", selector, condition)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// screenshot keeps a picture where SCREENSHOTS says, if it says.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "dashboard-"+name+".png"), png, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
