package split

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// noObject refuses what the API server could not read, at the line of what is wrong.
func (s *source) noObject(kind string, root *yaml.Node, err error, rs *Refusals) {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if n := mistyped(root, strings.Split(wrong.Field, "."), wrong.Value); n != nil {
			takes := map[string]string{"bool": "true or false", "slice": "a list", "struct": "fields", "map": "fields"}[wrong.Type.Kind().String()]
			if takes == "" {
				takes = "a " + wrong.Type.Kind().String()
			}
			hint := ""
			if n.Kind == yaml.ScalarNode && takes == "a string" {
				hint = ": write it in quotes"
			}
			is := n.Value
			if n.Kind != yaml.ScalarNode {
				is = "this"
			}
			rs.refuse(n.Line, "this is no %s: %s takes %s, and to kubectl %s is a %s%s", kind, wrong.Field, takes, is, wrong.Value, hint)
			return
		}
	}
	rs.refuse(lineIn(err, unknown(root, err)), "this is no %s: %v", kind, err)
}

// mistyped is the first node at a path that has a type; lists on the way are gone through.
func mistyped(n *yaml.Node, path []string, is string) *yaml.Node {
	switch {
	case n == nil:
		return nil
	case len(path) == 0 && typeOf(n) == strings.Fields(is)[0]:
		return n
	case n.Kind == yaml.SequenceNode:
		for _, c := range n.Content {
			if found := mistyped(c, path, is); found != nil {
				return found
			}
		}
		return nil
	case len(path) == 0:
		return nil
	}
	return mistyped(field(n, path[0]), path[1:], is)
}

// typeOf returns the JSON type of a node, for people.
func typeOf(n *yaml.Node) string {
	plain, err := asJSON(n)
	switch plain := plain.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case json.RawMessage:
		switch {
		case err != nil || len(plain) == 0:
		case slices.Contains([]string{"true", "false"}, string(plain)):
			return "bool"
		case string(plain) != "null":
			return "number"
		}
	}
	return ""
}

// unknown is the line of the field that err calls unknown, else where the object begins.
func unknown(root *yaml.Node, err error) int {
	line := root.Line
	_, quoted, _ := strings.Cut(err.Error(), "unknown field ")
	var look func(n *yaml.Node)
	look = func(n *yaml.Node) {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && strconv.Quote(c.Value) == quoted && line == root.Line {
				line = c.Line
			}
			look(c)
		}
	}
	look(root)
	return line
}

// lineIn is the line that a message of the YAML library names, else the first of
// otherwise.
func lineIn(err error, otherwise ...int) int {
	if _, rest, ok := strings.Cut(err.Error(), "line "); ok {
		digits, _, _ := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(digits); err == nil {
			return n
		}
	}
	return append(otherwise, 1)[0]
}
