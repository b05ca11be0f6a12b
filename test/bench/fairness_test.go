//go:build bench

package bench

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// What one tenant does to another: each of these measures a quiet tenant's approvals while
// nothing else happens and, in the same run, while another tenant means harm.

// probes is the number of times that the quiet tenant is measured before, and again during, an attack.
const probes = 12

// tenant is a stage whose one approver has a mailbox.
type tenant struct {
	*stage
	user    string
	address string
	mails   *arrivals
}

// arrivals notes when each mail came, and about what.
type arrivals struct {
	mu    sync.Mutex
	mails []arrival
}

type arrival struct {
	to, text string
	at       time.Time
}

var mailboxOnce = sync.OnceValues(func() (*arrivals, error) {
	a := &arrivals{}
	box, err := cluster.Main()
	if err != nil {
		return nil, err
	}
	box.OnTaken(func(m cluster.Mail) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.mails = append(a.mails, arrival{m.To, m.Text, time.Now()})
	})
	return a, nil
})

// about returns the time of the first mail to an address that names run, and false before it came.
func (a *arrivals) about(address, run string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.mails {
		if m.to == address && strings.Contains(m.text, run) {
			return m.at, true
		}
	}
	return time.Time{}, false
}

// outside counts the mails that went to strangers.
func (a *arrivals) outside() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.mails {
		if strings.HasSuffix(m.to, "@outside.example.net") {
			n++
		}
	}
	return n
}

// gateOf is a Gate of user, who reads mail at each of addresses by one of as many people.
func gateOf(user string, required int, addresses ...string) string {
	var users []string
	for i, address := range addresses {
		name := user
		if i > 0 {
			name = fmt.Sprintf("person-%d", i)
		}
		users = append(users, fmt.Sprintf("{name: %q, email: %q}", name, address))
	}
	return fmt.Sprintf(`
apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: gate}
spec:
  approvers: {users: [%s]}
  strategy: QUORUM
  required: %d
  expiresAfter: 1h`, strings.Join(users, ", "), required)
}

