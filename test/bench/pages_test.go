//go:build bench

package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	"github.com/countersign-dev/countersign/approvals/web"
	kubesqlite "github.com/countersign-dev/countersign/internal/audit/sqlite"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
	kubestore "github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/templates"
)

// What is there beside nothing: as much as the goal says.
const (
	pagesPending    = 10_000
	pagesDecided    = 100_000
	pagesNamespaces = 200
	// pagesViews is the number of looks at each page, of which the first is slower: nothing is
	// remembered of the person then.
	pagesViews = 60
	// reviewTakes is the time that one question about a person's rights takes in a cluster.
	reviewTakes = 2 * time.Millisecond
)

var pagesRing = keyring.Ring{{Secret: bytes.Repeat([]byte{5}, keyring.Size)}}

// TestPages measures the pages at the server, without a cluster: the real handler
// over the store and the record, empty beside full.
//
//	make bench-pages
func TestPages(t *testing.T) {
	now := time.Now()
	objs := pendingObjects(pagesPending, now)
	empty, full := newSite(t, nil, now), newSite(t, objs, now)
	theirs := newSite(t, slices.DeleteFunc(slices.Clone(objs), func(o *v1alpha1.Approval) bool { return o.Namespace != "team-7" || o.Spec.Resolved.Gate != "gate-0" }), now)
	since := time.Now()
	fillRecord(t, full.record, pagesDecided)
	fmt.Printf("bench: pages: %d pending in %d namespaces, %d decided in the record (written in %.0f s)\n", pagesPending, pagesNamespaces, pagesDecided, time.Since(since).Seconds())
	fmt.Printf("bench:   %-44s %20s %20s %7s %10s  %s\n", "at the server, p50 / p99", "empty", "full", "ratio", "CPU each", "first view, questions about rights in all")
	middle := recordtest.Approval(pagesDecided / 2).OpenedAt
	between := "from=" + url.QueryEscape(middle.Format(time.RFC3339)) + "&to=" + url.QueryEscape(middle.Add(time.Hour).Format(time.RFC3339))
	for _, p := range []struct{ what, path, who string }{
		{"board, may list all", "/", "root"},
		{"board, may list half of the namespaces", "/", "half"},
		{"board, approver of one gate", "/", "user-7-0"},
		{"board, of a group that may decide all", "/", "sre"},
		{"board, one namespace", "/?namespace=team-7", "root"},
		{"board, what root may decide", "/?mine=1", "root"},
		{"my approvals, approver of one gate", "/mine", "user-7-0"},
		{"my approvals, of a group that may decide all", "/mine", "sre"},
		{"my approvals, nothing", "/mine", "root"},
		{"one approval", "/approvals/team-7/apply-00007", "root"},
		{"operations", "/operations", "root"},
		{"API list, all", "/api/v1/approvals", "root"},
		{"API list, an approver's", "/api/v1/approvals", "user-7-0"},
		{"API list, pending of one namespace", "/api/v1/namespaces/team-7/approvals?outcome=Pending", "root"},
		{"search: newest", "/history", "root"},
		{"search: pipeline", "/history?pipeline=plan-3", "root"},
		{"search: gate and outcome", "/history?gate=gate-2&outcome=Rejected", "root"},
		{"search: person", "/history?person=person-07", "root"},
		{"search: an hour of old", "/history?" + between, "root"},
		{"search: a person, a namespace, an outcome", "/history?person=person-07&namespace=team-1&outcome=Approved", "root"},
		{"search: nothing is found", "/history?person=nobody&namespace=team-1", "root"},
	} {
		empty.forget()
		theirs.forget()
		full.forget()
		a, b := empty.measure(t, p.path, p.who), full.measure(t, p.path, p.who)
		fmt.Printf("bench:   %-44s %8.1f / %6.1f ms %8.1f / %6.1f ms %7.1f %7.1f ms  %6.1f ms, %d\n", p.what, a.p50, a.p99, b.p50, b.p99, b.p50/a.p50, b.cpu, b.first, b.asked)
		if p.who == "user-7-0" {
			fmt.Printf("bench:     where there is only what they may see: %.1f ms of CPU\n", theirs.measure(t, p.path, p.who).cpu)
		}
	}
}

// TestPagesMemory measures what one pending Approval costs the pages, beside what
// the informers' cache holds anyway.
func TestPagesMemory(t *testing.T) {
	now := time.Now()
	newSite(t, pendingObjects(10, now), now).ask("/", "root") // what is made once
	for _, n := range []int{pagesPending / 10, pagesPending} {
		before := heapLive()
		objs := pendingObjects(n, now)
		cached := heapLive()
		s := newSite(t, objs, now)
		s.ask("/", "root")
		full := heapLive()
		fmt.Printf("bench: heap per pending: %.1f kB in the informers' cache, %.1f kB more for the pages (%d pending)\n",
			(cached-before)/float64(n)/1024, (full-cached)/float64(n)/1024, n)
		runtime.KeepAlive(objs)
		runtime.KeepAlive(s)
	}
}

