package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
)

func read(t *testing.T) *description {
	t.Helper()
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOpenAPIHasTheRoutes: the document has each method of each route, and no other. Paths with servers of their
// own are those of other ports.
func TestOpenAPIHasTheRoutes(t *testing.T) {
	t.Parallel()
	s := &server{Deps: Deps{
		External: &url.URL{Scheme: "https", Host: "approve.example.com"}, Login: struct{ Login }{}, Uploads: struct{ Uploads }{},
		Slack: http.NotFoundHandler(), Changes: func() (<-chan struct{}, func()) { return nil, func() {} },
	}}
	var want []string
	err := s.routes().Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		list, err := route.GetMethods()
		for _, m := range list {
			want = append(want, m+" "+strings.Replace(path, "/static/", "/static/{file}", 1))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var got, elsewhere []string
	d := read(t)
	d.operations(func(path, method, _ string, _ object, _ []object) {
		if d.at("#/paths")[path].(object)["servers"] != nil {
			elsewhere = append(elsewhere, path)
			return
		}
		got = append(got, strings.ToUpper(method)+" "+path)
	})
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the routes (-) and openapi.yaml (+) differ:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/healthz", "/metrics", "/readyz"}, elsewhere); diff != "" {
		t.Errorf("paths of other ports: %s", diff)
	}
}

// bodies are the Go types of the JSON that the service reads and writes, by the names of their schemas.
var bodies = map[string]any{
	"ApprovalList": listView{}, "Approval": view{}, "Link": linkView{}, "RevokedLink": revokedView{}, "Startable": preflightView{}, "Replaces": againView{},
	"Cancellation": cancelView{}, "Run": runView{}, "Rerun": rerunView{}, "Task": taskView{}, "Vote": voteView{}, "Comment": commentView{}, "Rule": ruleView{},
	"You": youView{}, "Problem": problemView{}, "Reference": referenceView{}, "Evidence": evidenceView{}, "EvidenceList": evidenceList{},
	"VoteRequest": voteRequest{}, "OperateRequest": operateRequest{}, "HistoryPage": historyView{}, "HistoryEntry": record.Entry{}, "HistoryInput": record.Input{},
	"RecordKeys": recordKeys{}, "RecordKey": recordKey{}, "Error": errorView{}, "ErrorDetail": errorDetail{},
}

// TestOpenAPIHasTheFields compares each schema with its Go type, field by field.
func TestOpenAPIHasTheFields(t *testing.T) {
	t.Parallel()
	d := read(t)
	schemas := d.at("#/components/schemas")
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		s := schemas[name].(object)
		if _, ok := bodies[name]; !ok && s["type"] == "object" && name != "Summary" { // which is a map in Go
			t.Errorf("schema %s has no Go type", name)
		}
	}
	for name, body := range bodies {
		s, ok := schemas[name].(object)
		if !ok {
			t.Errorf("%T has no schema %s", body, name)
			continue
		}
		properties, _ := s["properties"].(object)
		var fields, required []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(body)) {
			field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if field == "-" || f.Anonymous {
				continue
			}
			fields = append(fields, field)
			if !strings.Contains(options, "omitempty") {
				required = append(required, field)
			}
			property, ok := properties[field].(object)
			if !ok {
				t.Errorf("%s.%s of %T is not in openapi.yaml", name, field, body)
				continue
			}
			if why := d.is(property, f.Type); why != "" {
				t.Errorf("%s.%s is %s, and in openapi.yaml %s", name, field, f.Type, why)
			}
		}
		switch name {
		case "HistoryEntry": // whose hash is written behind its text
			fields, required = append(fields, "hash"), append(required, "hash")
		case "VoteRequest", "OperateRequest": // what a request needs is not said by its type
			required = names(s["required"])
		}
		slices.Sort(fields)
		slices.Sort(required)
		if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(properties))); diff != "" {
			t.Errorf("fields of %s: the Go type (-) and openapi.yaml (+) differ:\n%s", name, diff)
		}
		described := names(s["required"])
		slices.Sort(described)
		if diff := cmp.Diff(required, described); diff != "" {
			t.Errorf("fields that %s always has: the Go type (-) and openapi.yaml (+) differ:\n%s", name, diff)
		}
	}
}

func names(list any) []string {
	var out []string
	all, _ := list.([]any)
	for _, x := range all {
		out = append(out, x.(string))
	}
	return out
}

