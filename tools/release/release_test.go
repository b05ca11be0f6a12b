package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

func source(t *testing.T) *release {
	t.Helper()
	r := &release{Root: "../..", Out: t.TempDir(), Version: "v0.1.0", Repository: "ghcr.io/countersign-dev/countersign"}
	if err := r.check(); err != nil {
		t.Fatal(err)
	}
	return r
}

func loaded(t *testing.T, r *release) *chart.Chart {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "countersign")
	if err := r.assemble(dir); err != nil {
		t.Fatal(err)
	}
	c, err := loader.LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

// rendered returns the objects that helm template gives, by their ids. The same object twice is an
// error.
func rendered(c *chart.Chart, namespace, values string) (map[string]object, error) {
	set, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		return nil, err
	}
	all, err := chartutil.ToRenderValues(c, set, chartutil.ReleaseOptions{Name: "countersign", Namespace: namespace, IsInstall: true, Revision: 1}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	out := map[string]object{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for text := range strings.SplitSeq("\n"+files[name], "\n---\n") {
			var o object
			if err := yaml.Unmarshal([]byte(text), &o); err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", name, err, text)
			}
			if o == nil {
				continue
			}
			if _, twice := out[id(o)]; twice {
				return nil, fmt.Errorf("%s is there twice", id(o))
			}
			out[id(o)] = o
		}
	}
	return out, nil
}

// bare is an object without what only one of the two ways to install it has: labels of the release, names of ConfigMaps with
// their digests, and the image.
func bare(o object) string {
	raw, _ := json.Marshal(o)
	var c object
	_ = json.Unmarshal(raw, &c)
	var walk func(at object)
	walk = func(at object) {
		meta, ok := at["metadata"].(object)
		if !ok {
			return
		}
		for kind, drop := range map[string][]string{
			"labels": {"helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/version"}, "annotations": {"helm.sh/resource-policy", "checksum/config"},
		} {
			m, _ := meta[kind].(object)
			for _, key := range drop {
				delete(m, key)
			}
			if len(m) == 0 {
				delete(meta, kind)
			}
		}
	}
	walk(c)
	if c["kind"] == "Deployment" {
		template := c["spec"].(object)["template"].(object)
		walk(template)
		pod := template["spec"].(object)
		first := pod["containers"].([]any)[0].(object)
		delete(first, "image")
		by := func(list []any) {
			slices.SortFunc(list, func(a, b any) int {
				return strings.Compare(fmt.Sprint(a.(object)["name"]), fmt.Sprint(b.(object)["name"]))
			})
		}
		for _, v := range pod["volumes"].([]any) {
			if v := v.(object); v["name"] == "config" {
				delete(v, "projected")
			}
		}
		by(pod["volumes"].([]any))
		by(first["volumeMounts"].([]any))
	}
	out, _ := yaml.Marshal(c)
	return string(out)
}

// settings returns the configuration that the service would read: all files of all ConfigMaps that the
// Deployment mounts, as one.
func settings(t *testing.T, all map[string]object) string {
	t.Helper()
	merged := object{}
	for key, o := range all {
		if o["kind"] != "ConfigMap" || !strings.HasPrefix(key, "ConfigMap countersign/countersign") {
			continue
		}
		for name, text := range o["data"].(object) {
			var fields object
			if !strings.HasSuffix(name, ".yaml") {
				continue
			}
			if err := yaml.Unmarshal([]byte(text.(string)), &fields); err != nil {
				t.Fatalf("%s, %s: %v", key, name, err)
			}
			maps.Copy(merged, fields)
		}
	}
	out, _ := yaml.Marshal(merged)
	return string(out)
}

