//go:build kube

package cli_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/cli"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/vote"
)

var update = flag.Bool("update-cli", false, "write the golden files of testdata/want")

// world is a real API server with our resources, admission policies and roles, and
// the service's own controller of Votes. The Approvals are the test's: opening them
// takes Tekton.
type world struct {
	env     *envtest.Environment
	api     client.Client
	ring    keyring.Ring
	configs string // kubeconfigs by user
}

var w world

// running has the commands of scripts be this program, and the cluster be there
// before the tests.
type running struct{ *testing.M }

func (r running) Run() int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "cli")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w.configs = dir
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err = w.start(ctx); err == nil {
		defer func() { _ = w.env.Stop() }()
		return r.M.Run()
	}
	fmt.Fprintln(os.Stderr, "start the API server (KUBEBUILDER_ASSETS):", err)
	return 1
}

func TestMain(m *testing.M) {
	testscript.Main(running{m}, map[string]func(){"tkn-approval": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		os.Exit(cli.Run(ctx, cli.Options{
			In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: time.Now, Version: "test",
			// A script has no terminal: it says that it is a person.
			Interactive: os.Getenv("TEST_PERSON") != "", Colour: os.Getenv("TEST_COLOUR") != "",
		}, os.Args[1:]))
	}})
}

func (w *world) start(ctx context.Context) error {
	w.env = &envtest.Environment{CRDDirectoryPaths: []string{"../../deploy/crd"}, ErrorIfCRDPathMissing: true}
	cfg, err := w.env.Start()
	if err != nil {
		return err
	}
	s := clientgoscheme.Scheme
	if err := v1alpha1.AddToScheme(s); err != nil {
		return err
	}
	// Nobody else may write Approvals.
	service := rest.CopyConfig(cfg)
	service.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:countersign:countersign", Groups: []string{"system:masters"}}
	if w.api, err = client.New(service, client.Options{Scheme: s}); err != nil {
		return err
	}
	w.ring = keyring.Ring{keyring.NewKey(time.Now())}
	for _, file := range []string{"admission.yaml", "accounts.yaml"} {
		if err := kubetest.Apply(ctx, w.api, "../../deploy/base/"+file); err != nil {
			return err
		}
	}
	for name, groups := range map[string][]string{"alice": {"platform", "dev"}, "bob": {"dev"}, "carol": {"oncall"}, "viewer": nil, "eve": nil, "stranger": nil} {
		if err := w.user(cfg, name, groups...); err != nil {
			return err
		}
	}
	return w.serve(ctx, cfg)
}

// user writes a kubeconfig; its namespace is the script's, by -n.
func (w *world) user(cfg *rest.Config, name string, groups ...string) error {
	u, err := w.env.AddUser(envtest.User{Name: name, Groups: groups}, cfg)
	if err != nil {
		return err
	}
	config, err := u.KubeConfig()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.configs, name), config, 0o600)
}

