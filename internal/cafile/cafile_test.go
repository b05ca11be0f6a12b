package cafile

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/internal/golden"
)

func TestOnly(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
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
		fails bool
	}{
		"none":           {},
		"a certificate":  {path: write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})), trust: true},
		"something else": {path: write("ca.txt", []byte("no PEM")), fails: true},
		"no file":        {path: "/nonexistent/ca.pem", fails: true},
	} {
		pool, err := Only(c.path)
		if (err != nil) != c.fails {
			t.Errorf("%s: error %v, fails should be %t", name, err, c.fails)
		}
		if err != nil {
			said.Check(t, name, strings.ReplaceAll(err.Error(), c.path, "FILE"))
			continue
		}
		_, verr := srv.Certificate().Verify(x509.VerifyOptions{Roots: pool})
		if (pool != nil) != c.trust || c.trust && verr != nil {
			t.Errorf("%s: pool %v, verification %v; want trust %t", name, pool != nil, verr, c.trust)
		}
	}
}
