package split

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what aliases may multiply a text to.
const maxNodes = 200_000

// document is one object of the text, as kubectl would send it.
type document struct {
	node *yaml.Node // a document node
	root *yaml.Node // its mapping
	// twice are the keys that stand in it more than once. kubectl takes the last of each
	// and says nothing.
	twice []*yaml.Node
}

// documents are the objects that kubectl finds in a text: by its own separators, in a
// stream of JSON objects, and in lists. Aliases are written out, since one text may come
// to stand in two parts.
func documents(raw []byte) ([]document, Refusals) {
	var rs Refusals
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	nodes, read, line := jsonStream(raw)
	switch rest := raw[read:]; {
	case len(nodes) > 1 && len(bytes.TrimSpace(rest)) > 0: // kubectl has made up its mind
		rs.refuse(line, "this is not JSON, but several JSON objects come before it")
	case len(bytes.TrimSpace(rest)) > 0:
		nodes = append(nodes, yamlStream(rest, line-1, &rs)...)
	}
	var out []document
	for _, n := range nodes {
		x := expander{}
		root, err := x.expand(n.Content[0], nil)
		if err != nil {
			rs.refuse(err.line, "%s", err.why)
			continue
		}
		n.Content[0] = root
		out = append(out, flatten(document{n, root, x.twice})...)
	}
	return out, rs
}

// flatten is the objects of a list, as kubectl get -o yaml writes several; else d itself.
func flatten(d document) []document {
	if d.root.Kind != yaml.MappingNode {
		return nil
	}
	all := field(d.root, "items")
	if !strings.HasSuffix(text(field(d.root, "kind")), "List") || all == nil {
		return []document{d}
	}
	var out []document
	for _, n := range items(all) {
		if of := strings.TrimSuffix(text(field(d.root, "kind")), "List"); of != "" && n.Kind == yaml.MappingNode && field(n, "kind") == nil { // as the API lists its own
			n.Content = slices.Insert(n.Content, 0, str("apiVersion"), clone(field(d.root, "apiVersion")), str("kind"), str(of))
		}
		n.HeadComment = strings.Join(slices.DeleteFunc([]string{d.root.HeadComment, n.HeadComment}, func(s string) bool { return s == "" }), "\n\n")
		d.root.HeadComment = ""
		block(n)
		out = append(out, flatten(document{&yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{n}}, n, d.twice})...)
	}
	return out
}

// block has an object begin its lines with its fields.
func block(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
}

// yamlStream parses each document by itself: kubectl ends one at a line of three dashes,
// wherever it is, and reads no other document of what is between two such lines.
func yamlStream(raw []byte, line int, rs *Refusals) []*yaml.Node {
	var out []*yaml.Node
	var chunk []byte
	begins := line
	end := func() {
		if n := parseYAML(chunk, begins, rs); n != nil {
			out = append(out, n)
		}
		chunk, begins = nil, line
	}
	for l := range bytes.Lines(raw) {
		line++
		if rest, ok := bytes.CutPrefix(l, []byte("---")); ok {
			// A comment has a space before it: "---#" is text.
			if text := bytes.TrimSpace(rest); len(text) > 0 && (text[0] != '#' || rest[0] == '#') {
				rs.refuse(line, "kubectl takes %q for text and not for a separator of documents: put what follows the dashes on a line of its own", string(bytes.TrimSpace(l)))
			}
			end()
			continue
		}
		chunk = append(chunk, l...)
	}
	end()
	return out
}

func parseYAML(chunk []byte, offset int, rs *Refusals) *yaml.Node {
	var doc yaml.Node
	if !bytes.HasSuffix(chunk, []byte("\n")) { // kubectl ends the last line of a file
		chunk = append(chunk, '\n')
	}
	if err := yaml.Unmarshal(chunk, &doc); err != nil {
		line := lineIn(err) + offset
		rs.refuse(line, "this is not YAML: %s", strings.Replace(err.Error(), fmt.Sprintf("line %d:", lineIn(err)), fmt.Sprintf("line %d:", line), 1))
		return nil
	}
	if len(doc.Content) == 0 {
		return nil // nothing, or comments alone
	}
	shift(&doc, offset)
	return &doc
}

// shift has n, and what is beneath it, stand so many lines further down.
func shift(n *yaml.Node, lines int) {
	n.Line += lines
	for _, c := range n.Content {
		shift(c, lines)
	}
}

