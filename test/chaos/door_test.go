//go:build chaos

package chaos

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/test/cluster"
)

// doorAddress is the address at which the API server asks about writes while there is a door.
const doorAddress = cluster.NodeAddress + ":2527"

// door is an admission webhook that refuses a share of what it is asked about with a code
// that the API server passes on as its own, or is slow about it.
type door struct {
	code   int32
	reason metav1.StatusReason
	slow   time.Duration
	share  float64

	srv        *http.Server
	pem        []byte
	mu         sync.Mutex
	rng        *mathrand.Rand
	asked, hit atomic.Int64
}

func (d *door) what() string {
	if d.slow > 0 {
		return fmt.Sprintf("an answer after %s", d.slow)
	}
	return fmt.Sprintf("%d %s", d.code, d.reason)
}

func (d *door) bundle() string { return base64.StdEncoding.EncodeToString(d.pem) }

func (d *door) open(ctx context.Context, seed uint64) error {
	cert, err := d.certificate()
	if err != nil {
		return err
	}
	l, err := listen(ctx, doorAddress)
	if err != nil {
		return err
	}
	d.rng = mathrand.New(mathrand.NewPCG(seed, 4))
	d.srv = &http.Server{
		Handler: http.HandlerFunc(d.serve), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = d.srv.ServeTLS(l, "", "") }()
	return nil
}

// shut lets what is still asked be answered.
func (d *door) shut(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	_ = d.srv.Shutdown(ctx)
}

func (d *door) serve(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
		http.Error(w, "no review", http.StatusBadRequest)
		return
	}
	d.asked.Add(1)
	d.mu.Lock()
	hit := d.rng.Float64() < d.share
	d.mu.Unlock()
	answer := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if hit {
		d.hit.Add(1)
		time.Sleep(d.slow)
		if d.code != 0 {
			answer.Allowed = false
			answer.Result = &metav1.Status{Status: metav1.StatusFailure, Code: d.code, Reason: d.reason, Message: "chaos: this write is not taken"}
		}
	}
	review.Request, review.Response = nil, answer
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review)
}

// certificate is of our own, for the door's address.
func (d *door) certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.ParseIP(cluster.NodeAddress)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	d.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
