//go:build bench

package bench

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"github.com/countersign-dev/countersign/test/cluster"
)

// TestGrowingLivePages: 10, 100 and 1,000 pages that update themselves, half of them at each replica, and one
// vote of which all are to be told. Ten belong to one person.
func TestGrowingLivePages(t *testing.T) {
	s := newStage(t)
	people := newProvider(t, s.Env)
	var (
		memory = growth{what: "live pages: resident memory of a replica beyond none", unit: "MiB"}
		work   = growth{what: "live pages: CPU of one change, all replicas", unit: "ms"}
		told   = growth{what: "live pages: until the last is told", unit: "ms"}
		heard  atomic.Int64
		open   int
		pods   = s.ServicePods()
		names  = s.pend(t, "live", 3)
		none   = rssOf(t, "countersign")
	)
	for i, n := range []int{10, 100, 1000} {
		for ; open < n; open++ {
			s.listen(t, "http://"+pods[open%len(pods)].Status.PodIP+":8080", people.token(open/10), &heard)
		}
		time.Sleep(3 * time.Second) // a page is told once a second at most
		heard.Store(0)
		before, start := sum(cpuOf(t, "countersign")), time.Now()
		s.approve(t, names[i])
		poll(t, fmt.Sprintf("%d pages to be told", n), func() bool { return heard.Load() >= int64(n) })
		told.add(n, ms(time.Since(start)))
		time.Sleep(3 * time.Second) // what follows from the decision is part of what it costs
		work.add(n, (sum(cpuOf(t, "countersign"))-before)*1000)
		memory.add(n, max(rssOf(t, "countersign")-none, 0))
	}
	for _, g := range []growth{memory, work, told} {
		g.print()
	}
}

// provider is a login provider of a hundred people, who may read the namespace's Approvals.
type provider struct {
	issuer string
	key    *ecdsa.PrivateKey
}

func newProvider(t *testing.T, e *cluster.Env) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, private := cluster.NodeCertificate(t)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(private))
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", cluster.NodeAddress+":0")
	if err != nil {
		t.Fatal(err)
	}
	answers := &oidctest.Server{Algorithms: []string{oidc.ES256}, PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "key", Algorithm: oidc.ES256}}}
	server := httptest.NewUnstartedServer(answers)
	_ = server.Listener.Close()
	server.Listener, server.TLS = l, &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	p := &provider{server.URL, key}
	answers.SetIssuer(p.issuer)
	e.Reconfigure(cluster.MailConfig(e.URL)+"oidc: {issuer: '"+p.issuer+"', clientID: countersign, clientSecretFile: /etc/countersign-secrets/oidc, caFile: /etc/countersign-secrets/ca}\n",
		map[string]string{"oidc": "secret", "ca": cert})
	e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: countersign-view}
subjects: [` + strings.Join(readers(100), ", ") + `]`)
	return p
}

func readers(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("{apiGroup: rbac.authorization.k8s.io, kind: User, name: %s}", reader(i)))
	}
	return out
}

func reader(i int) string { return fmt.Sprintf("reader-%d@example.com", i) }

// token is an ID token of one of them.
func (p *provider) token(i int) string {
	claims, err := json.Marshal(map[string]any{
		"iss": p.issuer, "aud": "countersign", "sub": reader(i), "email": reader(i), "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		panic(err)
	}
	return oidctest.SignIDToken(p.key, "key", oidc.ES256, string(claims))
}

// listen holds one stream open until the test ends, and counts what it is told.
func (s *stage) listen(t *testing.T, replica, token string, heard *atomic.Int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, replica+"/events?namespace="+s.NS, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req) //nolint:bodyclose // by who reads it, below
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(resp.Body)
		t.Fatalf("a live page is answered %s: %s", resp.Status, said)
	}
	t.Cleanup(cancel)
	go func() {
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data:") {
				heard.Add(1)
			}
		}
	}()
}

func sum(of map[int]float64) (all float64) {
	for _, v := range of {
		all += v
	}
	return all
}
