package split

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	kubectl "sigs.k8s.io/yaml"
)

// asJSON is n as kubectl reads it, which goes by an older YAML: there yes and off are no
// texts, and a date is one.
func asJSON(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.DocumentNode:
		return asJSON(n.Content[0])
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := asJSON(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			k, err := keyAsRead(n.Content[i])
			if err != nil {
				return nil, err
			}
			out[k] = v
		}
		return out, nil
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			v, err := asJSON(c)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.AliasNode:
		return asJSON(n.Alias)
	default:
		return scalar(n)
	}
}

// keyAsRead is the name that kubectl gives a field, which it prints in its own way when it is a number: 1e6 is 1e+06.
func keyAsRead(n *yaml.Node) (string, error) {
	v, err := asJSON(n)
	if s, ok := v.(string); ok || err != nil {
		return s, err
	}
	raw, err := kubectl.YAMLToJSON([]byte(n.Value + ": 0"))
	if err != nil {
		return "", err
	}
	var one map[string]json.RawMessage
	if err := json.Unmarshal(raw, &one); err != nil {
		return "", err
	}
	for k := range one {
		return k, nil
	}
	return "", fmt.Errorf("%q is no key", n.Value)
}

// scalar is a string, or the JSON of what is none.
func scalar(n *yaml.Node) (any, error) {
	explicit := n.Style&yaml.TaggedStyle != 0
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case explicit && n.ShortTag() == "!!str", !explicit && quoted, !explicit && isText(n.Value):
		return n.Value, nil
	case explicit:
		raw, err := yaml.Marshal(n)
		if err != nil {
			return nil, err
		}
		return fromKubectl(raw)
	}
	return fromKubectl([]byte("v: " + n.Value))
}

// isText spares a look at what no YAML takes for anything but a text.
func isText(s string) bool {
	return s != "" && !strings.ContainsAny(s[:1], "0123456789+-.~=<tTfFyYnNoO") || strings.ContainsAny(s, "$\n/ ")
}

func fromKubectl(y []byte) (any, error) {
	raw, err := kubectl.YAMLToJSON(y)
	if err != nil {
		return nil, err
	}
	if of := (struct{ V json.RawMessage }{}); bytes.HasPrefix(raw, []byte(`{"v":`)) && json.Unmarshal(raw, &of) == nil {
		raw = of.V
	}
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	return json.RawMessage(raw), nil
}

// isString reports whether kubectl reads s, written plainly, as that text.
func isString(s string) bool {
	if isText(s) {
		return true
	}
	v, err := fromKubectl([]byte("v: " + s))
	return err == nil && v == s
}

// sameText reports whether kubectl reads a text as it was meant.
func sameText(written []byte, meant *yaml.Node) bool {
	is, err := kubectl.YAMLToJSON(written)
	if err != nil {
		return false
	}
	plain, err := asJSON(meant)
	if err != nil {
		return false
	}
	want, err := json.Marshal(plain)
	if err != nil {
		return false
	}
	var a, b any
	return json.Unmarshal(is, &a) == nil && json.Unmarshal(want, &b) == nil && equalJSON(a, b)
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
