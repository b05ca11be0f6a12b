//go:build browser

package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/countersign-dev/countersign/test/cluster"
)

const (
	clientSecret = "the client's very secret secret"
	password     = "everybody's password"
)

// dex starts a provider on the node, where pods and the browser reach it, and returns
// its issuer and what to trust.
func dex(t *testing.T, redirect string, people ...string) (issuer, ca string) {
	t.Helper()
	cert, key := cluster.NodeCertificate(t)
	var known []map[string]any
	for _, p := range people {
		known = append(known, map[string]any{"email": p, "username": p, "preferredUsername": p, "userID": "id-of-" + p, "emailVerified": true})
	}
	config, err := json.Marshal(map[string]any{
		"address": cluster.NodeAddress + ":5556", "password": password, "cert": cert, "key": key, "people": known,
		"clients": []map[string]any{{"id": "countersign", "secret": clientSecret, "name": "Countersign", "redirectURIs": []string{redirect}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Getenv("COUNTERSIGN_DEX"))
	var said strings.Builder
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("COUNTERSIGN_DEX: %v (use test/run.sh browser)", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := stdin.Write(append(config, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("dex does not start: %v\n%s", err, said.String())
	}
	return strings.TrimSpace(line), cert
}

// The service as deployed, two replicas of it, with a login: the board fills and
// empties by itself, a decision is made as who logged in, and a mailed link of a Gate
// that wants a login leads to it.
func TestLoggedIn(t *testing.T) {
	e := cluster.New(t)
	alice, bob := "alice-"+e.NS+"@example.com", "bob-"+e.NS+"@example.com"
	issuer, ca := dex(t, e.URL+"/callback", alice, bob)
	e.Reconfigure(cluster.MailConfig(e.URL)+"oidc: {issuer: '"+issuer+"', clientID: countersign, clientSecretFile: /etc/countersign-secrets/oidc, caFile: /etc/countersign-secrets/ca}\n",
		map[string]string{"oidc": clientSecret, "ca": ca})
	e.Apply(strings.Replace(cluster.Gate("gate", alice, "  mailLink: NeedsLogin\n"), "users: [", `users: [{name: "`+bob+`"}, `, 1))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.Apply(fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: viewers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: countersign-view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %q}, {apiGroup: rbac.authorization.k8s.io, kind: User, name: %q}]`, alice, bob))
	e.ListenerURL("deploy")

	says := func(ctx context.Context, want string) {
		t.Helper()
		e.Eventually(time.Minute, fmt.Sprintf("%q on the page", want), func() error {
			if s := text(t, ctx); !strings.Contains(s, want) {
				return fmt.Errorf("it says:\n%.1500s", s)
			}
			return nil
		})
	}
	shows := func(ctx context.Context, selector string) {
		t.Helper()
		e.Eventually(time.Minute, selector+" on the page", func() error { return shows(t, ctx, selector) })
	}
	login := func(ctx context.Context, who string) {
		t.Helper()
		says(ctx, "Log in to Your Account")
		do(t, ctx, js(fmt.Sprintf(`login.value = %q; document.getElementById("password").value = %q; document.getElementById("submit-login").click()`, who, password)))
	}

	// alice looks at an empty board.
	board := browser(t, true)
	do(t, board, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(e.URL+"/?namespace="+e.NS))
	login(board, alice)
	shows(board, ".items .none")
	e.Part1("part-1", "v7")
	name := e.OneApproval().Name
	shows(board, ".item .badge") // by itself
	screenshot(t, board, "board-live")

	// bob comes by his mailed link, which shows and decides nothing, and logs in.
	phone := browser(t, true)
	do(t, phone, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile), chromedp.Navigate(linkOf(t, e, bob)))
	shows(phone, ".whynot")
	screenshot(t, phone, "link-needs-login")
	do(t, phone, chromedp.Click(`.whynot a.button`))
	login(phone, bob)
	look(t, phone, chromedp.WaitVisible(`button[value=approve]`))
	do(t, phone, chromedp.SendKeys(`textarea[name=comment]`, "looks right"), chromedp.Click(`button[value=approve]`))
	shows(phone, "[data-result=ended]")

	// It leaves alice's board by itself, and part 2 is there with her in no doubt by whom.
	shows(board, ".items .none")
	a := e.Approval(name)
	if v := a.Status.Votes; len(v) != 1 || v[0].Voter != bob || v[0].AuthMethod != "Login" || !strings.HasPrefix(v[0].CredentialID, "oidc "+issuer+" sub ") {
		t.Errorf("votes %+v", v)
	}
	shows(phone, ".next.running")
	do(t, board, chromedp.Navigate(e.URL+"/approvals/"+e.NS+"/"+name))
	says(board, bob)
	do(t, phone, chromedp.Navigate(e.URL+"/mine"))
	shows(phone, ".badge.yes")
}
