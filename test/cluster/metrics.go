package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Metrics scrapes a pod of the service as Prometheus does: with the token of an account
// that may get /metrics.
func (e *Env) Metrics(ip string) string {
	e.t.Helper()
	if e.scrape == "" {
		_, e.scrape = e.Token("prometheus")
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "prometheus-" + e.NS},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "countersign-metrics-reader"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: e.NS, Name: "prometheus"}},
		}
		if err := e.Create(e.t.Context(), binding); !apierrors.IsAlreadyExists(err) {
			must(e.t, err)
		}
		e.t.Cleanup(func() {
			_ = e.Clientset.RbacV1().ClusterRoleBindings().Delete(context.Background(), binding.Name, metav1.DeleteOptions{})
		})
	}
	var body string
	e.Eventually(time.Minute, "metrics are read", func() error { // RBAC reaches the authorizer a moment later
		var status int
		if status, body = e.ScrapeWith(ip, e.scrape); status != http.StatusOK {
			return fmt.Errorf("metrics of %s: %d %s", ip, status, body)
		}
		return nil
	})
	return body
}

// ScrapeWith asks a pod of the service for its metrics with a token, or with none.
func (e *Env) ScrapeWith(ip, token string) (status int, body string) {
	e.t.Helper()
	hc := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // Prometheus does not know the service's CA either
	}}
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, "https://"+ip+":9090/metrics", nil)
	must(e.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := hc.Do(req)
	must(e.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(e.t, err)
	return resp.StatusCode, string(b)
}
