package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/internal/docpage"
	"github.com/countersign-dev/countersign/internal/golden"
)

const configurationPage = "../../docs/reference/configuration.md"

// field is one field of the configuration, with what its comment says.
type field struct {
	path, kind, standard, meaning string
	required                      bool
}

// comments are those of the fields of all structs of this package, by struct and field.
func comments(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, x := range s.Fields.List {
					for _, id := range x.Names {
						out[spec.Name.Name+"."+id.Name] = strings.TrimSpace(x.Doc.Text())
					}
				}
			}
			return true
		})
	}
	return out
}

// fields are those of a struct, each before those within it. filled has the defaults.
func fields(filled reflect.Value, before string, comment map[string]string) []field {
	var out []field
	for x := range filled.Type().Fields() {
		name, options, _ := strings.Cut(x.Tag.Get("json"), ",")
		text := comment[filled.Type().Name()+"."+x.Name]
		meaning, standard, _ := strings.Cut(text, "\n\nDefault: ")
		f := field{path: before + name, meaning: strings.Join(strings.Fields(meaning), " "), standard: strings.TrimSuffix(strings.Join(strings.Fields(standard), " "), ".")}
		of, value := x.Type, filled.FieldByIndex(x.Index)
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
			if value.IsNil() {
				value = reflect.Zero(of)
			} else {
				value = value.Elem()
			}
		}
		f.kind = kindOf(of)
		inner, at := of, f.path
		if of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct {
			inner, at = of.Elem(), f.path+"[]"
			if value.Len() > 0 {
				value = value.Index(0)
			} else {
				value = reflect.Zero(inner)
			}
		}
		f.required = inner.Kind() != reflect.Struct && !strings.Contains(options, "omitempty")
		if inner.Kind() != reflect.Struct && f.standard == "" && !value.IsZero() {
			f.standard = "`" + shown(value) + "`"
		}
		out = append(out, f)
		if inner.Kind() == reflect.Struct {
			out = append(out, fields(value, at+".", comment)...)
		}
	}
	return out
}

func shown(v reflect.Value) string {
	switch s := fmt.Sprint(v.Interface()); {
	case v.Kind() == reflect.Slice:
		return "[" + strings.Join(strings.Fields(strings.Trim(s, "[]")), ", ") + "]"
	case strings.HasSuffix(s, "m0s"): // a Go duration
		return strings.TrimSuffix(s, "0s")
	default:
		return s
	}
}

// truth is the type of a field that is set or not.
const truth = "`true` or `false`"

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "object"
	case reflect.Slice:
		return "list of " + kindOf(t.Elem()) + "s"
	case reflect.Map:
		return "map of strings"
	case reflect.Bool:
		return truth
	case reflect.Int, reflect.Int64:
		return "integer"
	default:
		return "string"
	}
}

// TestReferencePage: each field has a comment of at least a sentence, and docs/reference/configuration.md has it with its
// default.
func TestReferencePage(t *testing.T) { // not parallel: two tests write the page
	all := fields(reflect.ValueOf(defaults()), "", comments(t))
	if len(all) < 75 {
		t.Errorf("found %d fields, so this test looks in the wrong way", len(all))
	}
	tables := map[string]*strings.Builder{}
	first := map[string]string{} // the field that a meaning was written for
	for _, f := range all {
		if len(strings.Fields(f.meaning)) < 3 || !strings.HasSuffix(f.meaning, ".") || strings.Contains(f.meaning, "|") {
			t.Errorf("%s has no comment that is a sentence: %q", f.path, f.meaning)
		}
		part := partOf(f.path)
		if tables[part] == nil {
			tables[part] = &strings.Builder{}
			tables[part].WriteString("| field | type | default | meaning |\n|---|---|---|---|\n")
		}
		standard := f.standard
		switch {
		case f.required:
			standard = "required"
		case standard == "" && !strings.HasSuffix(f.kind, "object"):
			standard = "none"
		}
		meaning := f.meaning
		if other, ok := first[meaning]; ok {
			meaning = "As `" + other + "`."
		} else {
			first[meaning] = f.path
		}
		fmt.Fprintf(tables[part], "| `%s` | %s | %s | %s |\n", f.path, f.kind, standard, meaning)
	}
	for part, text := range tables {
		if err := docpage.Hold(configurationPage, part, text.String(), golden.Update()); err != nil {
			t.Error(err)
		}
	}
}

// partOf is the table that a field is in.
func partOf(path string) string {
	switch {
	case strings.HasPrefix(path, "limits.namespace."):
		return "namespace"
	case strings.HasPrefix(path, "limits."):
		return "limits"
	case strings.HasPrefix(path, "directory[]."):
		return "directory"
	case strings.HasPrefix(path, "channels[]."):
		return "channels"
	default:
		return "fields"
	}
}