// TestChartIsDeploy: whatever can be chosen both ways, chart and kustomize install the same objects.
func TestChartIsDeploy(t *testing.T) {
	t.Parallel()
	r := source(t)
	c := loaded(t, r)
	preset := func(name string) string {
		b, err := os.ReadFile(filepath.Join(r.Root, "deploy", "chart", "values-"+name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	type way struct {
		folder     string
		components []string
		values     string
	}
	cases := map[string]way{
		"by default":  {"deploy", nil, ""},
		"minimal":     {"deploy/overlays/minimal", nil, preset("minimal")},
		"ha":          {"deploy/overlays/ha", nil, preset("ha")},
		"openshift":   {"deploy/overlays/openshift", nil, preset("openshift")},
		"sqlite":      {"deploy", []string{"sqlite"}, "{replicas: 1, sqlite: {enabled: true}}"},
		"postgres":    {"deploy/overlays/ha", []string{"postgres"}, preset("ha") + "postgres: {enabled: true}\n"},
		"traces":      {"deploy", []string{"opentelemetry"}, "opentelemetry: {enabled: true}"},
		"ingress":     {"deploy", []string{"ingress"}, "ingress: {enabled: true}"},
		"gateway-api": {"deploy", []string{"gateway-api"}, "httpRoute: {enabled: true}"},
		"email":       {"deploy", []string{"email"}, "config: {smtp: {host: mail.example.com, from: Countersign <countersign@example.com>}}"},
		"oidc":        {"deploy", []string{"oidc"}, "config: {oidc: {issuer: 'https://login.example.com/realms/corp', clientID: countersign}}"},
		"both monitors": {
			"deploy", []string{"monitoring", "servicemonitor"}, "components: {monitoring: true, servicemonitor: true}",
		},
	}
	for _, name := range []string{"approvaltask", "manual-approval-gate", "customruns", "requester", "protected", "dashboard", "monitoring", "cert-manager"} {
		cases[name] = way{"deploy", []string{name}, "components: {" + name + ": true}"}
	}
	for name, w := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := r.build(w.folder, w.components...)
			if err != nil {
				t.Fatal(err)
			}
			list, err := objects(m)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]object{}
			for _, o := range list {
				want[id(o)] = o
			}
			got, err := rendered(c, "countersign", w.values)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := settings(t, got), settings(t, want); a != b {
				t.Errorf("the chart configures\n%s\nand kustomize\n%s", a, b)
			}
			ours := func(o object) bool {
				return o["kind"] == "Namespace" || (o["kind"] == "ConfigMap" && o["data"] != nil && strings.Contains(settings(t, map[string]object{id(o): o}), ":"))
			}
			for key, o := range want {
				if ours(o) {
					continue
				}
				if g := got[key]; g == nil {
					t.Errorf("the chart has no %s", key)
				} else if a, b := bare(g), bare(o); a != b {
					t.Errorf("%s is in the chart\n%s\nand by kustomize\n%s", key, a, b)
				}
			}
			for key, o := range got {
				if want[key] == nil && !ours(o) {
					t.Errorf("only the chart has %s", key)
				}
			}
		})
	}
}

// TestVersionLabel: every object of a release says which version it is of, and so do the pods.
func TestVersionLabel(t *testing.T) {
	t.Parallel()
	r := source(t)
	if err := r.manifests(v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(r.Out, "*.yaml"))
	if err != nil || len(files) != 3+len(separate) {
		t.Fatalf("%v: %q", err, files)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.SplitSeq(string(raw), "\n---\n") {
			var o object
			if err := yaml.Unmarshal([]byte(text), &o); err != nil {
				t.Fatal(err)
			}
			of := []object{o}
			if o["kind"] == "Deployment" {
				of = append(of, o["spec"].(object)["template"].(object))
			}
			for _, o := range of {
				labels, _ := o["metadata"].(object)["labels"].(object)
				if labels["app.kubernetes.io/version"] != r.Version {
					t.Errorf("%s: %s has labels %v", filepath.Base(file), id(o), labels)
				}
			}
		}
	}
}

// TestElsewhere: in a namespace of another name nothing speaks of countersign's.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	c := loaded(t, source(t))
	got, err := rendered(c, "approvals", "components: {approvaltask: true, manual-approval-gate: true, customruns: true, requester: true, protected: true, monitoring: true, cert-manager: true}")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < 30 {
		t.Errorf("%d objects, which is not all", len(got))
	}
	for key, o := range got {
		raw, _ := yaml.Marshal(o)
		for _, old := range []string{"namespace: countersign\n", "serviceaccount:countersign:", "countersign.countersign"} {
			if bytes.Contains(raw, []byte(old)) {
				t.Errorf("%s has %q", key, old)
			}
		}
	}
}