func newTenant(t *testing.T, name string, required int, addresses ...string) *tenant {
	t.Helper()
	mails, err := mailboxOnce()
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	user, _ := s.Token("approver")
	x := &tenant{stage: s, user: user, address: name + "@example.com", mails: mails}
	s.Apply(gateOf(user, required, append([]string{x.address}, addresses...)...))
	s.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editors}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: approver}]`)
	s.Eventually(time.Minute, "RBAC to know who may vote", func() error {
		return x.voter().Create(t.Context(), x.ballot("rbac", "none"), client.DryRunAll)
	})
	return x
}

// voter is the approver as kubectl would be.
func (x *tenant) voter() client.Client {
	return x.As(x.user, "system:serviceaccounts", "system:serviceaccounts:"+x.NS, "system:authenticated")
}

// ballot is a Vote of the approver's.
func (x *tenant) ballot(name, approval string) *v1alpha1.Vote {
	return &v1alpha1.Vote{
		ObjectMeta: metav1.ObjectMeta{Namespace: x.NS, Name: name},
		Spec:       v1alpha1.VoteSpec{Approval: approval, Voter: x.user, Verdict: "approve", Comment: name},
	}
}

// figures has what the quiet tenant sees, in milliseconds, one for each probe.
type figures struct{ run, released, recorded, mail []float64 }

// until asks every few milliseconds, since what is measured takes some.
func until(t *testing.T, what string, within time.Duration, done func() bool) time.Time {
	t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(4 * time.Millisecond) {
		if done() {
			return time.Now()
		}
	}
	t.Fatalf("%s did not come within %s", what, within)
	return time.Time{}
}

// measure has the tenant decide one approval by its API and one by an object, several times.
func (x *tenant) measure(t *testing.T, prefix string) (f figures) {
	t.Helper()
	voter := x.voter()
	for i := range probes {
		run := fmt.Sprintf("%s-a-%d-run", prefix, i)
		start := time.Now()
		byAPI := x.ApprovalOf(x.Part1(run, "1"))
		until(t, "the mail", 3*time.Minute, func() bool { _, ok := x.mails.about(x.address, run); return ok })
		at, _ := x.mails.about(x.address, run)
		f.mail = append(f.mail, ms(at.Sub(start)))

		start = time.Now()
		x.approve(t, byAPI)
		f.run = append(f.run, ms(x.runs.wait(t, []string{byAPI}, 3*time.Minute).Sub(start)))
		f.released = append(f.released, ms(until(t, "Released", 3*time.Minute, func() bool { return x.Approval(byAPI).Status.SecondRun != nil }).Sub(start)))

		byObject := x.ApprovalOf(x.Part1(fmt.Sprintf("%s-o-%d", prefix, i), "1"))
		vote := x.ballot(fmt.Sprintf("%s-%d", prefix, i), byObject)
		start = time.Now()
		if err := voter.Create(t.Context(), vote); err != nil {
			t.Fatal(err)
		}
		f.recorded = append(f.recorded, ms(until(t, "Recorded", 3*time.Minute, func() bool {
			now := vote.DeepCopy()
			return x.Get(t.Context(), client.ObjectKeyFromObject(vote), now) == nil && now.Status.State != ""
		}).Sub(start)))
	}
	return f
}

// against prints what an attack costs the quiet tenant.
func (f figures) against(attack string, quiet figures) {
	for _, c := range []struct {
		what        string
		now, before []float64
	}{
		{"vote → run", f.run, quiet.run}, {"vote → Released", f.released, quiet.released}, {"Vote object → Recorded", f.recorded, quiet.recorded}, {"run ended → mail", f.mail, quiet.mail},
	} {
		printAgainst(attack, c.what, c.now, c.before)
	}
}

// printAgainst prints one figure during an attack, and before.
func printAgainst(attack, what string, now, before []float64) {
	fmt.Printf("bench: %-62s %.2f (goal ≤ 1.50)   %.0f / %.0f ms, worst %.0f / %.0f, n=%d\n",
		"another's "+what+", "+attack, median(now)/median(before), median(now), median(before), worst(now), worst(before), len(now))
}

func worst(v []float64) float64 {
	most := 0.0
	for _, x := range v {
		most = max(most, x)
	}
	return most
}

// Thousands of Votes of one person on one Approval, still coming; and what of that is the price
// of as many writes, which the API server and the processors pay anyone who reads them.
func TestFairUnderVotes(t *testing.T) {
	quiet := newTenant(t, "quiet-votes", 1)
	flood := newTenant(t, "flood-votes", 2, "second@example.com")
	quietly := quiet.measure(t, "before")
	target := flood.pend(t, "flood", 1)[0]
	voter := flood.voter()

	stop := flooding(func(name string) error {
		return voter.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: flood.NS, Name: name}, Data: map[string]string{"comment": name}})
	})
	beside := quiet.measure(t, "beside")
	maps := stop()
	stop = flooding(func(name string) error { return voter.Create(t.Context(), flood.ballot(name, target)) })
	during := quiet.measure(t, "during")
	votes := stop()
	during.against("under Votes", quietly)
	during.against("under Votes, to as many ConfigMaps", beside)
	fmt.Printf("bench:   %.0f Votes a second of one person on one approval, and %.0f ConfigMaps\n", votes, maps)
}

// flooding makes objects from four clients until stop is called, which returns how many it made a
// second. It begins some seconds before it returns.
func flooding(create func(name string) error) (stop func() (perSecond float64)) {
	var wg sync.WaitGroup
	var made atomic.Int64
	enough, began := atomic.Bool{}, time.Now()
	for w := range 4 {
		wg.Go(func() {
			for i := 0; !enough.Load(); i++ {
				if create(fmt.Sprintf("v-%d-%d", w, i)) == nil {
					made.Add(1)
				}
			}
		})
	}
	time.Sleep(5 * time.Second)
	return func() float64 {
		enough.Store(true)
		wg.Wait()
		return float64(made.Load()) / time.Since(began).Seconds()
	}
}

// 200 releases to an EventListener that takes connections and answers none.
func TestFairUnderAHangingListener(t *testing.T) {
	quiet := newTenant(t, "quiet-hang", 1)
	flood := newTenant(t, "flood-hang", 1)
	const n = 200
	names := flood.pend(t, "flood", n)
	quietly := quiet.measure(t, "before")
	sinks := sinksOf(t, flood.NS)
	for _, pid := range sinks {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	}
	atOnce(names, func(name string) { flood.approve(t, name) })
	quiet.measure(t, "during").against("200 released to one that hangs", quietly)
}

// 60 runs that end at once, of a Gate that tells 64 strangers of each.
func TestFairUnderMails(t *testing.T) {
	quiet := newTenant(t, "quiet-mail", 1)
	var strangers []string
	for i := range 60 {
		strangers = append(strangers, fmt.Sprintf("s%d@outside.example.net", i))
	}
	flood := newTenant(t, "flood-mail", 1, strangers...)
	quietly := quiet.measure(t, "before")
	for i := range 60 {
		flood.Part1(fmt.Sprintf("flood-%d", i), "1")
	}
	quiet.measure(t, "during").against("3,600 mails to strangers", quietly)
	fmt.Printf("bench:   of which %d had been sent by then\n", flood.mails.outside())
}

// 177 decisions whose runs the API server refuses, each of which is posted again and explained. Beside it,
// what that costs without us: as many posts to the same EventListener, each with a dry run to learn why.
func TestFairUnderDeadReleases(t *testing.T) {
	quiet := newTenant(t, "quiet-dead", 1)
	broken := newTenant(t, "broken-dead", 1)
	flood := newTenant(t, "flood-dead", 1)
	const n = 177
	dead := flood.pend(t, "flood", n)
	asked := broken.pend(t, "asked", 2*probes)
	flood.RefuseRuns()
	broken.RefuseRuns()
	quietly, explained := quiet.measure(t, "before"), broken.explained(t, asked[:probes])
	var wg sync.WaitGroup
	wg.Go(func() {
		atOnce(dead, func(name string) {
			flood.postBare(t, "bare-"+name)
			_ = flood.Create(t.Context(), &pipelinev1.PipelineRun{
				ObjectMeta: metav1.ObjectMeta{Namespace: flood.NS, Name: "dry-" + name},
				Spec:       pipelinev1.PipelineRunSpec{PipelineRef: &pipelinev1.PipelineRef{Name: "none"}},
			}, client.DryRunAll)
		})
	})
	beside := quiet.measure(t, "beside")
	wg.Wait()
	atOnce(dead, func(name string) { flood.approve(t, name) })
	now, then := quiet.measure(t, "during"), broken.explained(t, asked[probes:])
	const attack = "177 dead releases"
	now.against(attack, quietly)
	now.against(attack+", to as many bare posts", beside)
	printAgainst(attack, "vote → why there is no run", then, explained)
}

// One person whose Votes bring results that are costly to evaluate.
func TestFairUnderCostlyResults(t *testing.T) {
	quiet := newTenant(t, "quiet-cel", 1)
	flood := newTenant(t, "flood-cel", 1)
	flood.Apply(gateOf(flood.user, 1, flood.address) + `
  results:
    - {name: a, expression: "[1,2,3,4,5,6,7,8,9,10].map(x, [1,2,3,4,5,6,7,8,9,10].map(y, [1,2,3,4,5,6,7,8,9,10].map(z, string(x*y*z)).join())).map(l, l.join()).join()"}
    - {name: b, expression: "[1,2,3,4,5,6,7,8,9,10].map(x, [1,2,3,4,5,6,7,8,9,10].map(y, [1,2,3,4,5,6,7,8,9,10].map(z, string(x+y+z)).join())).map(l, l.join()).join()"}`)
	const n = 60
	names := flood.pend(t, "flood", n)
	quietly := quiet.measure(t, "before")
	voter := flood.voter()
	var wg sync.WaitGroup
	wg.Go(func() {
		atOnce(names, func(name string) { _ = voter.Create(t.Context(), flood.ballot("v-"+name, name)) })
	})
	quiet.measure(t, "during").against("60 Votes with costly results", quietly)
	wg.Wait()
}

// explained votes on each of names, and returns the time from the vote until the Approval says why
// there is no run, in milliseconds.
func (x *tenant) explained(t *testing.T, names []string) (took []float64) {
	t.Helper()
	for _, name := range names {
		start := time.Now()
		x.approve(t, name)
		took = append(took, ms(until(t, "the reason", 3*time.Minute, func() bool {
			return meta.IsStatusConditionFalse(x.Approval(name).Status.Conditions, v1alpha1.ConditionReleased)
		}).Sub(start)))
	}
	return took
}

// sinksOf are the processes of a namespace's EventListeners.
func sinksOf(t *testing.T, namespace string) []int {
	t.Helper()
	var out []int
	for _, pid := range pidsOf(t, "eventlistenersink") {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(b), namespace) {
			out = append(out, pid)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no EventListener of namespace %s runs", namespace)
	}
	return out
}