// valid is a configuration without a mistake, to which mistakes are made. FILE is a file with a word in it, URL one with
// an address, and KEY one with a key.
const valid = `
externalURL: https://approve.example.com
smtp: {host: mail.example.com, from: c@example.com}
oidc: {issuer: https://login.example.com, clientID: countersign}
record: {}
limits: {web: {}, interceptor: {}, namespace: {}}
directory: [{names: [ceo]}]
channels:
  - {name: ops, slack: {tokenFile: FILE, signingSecretFile: FILE, channel: C0123456789}}
  - {name: office, teams: {webhookURLFile: URL}}
  - {name: audit, webhook: {url: https://audit.example.com, secretFile: KEY}}
  - {name: status, github: {tokenFile: FILE}}
`

// mistakes are wrong values of fields; "" leaves a required one out.
var mistakes = []struct{ field, value string }{
	{"externalURL", "approve.example.com"},
	{"links.dashboard", "https://tekton.example.com/{run}"},
	{"smtp.host", ""},
	{"smtp.port", "70000"},
	{"smtp.tls", "ssl"},
	{"smtp.passwordFile", "/nonexistent"},
	{"smtp.from", "nobody"},
	{"smtp.timeout", "soon"},
	{"smtp.acceptTimeout", "0s"},
	{"oidc.issuer", "http://login.example.com"},
	{"oidc.clientID", ""},
	{"oidc.clientSecretFile", "/nonexistent"},
	{"oidc.scopes", `["a b"]`},
	{"oidc.usernamePrefix", `"system:"`},
	{"oidc.groupsPrefix", `"system:"`},
	{"oidc.sessionLifetime", "1s"},
	{"record.sqlite.path", "record.db"},
	{"record.postgres.urlFile", "/nonexistent"},
	{"customTasks", "[jira]"},
	{"eventListeners.caFile", "/nonexistent"},
	{"limits.web.connections", "1"},
	{"limits.web.requests", "1"},
	{"limits.web.bodyBytes", "1"},
	{"limits.interceptor.connections", "1"},
	{"limits.interceptor.requests", "1"},
	{"limits.interceptor.bodyBytes", "1"},
	{"limits.trustedProxies", "[10.0.0.1]"},
	{"limits.namespace.openApprovals", "0"},
	{"limits.namespace.heldBytes", "0"},
	{"limits.namespace.eventsPerMinute", "0"},
	{"limits.namespace.waitingVotes", "0"},
	{"limits.namespace.delegations", "0"},
	{"limits.namespace.mailsPerHour", "0"},
	{"limits.namespace.mailsPerHourToOneAddress", "0"},
	{"limits.namespace.evidenceBytes", "0"},
	{"limits.storedEvidenceBytes", "0"},
	{"directory[].names", ""},
	{"directory[].emails", "[nobody]"},
	{"directory[].logins", `["a\nb"]`},
	{"directory[].displayName", `"a\tb"`},
	{"directory[].timeZone", "Mars/Base"},
	{"directory[].language", "German!"},
	{"channels[].name", "Ops channel"},
	{"channels[].timeout", "2h"},
	{"channels[].slack.webhookURLFile", "/nonexistent"},
	{"channels[].slack.tokenFile", "/nonexistent"},
	{"channels[].slack.signingSecretFile", "/nonexistent"},
	{"channels[].slack.channel", "ops"},
	{"channels[].slack.users", "{alice: alice}"},
	{"channels[].slack.apiURL", "https://slack.com/api"},
	{"channels[].teams.webhookURLFile", "/nonexistent"},
	{"channels[].webhook.url", "audit"},
	{"channels[].webhook.urlFile", "/nonexistent"},
	{"channels[].webhook.secretFile", ""},
	{"channels[].github.apiURL", "http://github.example.com/api/v3"},
	{"channels[].github.tokenFile", ""},
	{"channels[].github.context", "x101"},
}

// foundLater says what a mistake in a field does that takes any value at the start.
var foundLater = map[string]string{
	"tokenAudiences":                    "tokens for other audiences are answered `401`, and the message names the audiences",
	"templatesDir":                      "the start stops, and names the template that fails",
	"smtp.caFile":                       "mails fail, and the condition `Notified` says why",
	"smtp.username":                     "mails fail, and the condition `Notified` has the server's answer",
	"smtp.requesterDomains":             "a requester of another domain gets no mail about the outcome",
	"oidc.caFile":                       "the start stops, and the log names the file",
	"oidc.usernameClaim":                "nobody can sign in, and the page names the claim that is missing",
	"oidc.groupsClaim":                  "people have no groups",
	"channels[].github.repositoryParam": "no status is set, and the condition `Notified` says why",
	"channels[].github.revisionParam":   "no status is set, and the condition `Notified` says why",
}