// TestValues: a value that means nothing is refused, and those that there are do what they say.
func TestValues(t *testing.T) {
	t.Parallel()
	c := loaded(t, source(t))
	for values, want := range map[string]string{
		"replica: 3":                             "replica",
		"replicas: 0":                            "replicas",
		"config: {smpt: {}}":                     "smpt",
		"config: {smtp: {host: a}}":              "from",
		"components: {sqlite: true}":             "sqlite",
		"image: {digest: abc}":                   "digest",
		"{replicas: 2, sqlite: {enabled: true}}": "one replica",
		"opentelemetry: {protocol: udp}":         "protocol",
		"logLevel: loud":                         "logLevel",
	} {
		if _, err := rendered(c, "countersign", values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want an error about %s", values, err, want)
		}
	}
	got, err := rendered(c, "countersign", `
image: {repository: registry.example.com/c, tag: v9, pullPolicy: Always}
imagePullSecrets: [{name: pull}]
logLevel: debug
extraArgs: [--leader-elect=false]
extraEnv: [{name: HTTPS_PROXY, value: "http://proxy:3128"}]
podLabels: {team: sre}
podAnnotations: {a: b}
nodeSelector: {disk: ssd}
tolerations: [{operator: Exists}]
priorityClassName: high
crds: {install: false}
networkPolicy: {enabled: false}
config: {externalURL: "https://approve.example.com", limits: {trustedProxies: [10.0.0.0/8]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := yaml.Marshal(got["Deployment countersign/countersign"])
	for _, want := range []string{
		"image: registry.example.com/c:v9", "imagePullPolicy: Always", "name: pull", "--log-level=debug", "--leader-elect=false", "HTTPS_PROXY", "team: sre", "a: b", "disk: ssd",
		"operator: Exists", "priorityClassName: high", "checksum/config: ", "app.kubernetes.io/version: v0.1.0",
	} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("the Deployment has no %q", want)
		}
	}
	config, _ := got["ConfigMap countersign/countersign"]["data"].(object)
	if text, _ := config["config.yaml"].(string); !strings.Contains(text, "externalURL: https://approve.example.com") || !strings.Contains(text, "- 10.0.0.0/8") {
		t.Errorf("the configuration is %q", text)
	}
	for key := range got {
		if strings.HasPrefix(key, "CustomResourceDefinition") || strings.HasPrefix(key, "NetworkPolicy") {
			t.Errorf("%s is there", key)
		}
	}
}

// TestConfigFields: the schema of values knows the fields of the configuration, and no others.
func TestConfigFields(t *testing.T) {
	t.Parallel()
	r := source(t)
	raw, err := os.ReadFile(filepath.Join(r.Root, "deploy", "chart", "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Config struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(filepath.Join(r.Root, "internal", "config", "config.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(code), "\ntype file struct {\n")
	text, _, _ = strings.Cut(text, "\n}\n")
	fields := map[string]bool{}
	for line := range strings.Lines(text) {
		// Only fields of the first level: those of structs in it are further in.
		trimmed := strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(trimmed, "\t\t") {
			continue
		}
		if _, tag, ok := strings.Cut(trimmed, "`json:\""); ok {
			name, _, _ := strings.Cut(strings.TrimSuffix(tag, "\"`"), ",")
			fields[name] = true
		}
	}
	if len(fields) < 10 {
		t.Fatalf("found %d fields, so this test looks for the wrong thing", len(fields))
	}
	if a, b := slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(schema.Properties.Config.Properties)); !slices.Equal(a, b) {
		t.Errorf("the configuration has %v, the schema %v", a, b)
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	r := source(t)
	if err := r.notes(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(r.Out, "RELEASE_NOTES.md"))
	if err != nil || !bytes.Contains(b, []byte("### API")) || !bytes.Contains(b, []byte("/releases/download/v0.1.0/countersign.yaml")) {
		t.Errorf("%v: the notes do not list the API and where to install from:\n%s", err, b)
	}
	r.Version = "v7.0.0"
	if err := r.notesExist(); err == nil || !strings.Contains(err.Error(), "## v7.0.0") {
		t.Errorf("a version of which nothing is written: %v", err)
	}
}
