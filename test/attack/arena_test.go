//go:build attack

package attack

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
)

var box *cluster.Mailbox

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	var err error
	if box, err = cluster.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// arena is a namespace with a Gate that one robot may open, and a tenant in it who has
// ClusterRole edit and means harm.
type arena struct {
	*cluster.Env
	t        *testing.T
	approver string // user name
	token    string // of the approver
	mallory  client.Client
	// malloryToken is of ServiceAccount mallory, who is the same tenant.
	malloryToken string
}

const malloryRights = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: mallory}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects:
  - {kind: User, name: mallory, apiGroup: rbac.authorization.k8s.io}
  - {kind: ServiceAccount, name: mallory, namespace: NAMESPACE}
`

func newArena(t *testing.T, gateExtra string) *arena {
	t.Helper()
	e := cluster.New(t)
	a := &arena{Env: e, t: t}
	a.approver, a.token = e.Token("approver")
	_, a.malloryToken = e.Token("mallory")
	e.Apply(malloryRights)
	e.Apply(cluster.Gate("gate", a.approver, gateExtra))
	a.mallory = e.As("mallory", "system:authenticated")
	return a
}

// in is a for a subtest.
func (a *arena) in(t *testing.T) *arena {
	sub := *a
	sub.t, sub.Env = t, a.For(t)
	return &sub
}

// waiting is an Approval that waits, of a new run of part-1.
func (a *arena) waiting(run string) string {
	a.t.Helper()
	return a.ApprovalOf(a.Part1(run, "7"))
}

// approve is the approver's vote, which must count.
func (a *arena) approve(approval string) {
	a.t.Helper()
	if v := a.Vote(approval, a.token, "approve", ""); v.Status != http.StatusCreated {
		a.t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
}

// noRuns fails the test when the Trigger has started anything.
func (a *arena) noRuns(trigger string) {
	a.t.Helper()
	if runs := a.Runs(trigger); len(runs) != 0 {
		a.t.Errorf("%d runs of trigger %s, the first with params %+v", len(runs), trigger, runs[0].Spec.Params)
	}
}

// request is one request to the service, in the raw, and its answer.
func (a *arena) request(method, address string, header map[string]string, body string) (status int, answer string, h http.Header) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	c := *a.HTTP
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		a.t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// form is the body and the header of a form.
func form(values url.Values) (map[string]string, string) {
	return map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, values.Encode()
}
