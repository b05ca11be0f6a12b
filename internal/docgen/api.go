package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// apiDocument is an OpenAPI document, in the order in which it is written.
type apiDocument struct{ root *yaml.Node }

// docsAddress is where links of the document lead; on the page they are relative.
const docsAddress = "https://github.com/countersign-dev/countersign/blob/main/docs/"

// methodsOfAPI are the methods that have a part of their own. HEAD answers as GET does.
var methodsOfAPI = []string{"get", "post"}

// apiPage is the page of the HTTP API: each request with its parameters, its body, an example and its
// answers, then the codes of errors and the fields of bodies.
func apiPage(document string) (string, error) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(document), &n); err != nil {
		return "", err
	}
	d := apiDocument{n.Content[0]}
	var b strings.Builder
	info := valueOf(d.root, "info")
	b.WriteString("<!-- Generated from approvals/web/openapi.yaml by internal/docgen. Change that file and run make generate. -->\n\n# HTTP API\n\n")
	b.WriteString(linked(text(info, "description")) + "\n\n")
	b.WriteString("[openapi.yaml](../../approvals/web/openapi.yaml) says all of this to programs, as OpenAPI 3.1. The service has it at `/openapi.yaml`, with its own address.\n\n")
	b.WriteString("The examples need two variables:\n\n```sh\nSERVICE=https://approve.example.com\nTOKEN=$(kubectl create token alice)\n```\n")
	d.overview(&b)
	d.security(&b)
	for _, tag := range valueOf(d.root, "tags").Content {
		name := text(tag, "name")
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", name, linked(text(tag, "description")))
		if err := d.eachOperation(func(o operation) error {
			if o.tag != name {
				return nil
			}
			return d.operation(&b, o)
		}); err != nil {
			return "", err
		}
	}
	d.codes(&b)
	b.WriteString("\n## Schemas\n\nThese are the JSON bodies and their parts. A field that is not required is left out if it has no value.\n")
	for name, s := range pairs(d.at("components", "schemas")) {
		if text(s, "type") == "object" {
			d.schema(&b, name, s)
		}
	}
	return b.String(), nil
}

// operation is one method of one path.
type operation struct {
	method, path, tag string
	head              bool // HEAD is answered, too
	item, node        *yaml.Node
}

