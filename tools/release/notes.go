package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func (r *release) notesExist() error {
	_, err := r.changes()
	return err
}

// changes returns the section of CHANGELOG.md on the version.
func (r *release) changes() (string, error) {
	raw, err := os.ReadFile(filepath.Join(r.Root, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	version, _, _ := strings.Cut(r.number(), "-") // a candidate has the notes of what it is a candidate for
	heading := regexp.MustCompile(`(?m)^## v?` + regexp.QuoteMeta(version) + `\b.*\n`)
	at := heading.FindStringIndex(string(raw))
	if at == nil {
		return "", fmt.Errorf("CHANGELOG.md has no heading ## v%s: write what is new, and what changes of the API", version)
	}
	text := string(raw)[at[1]:]
	if end := regexp.MustCompile(`(?m)^## `).FindStringIndex(text); end != nil {
		text = text[:end[0]]
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fmt.Errorf("CHANGELOG.md says nothing of v%s", version)
	}
	return text, nil
}

// notes is the text beside the downloads of a release.
func (r *release) notes() error {
	changes, err := r.changes()
	if err != nil {
		return err
	}
	base := "https://" + module + "/releases/download/" + r.Version
	return r.write("RELEASE_NOTES.md", []byte(changes+`

## Install

`+"```sh"+`
kubectl apply --server-side -f `+base+`/countersign.yaml
`+"```"+`

or, with Helm:

`+"```sh"+`
helm install countersign `+base+`/countersign-`+r.number()+`.tgz --namespace countersign --create-namespace
`+"```"+`

## Verify

`+"```sh"+`
sha256sum --check --ignore-missing SHA256SUMS
cosign verify-blob --key countersign.pub --signature SHA256SUMS.sig --insecure-ignore-tlog SHA256SUMS   # when it is signed by a key
`+"```"+`
`))
}