// jsonStream reads JSON objects, one behind the other, up to what is none, such as YAML
// that begins with a brace: how far that is, and in which line.
func jsonStream(raw []byte) (out []*yaml.Node, read, line int) {
	if b := bytes.TrimSpace(raw); len(b) == 0 || b[0] != '{' {
		return nil, 0, 1
	}
	r := &jsonReader{raw: raw, dec: json.NewDecoder(bytes.NewReader(raw)), line: 1}
	r.dec.UseNumber()
	for line = 1; ; line = r.line {
		n, err := r.value()
		if errors.Is(err, io.EOF) {
			return out, len(raw), line
		}
		if err != nil {
			break
		}
		out, read = append(out, &yaml.Node{Kind: yaml.DocumentNode, Line: n.Line, Content: []*yaml.Node{n}}), int(r.dec.InputOffset())
		r.count()
	}
	// The line that the last object ends in is read to its end when there is nothing else.
	if before, _, ok := bytes.Cut(raw[read:], []byte("\n")); ok && read > 0 && len(bytes.TrimSpace(before)) == 0 {
		read, line = read+len(before)+1, line+1
	}
	return out, read, line
}

// jsonReader makes nodes of JSON. The YAML library would do so too, but for tabs and for
// characters that JSON writes as two.
type jsonReader struct {
	raw  []byte
	dec  *json.Decoder
	line int // of seen
	seen int64
	deep int
}

// count has line be that of what was read last.
func (r *jsonReader) count() {
	to := r.dec.InputOffset()
	r.line += bytes.Count(r.raw[r.seen:to], []byte("\n"))
	r.seen = to
}

// maxDeep is the YAML library's own bound for nesting.
const maxDeep = 10_000

func (r *jsonReader) value() (*yaml.Node, error) {
	if r.deep++; r.deep > maxDeep {
		return nil, fmt.Errorf("deeper than %d", maxDeep)
	}
	defer func() { r.deep-- }()
	t, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	r.count()
	n := &yaml.Node{}
	switch t := t.(type) {
	case json.Delim:
		if n.Kind = yaml.MappingNode; t == '[' {
			n.Kind = yaml.SequenceNode
		}
		n.Line = r.line
		for r.dec.More() {
			c, err := r.value()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, c)
		}
		if _, err := r.dec.Token(); err != nil { // its end
			return nil, io.ErrUnexpectedEOF
		}
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n, nil
	case string:
		n = str(t)
	case json.Number:
		n.Kind, n.Value = yaml.ScalarNode, t.String()
	case bool:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!bool", strconv.FormatBool(t)
	case nil:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!null", "null"
	}
	n.Line = r.line
	return n, nil
}

// expander writes aliases out and takes what stands twice once.
type expander struct {
	nodes int
	twice []*yaml.Node
}

type expandError struct {
	line int
	why  string
}

// expand is n without anchors, aliases and merges. Within are the nodes that it is a part
// of.
func (x *expander) expand(n *yaml.Node, within []*yaml.Node) (*yaml.Node, *expandError) {
	if x.nodes++; x.nodes > maxNodes {
		return nil, &expandError{n.Line, "the aliases expand to more than the limit: write them out"}
	}
	if n.Kind == yaml.AliasNode {
		if slices.Contains(within, n.Alias) {
			return nil, &expandError{n.Line, "alias *" + n.Value + " refers to a value that contains it: write it out"}
		}
		c, err := x.expand(n.Alias, within)
		if err == nil {
			c.HeadComment, c.LineComment, c.FootComment = n.HeadComment, n.LineComment, n.FootComment
		}
		return c, err
	}
	out := *n
	out.Anchor, out.Content = "", nil
	within = append(slices.Clip(within), n)
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			c, err := x.expand(c, within)
			if err != nil {
				return nil, err
			}
			out.Content = append(out.Content, c)
		}
		return &out, nil
	}
	own := map[string]bool{} // which keys were written here, and not merged
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := x.expand(n.Content[i], within)
		if err != nil {
			return nil, err
		}
		value, err := x.expand(n.Content[i+1], within)
		if err != nil {
			return nil, err
		}
		if key.Value == "<<" && (key.Tag == "!!merge" || key.Tag == "") && key.Style == 0 {
			if err := merge(&out, value); err != nil {
				return nil, err
			}
			continue
		}
		if own[key.Value] {
			x.twice = append(x.twice, key)
		}
		own[key.Value] = true
		set(&out, key, value)
	}
	return &out, nil
}

// merge puts what << says into a mapping. As kubectl's library does it, that wins over
// what stands before it, and of several the first wins.
func merge(into, from *yaml.Node) *expandError {
	all := []*yaml.Node{from}
	if from.Kind == yaml.SequenceNode {
		all = slices.Clone(from.Content)
		slices.Reverse(all)
	}
	for _, m := range all {
		if m.Kind != yaml.MappingNode {
			return &expandError{m.Line, "<< takes a mapping, or a list of them"}
		}
		for i := 0; i+1 < len(m.Content); i += 2 {
			set(into, clone(m.Content[i]), clone(m.Content[i+1]))
		}
	}
	return nil
}

// set has a mapping's key have a value: the last that is said counts.
func set(n, key, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key.Value {
			n.Content[i], n.Content[i+1] = key, value
			return
		}
	}
	n.Content = append(n.Content, key, value)
}
