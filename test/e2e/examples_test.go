//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// images puts git with an ssh client in the place of the examples'. The cluster's own git has none, and the cluster pulls
// no images.
var images = strings.NewReplacer("docker.io/alpine/git:2.47.2", "cluster.local/git-ssh:1")

// tried is an example as `kubectl apply -k` makes it, in a namespace of the test's in the place of
// its own, with those beside it that begin with its name. replace are more replacements.
func tried(t *testing.T, name string, replace ...string) *cluster.Env {
	t.Helper()
	e := cluster.New(t)
	text := kustomized(t, "examples/"+name)
	replaced := strings.NewReplacer(replace...).Replace(text)
	if len(replace) > 0 && replaced == text {
		t.Fatalf("example %s has none of %q", name, replace)
	}
	for doc := range strings.SplitSeq(images.Replace(strings.ReplaceAll(replaced, "example-"+name, e.NS)), "\n---\n") {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
			t.Fatal(err)
		}
		switch o.GetKind() {
		case "Namespace":
			if o.GetName() == e.NS {
				continue
			}
			settle(t, e, o.GetName())
		case "ClusterRole", "ClusterRoleBinding":
			goes(t, e, &o)
		}
		if err := e.TryApply(doc); err != nil {
			t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
	peopled(e, e.NS)
	return e
}

// settle makes one more namespace.
func settle(t *testing.T, e *cluster.Env, name string) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := e.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	goes(t, e, ns)
	e.Eventually(time.Minute, "the service account of "+name, func() error {
		return e.Get(t.Context(), types.NamespacedName{Namespace: name, Name: "default"}, &corev1.ServiceAccount{})
	})
	peopled(e, name)
}

func goes(t *testing.T, e *cluster.Env, o client.Object) {
	t.Cleanup(func() { _ = e.Delete(context.WithoutCancel(t.Context()), o) })
}

