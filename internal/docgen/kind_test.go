package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// kinds has an object of each kind that has a page.
func kinds() map[string]any {
	return map[string]any{
		"Gate": &v1alpha1.Gate{}, "Approval": &v1alpha1.Approval{}, "Vote": &v1alpha1.Vote{},
		"Delegation": &v1alpha1.Delegation{}, "GatePolicy": &v1alpha1.GatePolicy{}, "Evidence": &v1alpha1.Evidence{},
	}
}

// TestEveryFieldIsExplained goes through the Go types: each field of spec and status has a
// heading with a sentence, its type, an example, and what happens when it is wrong.
func TestEveryFieldIsExplained(t *testing.T) {
	t.Parallel()
	pages := map[string]map[string]string{}
	files, err := filepath.Glob("../../deploy/crd/countersign.dev_*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		manifest, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name, text, err := kindPage(manifest)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		pages[name] = sections(text)
	}
	for kind, o := range kinds() {
		sections, ok := pages[strings.ToLower(kind)]
		if !ok {
			t.Errorf("%s has no page", kind)
			continue
		}
		looked := 0
		for _, part := range []string{"Spec", "Status"} {
			f, ok := reflect.TypeOf(o).Elem().FieldByName(part)
			if !ok {
				continue
			}
			part = strings.ToLower(part)
			for _, path := range paths(f.Type, "") {
				if inside(kind+"."+part+"."+path, elsewhere) {
					continue
				}
				looked++
				text, ok := sections[path]
				switch {
				case !ok:
					t.Errorf("%s.%s.%s has no heading", kind, part, path)
				case !regexp.MustCompile(`^\w[^\n]{12,}`).MatchString(text):
					t.Errorf("%s.%s.%s has no sentence: %q", kind, part, path, text)
				case !strings.Contains(path, ".") && !strings.Contains(sections[part], "| [`"+strings.TrimSuffix(path, "[]")+"`]("):
					t.Errorf("%s.%s.%s is not in the table", kind, part, path)
				case !strings.Contains(text, "\nType: "):
					t.Errorf("%s.%s.%s has no type", kind, part, path)
				case !strings.Contains(text, "```yaml\n"+part+":\n"):
					t.Errorf("%s.%s.%s has no example: give it to an object in internal/docgen/examples", kind, part, path)
				case written[kind+"."+part] == "" && !strings.Contains(text, "If it is wrong: "):
					t.Errorf("%s.%s.%s does not say what happens when it is wrong", kind, part, path)
				}
			}
		}
		if looked < 5 {
			t.Errorf("looked at %d fields of %s, so this test looks in the wrong way", looked, kind)
		}
	}
}

// TestExamplesAreObjects: the examples have the fields of their kinds, and no others.
func TestExamplesAreObjects(t *testing.T) {
	t.Parallel()
	for kind, o := range kinds() {
		data, err := exampleFiles.ReadFile("examples/" + strings.ToLower(kind) + ".yaml")
		if err != nil {
			t.Error(err)
			continue
		}
		for i, doc := range strings.Split(string(data), "\n---\n") {
			fresh := reflect.New(reflect.TypeOf(o).Elem()).Interface()
			if err := yaml.UnmarshalStrict([]byte(doc), fresh); err != nil {
				t.Errorf("%s, object %d: %v", kind, i, err)
			}
		}
	}
}

// sections are the parts of a page, by their headings.
func sections(text string) map[string]string {
	out := map[string]string{}
	for _, s := range regexp.MustCompile(`(?m)^#{2,6} `).Split(text, -1) {
		heading, body, _ := strings.Cut(s, "\n\n")
		if _, ok := out[heading]; !ok { // status.inputs[] comes after spec.inputs[]
			out[heading] = body
		}
	}
	return out
}

// paths are the fields of a struct and of those within it, as the page names them.
func paths(of reflect.Type, before string) []string {
	var out []string
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Slice && inner.Elem().Kind() != reflect.Uint8 {
			inner, name = inner.Elem(), name+"[]"
		}
		out = append(out, before+name)
		switch inner {
		case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime](), reflect.TypeFor[metav1.Condition]():
			continue
		}
		if inner.Kind() == reflect.Struct {
			out = append(out, paths(inner, before+name+".")...)
		}
	}
	return out
}

// inside is whether a field is within one of which another page has the fields.
func inside(path string, of map[string]string) bool {
	for p := range of {
		if strings.HasPrefix(path, p+".") {
			return true
		}
	}
	return false
}
