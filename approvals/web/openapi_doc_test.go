package web

import (
	"bytes"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// object is a part of openapi.yaml.
type object = map[string]any

// description is openapi.yaml, for tests.
type description struct {
	root    object
	paths   map[string]*regexp.Regexp // by template
	mu      sync.Mutex                // of schemas
	schemas *jsonschema.Compiler
	known   map[string]*jsonschema.Schema
}

// described reads openapi.yaml once. Its schemas are stricter here than for clients, who have to expect new
// fields: a field that the document does not have is an error.
var described = sync.OnceValues(func() (*description, error) {
	raw, err := yaml.YAMLToJSON([]byte(OpenAPI))
	if err != nil {
		return nil, err
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	d := &description{root: whole.(object), paths: map[string]*regexp.Regexp{}, schemas: jsonschema.NewCompiler(), known: map[string]*jsonschema.Schema{}}
	for path := range d.at("#/paths") {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(path), `\{file\}`, ".+")
		d.paths[path] = regexp.MustCompile("^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(pattern, "[^/]+") + "$")
	}
	for _, s := range d.at("#/components/schemas") {
		if s := s.(object); s["properties"] != nil && s["additionalProperties"] == nil {
			s["additionalProperties"] = false
		}
	}
	d.schemas.AssertFormat()
	return d, d.schemas.AddResource("openapi.json", whole)
})

// at returns the object at a reference such as #/components/schemas/Run, nil when there is none.
func (d *description) at(ref string) object {
	at := d.root
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at, _ = at[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)].(object)
	}
	return at
}

// follow returns o, or what its $ref leads to.
func (d *description) follow(o object) object {
	for {
		ref, ok := o["$ref"].(string)
		if !ok {
			return o
		}
		o = d.at(ref)
	}
}

// validate holds a value to the schema at ref.
func (d *description) validate(ref string, value any) error {
	d.mu.Lock()
	s, ok := d.known[ref]
	if !ok {
		var err error
		if s, err = d.schemas.Compile("openapi.json" + ref); err != nil {
			d.mu.Unlock()
			return err
		}
		d.known[ref] = s
	}
	d.mu.Unlock()
	return s.Validate(value)
}

// methods are those of HTTP that a path of the document may have.
var methods = []string{"get", "head", "post", "put", "patch", "delete"}

// operations calls f with each operation, its place in the document and all of its parameters.
func (d *description) operations(f func(path, method, ref string, op object, parameters []object)) {
	paths := d.at("#/paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths[path].(object)
		for _, method := range methods {
			op, ok := item[method].(object)
			if !ok {
				continue
			}
			var parameters []object
			for _, list := range []any{item["parameters"], op["parameters"]} {
				all, _ := list.([]any)
				for _, p := range all {
					parameters = append(parameters, d.follow(p.(object)))
				}
			}
			f(path, method, "#/paths/"+strings.ReplaceAll(path, "/", "~1")+"/"+method, op, parameters)
		}
	}
}

// path returns the path of the document that a request's path is of, "" for none.
func (d *description) path(of string) string {
	if d.paths[of] != nil {
		return of
	}
	for path, pattern := range d.paths {
		if pattern.MatchString(of) {
			return path
		}
	}
	return ""
}

// Conforms returns nil when the document describes an answer: its status, its media type and its body. body
// is that of the request, which has to be described, too, if it was accepted.
func Conforms(base, method, path, body string, w *httptest.ResponseRecorder) error {
	d, err := described()
	if err != nil {
		return err
	}
	path, ok := strings.CutPrefix(path, base)
	template := d.path(path)
	if !ok || template == "" || d.at("#/paths")[template].(object)["servers"] != nil {
		return d.unrouted(w, http.StatusNotFound, http.StatusForbidden)
	}
	ref := "#/paths/" + strings.ReplaceAll(template, "/", "~1") + "/" + strings.ToLower(method)
	op := d.at(ref)
	if op == nil {
		return d.unrouted(w, http.StatusMethodNotAllowed, http.StatusForbidden)
	}
	contentType := w.Header().Get("Content-Type")
	if w.Code == http.StatusNotFound && strings.HasPrefix(contentType, "text/html") {
		return nil // a path that this service is not configured for
	}
	responses := op["responses"].(object)
	status := strconv.Itoa(w.Code)
	i := slices.IndexFunc([]string{status, status[:1] + "XX", "default"}, func(s string) bool { return responses[s] != nil })
	if i < 0 {
		return fmt.Errorf("%s %s is not described as an answer to %s %s", status, w.Body, method, template)
	}
	response := d.follow(responses[[]string{status, status[:1] + "XX", "default"}[i]].(object))
	if method == http.MethodHead || w.Code/100 == 3 || w.Body.Len() == 0 && contentType == "" {
		return nil
	}
	if err := d.fits(response, contentType, w.Body.Bytes()); err != nil {
		return fmt.Errorf("%s of %s %s: %w", status, method, template, err)
	}
	if request, ok := op["requestBody"].(object); ok && w.Code/100 == 2 && strings.HasPrefix(strings.TrimSpace(body), "{") {
		if err := d.fits(d.follow(request), "application/json", []byte(body)); err != nil {
			return fmt.Errorf("the body of %s %s: %w", method, template, err)
		}
	}
	return nil
}

// unrouted is for what no route of the document takes.
func (d *description) unrouted(w *httptest.ResponseRecorder, statuses ...int) error {
	if !slices.Contains(statuses, w.Code) {
		return fmt.Errorf("the document has no such route, and the answer is %d", w.Code)
	}
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") || w.Body.Len() == 0 {
		return nil
	}
	return d.json("#/components/schemas/Error", w.Body.Bytes())
}

// fits holds a body to one of the media types of a response or of a request's body.
func (d *description) fits(of object, contentType string, body []byte) error {
	content, _ := of["content"].(object)
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	m, ok := content[media].(object)
	if !ok {
		if content["*/*"] != nil {
			return nil
		}
		return fmt.Errorf("%s is not one of the described %v", media, slices.Sorted(maps.Keys(content)))
	}
	ref, ok := m["schema"].(object)["$ref"].(string)
	if media != "application/json" || !ok {
		return nil
	}
	return d.json(ref, body)
}

func (d *description) json(ref string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return d.validate(ref, value)
}

// QueryOf returns the query parameters of an operation, each with its example.
func QueryOf(path, method string) (map[string]string, error) {
	d, err := described()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	d.operations(func(p, m, _ string, _ object, parameters []object) {
		for _, x := range parameters {
			if p == path && m == method && x["in"] == "query" {
				out[x["name"].(string)] = fmt.Sprint(x["example"])
			}
		}
	})
	return out, nil
}