func heapLive() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// site is the pages over objs.
type site struct {
	handler  http.Handler
	all      *kubestore.Overview
	informer *controllertest.FakeInformer
	rights   *rights
	record   *sqlstore.Ledger
	now      atomic.Int64
}

// forget has so much time go by that nothing is remembered of anybody.
func (s *site) forget() { s.now.Add(int64(time.Minute)) }

// follow has the pages told of objs as the informer does.
func (s *site) follow(t *testing.T, objs []*v1alpha1.Approval) *controllertest.FakeInformer {
	t.Helper()
	scheme := k8sruntime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	from := &informertest.FakeInformers{Scheme: scheme}
	informer, err := from.FakeInformerFor(t.Context(), &v1alpha1.Approval{})
	if err == nil {
		err = s.all.Watch(t.Context(), from)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objs {
		informer.Add(o)
	}
	return informer
}

func newSite(t *testing.T, objs []*v1alpha1.Approval, now time.Time) *site {
	t.Helper()
	pages, err := templates.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := kubesqlite.Open(filepath.Join(t.TempDir(), "record.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	s := &site{rights: &rights{}, record: kept}
	s.now.Store(now.UnixNano())
	at := func() time.Time { return time.Unix(0, s.now.Load()) }
	ring := func() keyring.Ring { return pagesRing }
	store := &kubestore.Store{Client: informed{objs: objs}, Live: informed{objs: objs}, Ring: ring, Now: at}
	s.all = &kubestore.Overview{Store: store, Changed: func() {}}
	s.informer = s.follow(t, objs)
	s.handler = web.Handler(web.Deps{
		Store: store, Overview: s.all, Desk: &approvals.VoteService{Store: store, Rights: s.rights, Now: at}, Auth: s.rights, Operators: s.rights,
		Login: sessions{}, History: kept, Ring: ring, Templates: pages, External: &url.URL{Scheme: "https", Host: "approve.example.com"},
		Now: at, Log: slog.New(slog.DiscardHandler), Observe: func(string, string, int, time.Duration) {},
	})
	return s
}

// measured is p50, p99 and the first view in ms, the processor's time for one in ms,
// which another's load does not change, and how often the cluster was asked about
// rights in all.
type measured struct {
	p50, p99, first, cpu float64
	asked                int64
}

func (s *site) measure(t *testing.T, path, who string) measured {
	t.Helper()
	before, busy := s.rights.asked.Load(), cpuTime(t)
	var first float64
	var took []float64
	for i := range pagesViews {
		since := time.Now()
		if w := s.ask(path, who); w.Code != http.StatusOK && w.Code != http.StatusNotFound {
			t.Fatalf("%s as %s: %d %.300s", path, who, w.Code, w.Body)
		}
		if d := ms(time.Since(since)); i == 0 {
			first = d
		} else {
			took = append(took, d)
		}
	}
	slices.Sort(took)
	return measured{
		p50: took[len(took)/2], p99: took[len(took)*99/100], first: first,
		cpu: ms(cpuTime(t)-busy) / pagesViews, asked: s.rights.asked.Load() - before,
	}
}

// cpuTime returns the time that this process had of the processors, as user and as system.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (s *site) ask(path, who string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Cookie", "who="+who)
	r.Header.Set("Authorization", "Bearer "+who)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// pendingObjects are n Approvals as the API server holds them, signed: of held
// events and of runs, by named people, groups and RBAC.
func pendingObjects(n int, now time.Time) []*v1alpha1.Approval {
	out := make([]*v1alpha1.Approval, n)
	var shared kubestore.Sharing
	for i := range out {
		ns, gate := i%pagesNamespaces, i/pagesNamespaces%2
		o := &v1alpha1.Approval{}
		o.Namespace, o.Name = fmt.Sprintf("team-%d", ns), fmt.Sprintf("apply-%05d", i)
		o.UID, o.ResourceVersion, o.Generation = types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), fmt.Sprint(i+1), 2
		o.CreationTimestamp = metav1.NewTime(now.Add(-time.Duration(i) * time.Second))
		o.Spec.Trigger = "terraform-apply"
		if i%2 == 0 {
			o.Spec.Source.Event = &v1alpha1.EventSource{ID: fmt.Sprint(i), Body: `{"message":"` + strings.Repeat("x", 500) + `"}`, URL: "/", Digest: "sha256:" + strings.Repeat("a", 64)}
		} else {
			o.Spec.Source.PipelineRun = &v1alpha1.PipelineRunSource{
				Name: fmt.Sprintf("plan-%05d", i), UID: fmt.Sprint(i), Pipeline: "terraform-plan", CompletedAt: o.CreationTimestamp,
				Params:  []v1alpha1.Param{{Name: "repo-url", Value: "https://git.example.com/infra"}, {Name: "revision", Value: fmt.Sprint(i)}},
				Results: []v1alpha1.Param{{Name: "plan", Value: strings.Repeat("+ resource\n", 50)}, {Name: "digest", Value: "sha256:abc"}},
			}
		}
		policy := v1alpha1.GateSpec{
			Approvers: &v1alpha1.Approvers{
				Users:  []v1alpha1.User{{Name: fmt.Sprintf("user-%d-%d", ns, gate)}, {Name: "delegate"}},
				Groups: []string{"sre"}, RBAC: gate == 1,
			},
			Strategy: "QUORUM", Required: 2, ExpiresAfter: "168h", ReleaseOn: []v1alpha1.ReleasingOutcome{"Approved"},
		}
		o.Spec.Resolved = &v1alpha1.ResolvedSpec{
			Gate: fmt.Sprintf("gate-%d", gate), Policy: &policy, Requester: fmt.Sprintf("author-%d", i%50),
			Params: []v1alpha1.Param{{Name: "digest", Value: "sha256:abc"}}, Digest: "sha256:" + strings.Repeat("b", 64), TemplateDigest: "sha256:" + strings.Repeat("c", 64),
		}
		o.Spec.Signature = base64.RawStdEncoding.EncodeToString(pagesRing.Sign(keyring.Approval, []byte(approvals.Digest("approval", o.Namespace, o.Name, o.Spec))))
		o.Status.Outcome = "Pending"
		if i%3 == 0 {
			o.Status.Votes = []v1alpha1.VoteRecord{{Voter: "delegate", Verdict: "approve", Comment: "fine", At: metav1.NewMicroTime(now), AuthMethod: "Login"}}
		}
		out[i] = asRead(o)
		if _, err := shared.Approval(out[i]); err != nil { // as the informers' transform does
			panic(err)
		}
	}
	return out
}

// asRead is o as it comes from the API server: no text of it is another's too.
func asRead(o *v1alpha1.Approval) *v1alpha1.Approval {
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	out := &v1alpha1.Approval{}
	if err := json.Unmarshal(raw, out); err != nil {
		panic(err)
	}
	return out
}

func fillRecord(t *testing.T, l *sqlstore.Ledger, n int) {
	t.Helper()
	for from := 0; from < n; from += 100 {
		var lines []record.Line
		for i := range 100 {
			lines = append(lines, recordtest.Lines(from+i)...)
		}
		if _, err := l.Append(t.Context(), lines); err != nil {
			t.Fatal(err)
		}
	}
}

// informed reads objs as the informers' cache does: it copies no more than each
// object's outermost struct.
type informed struct {
	client.Client
	objs []*v1alpha1.Approval
}

func (c informed) List(_ context.Context, l client.ObjectList, opts ...client.ListOption) error {
	o := (&client.ListOptions{}).ApplyOptions(opts)
	list := l.(*v1alpha1.ApprovalList)
	for _, x := range c.objs {
		if o.Namespace == "" || x.Namespace == o.Namespace {
			list.Items = append(list.Items, *x)
		}
	}
	return nil
}

func (c informed) Get(_ context.Context, k client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	i := slices.IndexFunc(c.objs, func(x *v1alpha1.Approval) bool { return x.Namespace == k.Namespace && x.Name == k.Name })
	if i < 0 {
		return notFound(k.Name)
	}
	*o.(*v1alpha1.Approval) = *c.objs[i]
	return nil
}

// rights answers about people as a cluster does, and counts.
type rights struct{ asked atomic.Int64 }

func (r *rights) answer(may bool) (bool, error) {
	r.asked.Add(1)
	time.Sleep(reviewTakes)
	return may, nil
}

func (r *rights) Authenticate(_ context.Context, token string) (approvals.Identity, error) {
	return personOf(token), nil
}

func (r *rights) MaySee(_ context.Context, id approvals.Identity, _, namespace, _ string) (bool, error) {
	return r.answer(id.Name == "root" || id.Name == "half" && namespace != "" && int(namespace[len(namespace)-1])%2 == 0)
}

func (r *rights) MayOperate(_ context.Context, id approvals.Identity, _ string) (bool, error) {
	return r.answer(id.Name == "root")
}

func (r *rights) Has(context.Context, approvals.Identity, string, string, approvals.Right) (bool, error) {
	return r.answer(false)
}

// sessions takes the cookie who=NAME for one.
type sessions struct{ web.Login }

func (sessions) Who(r *http.Request) (approvals.Identity, error) {
	c, err := r.Cookie("who")
	if err != nil {
		return approvals.Identity{}, err
	}
	return personOf(c.Value), nil
}

func personOf(name string) approvals.Identity {
	id := approvals.Identity{Name: name, AuthMethod: approvals.AuthLogin}
	if name == "sre" {
		id.Groups = []string{"sre"}
	}
	return id
}

func notFound(name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "approvals"}, name)
}
