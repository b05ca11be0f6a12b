package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// spdx has the fields of SPDX 2.3 that say which modules a program is made of.
type spdx struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID        string     `json:"SPDXID"`
	Name      string     `json:"name"`
	Version   string     `json:"versionInfo"`
	Location  string     `json:"downloadLocation"`
	Analyzed  bool       `json:"filesAnalyzed"`
	Concluded string     `json:"licenseConcluded"`
	Declared  string     `json:"licenseDeclared"`
	Copyright string     `json:"copyrightText"`
	Purpose   string     `json:"primaryPackagePurpose,omitempty"`
	Checksums []checksum `json:"checksums,omitempty"`
	Refs      []ref      `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type ref struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// sboms writes one for each program, from what the linker wrote into it.
func (r *release) sboms(programs []program) error {
	for _, p := range programs {
		doc, err := r.sbom(p)
		if err != nil {
			return err
		}
		b, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			return err
		}
		if err := r.write(fmt.Sprintf("%s_%s_%s_%s.spdx.json", p.Name, r.number(), p.OS, p.Arch), append(b, '\n')); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) sbom(p program) (spdx, error) {
	info, err := buildinfo.ReadFile(p.Path)
	if err != nil {
		return spdx{}, err
	}
	sum, err := sha256File(p.Path)
	if err != nil {
		return spdx{}, err
	}
	const none = "NOASSERTION"
	doc := spdx{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: fmt.Sprintf("%s %s for %s/%s", p.Name, r.Version, p.OS, p.Arch),
		Namespace: fmt.Sprintf("https://%s/releases/%s/%s-%s-%s-%s", module, r.Version, p.Name, p.OS, p.Arch, sum[:16]),
		Creation:  creation{Created: epoch.Format("2006-01-02T15:04:05Z"), Creators: []string{"Tool: countersign-release"}},
	}
	add := func(name, version, license, purpose string, sums []checksum) string {
		id := "SPDXRef-" + notInID.ReplaceAllString(name+"-"+version, "-")
		pkg := spdxPackage{
			ID: id, Name: name, Version: version, Location: none, Concluded: none, Declared: license, Copyright: none, Purpose: purpose, Checksums: sums,
		}
		pkg.Refs = []ref{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + name + "@" + version}}
		doc.Packages = append(doc.Packages, pkg)
		return id
	}
	root := add(module+"/cmd/"+p.Name, r.Version, "Apache-2.0", "APPLICATION", []checksum{{"SHA256", sum}})
	doc.Relationships = append(doc.Relationships, relationship{doc.ID, "DESCRIBES", root})
	goID := add("std", strings.TrimPrefix(info.GoVersion, "go"), "BSD-3-Clause", "LIBRARY", nil)
	doc.Relationships = append(doc.Relationships, relationship{root, "CONTAINS", goID})
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		doc.Relationships = append(doc.Relationships, relationship{root, "CONTAINS", add(d.Path, d.Version, none, "", nil)})
	}
	return doc, nil
}

// statement is in-toto's, with SLSA's provenance.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     any       `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

const provenanceName = "provenance.intoto.json"

// provenance writes of what everything was made, and by whom. It has no times: the same tree gives the
// same bytes.
func (r *release) provenance(image interface{ String() string }) error {
	names, err := r.made()
	if err != nil {
		return err
	}
	s := statement{Type: "https://in-toto.io/Statement/v1", PredicateType: "https://slsa.dev/provenance/v1"}
	for _, name := range names {
		sum, err := sha256File(filepath.Join(r.Out, name))
		if err != nil {
			return err
		}
		s.Subject = append(s.Subject, subject{name, map[string]string{"sha256": sum}})
	}
	s.Subject = append(s.Subject, subject{r.Repository, map[string]string{"sha256": strings.TrimPrefix(image.String(), "sha256:")}})
	builder := r.Builder
	if builder == "" {
		builder = "https://" + module + "/blob/" + r.Version + "/Makefile"
	}
	materials := []map[string]any{{"uri": "git+https://" + module + "@refs/tags/" + r.Version}}
	if commit := r.commit(); commit != "" {
		materials[0]["digest"] = map[string]string{"gitCommit": commit}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		sum, err := sha256File(filepath.Join(r.Root, name))
		if err != nil {
			return err
		}
		materials = append(materials, map[string]any{"uri": name, "digest": map[string]string{"sha256": sum}})
	}
	s.Predicate = map[string]any{
		"buildDefinition": map[string]any{
			"buildType":            "https://" + module + "/blob/main/tools/release",
			"externalParameters":   map[string]string{"version": r.Version, "repository": r.Repository},
			"internalParameters":   map[string]string{"go": goVersion(r.Root)},
			"resolvedDependencies": materials,
		},
		"runDetails": map[string]any{"builder": map[string]string{"id": builder}},
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return r.write(provenanceName, append(b, '\n'))
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