func (d apiDocument) eachOperation(f func(operation) error) error {
	for path, item := range pairs(valueOf(d.root, "paths")) {
		for _, method := range methodsOfAPI {
			n := valueOf(item, method)
			if n == nil {
				continue
			}
			tags := valueOf(n, "tags")
			if tags == nil || len(tags.Content) == 0 {
				return fmt.Errorf("%s %s has no tag", method, path)
			}
			o := operation{strings.ToUpper(method), path, tags.Content[0].Value, method == "get" && valueOf(item, "head") != nil, item, n}
			if err := f(o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d apiDocument) overview(b *strings.Builder) {
	b.WriteString("\n## All requests\n\n| request | what it does |\n|---|---|\n")
	_ = d.eachOperation(func(o operation) error { // f returns no error
		fmt.Fprintf(b, "| `%s %s` | [%s](#%s) |\n", o.method, o.path, text(o.node, "summary"), anchor(text(o.node, "summary")))
		return nil
	})
}

func (d apiDocument) security(b *strings.Builder) {
	b.WriteString("\n## Authentication\n\n| name | how | meaning |\n|---|---|---|\n")
	for name, s := range pairs(d.at("components", "securitySchemes")) {
		how := "header `Authorization: Bearer TOKEN`"
		if text(s, "type") == "apiKey" {
			how = text(s, "in") + " `" + text(s, "name") + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, how, cell(text(s, "description")))
	}
}

func (d apiDocument) operation(b *strings.Builder, o operation) error {
	fmt.Fprintf(b, "\n### %s\n\n`%s %s`", text(o.node, "summary"), o.method, o.path)
	if o.head {
		b.WriteString(" (also `HEAD`)")
	}
	if servers := valueOf(o.item, "servers"); servers != nil {
		fmt.Fprintf(b, ", at `%s`", text(servers.Content[0], "url"))
	}
	b.WriteString("\n\n")
	if s := text(o.node, "description"); s != "" {
		b.WriteString(linked(s) + "\n\n")
	}
	var ways []string
	for _, s := range valueOf(o.node, "security").Content {
		ways = append(ways, s.Content[0].Value)
	}
	switch {
	case len(ways) > 0:
		fmt.Fprintf(b, "[Authentication](#authentication): %s.\n", strings.Join(ways, " or "))
	case strings.Contains(o.path, "{token}"):
		b.WriteString("Authentication: the token in the path.\n")
	default:
		b.WriteString("Authentication: none.\n")
	}
	d.parameters(b, o)
	if body := d.child(o.node, "requestBody"); body != nil {
		d.body(b, body)
	}
	if err := d.curl(b, o); err != nil {
		return err
	}
	return d.answers(b, o)
}

func (d apiDocument) parametersOf(o operation) []*yaml.Node {
	var out []*yaml.Node
	for _, list := range []*yaml.Node{valueOf(o.item, "parameters"), valueOf(o.node, "parameters")} {
		if list == nil {
			continue
		}
		for _, p := range list.Content {
			out = append(out, d.follow(p))
		}
	}
	return out
}

func (d apiDocument) parameters(b *strings.Builder, o operation) {
	list := d.parametersOf(o)
	if len(list) == 0 {
		return
	}
	b.WriteString("\n| parameter | in | type | meaning |\n|---|---|---|---|\n")
	for _, p := range list {
		kind := d.kind(d.child(p, "schema"))
		if text(p, "required") == "true" && text(p, "in") != "path" {
			kind += ", required"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", text(p, "name"), text(p, "in"), kind, cell(text(p, "description")))
	}
}

func (d apiDocument) body(b *strings.Builder, body *yaml.Node) {
	for media, m := range pairs(valueOf(body, "content")) {
		kind := "`" + media + "`"
		if media == "*/*" {
			kind = "any media type"
		}
		fmt.Fprintf(b, "\nBody: %s, at most %s", kind, size(text(body, "x-max-bytes")))
		if text(body, "required") != "true" {
			b.WriteString(", optional")
		}
		s := valueOf(m, "schema")
		if name := refName(s); name != "" {
			fmt.Fprintf(b, ", [%s](#%s)", name, schemaAnchor(name))
		}
		b.WriteString(strings.TrimSuffix(". "+linked(text(body, "description")), " ") + "\n")
		if refName(s) == "" && valueOf(s, "properties") != nil {
			d.fields(b, s)
		}
	}
}

// curl writes an example of a request of the API for each example of its body.
func (d apiDocument) curl(b *strings.Builder, o operation) error {
	if !strings.HasPrefix(o.path, "/api/") && o.path != "/openapi.yaml" {
		return nil
	}
	path := o.path
	for _, p := range d.parametersOf(o) {
		path = strings.ReplaceAll(path, "{"+text(p, "name")+"}", text(p, "example"))
	}
	if q := text(o.node, "x-query"); q != "" {
		path += "?" + q
	}
	line := "curl "
	if len(valueOf(o.node, "security").Content) > 0 {
		line += `-H "Authorization: Bearer $TOKEN" `
	}
	line += `"$SERVICE` + path + `"`
	b.WriteString("\n```sh\n")
	defer b.WriteString("```\n")
	body := d.child(o.node, "requestBody")
	if body == nil {
		if o.method == "POST" {
			line = strings.Replace(line, "curl ", "curl -X POST ", 1)
		}
		b.WriteString(line + "\n")
		return nil
	}
	if s := text(body, "x-curl"); s != "" {
		b.WriteString(line + " \\\n  " + s + "\n")
		return nil
	}
	for _, x := range pairs(d.at2(body, "content", "application/json", "examples")) {
		if s := text(x, "summary"); s != "" {
			b.WriteString("# " + s + "\n")
		}
		js, err := asJSON(valueOf(x, "value"), "")
		if err != nil {
			return err
		}
		b.WriteString(line + " \\\n  -d '" + js + "'\n")
	}
	return nil
}

func (d apiDocument) answers(b *strings.Builder, o operation) error {
	b.WriteString("\n| answer | meaning | body |\n|---|---|---|\n")
	var errors []string
	var example *yaml.Node
	for status, r := range pairs(valueOf(o.node, "responses")) {
		if strings.HasPrefix(refName(r), "ProblemPage") && status == "4XX" {
			continue // 5XX has the same
		}
		shared := refName(r)
		r = d.follow(r)
		var kinds []string
		for media, m := range pairs(valueOf(r, "content")) {
			kind := "`" + media + "`"
			if name := refName(valueOf(m, "schema")); name != "" {
				kind = fmt.Sprintf("[%s](#%s)", name, schemaAnchor(name))
			}
			kinds = append(kinds, kind)
			for _, x := range pairs(valueOf(m, "examples")) {
				if example == nil {
					example = d.follow(x)
				}
			}
		}
		if shared != "" && slices.Contains(kinds, "[Error](#schema-error)") {
			errors = append(errors, "`"+status+"`")
			continue
		}
		if shared == "ProblemPage" && status == "5XX" {
			status = "4XX, 5XX"
		}
		meaning := []string{text(r, "description")}
		for name, h := range pairs(valueOf(r, "headers")) {
			meaning = append(meaning, "Header `"+name+"`: "+lower(text(h, "description")))
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", status, cell(strings.Join(meaning, " ")), strings.Join(kinds, ", "))
	}
	if len(errors) > 0 {
		fmt.Fprintf(b, "\n[Errors](#errors): %s.\n", strings.Join(errors, ", "))
	}
	if example == nil {
		return nil
	}
	js, err := asJSON(valueOf(example, "value"), "  ")
	fmt.Fprintf(b, "\n```json\n%s\n```\n", js)
	return err
}

func (d apiDocument) codes(b *strings.Builder) {
	b.WriteString("\n## Errors\n\nEvery error below `/api/v1` has the same body, with a code for programs and a message for people:\n")
	for _, x := range valueOf(d.at("components", "schemas", "Error"), "examples").Content {
		if js, err := asJSON(x, "  "); err == nil {
			fmt.Fprintf(b, "\n```json\n%s\n```\n", js)
		}
	}
	b.WriteString("\n| status | code | meaning |\n|---|---|---|\n")
	for _, c := range valueOf(d.at("components", "schemas", "ErrorCode"), "oneOf").Content {
		fmt.Fprintf(b, "| %s | `%s` | %s |\n", text(c, "title"), text(c, "const"), cell(text(c, "description")))
	}
}

func (d apiDocument) schema(b *strings.Builder, name string, s *yaml.Node) {
	fmt.Fprintf(b, "\n### Schema %s\n\n%s\n", name, linked(text(s, "description")))
	d.fields(b, s)
}

func (d apiDocument) fields(b *strings.Builder, s *yaml.Node) {
	var required []string
	if list := valueOf(s, "required"); list != nil {
		for _, x := range list.Content {
			required = append(required, x.Value)
		}
	}
	b.WriteString("\n| field | type | meaning |\n|---|---|---|\n")
	for name, p := range pairs(valueOf(s, "properties")) {
		kind := d.kind(p)
		if slices.Contains(required, name) {
			kind += ", required"
		}
		meaning := text(p, "description")
		if meaning == "" {
			meaning = text(d.follow(p), "description")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, kind, cell(meaning))
	}
	if rest := valueOf(s, "additionalProperties"); rest != nil && rest.Kind == yaml.MappingNode {
		meaning := text(rest, "description")
		if meaning == "" {
			meaning = "One for each thing that is counted."
		}
		fmt.Fprintf(b, "| others | %s | %s |\n", d.kind(rest), cell(meaning))
	}
}

// kind is the type of a value in words, with its bounds.
func (d apiDocument) kind(s *yaml.Node) string {
	if name := refName(s); name != "" {
		if text(d.follow(s), "type") == "object" {
			return fmt.Sprintf("[%s](#%s)", name, schemaAnchor(name))
		}
		s = d.follow(s)
	}
	var out string
	switch kind := text(s, "type"); {
	case kind == "array":
		out = "list of " + plural(d.kind(valueOf(s, "items")))
	case kind == "object" && valueOf(s, "additionalProperties") != nil:
		out = "map of " + plural(d.kind(valueOf(s, "additionalProperties")))
	case text(s, "format") == "date-time":
		out = "time"
	default:
		out = kind
	}
	if list := valueOf(s, "enum"); list != nil {
		var values []string
		for _, v := range list.Content {
			if v.Value != "" {
				values = append(values, "`"+v.Value+"`")
			}
		}
		out = strings.Join(values, ", ")
	}
	if most := text(s, "maxLength"); most != "" {
		out += ", at most " + most + " characters"
	}
	if least, most := text(s, "minimum"), text(s, "maximum"); least != "" && most != "" {
		out += fmt.Sprintf(", %s to %s", least, most)
	}
	if def := text(s, "default"); def != "" {
		out += ", default `" + def + "`"
	}
	return out
}

// at returns a part of the document.
func (d apiDocument) at(path ...string) *yaml.Node { return d.at2(d.root, path...) }

func (d apiDocument) at2(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		n = valueOf(n, key)
	}
	return n
}

func (d apiDocument) child(n *yaml.Node, key string) *yaml.Node {
	v := valueOf(n, key)
	if v == nil || key == "schema" {
		return v
	}
	return d.follow(v)
}

// follow returns n, or what its $ref leads to.
func (d apiDocument) follow(n *yaml.Node) *yaml.Node {
	ref := text(n, "$ref")
	if ref == "" {
		return n
	}
	return d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

// refName is the name of what n's $ref leads to, "" without one.
func refName(n *yaml.Node) string {
	ref := text(n, "$ref")
	return ref[strings.LastIndex(ref, "/")+1:]
}

// pairs are the keys and values of an object, in its order; none of nil.
func pairs(n *yaml.Node) func(func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

func text(n *yaml.Node, key string) string {
	if n == nil {
		return ""
	}
	v := valueOf(n, key)
	if v == nil {
		return ""
	}
	return strings.TrimSpace(v.Value)
}

// linked is a text whose links to the docs are relative to the page.
func linked(s string) string {
	s = strings.ReplaceAll(s, "]("+docsAddress+"reference/", "](")
	return strings.ReplaceAll(s, "]("+docsAddress, "](../")
}

// cell is a text as one cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(linked(s)), " "), "|", "\\|")
}

// lower has a small first letter, as behind a colon.
func lower(s string) string {
	if len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:min(1, len(s))]) + s[min(1, len(s)):]
}

// anchor is how a heading is linked to.
func anchor(heading string) string {
	return strings.ReplaceAll(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(heading)), " ", "-")
}

// size is a number of bytes as people read it.
func size(bytes string) string {
	n, err := strconv.Atoi(bytes)
	switch {
	case err != nil:
		return bytes + " bytes"
	case n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d KiB", n>>10)
	}
}

func schemaAnchor(name string) string { return anchor("Schema " + name) }

// asJSON writes a value of the document as JSON, its fields in their order.
func asJSON(n *yaml.Node, indent string) (string, error) {
	raw, err := compactJSON(n)
	if err != nil || indent == "" {
		return raw, err
	}
	var out bytes.Buffer
	err = json.Indent(&out, []byte(raw), "", indent)
	return out.String(), err
}

func compactJSON(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.MappingNode:
		var parts []string
		for k, v := range pairs(n) {
			s, err := compactJSON(v)
			if err != nil {
				return "", err
			}
			parts = append(parts, fmt.Sprintf("%q: %s", k, s))
		}
		return "{" + strings.Join(parts, ", ") + "}", nil
	case yaml.SequenceNode:
		var parts []string
		for _, v := range n.Content {
			s, err := compactJSON(v)
			if err != nil {
				return "", err
			}
			parts = append(parts, s)
		}
		return "[" + strings.Join(parts, ", ") + "]", nil
	default:
		var v any
		if err := n.Decode(&v); err != nil {
			return "", err
		}
		s, err := json.Marshal(v)
		return string(s), err
	}
}