// TestMistakes: each field has an example of a wrong value, for which the process says what is wrong, and the page
// has it.
func TestMistakes(t *testing.T) { // not parallel: two tests write the page
	with := mistaken(t)
	if _, err := parse(with("externalURL", "https://approve.example.com")); err != nil {
		t.Fatalf("without a mistake: %v", err)
	}
	var page strings.Builder
	page.WriteString("| field | wrong | message |\n|---|---|---|\n")
	explained := maps.Clone(foundLater)
	for _, m := range mistakes {
		explained[m.field] = "here"
		value := strings.Replace(m.value, "x101", strings.Repeat("x", 101), 1)
		_, err := parse(with(m.field, value))
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %s: %v, want one error", m.field, value, err)
			continue
		}
		shown := "left out"
		switch {
		case len(value) > 100:
			shown = "more than 100 characters"
		case value != "":
			shown = "`" + value + "`"
		}
		fmt.Fprintf(&page, "| `%s` | %s | `%s` |\n", m.field, shown, strings.ReplaceAll(err.Error(), "|", "\\|"))
	}
	page.WriteString("\nA value of another type is a mistake, too. A wrong value of one of these fields is found later:\n\n| field | what happens |\n|---|---|\n")
	for _, f := range fields(reflect.ValueOf(defaults()), "", comments(t)) {
		if text := foundLater[f.path]; text != "" {
			fmt.Fprintf(&page, "| `%s` | %s |\n", f.path, text)
		}
		if strings.HasSuffix(f.kind, "object") || strings.HasSuffix(f.kind, "objects") || f.kind == truth {
			continue // its fields have their own, and neither of two values is wrong
		}
		if explained[f.path] == "" {
			t.Errorf("%s has no row in mistakes or foundLater", f.path)
		}
		delete(explained, f.path)
	}
	if left := slices.Sorted(maps.Keys(explained)); len(left) > 0 {
		t.Errorf("there are no fields %v", left)
	}
	if err := docpage.Hold(configurationPage, "mistakes", page.String(), golden.Update()); err != nil {
		t.Error(err)
	}
}

// mistaken returns what makes the valid configuration with one field changed.
func mistaken(t *testing.T) func(path, value string) []byte {
	t.Helper()
	text := strings.NewReplacer(
		"FILE", write(t, "secret", "a-secret"), "URL}", write(t, "url", "https://office.example.com/hook")+"}", "KEY", write(t, "key", "whsec_"+strings.Repeat("QUFB", 8)),
	).Replace(valid)
	return func(path, value string) []byte {
		var c map[string]any
		err := yaml.Unmarshal([]byte(text), &c)
		if err == nil {
			err = set(c, strings.Split(path, "."), value)
		}
		raw, other := yaml.Marshal(c)
		if err != nil || other != nil {
			t.Fatal(err, other)
		}
		return raw
	}
}

// set writes a value, as YAML, into a configuration; "" removes it.
func set(c map[string]any, path []string, value string) error {
	key, list := strings.CutSuffix(path[0], "[]")
	if list {
		items := c[key].([]any)
		at := items[0]
		for _, item := range items { // the channel of that kind
			if len(path) > 1 && item.(map[string]any)[path[1]] != nil {
				at = item
				break
			}
		}
		return set(at.(map[string]any), path[1:], value)
	}
	switch {
	case len(path) > 1:
		inner, _ := c[key].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
			c[key] = inner
		}
		// An address, or the file that has it.
		for one, other := range map[string]string{"webhookURLFile": "", "urlFile": "url"} {
			if path[1] == one && other != "" {
				delete(inner, other)
			} else if path[1] == one && key == "slack" {
				clear(inner)
			}
		}
		return set(inner, path[1:], value)
	case value == "":
		delete(c, key)
		return nil
	default:
		var v any
		if err := yaml.Unmarshal([]byte(value), &v); err != nil {
			return err
		}
		c[key] = v
		return nil
	}
}

// TestRequiredFields: what the page calls required is missed when it is left out.
func TestRequiredFields(t *testing.T) {
	t.Parallel()
	with, found := mistaken(t), 0
	for _, f := range fields(reflect.ValueOf(defaults()), "", comments(t)) {
		if !f.required {
			continue
		}
		found++
		if _, err := parse(with(f.path, "")); err == nil {
			t.Errorf("%s is required on the page, and nobody misses it", f.path)
		}
	}
	if found < 8 {
		t.Errorf("found %d required fields, so this test looks for the wrong thing", found)
	}
}
