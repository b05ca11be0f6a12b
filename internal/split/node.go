package split

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// field is the value of a mapping's key, nil without it.
func field(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// lineOf returns the line of a mapping's key, or of the mapping without it.
func lineOf(n *yaml.Node, key string) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i].Line
		}
	}
	return n.Line
}

// items returns the items of a list, nil for any other node.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// name returns the field name of a list's item.
func name(n *yaml.Node) string { return text(field(n, "name")) }

func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// clone is a copy that shares nothing.
func clone(n *yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Content = nil
	for _, x := range n.Content {
		c.Content = append(c.Content, clone(x))
	}
	return &c
}

// put sets a mapping's key, in its place or at the end; nil and an empty list take it
// away.
func put(n *yaml.Node, key string, value *yaml.Node) {
	if n == nil {
		return
	}
	empty := value == nil || value.Kind == yaml.SequenceNode && len(value.Content) == 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		if empty {
			n.Content = slices.Delete(n.Content, i, i+2)
		} else {
			n.Content[i+1] = value
		}
		return
	}
	if !empty {
		n.Content = append(n.Content, str(key), value)
	}
}

// keep takes away what a mapping has besides keys.
func keep(n *yaml.Node, keys ...string) {
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			n.Content = slices.Delete(n.Content, i, i+2)
		}
	}
}

// str is a text, in quotes where kubectl would take it for something else.
func str(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	if n.Style == 0 && !isString(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// list is as long as its values; a nil one is left out.
func list(values ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: slices.DeleteFunc(values, func(n *yaml.Node) bool { return n == nil })}
}

func strs(values ...string) *yaml.Node {
	out := list()
	for _, v := range values {
		out.Content = append(out.Content, str(v))
	}
	return flow(out)
}

// dict takes keys and values in turn: a string, a node, or nil for what is left out.
func dict(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case string:
			put(n, pairs[i].(string), str(v))
		case *yaml.Node:
			put(n, pairs[i].(string), v)
		}
	}
	return n
}

// flow writes n in one line.
func flow(n *yaml.Node) *yaml.Node {
	n.Style = yaml.FlowStyle
	return n
}

// above puts a comment above a mapping's key.
func above(n *yaml.Node, key, line string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i].HeadComment = "# " + line
		}
	}
}

// decode reads n as the API server reads what kubectl makes of it, strictly where the type
// can tell.
func decode(n *yaml.Node, into any) error {
	plain, err := asJSON(n)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(plain)
	if err != nil {
		return fmt.Errorf("it is no JSON: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if raw, err = json.Marshal(into); err == nil {
		err = json.Unmarshal(raw, &plain)
	}
	if key := miswritten(n, plain); err == nil && key != "" {
		err = fmt.Errorf("it is written in another case than in Kubernetes: unknown field %q", key)
	}
	return err
}

// miswritten is a field of n that was read as another one of as: JSON as Go reads it does
// not tell Params from params, and Kubernetes does.
func miswritten(n *yaml.Node, as any) string {
	switch as := as.(type) {
	case map[string]any:
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			key := n.Content[i].Value
			if v, ok := as[key]; ok {
				if bad := miswritten(n.Content[i+1], v); bad != "" {
					return bad
				}
				continue
			}
			for is := range as {
				if strings.EqualFold(is, key) {
					return key
				}
			}
		}
	case []any:
		for i, x := range items(n)[:min(len(items(n)), len(as))] {
			if bad := miswritten(x, as[i]); bad != "" {
				return bad
			}
		}
	}
	return ""
}

// scalars calls visit for every text beneath n, names of fields aside.
func scalars(n *yaml.Node, visit func(*yaml.Node)) {
	if n == nil {
		return
	}
	switch n.Kind {
	case yaml.ScalarNode:
		visit(n)
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			scalars(n.Content[i], visit)
		}
	case yaml.DocumentNode, yaml.SequenceNode, yaml.AliasNode:
		for _, c := range n.Content {
			scalars(c, visit)
		}
	}
}