// is returns what the schema of a field says in place of its Go type, "" when it says the same.
func (d *description) is(schema object, of reflect.Type) string {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	ref, _ := schema["$ref"].(string)
	want := object{}
	switch {
	case of == reflect.TypeFor[time.Time]():
		want = object{"type": "string", "format": "date-time"}
	case of == reflect.TypeFor[json.RawMessage]():
		want["$ref"] = "#/components/schemas/HistoryEntry"
	case of == reflect.TypeFor[map[string]any]():
		want["$ref"] = "#/components/schemas/Summary"
	case of.Kind() == reflect.Struct:
		for name, body := range bodies {
			if reflect.TypeOf(body) == of {
				want["$ref"] = "#/components/schemas/" + name
			}
		}
	case of.Kind() == reflect.Slice:
		items, _ := schema["items"].(object)
		if why := d.is(items, of.Elem()); why != "" {
			return "a list of " + why
		}
		want["type"] = "array"
	case of.Kind() == reflect.Map:
		values, _ := schema["additionalProperties"].(object)
		if why := d.is(values, of.Elem()); why != "" {
			return "a map of " + why
		}
		want["type"] = "object"
	case of.Kind() == reflect.Bool:
		want["type"] = "boolean"
	case of.Kind() == reflect.String:
		want["type"] = "string"
	default:
		want["type"] = "integer"
	}
	if want["$ref"] == nil {
		schema = d.follow(schema)
	}
	for k, v := range want {
		if schema[k] != v {
			return fmt.Sprintf("%v %s, not %v", schema, ref, v)
		}
	}
	return ""
}

// TestOpenAPIIsComplete: everything has a sentence, and each body its limit.
func TestOpenAPIIsComplete(t *testing.T) {
	t.Parallel()
	d := read(t)
	sentence := func(what string, o object) {
		if s, _ := o["description"].(string); len(s) < 4 || !strings.ContainsAny(s[len(strings.TrimSpace(s))-1:], ".)") {
			t.Errorf("%s has no description that ends as a sentence does: %q", what, s)
		}
	}
	tags, ids := map[any]bool{}, map[any]bool{}
	for _, x := range d.root["tags"].([]any) {
		tags[x.(object)["name"]] = true
		sentence(fmt.Sprintf("tag %v", x.(object)["name"]), x.(object))
	}
	d.operations(func(path, method, _ string, op object, parameters []object) {
		what := method + " " + path
		if list, _ := op["tags"].([]any); len(list) != 1 || !tags[list[0]] {
			t.Errorf("%s has tags %v, want one of the document's", what, list)
		}
		if op["summary"] == nil || op["security"] == nil {
			t.Errorf("%s lacks its summary, or who may do it", what)
		}
		if id := op["operationId"]; method != "head" && (id == nil || ids[id]) {
			t.Errorf("%s has operationId %v, which is missing or not its own", what, id)
		}
		ids[op["operationId"]] = true
		for _, p := range parameters {
			sentence(fmt.Sprintf("%s: parameter %v", what, p["name"]), p)
			if in := fmt.Sprintf("{%v}", p["name"]); p["in"] == "path" && !strings.Contains(path, in) {
				t.Errorf("%s has no %s", path, in)
			}
		}
		if n := strings.Count(path, "{"); n != len(slices.DeleteFunc(slices.Clone(parameters), func(p object) bool { return p["in"] != "path" })) {
			t.Errorf("%s does not describe its %d path parameters", what, n)
		}
		for status, r := range op["responses"].(object) {
			sentence(what+" "+status, d.follow(r.(object)))
		}
		body, ok := op["requestBody"].(object)
		if !ok {
			return
		}
		most, _ := d.follow(body)["x-max-bytes"].(json.Number)
		r := httptest.NewRequest(http.MethodPost, strings.NewReplacer("{", "", "}", "").Replace(path), nil)
		if want := MaxBodyOf(r, true); most.String() != fmt.Sprint(want) {
			t.Errorf("%s has x-max-bytes %s, and %d are read", what, most, want)
		}
	})
	for name, s := range d.at("#/components/schemas") {
		sentence("schema "+name, s.(object))
		properties, _ := s.(object)["properties"].(object)
		for field, p := range properties {
			if d.follow(p.(object))["description"] == nil && p.(object)["description"] == nil {
				t.Errorf("%s.%s has no description", name, field)
			}
		}
	}
}

