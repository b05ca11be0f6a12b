//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/test/cluster"
)

// What a stock interceptor verifies is held when the Gate verifies it too, and the
// released event gets through that interceptor again, with the Secret as it is then.
func TestStockInterceptorBeforeOurs(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	const trigger = "---\napiVersion: triggers.tekton.dev/v1beta1\nkind: Trigger\n"
	secret, rest, _ := strings.Cut(heldPush, trigger)
	e.Apply(secret)
	pushed := strings.TrimPrefix(trigger, "---\n") + rest
	body := []byte(`{"head_commit": {"message": "m", "id": "0123abc"}}`)
	hub := signature.Hub(keyring.Secret(hubSecret), body)
	kinds := map[string]struct {
		kind, event string
		header      map[string]string
	}{
		"github":    {"GitHub", "push", map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": hub}},
		"gitlab":    {"GitLab", "Push Hook", map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": hubSecret}},
		"bitbucket": {"BitbucketServer", "repo:refs_changed", map[string]string{"X-Event-Key": "repo:refs_changed", "X-Hub-Signature": hub}},
	}
	listeners := ""
	for name, k := range kinds {
		e.Apply(cluster.Gate("gate-"+name, user, "  signingSecret: {name: github-webhook, key: secretkey, kind: "+k.kind+"}"))
		e.Apply(strings.NewReplacer("metadata: {name: push}", "metadata: {name: "+name+"}", "name: github}", "name: "+name+"}", "[push]", "['"+k.event+"']", "value: gate}", "value: gate-"+name+"}",
			"template: {ref: push}", "template: {ref: "+name+"}").Replace(pushed))
		listeners += "{triggerRef: " + name + "}, "
	}
	e.Apply(cluster.Listener("push", strings.TrimSuffix(listeners, ", ")))
	listener := e.ListenerURL("push")
	names := map[string]string{}
	for name, k := range kinds {
		bare := map[string]string{}
		for h, v := range k.header {
			if strings.HasSuffix(h, "-Event") || h == "X-Event-Key" {
				bare[h] = v
			}
		}
		e.Post(listener, bare, body) // nobody is proved
		e.Post(listener, k.header, body)
		e.Eventually(time.Minute, "the approval of "+name, func() error {
			for _, a := range e.Approvals() {
				if a.Spec.Trigger == name && a.Spec.Resolved != nil {
					names[name] = a.Name
					if got := a.Spec.Source.Event.VerifiedBy; got != k.kind+" github-webhook/secretkey" {
						t.Errorf("%s is verified by %q", name, got)
					}
					if raw := fmt.Sprint(a); strings.Contains(raw, hubSecret) || strings.Contains(raw, hub) {
						t.Errorf("%s keeps what proved its sender", name)
					}
					return nil
				}
			}
			return fmt.Errorf("there is none among %d", len(e.Approvals()))
		})
	}
	if n := len(e.Approvals()); n != len(kinds) {
		t.Errorf("%d approvals, want one of each", n)
	}
	// The Secret changes while people decide.
	e.Apply(strings.Replace(strings.Split(secret, "---\n")[0], hubSecret, "another-secret", 1))
	time.Sleep(6 * time.Second) // Triggers and we remember a Secret for 5
	for name := range kinds {
		if v := e.Vote(names[name], token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote on %s: %d %s", name, v.Status, v.Body)
		}
		e.Confirmed(names[name])
	}
}

// An EventListener whose certificate is by the company's own CA.
func TestListenerWithPrivateCA(t *testing.T) {
	e, token, _ := gated(t, "")
	ca, cert, key := certificateFor(t, "el-tls."+e.NS+".svc")
	if err := e.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "listener-tls"}, Data: map[string][]byte{"tls.crt": cert, "tls.key": key}}); err != nil {
		t.Fatal(err)
	}
	e.Apply(`
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: tls}
spec:
  serviceAccountName: listener
  triggers: [{triggerRef: deploy}]
  resources:
    kubernetesResource:
      spec:
        template:
          spec:
            containers:
              - env:
                  - {name: TLS_CERT, valueFrom: {secretKeyRef: {name: listener-tls, key: tls.crt}}}
                  - {name: TLS_KEY, valueFrom: {secretKeyRef: {name: listener-tls, key: tls.key}}}`)
	if err := e.Clientset.CoreV1().RESTClient().Delete().AbsPath("/apis/triggers.tekton.dev/v1beta1/namespaces/" + e.NS + "/eventlisteners/deploy").Do(t.Context()).Error(); err != nil {
		t.Fatal(err)
	}
	e.FinishRun(e.StartRun("part-1-a", "7"))
	name := e.OneApproval().Name
	if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	e.Eventually(2*time.Minute, "the message about the CA", func() error {
		for _, c := range e.Approval(name).Status.Conditions {
			if c.Type == "Released" && strings.Contains(c.Message, "eventListeners.caFile") {
				return nil
			}
		}
		return fmt.Errorf("conditions %+v", e.Approval(name).Status.Conditions)
	})
	e.Reconfigure(cluster.MailConfig("http://countersign.test")+"eventListeners: {caFile: /etc/countersign-secrets/listeners-ca.crt}\n", map[string]string{"listeners-ca.crt": string(ca)})
	e.Confirmed(name)
}

// certificateFor makes a CA, and a certificate for one name by it.
func certificateFor(t *testing.T, name string) (ca, cert, key []byte) {
	t.Helper()
	sign := func(c, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if signer == nil {
			parent, signer = c, k
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &k.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return out, k
	}
	template := func(n int64) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: "Company"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	}
	root := template(1)
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
	rootCert, rootKey := sign(root, nil, nil)
	leaf := template(2)
	leaf.DNSNames, leaf.ExtKeyUsage = []string{name}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leafCert, leafKey := sign(leaf, rootCert, rootKey)
	der, err := x509.MarshalECPrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	return block("CERTIFICATE", rootCert.Raw), block("CERTIFICATE", leafCert.Raw), block("EC PRIVATE KEY", der)
}

// Metrics are for tokens that RBAC lets read them; probes are for everybody.
func TestMetricsNeedAToken(t *testing.T) {
	e := cluster.New(t)
	_, stranger := e.Token("stranger")
	ip := e.ServicePods()[0].Status.PodIP
	for token, want := range map[string]int{"": http.StatusUnauthorized, "not-a-token": http.StatusUnauthorized, stranger: http.StatusForbidden} {
		if status, body := e.ScrapeWith(ip, token); status != want || strings.Contains(body, "countersign_approvals_pending") {
			t.Errorf("%.10q: %d %.200s, want %d", token, status, body, want)
		}
	}
	if body := e.Metrics(ip); !strings.Contains(body, "countersign_approvals_pending") {
		t.Errorf("no metrics in %.200s", body)
	}
	if status, body := fetch(t, e, http.MethodGet, "http://"+ip+":8081/healthz", nil); status != http.StatusOK {
		t.Errorf("healthz: %d %s", status, body)
	}
}