// serve runs the service's controller of Votes by hand, over all of them again and
// again: real desk, real store, real guards, no leader and no cache.
func (w *world) serve(ctx context.Context, cfg *rest.Config) error {
	clients, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	store := &store.Store{Client: w.api, Live: w.api, Ring: func() keyring.Ring { return w.ring }, Now: time.Now}
	guards := &identity.Guards{Live: w.api, Now: time.Now}
	auth := &identity.Auth{Client: clients, Now: time.Now}
	desk := &approvals.VoteService{
		Store: store, Rights: auth, Operators: auth, Delegates: &identity.Delegates{Client: w.api, Guards: guards}, Now: time.Now,
		Results:  ct.DefaultResults{},
		Outcomes: ct.NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {},
	}
	votes := &vote.Votes{Client: w.api, Store: store, Desk: desk, Guards: guards, Now: time.Now, Log: log}
	go func() {
		for ctx.Err() == nil {
			var list v1alpha1.VoteList
			if err := w.api.List(ctx, &list); err == nil {
				for i := range list.Items {
					_, _ = votes.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return nil
}

// open makes the Approval of a file, signed as the service signs it, and gives it
// the status that the file has.
func (w *world) open(ts *testscript.TestScript, namespace, file string) {
	o := &v1alpha1.Approval{}
	ts.Check(yaml.UnmarshalStrict([]byte(ts.ReadFile(file)), o))
	status := o.Status
	o.Namespace, o.Status = namespace, v1alpha1.ApprovalStatus{}
	if o.Spec.Source.PipelineRun != nil {
		o.Spec.Source.PipelineRun.CompletedAt = metav1.NewTime(time.Now().Truncate(time.Second))
	}
	// The API server's defaults come first, since a signature is over all of the spec.
	dry := o.DeepCopy()
	ts.Check(w.api.Create(context.Background(), dry, client.DryRunAll))
	o.Spec = dry.Spec
	sign := func(parts ...any) string {
		return base64.RawStdEncoding.EncodeToString(w.ring.Sign(keyring.Approval, []byte(approvals.Digest(parts...))))
	}
	o.Spec.SourceSignature = sign("source", o.Namespace, o.Name, o.Spec.Trigger, o.Spec.Source)
	if o.Spec.Resolved != nil {
		o.Spec.Signature = sign("approval", o.Namespace, o.Name, o.Spec)
	}
	ts.Check(w.api.Create(context.Background(), o))
	if status.Outcome != "" || len(status.Conditions) > 0 || len(status.Votes) > 0 {
		now := metav1.NowMicro()
		if o.Status = status; status.Outcome != "" {
			o.Status.DecidedAt = &now
		}
		for i := range o.Status.Conditions {
			o.Status.Conditions[i].LastTransitionTime = metav1.Now()
		}
		for i := range o.Status.Votes {
			o.Status.Votes[i].At = now
		}
		for i := range o.Status.RevokedLinks {
			o.Status.RevokedLinks[i].At = now
		}
		if n := o.Status.SecondRun; n != nil {
			n.ObservedAt = now
			if n.EndedAt != nil && n.StartedAt != nil { // it ended just now, and took as long
				n.StartedAt = &metav1.MicroTime{Time: now.Add(-n.EndedAt.Sub(n.StartedAt.Time))}
			}
			if n.EndedAt != nil {
				n.EndedAt = &now
			}
		}
		ts.Check(w.api.Status().Update(context.Background(), o))
	}
}

// grant binds a user to a ClusterRole in a namespace, and waits until the API server
// goes by it.
func (w *world) grant(ts *testscript.TestScript, namespace, user, role string) {
	ts.Check(w.api.Create(context.Background(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "b-", Namespace: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}))
	var r rbacv1.ClusterRole
	ts.Check(w.api.Get(context.Background(), client.ObjectKey{Name: role}, &r))
	rule := r.Rules[0]
	for range 600 {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Group: rule.APIGroups[0], Resource: rule.Resources[0], Verb: rule.Verbs[0],
		}}}
		ts.Check(w.api.Create(context.Background(), review))
		if review.Status.Allowed {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s is not known to be %s after a minute", user, role)
}

// until waits until a file has n lines that match, which another program writes.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: until FILE REGEXP N")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	var got []byte
	for range 600 {
		got, err = os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && len(re.FindAll(got, -1)) >= n {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("not %d times %q in %s after a minute: %v\n%s", n, args[1], args[0], err, got)
}

// varying replaces texts that differ between two runs, in this order.
var varying = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`\b(\d+d)?(\d+h)?(\d+m)?\d+s\b`), "AGE"},
	{regexp.MustCompile(`in \d+[dhm]\w*`), "in AGE"},
	{regexp.MustCompile(`\b(approve|reject|withdraw|revoke-link|delegate)-[a-z0-9]{5}\b`), "$1-XXXXX"},
	{regexp.MustCompile(` +\n`), "\n"},
}

// golden compares the last output with a file, times and generated names aside.
func golden(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: golden stdout|stderr FILE")
	}
	got := ts.ReadFile(args[0])
	for _, v := range varying {
		got = v.re.ReplaceAllString(got, v.to)
	}
	if strings.HasPrefix(got, "NAME") { // a table is as wide as its ages are
		got = regexp.MustCompile(` {4,}`).ReplaceAllString(got, "   ")
	}
	name := filepath.Join("testdata", "want", args[1])
	name, _ = filepath.Abs(filepath.Join(ts.Getenv("HERE"), name))
	if *update {
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
		ts.Check(os.WriteFile(name, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(name)
	ts.Check(err)
	if !bytes.Equal([]byte(got), want) {
		ts.Fatalf("%s is not as %s (go test -tags kube ./internal/cli -update-cli writes it):\n%s", args[0], args[1], got)
	}
}

// TestScripts runs the program against the API server, each script in a namespace
// of its own.
func TestScripts(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			name := strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")
			e.Setenv("NS", name)
			e.Setenv("HERE", here)
			e.Setenv("CONFIGS", w.configs)
			e.Setenv("KUBECONFIG", filepath.Join(w.configs, "alice"))
			return w.api.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"golden": golden,
			"until":  until,
			"open": func(ts *testscript.TestScript, _ bool, args []string) {
				for i, file := range args {
					if i > 0 { // each in a second of its own, which is what they are ordered by
						time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
					}
					w.open(ts, ts.Getenv("NS"), file)
				}
			},
			"grant": func(ts *testscript.TestScript, _ bool, args []string) { w.grant(ts, ts.Getenv("NS"), args[0], args[1]) },
			"create": func(ts *testscript.TestScript, _ bool, args []string) {
				for doc := range strings.SplitSeq(ts.ReadFile(args[0]), "\n---\n") {
					u := &unstructured.Unstructured{}
					ts.Check(yaml.Unmarshal([]byte(doc), &u.Object))
					if len(args) > 1 && u.GetKind() != args[1] { // a file of several kinds, of which one is meant
						continue
					}
					u.SetNamespace(ts.Getenv("NS"))
					ts.Check(w.api.Create(t.Context(), u))
				}
			},
			"sleep": func(*testscript.TestScript, bool, []string) { time.Sleep(time.Second) },
			"as": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv("KUBECONFIG", filepath.Join(w.configs, args[0]))
			},
		},
	})
}

// TestGuards: the scripts prove nothing when the policies are not those deployed.
func TestGuards(t *testing.T) {
	for _, name := range []string{identity.GuardOfVotes, identity.GuardOfDelegations} {
		if err := w.api.Get(t.Context(), client.ObjectKey{Name: name}, &admissionv1.ValidatingAdmissionPolicy{}); err != nil {
			t.Error(err)
		}
	}
}
