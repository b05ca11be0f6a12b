package servingcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"time"
)

// Lifetimes. EventListeners read the CA bundle once a minute and only ever add
// to it, so a new CA is announced overlap before it signs.
const (
	caLife      = 5 * 365 * 24 * time.Hour
	servingLife = 90 * 24 * time.Hour
	overlap     = 24 * time.Hour
	skew        = time.Hour // of clocks
)

// The entries of the Secret.
const (
	entryCA      = "ca.crt"      // the CA that signed the serving certificate
	entryCAKey   = "ca.key"      // its key
	entryNext    = "next-ca.crt" // a CA that is announced and does not sign yet
	entryNextKey = "next-ca.key"
	entryOld     = "old-ca.crt" // the CA before, until its certificates have ended
	entryCert    = "tls.crt"
	entryKey     = "tls.key"
)

// renew returns data with whatever is missing or due made again, and whether that
// was anything. It reads nothing but its arguments.
func renew(data map[string][]byte, hosts []string, now time.Time) (map[string][]byte, bool, error) {
	out := map[string][]byte{}
	maps.Copy(out, data)
	changed := false
	ca, err := pair(out[entryCA], out[entryCAKey])
	if err != nil || now.After(ca.NotAfter) {
		if out[entryCA], out[entryCAKey], err = newCA(now); err != nil {
			return nil, false, err
		}
		delete(out, entryNext)
		delete(out, entryNextKey)
		delete(out, entryCert)
		changed = true
	} else if due(ca, now) {
		next, err := pair(out[entryNext], out[entryNextKey])
		switch {
		case err != nil:
			if out[entryNext], out[entryNextKey], err = newCA(now); err != nil {
				return nil, false, err
			}
			changed = true
		case now.Sub(next.NotBefore.Add(skew)) >= overlap:
			out[entryOld] = out[entryCA]
			out[entryCA], out[entryCAKey] = out[entryNext], out[entryNextKey]
			delete(out, entryNext)
			delete(out, entryNextKey)
			delete(out, entryCert)
			changed = true
		}
	}
	cert, err := pair(out[entryCert], out[entryKey])
	if err != nil || due(cert, now) || cert.VerifyHostname(hosts[0]) != nil || cert.CheckSignatureFrom(ca) != nil {
		if out[entryCert], out[entryKey], err = newServing(out[entryCA], out[entryCAKey], hosts, now); err != nil {
			return nil, false, err
		}
		changed = true
	}
	return out, changed, nil
}

// bundle returns the CAs that EventListeners have to trust, as PEM.
func bundle(data map[string][]byte) []byte {
	var out []byte
	for _, entry := range []string{entryCA, entryNext, entryOld} {
		out = append(out, data[entry]...)
	}
	return out
}

// due is true once two thirds of a certificate's life are over.
func due(c *x509.Certificate, now time.Time) bool {
	return now.After(c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) * 2 / 3))
}

func newCA(now time.Time) (certPEM, keyPEM []byte, err error) {
	t := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "countersign interceptor CA " + now.UTC().Format("2006-01-02")},
		NotBefore: now.Add(-skew), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	return sign(t, nil, nil)
}

func newServing(caPEM, caKeyPEM []byte, hosts []string, now time.Time) (certPEM, keyPEM []byte, err error) {
	pair, err := tls.X509KeyPair(caPEM, caKeyPEM)
	if err != nil {
		return nil, nil, fmt.Errorf("read the CA: %w", err)
	}
	parent, err := leaf(caPEM)
	if err != nil {
		return nil, nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("the CA's key is not ECDSA")
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts,
		NotBefore: now.Add(-skew), NotAfter: now.Add(servingLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return sign(t, parent, key)
}

// sign makes a certificate with a key of its own; without a parent it signs
// itself.
func sign(t, parent *x509.Certificate, signer *ecdsa.PrivateKey) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, signer = t, key
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// pair parses a certificate whose key is there and is its own.
func pair(certPEM, keyPEM []byte) (*x509.Certificate, error) {
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		return nil, err
	}
	return leaf(certPEM)
}

// leaf parses the first certificate of a PEM.
func leaf(certPEM []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return nil, errors.New("no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
