//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	triggersv1alpha1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/test/cluster"
)

// The service is killed with kill -9 between each pair of its steps, started
// again, and in the end there is one Approval, one run, and one mail: one more of
// the same Message-ID only where SMTP leaves no choice.
func TestKilledBetweenSteps(t *testing.T) {
	base := cluster.New(t)
	asked := standIn(t, base)
	approval := func(path string) bool {
		return strings.Contains(path, "/approvals/") && strings.HasSuffix(path, "/status")
	}
	open := func(method, path, _ string) bool { return method == "POST" && strings.HasSuffix(path, "/approvals") }
	ledger := func(_, path, body string) bool {
		return approval(path) && strings.Contains(body, `"notifications"`) && strings.Contains(body, `"outcome":"Pending"`)
	}
	decision := func(_, path, body string) bool {
		return approval(path) && strings.Contains(body, `"outcome":"Approved"`) && !strings.Contains(body, `"secondRun"`)
	}
	confirm := func(_, path, body string) bool { return approval(path) && strings.Contains(body, `"secondRun"`) }
	for _, tc := range []killCase{
		{"before open", cluster.Fault{Match: open}, byRequest, 1},
		{"after open", cluster.Fault{Match: open, After: true}, byRequest, 1},
		{"after the mail server's 250", cluster.Fault{}, byMail, 2},
		{"before the ledger's write", cluster.Fault{Match: ledger}, byRequest, 2},
		{"after the ledger's write", cluster.Fault{Match: ledger, After: true}, byRequest, 1},
		{"before the vote is saved", cluster.Fault{Match: decision}, byRequest, 1},
		{"after the decision, before the post", cluster.Fault{Match: decision, After: true}, byRequest, 1},
		{"after the post, before the EventListener creates", cluster.Fault{}, byQuestion, 1},
		{"after the post, before the confirmation", cluster.Fault{Match: confirm}, byRequest, 1},
		{"after the confirmation", cluster.Fault{Match: confirm, After: true}, byRequest, 1},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, asked) })
	}
}

// killCase is a place where the process is killed.
type killCase struct {
	name     string
	fault    cluster.Fault
	kill     killer // when it is not a request to the API server that kills
	maxMails int
}

// run takes an Approval from its opening to its run, with the kill on the way.
func (k killCase) run(t *testing.T, asked *questions) {
	t.Helper()
	e := cluster.New(t)
	user, token := e.Token("approver")
	alice := "alice-" + e.NS + "@example.com"
	e.Apply(cluster.Gate("gate", user, ""))
	e.Apply(strings.ReplaceAll(cluster.Gate("gate", user, ""), `{name: "`+user+`"}`, `{name: "`+user+`"}, {name: "`+alice+`"}`))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	p := serviceProcess(t, e)
	p.Start(e)
	killed := k.arm(t, e, p, asked, alice)
	e.Part1("part-1", "7")
	alive := func() { // anyone who supervises the process
		if !p.Running() {
			p.Start(e)
		}
	}
	e.Eventually(2*time.Minute, "the mail to alice and its record", func() error {
		alive()
		l := e.Approvals()
		if len(l) != 1 || len(box.To(alice)) == 0 {
			return fmt.Errorf("%d approvals, %d mails", len(l), len(box.To(alice)))
		}
		for _, n := range l[0].Status.Notifications {
			if n.Recipient == alice && n.SentAt != nil {
				return nil
			}
		}
		return fmt.Errorf("the ledger is %+v", l[0].Status.Notifications)
	})
	name := e.OneApproval().Name
	e.Eventually(2*time.Minute, "the vote", func() error {
		alive()
		v := e.VoteAt("http://"+cluster.NodeAddress+":18080", name, token, "approve", "go")
		if v.Status != 201 && v.Status != 200 {
			return fmt.Errorf("%d %s", v.Status, v.Body)
		}
		return nil
	})
	e.Eventually(2*time.Minute, "the confirmed release", func() error {
		alive()
		if a := e.Approval(name); a.Status.SecondRun == nil {
			return fmt.Errorf("%+v", a.Status.Conditions)
		}
		return nil
	})
	e.Eventually(time.Minute, "the kill", func() error {
		if !killed() {
			return fmt.Errorf("the fault did not fire: the test proves nothing")
		}
		return nil
	})
	alive()
	// A second life after everything is done must find nothing to do.
	p.Kill()
	p.Start(e)
	k.once(t, e, name, alice)
}

// arm has p killed at its place. killed reports whether that has happened.
func (k killCase) arm(t *testing.T, e *cluster.Env, p *cluster.Process, asked *questions, alice string) (killed func() bool) {
	t.Helper()
	p.Arm(e, k.fault)
	switch k.kill {
	case byRequest: // the fault
	case byMail: // after the mail server's 250
		var done atomic.Bool
		box.OnTaken(func(m cluster.Mail) {
			if m.To == alice && done.CompareAndSwap(false, true) {
				p.Kill()
			}
		})
		t.Cleanup(func() { box.OnTaken(nil) })
		return done.Load
	case byQuestion: // the EventListener has said 202, and asks the interceptor
		var done atomic.Bool
		asked.on(func() {
			if done.CompareAndSwap(false, true) {
				p.Kill()
			}
		})
		t.Cleanup(func() { asked.on(nil) })
		return done.Load
	}
	return p.Fired
}

