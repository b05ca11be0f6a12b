package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// inChart are the components that the chart has, by the values that turn them on.
var inChart = []string{"approvaltask", "manual-approval-gate", "customruns", "requester", "protected", "dashboard", "monitoring", "servicemonitor", "cert-manager", "sqlite", "opentelemetry", "ingress", "gateway-api"}

// assemble writes the chart as a folder: its templates, and the objects of deploy/ that they change.
func (r *release) assemble(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(r.Root, "deploy", "chart"))); err != nil {
		return err
	}
	meta := filepath.Join(dir, "Chart.yaml")
	raw, err := os.ReadFile(meta)
	if err != nil {
		return err
	}
	raw = bytes.Replace(raw, []byte("\nversion: 0.0.0\n"), []byte("\nversion: "+r.number()+"\n"), 1)
	raw = bytes.Replace(raw, []byte("\nappVersion: devel\n"), []byte("\nappVersion: "+r.Version+"\n"), 1)
	if err := os.WriteFile(meta, raw, 0o644); err != nil {
		return err
	}
	base, err := r.build("deploy/base")
	if err != nil {
		return err
	}
	list, err := objects(base)
	if err != nil {
		return err
	}
	// helm install --create-namespace makes it.
	list = slices.DeleteFunc(list, func(o object) bool { return o["kind"] == "Namespace" })
	files := map[string][]object{"base.yaml": list}
	for _, c := range inChart {
		if files["components/"+c+".yaml"], err = r.added(c); err != nil {
			return err
		}
		// The chart has one configuration of its own.
		files["components/"+c+".yaml"] = slices.DeleteFunc(files["components/"+c+".yaml"], func(o object) bool { return o["kind"] == "ConfigMap" && c == "sqlite" })
	}
	open, err := r.build("deploy/overlays/openshift")
	if err != nil {
		return err
	}
	all, err := objects(open)
	if err != nil {
		return err
	}
	files["components/openshift.yaml"] = slices.DeleteFunc(all, func(o object) bool { return o["kind"] != "Route" })
	for name, list := range files {
		raw, err := documents(list)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, "files", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		// Documents are split by lines of three dashes; the last one ends without a line.
		if err := os.WriteFile(path, bytes.TrimSuffix(raw, []byte("\n")), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// chart packages it, with the image's digest as its default.
func (r *release) chart(digest v1.Hash) error {
	dir, err := os.MkdirTemp("", "chart")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	at := filepath.Join(dir, "countersign")
	if err := r.assemble(at); err != nil {
		return err
	}
	values := filepath.Join(at, "values.yaml")
	raw, err := os.ReadFile(values)
	if err != nil {
		return err
	}
	raw = bytes.Replace(raw, []byte("repository: ghcr.io/countersign-dev/countersign"), []byte("repository: "+r.Repository), 1)
	raw = bytes.Replace(raw, []byte(`digest: ""`), fmt.Appendf(nil, "digest: %s", digest), 1)
	if err := os.WriteFile(values, raw, 0o644); err != nil {
		return err
	}
	files, err := filesOf(at)
	if err != nil {
		return err
	}
	for i := range files {
		files[i].name = "countersign/" + files[i].name
	}
	// Helm wants Chart.yaml first.
	slices.SortStableFunc(files, func(a, b entry) int {
		return boolInt(b.name == "countersign/Chart.yaml") - boolInt(a.name == "countersign/Chart.yaml")
	})
	b, err := tarGz(files)
	if err != nil {
		return err
	}
	return r.write("countersign-"+r.number()+".tgz", b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
