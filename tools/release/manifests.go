package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const koImage = "ko://" + module + "/cmd/countersign"

// separate are the components that are files of a release: those that change no object of the base and need nothing filled in.
var separate = []string{"approvaltask", "manual-approval-gate", "customruns", "requester", "protected", "evidence", "evidence-log", "release-configmap", "release-pending-run", "monitoring", "servicemonitor", "dashboard"}

// build runs kustomize on a folder of the tree, with components of deploy/components.
func (r *release) build(folder string, components ...string) (resmap.ResMap, error) {
	// In memory, beside a kustomization that is not in the tree.
	fsys := filesys.MakeFsInMemory()
	files, err := filesOf(filepath.Join(r.Root, "deploy"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := fsys.WriteFile("/deploy/"+f.name, f.data); err != nil {
			return nil, err
		}
	}
	text := map[string]any{"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
	if folder != "" {
		text["resources"] = []string{"../" + folder}
	}
	var list []string
	for _, c := range components {
		list = append(list, "../deploy/components/"+c)
	}
	if list != nil {
		text["components"] = list
	}
	raw, err := yaml.Marshal(text)
	if err != nil {
		return nil, err
	}
	if err := fsys.WriteFile("/build/kustomization.yaml", raw); err != nil {
		return nil, err
	}
	m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fsys, "/build")
	if err != nil {
		return nil, fmt.Errorf("kustomize %s with %s: %w", folder, strings.Join(components, ", "), err)
	}
	return m, nil
}

type object = map[string]any

// objects returns the objects of a ResMap, in its order.
func objects(m resmap.ResMap) ([]object, error) {
	var out []object
	for _, res := range m.Resources() {
		o, err := res.Map()
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func id(o object) string {
	meta, _ := o["metadata"].(object)
	ns, _ := meta["namespace"].(string)
	return fmt.Sprint(o["kind"], " ", ns, "/", meta["name"])
}

// added are the objects that a component adds to the base.
func (r *release) added(component string) ([]object, error) {
	base, err := r.build("deploy/base")
	if err != nil {
		return nil, err
	}
	with, err := r.build("deploy/base", component)
	if err != nil {
		return nil, err
	}
	before, err := objects(base)
	if err != nil {
		return nil, err
	}
	after, err := objects(with)
	if err != nil {
		return nil, err
	}
	var out []object
	for _, o := range after {
		if !slices.ContainsFunc(before, func(b object) bool { return id(b) == id(o) }) {
			out = append(out, o)
		}
	}
	return out, nil
}

func documents(list []object) ([]byte, error) {
	var buf bytes.Buffer
	for i, o := range list {
		raw, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			buf.WriteString("---\n")
		}
		buf.Write(raw)
	}
	return buf.Bytes(), nil
}

// manifests are countersign.yaml and a file for each component that can be one.
func (r *release) manifests(digest v1.Hash) error {
	for file, folder := range map[string]string{"countersign.yaml": "deploy", "countersign-ha.yaml": "deploy/overlays/ha", "countersign-openshift.yaml": "deploy/overlays/openshift"} {
		m, err := r.build(folder)
		if err != nil {
			return err
		}
		list, err := objects(m)
		if err != nil {
			return err
		}
		for _, o := range list {
			r.stamp(o)
		}
		raw, err := documents(list)
		if err != nil {
			return err
		}
		raw = bytes.ReplaceAll(raw, []byte(koImage), fmt.Appendf(nil, "%s:%s@%s", r.Repository, r.Version, digest))
		head := fmt.Appendf(nil, "# Countersign %s. kubectl apply --server-side -f %s\n", r.Version, file)
		if err := r.write(file, append(head, raw...)); err != nil {
			return err
		}
	}
	for _, c := range separate {
		list, err := r.added(c)
		if err != nil {
			return err
		}
		for _, o := range list {
			r.stamp(o)
		}
		raw, err := documents(list)
		if err != nil {
			return err
		}
		head := fmt.Appendf(nil, "# Component %s of Countersign %s\n", c, r.Version)
		if err := r.write("countersign-component-"+c+".yaml", append(head, raw...)); err != nil {
			return err
		}
	}
	return nil
}

// stamp labels an object, and the pods of a Deployment, with the version.
func (r *release) stamp(o object) {
	label(o, "app.kubernetes.io/version", r.Version)
	if o["kind"] == "Deployment" {
		if template, ok := o["spec"].(object)["template"].(object); ok {
			label(template, "app.kubernetes.io/version", r.Version)
		}
	}
}

func label(o object, key, value string) {
	meta, ok := o["metadata"].(object)
	if !ok {
		return
	}
	labels, ok := meta["labels"].(object)
	if !ok {
		labels = object{}
		meta["labels"] = labels
	}
	labels[key] = value
}