// TestOpenAPIExamples: examples are what their schemas say.
func TestOpenAPIExamples(t *testing.T) {
	t.Parallel()
	d := read(t)
	found := 0
	hold := func(what, ref string, value any) {
		found++
		if err := d.validate(ref, value); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	content := func(what, ref string, of object) {
		media, _ := of["content"].(object)
		for kind, m := range media {
			list, _ := m.(object)["examples"].(object)
			for name, x := range list {
				hold(what+": "+name, ref+"/content/"+strings.ReplaceAll(kind, "/", "~1")+"/schema", d.follow(x.(object))["value"])
			}
		}
	}
	d.operations(func(path, method, ref string, op object, _ []object) {
		if body, ok := op["requestBody"].(object); ok && body["$ref"] == nil {
			content(method+" "+path, ref+"/requestBody", body)
		}
		for status, r := range op["responses"].(object) {
			if r.(object)["$ref"] == nil {
				content(method+" "+path+" "+status, ref+"/responses/"+status, r.(object))
			}
		}
		list, _ := op["parameters"].([]any)
		for i, p := range list {
			if p := p.(object); p["example"] != nil {
				hold(fmt.Sprintf("%s %s: %v", method, path, p["name"]), fmt.Sprintf("%s/parameters/%d/schema", ref, i), p["example"])
			}
		}
	})
	for name, p := range d.at("#/components/parameters") {
		if x := p.(object)["example"]; x != nil {
			hold("parameter "+name, "#/components/parameters/"+name+"/schema", x)
		}
	}
	for name, s := range d.at("#/components/schemas") {
		list, _ := s.(object)["examples"].([]any)
		for _, x := range list {
			hold("schema "+name, "#/components/schemas/"+name, x)
		}
	}
	if found < 30 {
		t.Errorf("found %d examples, so this test looks for the wrong thing", found)
	}
}

// TestOpenAPIHasTheCodes: each code has the status that it is answered with.
func TestOpenAPIHasTheCodes(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, x := range read(t).at("#/components/schemas/ErrorCode")["oneOf"].([]any) {
		got[x.(object)["const"].(string)], _, _ = strings.Cut(x.(object)["title"].(string), ",")
	}
	want := map[string]string{"method_not_allowed": "405"}
	for _, c := range []approvals.Code{
		approvals.CodeInvalid, approvals.CodeUnauthenticated, approvals.CodeForbidden, approvals.CodeNotFound, approvals.CodeConflict, approvals.CodeGone,
		approvals.CodeNotReady, approvals.CodeLimited, approvals.CodeUnavailable, approvals.CodeInternal,
	} {
		want[string(c)] = fmt.Sprint(statusOf(c))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes (-) and openapi.yaml (+) differ:\n%s", diff)
	}
}

// TestOpenAPIHasTheQuery: the names by which the audit log is searched.
func TestOpenAPIHasTheQuery(t *testing.T) {
	t.Parallel()
	query, err := QueryOf("/api/v1/history", "get")
	if err != nil {
		t.Fatal(err)
	}
	want := historyNames()
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(query))); diff != "" {
		t.Errorf("the known names (-) and openapi.yaml (+) differ:\n%s", diff)
	}
}

// TestOpenAPIFindsMistakes: an answer with another field, without one, or with another status is found.
func TestOpenAPIFindsMistakes(t *testing.T) {
	t.Parallel()
	answer := func(status int, kind, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.WriteString(body)
		return w
	}
	const keys, good = "/api/v1/record/keys", `{"items": [{"id": "1", "key": "2", "made": "2026-03-01T09:00:00Z"}]}`
	for name, c := range map[string]struct {
		path string
		w    *httptest.ResponseRecorder
		good bool
	}{
		"good":             {keys, answer(200, "application/json", good), true},
		"another field":    {keys, answer(200, "application/json", strings.Replace(good, `"id"`, `"new": 1, "id"`, 1)), false},
		"a field less":     {keys, answer(200, "application/json", strings.Replace(good, `"id": "1", `, "", 1)), false},
		"no time":          {keys, answer(200, "application/json", strings.Replace(good, "T09", " 09", 1)), false},
		"another status":   {keys, answer(202, "application/json", good), false},
		"another type":     {keys, answer(200, "text/csv", good), false},
		"no such code":     {"/api/v1/approvals", answer(400, "application/json", `{"error": {"code": "wrong", "message": "x"}}`), false},
		"no route":         {"/api/v1/nope", answer(404, "application/json", `{"error": {"code": "not_found", "message": "x"}}`), true},
		"a route too many": {"/api/v1/nope", answer(200, "application/json", `{}`), false},
	} {
		if err := Conforms("", http.MethodGet, c.path, "", c.w); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
