package mapping

import (
	"errors"
	"fmt"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// What reading YAML takes: a byte, and a value with all that the reader keeps of it. It is
// read, written as JSON, and read again.
const (
	perYAMLByte  = 30
	perYAMLValue = 1500
	perYAML      = 24 << 10 // its buffers
)

// takeYAML takes from the budget what it will need to read a text. A few aliases make any
// number of values of a short text: the text is then parsed without them first.
func (m *meter) takeYAML(text string) error {
	var values, flow, deepest int64 = 1, 0, 0
	indented, column := int64(0), int64(0)
	lineBegins := true
	for i := range len(text) {
		switch c := text[i]; c {
		case '\n':
			values++
			lineBegins, column = true, 0
			continue
		case ' ', '\t':
			if lineBegins {
				column++
				continue
			}
		case '[', '{':
			values, flow = values+1, flow+1
		case ']', '}':
			flow = max(flow-1, 0)
		case ',', ':', '-', '?':
			values++
		}
		if lineBegins {
			lineBegins, indented = false, column
		}
		deepest = max(deepest, flow+indented)
	}
	// A level of a block takes a space more, or on one line a sign like "-".
	if deepest > maxDepth || deepestSigns(text) > maxDepth {
		return fmt.Errorf("it may be nested more than %d levels deep, which is the limit", maxDepth)
	}
	n := int64(len(text))
	cost := plus(perYAML+times(perYAMLByte, n), times(perYAMLValue, values))
	m.use(plus(n/4, times(15, values)), cost)
	if !strings.Contains(text, "*") || !strings.Contains(text, "&") {
		return nil
	}
	m.use(plus(n/4, times(15, values)), cost)
	var doc yamlv3.Node
	if err := yamlv3.Unmarshal([]byte(text), &doc); err != nil {
		return fmt.Errorf("the text is not YAML: %w", err)
	}
	written := aliased{sizes: map[*yamlv3.Node]int64{}}
	size, err := written.size(&doc)
	if err != nil {
		return err
	}
	m.use(times(15, size), times(perYAMLValue, size))
	return nil
}

// deepestSigns is the most lists and maps that begin on one line: "- - - a: b".
func deepestSigns(text string) int {
	most := 0
	for line := range strings.Lines(text) {
		n := 0
		for rest := strings.TrimLeft(line, " "); len(rest) > 1 && (rest[0] == '-' || rest[0] == '?') && (rest[1] == ' ' || rest[1] == '\t' || rest[1] == '\n'); rest = strings.TrimLeft(rest[1:], " \t") {
			n++
		}
		most = max(most, n)
	}
	return most
}

// aliased counts the values of a text with its aliases written out.
type aliased struct{ sizes map[*yamlv3.Node]int64 }

func (a *aliased) size(n *yamlv3.Node) (int64, error) {
	if n.Kind == yamlv3.AliasNode {
		return a.size(n.Alias)
	}
	size, known := a.sizes[n]
	if known && size == 0 {
		return 0, errors.New("an alias refers to a value that contains it")
	}
	if known {
		return size, nil
	}
	a.sizes[n] = 0 // being counted
	size = 1 + int64(len(n.Value))/64
	for _, c := range n.Content {
		more, err := a.size(c)
		if err != nil {
			return 0, err
		}
		size = plus(size, more)
	}
	a.sizes[n] = size
	return size, nil
}
