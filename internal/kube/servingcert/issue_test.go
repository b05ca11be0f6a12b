package servingcert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"testing"
	"time"
)

var (
	t0    = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	hosts = []string{"countersign.countersign.svc", "countersign.countersign", "countersign.countersign.svc.cluster.local"}
)

const day = 24 * time.Hour

func renewed(t *testing.T, data map[string][]byte, now time.Time) (map[string][]byte, bool) {
	t.Helper()
	out, changed, err := renew(data, hosts, now)
	if err != nil {
		t.Fatalf("at %s: %v", now, err)
	}
	return out, changed
}

// verify does what an EventListener does at a handshake, with the bundle it has.
func verify(t *testing.T, data map[string][]byte, bundle []byte, now time.Time) error {
	t.Helper()
	pair, err := tls.X509KeyPair(data[entryCert], data[entryKey])
	if err != nil {
		t.Fatalf("at %s: certificate and key do not belong together: %v", now, err)
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	_, err = cert.Verify(x509.VerifyOptions{DNSName: hosts[0], Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err
}

// TestYears lives through eight years, a day at a time: the serving certificate
// is always valid, and always by a CA that was announced for the overlap, which is
// more than any EventListener is behind.
func TestYears(t *testing.T) {
	t.Parallel()
	type announced struct {
		at     time.Time
		bundle []byte
	}
	data, changed := renewed(t, nil, t0)
	if !changed {
		t.Fatal("made of nothing, and unchanged")
	}
	history := []announced{{t0.Add(-overlap), bundle(data)}} // the first one can't be early
	changes, cas := 0, map[string]bool{}
	for now := t0; now.Before(t0.Add(8 * 365 * day)); now = now.Add(day) {
		before := data
		if data, changed = renewed(t, data, now); changed {
			changes++
			if b := bundle(data); !bytes.Equal(b, bundle(before)) {
				history = append(history, announced{now, b})
			}
			// A replica that has not read the Secret again serves the certificate of
			// before, to an EventListener that has read the bundle of now.
			if err := verify(t, before, bundle(data), now); err != nil {
				t.Fatalf("at %s, the certificate of before: %v", now, err)
			}
		} else if !maps.EqualFunc(before, data, bytes.Equal) {
			t.Fatalf("at %s: unchanged, and different", now)
		}
		cas[string(data[entryCA])] = true
		// An EventListener that read the bundle an overlap ago trusts what is served.
		for len(history) > 1 && !history[1].at.After(now.Add(-overlap)) {
			history = history[1:]
		}
		if err := verify(t, data, history[0].bundle, now); err != nil {
			t.Fatalf("at %s, by the bundle of %s: %v", now, history[0].at, err)
		}
	}
	if len(cas) != 3 || changes > 100 {
		t.Errorf("%d CAs and %d changes in eight years", len(cas), changes)
	}
}

// TestHeals: whatever is lost or spoilt of the Secret is made again.
func TestHeals(t *testing.T) {
	t.Parallel()
	good, _ := renewed(t, nil, t0)
	other, _ := renewed(t, nil, t0)
	for name, spoil := range map[string]func(map[string][]byte){
		"nothing":             func(map[string][]byte) {},
		"the certificate":     func(d map[string][]byte) { delete(d, entryCert) },
		"its key":             func(d map[string][]byte) { delete(d, entryKey) },
		"another's key":       func(d map[string][]byte) { d[entryKey] = other[entryKey] },
		"garbage":             func(d map[string][]byte) { d[entryCert] = []byte("garbage") },
		"the CA":              func(d map[string][]byte) { delete(d, entryCA) },
		"the CA's key":        func(d map[string][]byte) { delete(d, entryCAKey) },
		"the CA's key, other": func(d map[string][]byte) { d[entryCAKey] = other[entryCAKey] },
		"the CA, of another":  func(d map[string][]byte) { d[entryCA], d[entryCAKey] = other[entryCA], other[entryCAKey] },
		"everything":          func(d map[string][]byte) { clear(d) },
		"everything is spoilt": func(d map[string][]byte) {
			maps.Copy(d, map[string][]byte{entryCA: {1}, entryCAKey: {2}, entryCert: {3}, entryKey: {4}})
		},
		"another entry": func(d map[string][]byte) { d["mine"] = []byte("x") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := maps.Clone(good)
			spoil(data)
			// The CA's key is only needed when something is to be signed.
			for _, now := range []time.Time{t0.Add(time.Hour), t0.Add(61 * day)} {
				data, _ = renewed(t, data, now)
				if err := verify(t, data, bundle(data), now); err != nil {
					t.Errorf("at %s: %v", now, err)
				}
				if again, changed := renewed(t, data, now); changed {
					t.Errorf("and again at once: %d entries", len(again))
				}
			}
			if name == "another entry" && string(data["mine"]) != "x" {
				t.Error("somebody's entry was dropped")
			}
		})
	}
}

// TestExpired: after a year in which nothing ran, and after ten.
func TestExpired(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{365 * day, 1300 * day, 10 * 365 * day} {
		data, _ := renewed(t, nil, t0)
		now := t0.Add(away)
		data, changed := renewed(t, data, now)
		if err := verify(t, data, bundle(data), now); !changed || err != nil {
			t.Errorf("after %s: changed %t, %v", away, changed, err)
		}
	}
}

func TestRenamed(t *testing.T) {
	t.Parallel()
	data, _ := renewed(t, nil, t0)
	out, changed, err := renew(data, []string{"gate.prod.svc"}, t0)
	if err != nil || !changed {
		t.Fatalf("changed %t, %v", changed, err)
	}
	if cert, err := leaf(out[entryCert]); err != nil || cert.VerifyHostname("gate.prod.svc") != nil || !bytes.Equal(out[entryCA], data[entryCA]) {
		t.Errorf("%v: not for the new name, or by another CA", err)
	}
}

// TestCertificates are what a careful client insists on.
func TestCertificates(t *testing.T) {
	t.Parallel()
	data, _ := renewed(t, nil, t0)
	ca, err := leaf(data[entryCA])
	if err != nil || !ca.IsCA || !ca.MaxPathLenZero || ca.KeyUsage != x509.KeyUsageCertSign || len(ca.DNSNames) > 0 {
		t.Errorf("the CA: %+v, %v", ca, err)
	}
	cert, err := leaf(data[entryCert])
	for _, host := range hosts {
		if cert.VerifyHostname(host) != nil {
			t.Errorf("not for %s", host)
		}
	}
	if err != nil || cert.IsCA || cert.KeyUsage != x509.KeyUsageDigitalSignature || cert.NotAfter.Sub(t0) != 90*day || cert.SerialNumber.Sign() <= 0 {
		t.Errorf("the certificate: %+v, %v", cert, err)
	}
	for _, entry := range []string{entryCAKey, entryKey} {
		if block, rest := pem.Decode(data[entry]); block == nil || block.Type != "PRIVATE KEY" || len(rest) > 0 {
			t.Errorf("%s is no key", entry)
		}
	}
	if bytes.Contains(bundle(data), []byte("PRIVATE")) {
		t.Error("the bundle has a key")
	}
}
