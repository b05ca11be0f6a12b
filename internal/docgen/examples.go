package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// exampleFiles has a file for each kind. Together its objects have every field; the first one is
// shown whole.
//
//go:embed examples/*.yaml
var exampleFiles embed.FS

// maxExample is the number of lines of an example, from which on only the required values of an
// object are shown: its fields have examples of their own.
const maxExample = 16

// examplesOf are the example objects of a kind.
func examplesOf(kind string) ([]*yaml.Node, error) {
	name := "examples/" + strings.ToLower(kind) + ".yaml"
	data, err := exampleFiles.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s has no examples: %w", kind, err)
	}
	var out []*yaml.Node
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var n yaml.Node
		switch err := d.Decode(&n); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, n.Content[0])
	}
}

// exampleOf is the part of an example that has the field at path, such as spec.rules[].name. It
// is "" when no example has that field.
func exampleOf(objects []*yaml.Node, path string, schema apiextensionsv1.JSONSchemaProps) (string, error) {
	for _, o := range objects {
		found := cut(o, strings.Split(path, "."), schema, false)
		if found == nil {
			continue
		}
		text, err := render(found)
		if err == nil && strings.Count(text, "\n") > maxExample {
			text, err = render(cut(o, strings.Split(path, "."), schema, true))
			text += "# and more: its fields have examples below\n"
		}
		return text, err
	}
	return "", nil
}

// cut is n with the field at path and nothing else, except the name of an item of a list. It is
// nil when n does not have the field. With short, of an object only the required values stay.
func cut(n *yaml.Node, path []string, schema apiextensionsv1.JSONSchemaProps, short bool) *yaml.Node {
	if len(path) == 0 {
		if short {
			return onlyRequired(n, schema)
		}
		return n
	}
	key, list := strings.CutSuffix(path[0], "[]")
	value := valueOf(n, key)
	if value == nil {
		return nil
	}
	if !list || len(path) == 1 {
		if value = cut(value, path[1:], schema, short); value == nil {
			return nil
		}
		return object(key, value)
	}
	for _, item := range value.Content {
		found := cut(item, path[1:], schema, short)
		if found == nil {
			continue
		}
		if name := valueOf(item, "name"); name != nil && valueOf(found, "name") == nil {
			found.Content = append(object("name", name).Content, found.Content...)
		}
		return object(key, &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{found}})
	}
	return nil
}

// onlyRequired is n, an object or a list of objects, with the required fields that are no objects.
func onlyRequired(n *yaml.Node, schema apiextensionsv1.JSONSchemaProps) *yaml.Node {
	out := &yaml.Node{Kind: n.Kind}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			out.Content = append(out.Content, onlyRequired(item, schema))
		}
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if slices.Contains(schema.Required, n.Content[i].Value) && n.Content[i+1].Kind == yaml.ScalarNode {
			out.Content = append(out.Content, n.Content[i], n.Content[i+1])
		}
	}
	return out
}

func object(key string, value *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key}, value}}
}

func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func render(n *yaml.Node) (string, error) {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return "", err
	}
	return b.String(), e.Close()
}
