package cafile

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnly(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(nil)
	t.Cleanup(srv.Close)
	write := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		path  string
		trust bool
		err   string
	}{
		"none":           {},
		"a certificate":  {path: write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})), trust: true},
		"something else": {path: write("ca.txt", []byte("no PEM")), err: "no certificate"},
		"no file":        {path: "/nonexistent/ca.pem", err: "no such file"},
	} {
		pool, err := Only(c.path)
		if c.err != "" || err != nil {
			if err == nil || !strings.Contains(err.Error(), c.err) || c.err == "" {
				t.Errorf("%s: error %v, want one of %q", name, err, c.err)
			}
			continue
		}
		_, verr := srv.Certificate().Verify(x509.VerifyOptions{Roots: pool})
		if (pool != nil) != c.trust || c.trust && verr != nil {
			t.Errorf("%s: pool %v, verification %v; want trust %t", name, pool != nil, verr, c.trust)
		}
	}
}
