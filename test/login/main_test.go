//go:build login

// Package login proves the login against a real OpenID Connect provider, dex, and
// behind a real oauth2-proxy. The service's pages are served over Approvals in
// memory; everything about identity is as deployed.
package login

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/wait"
)

const (
	password     = "everybody's password"
	clientID     = "countersign"
	clientSecret = "the client's very secret secret"
)

// claims are JSON of whatever kind.
type claims = map[string]any

// TestMain fails when a program is missing: test/run.sh builds them.
func TestMain(m *testing.M) {
	for _, name := range []string{"COUNTERSIGN_DEX", "COUNTERSIGN_OAUTH2_PROXY"} {
		if os.Getenv(name) == "" {
			fmt.Fprintln(os.Stderr, name+" is not set: use test/run.sh login")
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// dex starts a provider that knows the people of this file, and returns its issuer.
// address is "" for any port.
func dex(t *testing.T, address string, redirects ...string) string {
	t.Helper()
	person := func(name string, verified bool, groups ...string) claims {
		return claims{
			"email": name + "@example.com", "username": name, "preferredUsername": name, "userID": "id-of-" + name, "emailVerified": verified, "groups": groups,
		}
	}
	config, err := json.Marshal(claims{
		"address": address, "password": password,
		"clients": []claims{
			{"id": clientID, "secret": clientSecret, "name": "Countersign", "redirectURIs": redirects},
			{"id": "other", "secret": clientSecret, "name": "Another", "redirectURIs": redirects},
		},
		"people": []claims{
			person("alice", true, "sre", "dev", "system:masters"), person("bob", true), person("mallory", true), person("unverified", false, "sre"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := start(t, os.Getenv("COUNTERSIGN_DEX"))
	if _, err := cmd.stdin.Write(append(config, '\n')); err != nil {
		t.Fatal(err)
	}
	issuer, err := bufio.NewReader(cmd.stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("dex does not start: %v", err)
	}
	return strings.TrimSpace(issuer)
}

type program struct {
	stdin  io.WriteCloser
	stdout io.Reader
}

// start runs a program until the test ends; what it says is shown when that fails.
func start(t *testing.T, path string, args ...string) program {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
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
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text := said.String()
			t.Logf("%s said:\n%s", path, text[max(0, len(text)-4000):])
		}
	})
	return program{stdin, stdout}
}

// freePort is an address where nobody listens. It is below those that the kernel gives to
// anyone who asks for any, such as the tests beside this one, before it is listened at.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// oauth2Proxy starts one in front of upstream and returns its URL.
func oauth2Proxy(t *testing.T, address, issuer, upstream string) string {
	t.Helper()
	start(t, os.Getenv("COUNTERSIGN_OAUTH2_PROXY"),
		"--http-address="+address, "--upstream="+upstream, "--redirect-url=http://"+address+"/oauth2/callback",
		"--provider=oidc", "--oidc-issuer-url="+issuer, "--client-id="+clientID, "--client-secret="+clientSecret,
		"--scope=openid email profile groups", "--code-challenge-method=S256", "--email-domain=*", "--insecure-oidc-allow-unverified-email=true",
		"--approval-prompt=auto", "--pass-authorization-header=true", "--pass-user-headers=true", "--skip-provider-button=true",
		"--cookie-secret=0123456789abcdef0123456789abcdef", "--cookie-secure=false",
	)
	url := "http://" + address
	wait.Eventually(t, time.Minute, "the start of oauth2-proxy", func() error {
		resp, err := http.Get(url + "/ping")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	return url
}
