package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// kindPage is the page of one CRD: a heading, a sentence, the bounds and what is
// refused, for each field of spec and status.
func kindPage(manifest []byte) (name, page string, err error) {
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(manifest, &crd); err != nil {
		return "", "", err
	}
	if len(crd.Spec.Versions) != 1 {
		return "", "", fmt.Errorf("it has %d versions, and this writes pages of one", len(crd.Spec.Versions))
	}
	v := crd.Spec.Versions[0]
	names, root := crd.Spec.Names, v.Schema.OpenAPIV3Schema
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Generated from deploy/crd by internal/docgen. Change the comments in api/%s and run make generate. -->\n\n# %s\n\n", v.Name, names.Kind)
	b.WriteString(prose(root.Description))
	scope := "Objects of this kind live in a namespace."
	if crd.Spec.Scope == apiextensionsv1.ClusterScoped {
		scope = "Objects of this kind belong to the whole cluster."
	}
	fmt.Fprintf(&b, "%s The API version is `%s/%s`, and `kubectl get %s` lists them.\n", scope, crd.Spec.Group, v.Name, names.Plural)
	if e := examples[names.Kind]; e != "" {
		fmt.Fprintf(&b, "\n```yaml\n%s```\n", e)
	}
	for _, part := range []string{"spec", "status"} {
		p, ok := root.Properties[part]
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s%s", part, prose(p.Description), refused(p))
		fields(&b, p, "", 3)
	}
	return strings.ToLower(names.Kind), b.String(), nil
}

// fields writes the fields of an object, each before those within it.
func fields(b *strings.Builder, parent apiextensionsv1.JSONSchemaProps, path string, level int) {
	names := make([]string, 0, len(parent.Properties))
	for n := range parent.Properties {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		p, at := parent.Properties[n], path+n
		inner := p
		if p.Type == "array" && p.Items != nil && p.Items.Schema != nil {
			inner, at = *p.Items.Schema, at+"[]"
		}
		fmt.Fprintf(b, "\n%s %s\n\n%s", strings.Repeat("#", min(level, 6)), at, prose(p.Description))
		if p.Description == "" && inner.Description != "" {
			b.WriteString(prose(inner.Description))
		}
		fmt.Fprintf(b, "%s\n", facts(p, inner, slices.Contains(parent.Required, n)))
		if s := refused(p); s != "" {
			b.WriteString("\n" + s)
		}
		if p.Type == "array" {
			if s := refused(inner); s != "" {
				b.WriteString("\n" + s)
			}
		}
		if len(inner.Properties) > 0 && n != "conditions" {
			fields(b, inner, at+".", level+1)
		}
	}
}

// facts is one line of what the API server takes.
func facts(p, inner apiextensionsv1.JSONSchemaProps, required bool) string {
	kind := cmpType(p)
	if p.Type == "array" {
		kind = "list of " + plural(cmpType(inner))
	}
	out := []string{"Type: " + kind}
	if required {
		out = append(out, "required")
	}
	for _, x := range []apiextensionsv1.JSONSchemaProps{p, inner} {
		if len(x.Enum) > 0 {
			values := make([]string, 0, len(x.Enum))
			for _, e := range x.Enum {
				values = append(values, "`"+strings.Trim(string(e.Raw), `"`)+"`")
			}
			out = append(out, "one of "+strings.Join(values, ", "))
		}
		if x.Default != nil {
			out = append(out, "default `"+compact(x.Default.Raw)+"`")
		}
		if x.Minimum != nil || x.Maximum != nil {
			out = append(out, bounds("", x.Minimum, x.Maximum))
		}
		if x.MinLength != nil || x.MaxLength != nil {
			out = append(out, bounds(" characters", floatOf(x.MinLength), floatOf(x.MaxLength)))
		}
		if x.MinItems != nil || x.MaxItems != nil {
			out = append(out, bounds(" items", floatOf(x.MinItems), floatOf(x.MaxItems)))
		}
		if x.MaxProperties != nil {
			out = append(out, bounds(" entries", nil, floatOf(x.MaxProperties)))
		}
		if x.Pattern != "" {
			out = append(out, "must match `"+x.Pattern+"`")
		}
		if p.Type != "array" {
			break
		}
	}
	return strings.Join(slices.Compact(out), "; ") + "."
}

// refused lists what the API server says of values that are wrong.
func refused(p apiextensionsv1.JSONSchemaProps) string {
	var b strings.Builder
	for _, r := range p.XValidations {
		if r.Message != "" {
			fmt.Fprintf(&b, "- `%s`\n", r.Message)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "The API server refuses what is wrong with one of these messages:\n\n" + b.String()
}

func cmpType(p apiextensionsv1.JSONSchemaProps) string {
	switch {
	case p.XIntOrString:
		return "integer or string"
	case p.Format == "date-time":
		return "time"
	case p.Type == "":
		return "any value"
	case p.Type == "object" && p.AdditionalProperties != nil:
		return "map of strings"
	}
	return p.Type
}

func plural(s string) string {
	if strings.HasSuffix(s, "s") || strings.Contains(s, " ") {
		return s
	}
	return s + "s"
}

func bounds(unit string, least, most *float64) string {
	switch {
	case least != nil && most != nil && *least == *most:
		return fmt.Sprintf("exactly %.0f%s", *most, unit)
	case least != nil && *least > 0 && most != nil:
		return fmt.Sprintf("%.0f to %.0f%s", *least, *most, unit)
	case most != nil:
		return fmt.Sprintf("at most %.0f%s", *most, unit)
	default:
		return fmt.Sprintf("at least %.0f%s", *least, unit)
	}
}

func floatOf(n *int64) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

func compact(raw []byte) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	b, _ := json.Marshal(v)
	return strings.Trim(string(b), `"`)
}

// prose is a comment as Markdown: its paragraphs, and what HTML would take escaped.
func prose(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	return strings.NewReplacer("<", "&lt;", "\n", "\n").Replace(s) + "\n\n"
}