// once: there is one Approval, one run, and one mail, or one more of the same Message-ID.
func (k killCase) once(t *testing.T, e *cluster.Env, name, alice string) {
	t.Helper()
	if n := len(e.Approvals()); n != 1 {
		t.Errorf("%d approvals, want 1", n)
	}
	if runs := e.Runs("deploy"); len(runs) != 1 || runs[0].Labels["approval"] != name {
		t.Errorf("%d runs, want one of %s", len(runs), name)
	}
	mails := box.To(alice)
	if len(mails) > k.maxMails {
		t.Errorf("%d mails, want at most %d", len(mails), k.maxMails)
	}
	for _, m := range mails {
		if m.MessageID != mails[0].MessageID {
			t.Errorf("Message-IDs differ: %q and %q", m.MessageID, mails[0].MessageID)
		}
	}
}

// killer names the request for which the kill waits.
type killer int

const (
	byRequest  killer = iota // to the API server: the fault
	byMail                   // to the mail server
	byQuestion               // of the EventListener
)

// questions stands at the interceptor's port, in front of the process.
type questions struct{ do atomic.Pointer[func()] }

func (q *questions) on(do func()) {
	if do == nil {
		q.do.Store(nil)
		return
	}
	q.do.Store(&do)
}

func (q *questions) serve(l net.Listener, to string) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			if do := q.do.Load(); do != nil {
				(*do)()
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				return // the process is dead, as its own port would say
			}
			defer there.Close()
			go func() { _, _ = io.Copy(there, from); _ = there.(*net.TCPConn).CloseWrite() }()
			_, _ = io.Copy(from, there)
		}()
	}
}

// serviceProcess is the service as a process, with the deployed one's own account. more
// is more of its configuration.
func serviceProcess(t *testing.T, e *cluster.Env, more ...string) *cluster.Process {
	t.Helper()
	r, err := e.Clientset.CoreV1().ServiceAccounts(cluster.ServiceNamespace).CreateToken(t.Context(), "countersign", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return cluster.NewProcess(t, e, r.Status.Token, &cluster.Process{
		Binary: os.Getenv("COUNTERSIGN_BINARY"),
		Config: cluster.MailConfig("http://"+cluster.NodeAddress+":18080") + strings.Join(more, "\n"),
		Health: cluster.NodeAddress + ":18081",
		Args: []string{
			"--namespace=" + cluster.ServiceNamespace, "--pod=stand-in", "--service=stand-in",
			"--web-address=" + cluster.NodeAddress + ":18080", "--interceptor-address=" + behind,
			"--health-address=" + cluster.NodeAddress + ":18081", "--metrics-address=" + cluster.NodeAddress + ":18090",
		},
	})
}

// behind is the address at which the process takes EventListeners' questions; they come through
// port 18443.
const behind = cluster.NodeAddress + ":18444"

// standIn takes the deployed service away and lets a process on the node take its
// calls, for as long as the test runs.
func standIn(t *testing.T, e *cluster.Env) *questions {
	t.Helper()
	l, err := net.Listen("tcp", cluster.NodeAddress+":18443")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked := &questions{}
	go asked.serve(l, behind)
	e.Apply(`
apiVersion: v1
kind: Service
metadata: {name: stand-in, namespace: countersign}
spec:
  ports: [{name: interceptor, port: 8443, targetPort: 18443}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: stand-in, namespace: countersign, labels: {kubernetes.io/service-name: stand-in}}
addressType: IPv4
ports: [{name: interceptor, port: 18443, protocol: TCP}]
endpoints: [{addresses: [` + cluster.NodeAddress + `], conditions: {ready: true}}]`)
	e.Scale(cluster.ServiceNamespace, "countersign", 0)
	t.Cleanup(func() {
		e.Scale(cluster.ServiceNamespace, "countersign", 2)
		e.Eventually(2*time.Minute, "the interceptor's address", func() error { return interceptorAt(t, e, "countersign") })
	})
	// The first process announces itself; EventListeners then call it.
	p := serviceProcess(t, e)
	p.Start(e)
	e.Eventually(2*time.Minute, "the interceptor's address", func() error { return interceptorAt(t, e, "stand-in") })
	p.Kill()
	return asked
}

func interceptorAt(t *testing.T, e *cluster.Env, service string) error {
	var ci triggersv1alpha1.ClusterInterceptor
	// Asked for in a cleanup too, when the test's own context has ended.
	if err := e.Get(context.WithoutCancel(t.Context()), types.NamespacedName{Name: "countersign"}, &ci); err != nil {
		return err
	}
	if ci.Status.Address == nil || ci.Status.Address.URL == nil || !strings.HasPrefix(ci.Status.Address.URL.Host, service+".") {
		return fmt.Errorf("%+v", ci.Status)
	}
	return nil
}