// peopled lets the people of the examples vote in a namespace; whose votes count is for its Gates.
func peopled(e *cluster.Env, ns string) {
	e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: people, namespace: ` + ns + `}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: User, name: alice@example.com}, {kind: User, name: bob@example.com}, {kind: User, name: carol@example.com}]`)
}

// kustomized returns the objects that kustomize makes of a folder of the tree, as YAML.
func kustomized(t *testing.T, folder string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kubectl", "kustomize", "--load-restrictor=LoadRestrictionsNone", os.Getenv("COUNTERSIGN_ROOT")+"/"+folder)
	out, err := cmd.Output()
	if err != nil {
		if x, ok := err.(*exec.ExitError); ok { //nolint:errorlint // it is what Output returns
			t.Fatalf("kubectl kustomize %s: %s", folder, x.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}

// in is e in another namespace.
func in(t *testing.T, e *cluster.Env, ns string) *cluster.Env {
	sub := e.For(t)
	sub.NS = ns
	return sub
}

// started waits for the one run of a pipeline, other than those named.
func ran(t *testing.T, e *cluster.Env, pipeline string, but ...string) run {
	t.Helper()
	name := ""
	e.Eventually(2*time.Minute, "a run of "+pipeline, func() error {
		var l pipelinev1.PipelineRunList
		if err := e.List(t.Context(), &l, client.InNamespace(e.NS)); err != nil {
			return err
		}
		found := 0
		for _, r := range l.Items {
			if r.Spec.PipelineRef != nil && r.Spec.PipelineRef.Name == pipeline && !strings.Contains(strings.Join(but, " "), r.Name) {
				name = r.Name
				found++
			}
		}
		if found != 1 {
			return fmt.Errorf("%d of %d runs are of %s", found, len(l.Items), pipeline)
		}
		return nil
	})
	return run{e.For(t), t, name, ""}
}

// begin creates the run of an example's run.yaml, under a name that is known.
func begin(t *testing.T, e *cluster.Env, example, name string) run {
	t.Helper()
	b, err := os.ReadFile(os.Getenv("COUNTERSIGN_ROOT") + "/examples/" + example + "/run.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var pr pipelinev1.PipelineRun
	if err := yaml.UnmarshalStrict(b, &pr); err != nil {
		t.Fatal(err)
	}
	pr.Namespace, pr.Name, pr.GenerateName = strings.Replace(pr.Namespace, "example-"+example, e.NS, 1), name, ""
	if err := e.Create(t.Context(), &pr); err != nil {
		t.Fatal(err)
	}
	return run{in(t, e, pr.Namespace), t, name, ""}
}

// approvalOf waits for the Approval of a Trigger.
func approvalOf(t *testing.T, e *cluster.Env, trigger string) *v1alpha1.Approval {
	t.Helper()
	var out *v1alpha1.Approval
	e.Eventually(2*time.Minute, "the approval of trigger "+trigger, func() error {
		for _, a := range e.Approvals() {
			if a.Spec.Trigger == trigger && a.Spec.Resolved != nil {
				out = &a
				return nil
			}
		}
		return fmt.Errorf("not among %d", len(e.Approvals()))
	})
	return out
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// A mail to each approver, with a link of their own; one decides by the form behind it.
func TestExampleEmailLinks(t *testing.T) {
	t.Parallel()
	alice := fmt.Sprintf("alice-%d@example.com", time.Now().UnixNano())
	e := tried(t, "email-links", "alice@example.com", alice)
	e.ListenerURL("deploy")
	begin(t, e, "email-links", "one").ends(corev1.ConditionTrue, "Succeeded")
	var mail cluster.Mail
	e.Eventually(2*time.Minute, "the mail to alice", func() error {
		if m := box.To(alice); len(m) == 1 {
			mail = m[0]
			return nil
		}
		return fmt.Errorf("%d mails", len(box.To(alice)))
	})
	u, err := url.Parse(mail.Link())
	if err != nil || u.Path == "" {
		t.Fatalf("the mail has no link: %v\n%s", err, mail.Text)
	}
	if status, body := fetch(t, e, http.MethodGet, e.URL+u.Path, nil); status != http.StatusOK || !strings.Contains(body, "8d1f0c6") {
		t.Fatalf("the page: %d\n%s", status, body)
	}
	if status, _ := fetch(t, e, http.MethodPost, e.URL+u.Path, url.Values{"vote": {"reject"}}); status/100 == 2 && e.OneApproval().Status.Outcome != "Pending" {
		t.Error("a rejection without a comment was taken")
	}
	if status, body := fetch(t, e, http.MethodPost, e.URL+u.Path, url.Values{"vote": {"approve"}, "comment": {"fine"}}); status != http.StatusOK || !strings.Contains(body, `data-result="ended"`) {
		t.Fatalf("the vote: %d\n%s", status, body)
	}
	two := next(t, e, e.OneApproval().Name)
	two.ends(corev1.ConditionTrue, "Succeeded")
	if got, want := two.log("deploy"), "deploying 8d1f0c6 ("+sum("8d1f0c6")+"), approved by "+alice+": fine"; got != want {
		t.Errorf("deploy printed %q, want %q", got, want)
	}
}

// Started by curl, approved by a bot's token and by a person: neither is enough alone.
func TestExampleCurlAndBots(t *testing.T) {
	t.Parallel()
	e := tried(t, "curl-and-bots")
	listener := e.ListenerURL("build")
	e.ListenerURL("deploy")
	e.Post(listener, nil, []byte(`{"revision": "main; reboot"}`)) // no commit: the filter stops it
	e.Post(listener, nil, []byte(`{"revision": "8d1f0c6"}`))
	ran(t, e, "build").ends(corev1.ConditionTrue, "Succeeded")
	a := e.OneApproval()
	token := func(name string) string {
		ns := e.NS + "-bot"
		r, err := e.Clientset.CoreV1().ServiceAccounts(ns).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Status.Token
	}
	bot := token("checker")
	if v := e.Vote(a.Name, token("default"), "approve", ""); v.Status != http.StatusForbidden {
		t.Errorf("another account of the bot's namespace: %d %s", v.Status, v.Body)
	}
	for i, want := range []int{http.StatusCreated, http.StatusOK} {
		if v := e.Vote(a.Name, bot, "approve", "CHG-4711 is open"); v.Status != want {
			t.Fatalf("the bot's vote, time %d: %d %s, want %d", i+1, v.Status, v.Body, want)
		}
	}
	if got := e.Approval(a.Name).Status.Outcome; got != "Pending" {
		t.Fatalf("the bot alone: %s", got)
	}
	person := run{e.For(t), t, "", ""}
	person.says(a.Name, "alice@example.com", "approve", "go")
	two := next(t, e, a.Name)
	two.ends(corev1.ConditionTrue, "Succeeded")
	if got := two.log("deploy"); !strings.HasPrefix(got, "deploying 8d1f0c6 ("+sum("8d1f0c6")+"), approved by system:serviceaccount:"+e.NS+"-bot:checker|alice@example.com: CHG-4711 is open|go") {
		t.Errorf("deploy printed %q", got)
	}
}

// Five pipelines and four approvals, one after the other.
func TestExampleFiveStages(t *testing.T) {
	t.Parallel()
	e := tried(t, "five-stages")
	e.ListenerURL("stages")
	stage := begin(t, e, "five-stages", "build-1")
	stage.ends(corev1.ConditionTrue, "Succeeded")
	for i, s := range []struct {
		stage string
		who   []string
	}{
		{"test", []string{"bob@example.com"}},
		{"staging", []string{"alice@example.com"}},
		{"canary", []string{"bob@example.com", "alice@example.com"}},
		{"production", []string{"bob@example.com", "carol@example.com"}},
	} {
		a := approvalOf(t, e, s.stage)
		for n, who := range s.who {
			if got := e.Approval(a.Name).Status.Outcome; got != "Pending" {
				t.Fatalf("%s is %s after %d of %d votes", s.stage, got, n, len(s.who))
			}
			stage.says(a.Name, who, "approve", "seen by "+who)
		}
		stage = next(t, e, a.Name)
		stage.ends(corev1.ConditionTrue, "Succeeded")
		if got, want := stage.log(s.stage), s.stage+" of 1.4.0"; got != want {
			t.Errorf("%s printed %q, want %q", s.stage, got, want)
		}
		// The run is recorded before the next Approval is.
		if n := len(e.Approvals()); n < i+1 || n > i+2 {
			t.Errorf("%d approvals after %s", n, s.stage)
		}
	}
	if n := len(e.Approvals()); n != 4 {
		t.Errorf("%d approvals, want 4", n)
	}
}

// One EventListener, two teams with a Trigger of the same name: each decides for itself.
func TestExampleSeveralTeams(t *testing.T) {
	t.Parallel()
	e := tried(t, "several-teams")
	e.ListenerURL("shared")
	type team struct {
		run
		who, approval string
	}
	teams := map[string]*team{"shop": {who: "alice@example.com"}, "billing": {who: "bob@example.com"}}
	for name, x := range teams {
		there := in(t, e, e.NS+"-"+name)
		x.run = startWith(t, there, "build-1", "", "  pipelineRef: {name: build}\n  params: [{name: version, value: "+name+"-1}]\n")
	}
	for _, x := range teams {
		x.ends(corev1.ConditionTrue, "Succeeded")
		x.approval = x.OneApproval().Name
	}
	shop, billing := teams["shop"], teams["billing"]
	if v := shop.vote(shop.approval, billing.who, "approve", ""); v.State == v1alpha1.VoteRecorded {
		t.Errorf("billing decides for shop: %+v", v)
	}
	for name, x := range teams {
		x.says(x.approval, x.who, "approve", "")
		two := next(t, x.Env, x.approval)
		two.ends(corev1.ConditionTrue, "Succeeded")
		if got, want := two.log("deploy"), "deploying "+name+"-1, approved by "+x.who; got != want {
			t.Errorf("%s printed %q, want %q", name, got, want)
		}
		ran(t, x.Env, "deploy")
	}
}

// Built in one namespace, deployed in another, where the Approval is.
func TestExampleBuildElsewhere(t *testing.T) {
	t.Parallel()
	e := tried(t, "build-elsewhere")
	e.ListenerURL("deploy")
	one := begin(t, e, "build-elsewhere", "build-1")
	one.ends(corev1.ConditionTrue, "Succeeded")
	a := e.OneApproval()
	if s := a.Spec.Source.PipelineRun; s == nil || s.Namespace != e.NS+"-ci" || s.Name != "build-1" {
		t.Errorf("the approval is of %+v", s)
	}
	run{e.For(t), t, "", ""}.says(a.Name, "alice@example.com", "approve", "")
	two := next(t, e, a.Name)
	two.ends(corev1.ConditionTrue, "Succeeded")
	if got, want := two.log("deploy"), "deploying 1.4.0 ("+sum("1.4.0")+")"; got != want {
		t.Errorf("deploy printed %q, want %q", got, want)
	}
	if n := len(one.Approvals()); n != 0 {
		t.Errorf("%d approvals where it was built", n)
	}
}
