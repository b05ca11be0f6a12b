// Package cafile reads the files that the configuration names certificate authorities by.
package cafile

import (
	"crypto/x509"
	"fmt"
	"os"
)

// Add adds the certificates of a file in PEM to a pool.
func Add(to *x509.CertPool, path string) error {
	pem, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	if !to.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s has no certificate: put the certificates of the CAs into it, in PEM", path)
	}
	return nil
}

// Only are the certificates of a file alone, or nil, which is the system's, for "".
func Only(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	return pool, Add(pool, path)
}
