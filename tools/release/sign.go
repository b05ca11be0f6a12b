package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// signingKey signs as cosign sign-blob does with a key: cosign verify-blob --key countersign.pub checks it.
type signingKey struct{ crypto.Signer }

func readKey(path string) (signingKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return signingKey{}, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return signingKey{}, fmt.Errorf("%s is no PEM", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if parsed, err = x509.ParseECPrivateKey(block.Bytes); err != nil {
			return signingKey{}, fmt.Errorf("%s: use an ECDSA P-256 or Ed25519 key without a password: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", path)
		}
	}
	switch k := parsed.(type) {
	case *ecdsa.PrivateKey:
		return signingKey{k}, nil
	case ed25519.PrivateKey:
		return signingKey{k}, nil
	}
	return signingKey{}, fmt.Errorf("%s is a %T: use ECDSA P-256 or Ed25519", path, parsed)
}

func (k signingKey) sign(b []byte) (string, error) {
	var sig []byte
	var err error
	if _, ok := k.Signer.(ed25519.PrivateKey); ok {
		sig, err = k.Sign(rand.Reader, b, crypto.Hash(0))
	} else {
		sum := sha256.Sum256(b)
		sig, err = k.Sign(rand.Reader, sum[:], crypto.SHA256)
	}
	return base64.StdEncoding.EncodeToString(sig), err
}

func (k signingKey) public() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// sign signs the checksums, which cover everything, and the provenance in an envelope of its own.
func (r *release) sign() error {
	if r.Key == "" {
		fmt.Println("not signed: there is no key")
		return nil
	}
	key, err := readKey(r.Key)
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(r.Out, "SHA256SUMS"))
	if err != nil {
		return err
	}
	sig, err := key.sign(sums)
	if err != nil {
		return err
	}
	public, err := key.public()
	if err != nil {
		return err
	}
	statement, err := os.ReadFile(filepath.Join(r.Out, provenanceName))
	if err != nil {
		return err
	}
	const payload = "application/vnd.in-toto+json"
	envelope, err := key.sign(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payload), payload, len(statement), statement))
	if err != nil {
		return err
	}
	dsse, err := json.Marshal(map[string]any{
		"payloadType": payload, "payload": base64.StdEncoding.EncodeToString(statement),
		"signatures": []map[string]string{{"keyid": sha256Hex(public)[:16], "sig": envelope}},
	})
	if err != nil {
		return err
	}
	return errors.Join(
		r.write("SHA256SUMS.sig", []byte(sig+"\n")),
		r.write("countersign.pub", public),
		r.write("provenance.intoto.dsse.json", append(dsse, '\n')),
	)
}

// commit is the tree's, when it is in git and there is nothing else in it.
func (r *release) commit() string {
	out, err := exec.Command("git", "-C", r.Root, "status", "--porcelain").Output()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		return ""
	}
	out, err = exec.Command("git", "-C", r.Root, "rev-parse", "HEAD").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func goVersion(dir string) string {
	cmd := exec.Command("go", "env", "GOVERSION")
	cmd.Dir = dir
	out, _ := cmd.Output()
	return strings.TrimSpace(string(out))
}
