package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	sigsyaml "sigs.k8s.io/yaml"
)

// page writes the reference page of one kind.
type page struct {
	strings.Builder
	kind     string
	examples []*yaml.Node
	err      error // of the first example that could not be written
}

// kindPage is the page of one CRD. For each field of spec and status it has a heading, what the
// field means, its type and bounds, an example, and what happens when it is wrong.
func kindPage(manifest []byte) (name, text string, err error) {
	var crd apiextensionsv1.CustomResourceDefinition
	if err := sigsyaml.UnmarshalStrict(manifest, &crd); err != nil {
		return "", "", err
	}
	if len(crd.Spec.Versions) != 1 {
		return "", "", fmt.Errorf("it has %d versions, and this writes pages of one", len(crd.Spec.Versions))
	}
	v := crd.Spec.Versions[0]
	names, root := crd.Spec.Names, v.Schema.OpenAPIV3Schema
	b := &page{kind: names.Kind}
	if b.examples, err = examplesOf(names.Kind); err != nil {
		return "", "", err
	}
	fmt.Fprintf(b, "<!-- Generated from deploy/crd by internal/docgen. Change the comments in api/%s, or internal/docgen/examples, and run make generate. -->\n\n# %s\n\n", v.Name, names.Kind)
	b.WriteString(prose(root.Description))
	scope := "Objects of this kind live in a namespace."
	if crd.Spec.Scope == apiextensionsv1.ClusterScoped {
		scope = "Objects of this kind belong to the whole cluster."
	}
	fmt.Fprintf(b, "%s The API version is `%s/%s`, and `kubectl get %s` lists them. A field that the kind does not have is an error in `kubectl apply`.\n", scope, crd.Spec.Group, v.Name, names.Plural)
	b.example(render(b.examples[0]))
	for _, part := range []string{"spec", "status"} {
		p, ok := root.Properties[part]
		if !ok {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s", part, prose(p.Description))
		if s := written[names.Kind+"."+part]; s != "" {
			b.WriteString(s + "\n\n")
		}
		if s := messages(p.XValidations); s != "" {
			b.WriteString("The API server refuses an object that breaks a rule, with one of these messages:\n\n" + s)
		}
		b.table(p)
		b.fields(p, part+".", 3)
	}
	return strings.ToLower(names.Kind), b.String(), b.err
}

// written are the parts that people do not write, each with what happens to one that is wrong.
var written = map[string]string{
	"Gate.status": "A value that somebody else writes is replaced.",
	"Vote.status": "A Vote that somebody else gave a status is not counted.",
	"Approval.spec": "Countersign writes the spec, so nothing here is for you to set. The API server refuses a spec from anybody else, and any change of it, by the admission policies " +
		"`countersign-approvals` and `countersign-approvals-immutable`. Where these are missing, an Approval that somebody else created or changed has a signature that does not verify: " +
		"its condition `Ready` has reason `SignatureInvalid`, and nobody can decide it.",
	"Approval.status": "Countersign writes the status. The API server refuses a status from anybody else, by the admission policy `countersign-approvals`.",
	"Evidence.spec": "Countersign writes the spec, so nothing here is for you to set. The API server refuses Evidence from anybody else, by the admission policy `countersign-evidence`. " +
		"Bytes that do not match `sha256`, or whose `signature` does not verify, are shown to nobody.",
}

// elsewhere are the fields whose own fields another page has, or another part of the page.
var elsewhere = map[string]string{
	"Approval.spec.resolved.policy":             "It has the fields of a [Gate's spec](gate.md#spec).",
	"Approval.spec.resolved.evidence[].summary": "It has the fields of [summaries](#resolvedsummaries).",
	"Approval.status.reruns[].run":              "It has the fields of [secondRun](#secondrun).",
}

// seeAlso leads from a field to the page that explains it.
var seeAlso = map[string]string{ //nolint:gosec // names of fields, no credentials
	"Gate.spec.evidence[]":                  "[Evidence](../concepts/evidence.md)",
	"Gate.spec.inputs[]":                    "[Text that approvers type](../explanation/approver-text.md)",
	"Gate.spec.instructions":                "[What approvers read](../concepts/gate.md#what-approvers-read)",
	"Gate.spec.keepFor":                     "[Retention and export](../tasks/retention-and-export.md)",
	"Gate.spec.notify":                      "[Who is notified](resources.md#who-is-notified)",
	"Gate.spec.notify.channels[]":           "[Channels](configuration.md#channels)",
	"Gate.spec.notify.secondRun":            "[The end of the second run](../concepts/approval.md#the-end-of-the-second-run)",
	"Gate.spec.record":                      "[The audit log](configuration.md#the-audit-log)",
	"Gate.spec.release":                     "[Release](release.md)",
	"Gate.spec.requester":                   "[Who asked](../explanation/security.md#who-asked)",
	"Gate.spec.rerun":                       "[Operating](resources.md#operating)",
	"Gate.spec.results[]":                   "[CEL](resources.md#cel)",
	"Gate.spec.resultsPreset":               "[Approval tasks](approvaltask.md)",
	"Gate.spec.signingSecret":               "[Senders that prove themselves](resources.md#senders-that-prove-themselves)",
	"Gate.spec.verifyRun":                   "[Nothing executes before it was compared](../explanation/guarantees.md#nothing-executes-before-it-was-compared)",
	"Gate.spec.approvers.users[].email":     "[The directory](configuration.md#the-directory)",
	"Vote.spec.breakGlass":                  "[Break-glass](../tasks/break-glass.md)",
	"Vote.spec.verdict":                     "[Operating](resources.md#operating)",
	"GatePolicy.spec.quota":                 "[What a namespace may have](configuration.md#what-a-namespace-may-have)",
	"Approval.spec.resolved.requesterProof": "[Who asked](../explanation/security.md#who-asked)",
	"Approval.spec.resolved.summaries[]":    "[Reports](reports.md)",
	"Approval.spec.source.pipelineRun":      "[Which runs a Trigger waits for](resources.md#which-runs-a-trigger-waits-for)",
	"Approval.status.conditions[]":          "[Conditions](resources.md#conditions)",
	"Gate.status.conditions[]":              "[Conditions](resources.md#conditions)",
	"Approval.status.notifications[]":       "[Who is notified](resources.md#who-is-notified)",
	"Approval.status.secondRun":             "[The end of the second run](../concepts/approval.md#the-end-of-the-second-run)",
	"Approval.spec.source.event":            "[The signed event](resources.md#the-signed-event)",
	"Approval.spec.source.customRun":        "[Approval tasks](approvaltask.md)",
	"Approval.spec.resolved.references[]":   "[Nothing executes before it was compared](../explanation/guarantees.md#nothing-executes-before-it-was-compared)",
	"Approval.spec.replaces":                "[Asking again](resources.md#asking-again)",
	"Approval.status.results[]":             "[What bindings read](resources.md#what-bindings-read)",
	"Approval.status.retryRequestedAt":      "[Operating](resources.md#operating)",
	"Approval.spec.resolved.target":         "[Release](release.md)",
	"Approval.spec.resolved.evidence[]":     "[Evidence](../concepts/evidence.md)",
	"Approval.status.effect":                "[Release](release.md)",
}

func (b *page) example(text string, err error) {
	if err != nil && b.err == nil {
		b.err = err
	}
	if text != "" {
		fmt.Fprintf(b, "\n```yaml\n%s```\n", text)
	}
}

// table lists the fields of a part, each with its first sentence and a link to its heading.
func (b *page) table(p apiextensionsv1.JSONSchemaProps) {
	b.WriteString("\n| field | type | meaning |\n|---|---|---|\n")
	for _, n := range slices.Sorted(maps.Keys(p.Properties)) {
		f := p.Properties[n]
		kind := cmpType(f)
		if f.Type == "array" && f.Items != nil && f.Items.Schema != nil {
			kind = "list of " + plural(cmpType(*f.Items.Schema))
		}
		if slices.Contains(p.Required, n) {
			kind += ", required"
		}
		sentence, _, _ := strings.Cut(strings.Join(strings.Fields(prose(f.Description)), " "), ". ")
		fmt.Fprintf(b, "| [`%s`](#%s) | %s | %s. |\n", n, strings.ToLower(n), kind, strings.ReplaceAll(strings.TrimSuffix(sentence, "."), "|", "\\|"))
	}
}

// fields writes the fields of an object, each before those within it.
func (b *page) fields(parent apiextensionsv1.JSONSchemaProps, path string, level int) {
	for _, n := range slices.Sorted(maps.Keys(parent.Properties)) {
		p, at := parent.Properties[n], path+n
		inner := p
		if p.Type == "array" && p.Items != nil && p.Items.Schema != nil {
			inner, at = *p.Items.Schema, at+"[]"
		}
		_, heading, _ := strings.Cut(at, ".")
		fmt.Fprintf(b, "\n%s %s\n\n%s", strings.Repeat("#", min(level, 6)), heading, prose(p.Description))
		if p.Description == "" && inner.Description != "" {
			b.WriteString(prose(inner.Description))
		}
		required := slices.Contains(parent.Required, n)
		fmt.Fprintf(b, "%s\n", facts(p, inner, required))
		b.example(exampleOf(b.examples, at, inner))
		part, _, _ := strings.Cut(path, ".")
		if written[b.kind+"."+part] == "" {
			b.WriteString("\n" + wrong(p, inner, required, n, parent.XValidations))
		}
		if s := seeAlso[b.kind+"."+at]; s != "" {
			fmt.Fprintf(b, "\nSee %s.\n", s)
		}
		if s := elsewhere[b.kind+"."+at]; s != "" {
			fmt.Fprintf(b, "\n%s\n", s)
		} else if len(inner.Properties) > 0 && n != "conditions" {
			b.fields(inner, at+".", level+1)
		}
	}
}

// wrong is what happens when a field is wrong: what the API server refuses, with its messages.
func wrong(p, inner apiextensionsv1.JSONSchemaProps, required bool, name string, parent apiextensionsv1.ValidationRules) string {
	rules := slices.Clone(p.XValidations)
	if p.Type == "array" {
		rules = append(rules, inner.XValidations...)
	}
	about := regexp.MustCompile(`\bself\.` + name + `\b`)
	for _, r := range parent {
		if about.MatchString(r.Rule) {
			rules = append(rules, r)
		}
	}
	s := "If it is wrong: the API server refuses "
	switch {
	case required:
		s += "an object without it, and any other value"
	case len(inner.Enum) > 0 || inner.Pattern != "" || inner.Minimum != nil || inner.Maximum != nil || inner.MaxLength != nil || p.MaxItems != nil:
		s += "any other value"
	default:
		s += "a value of another type"
	}
	if m := messages(rules); m != "" {
		return s + ", and says one of these:\n\n" + m
	}
	return s + ".\n"
}

// facts is one line of what the API server takes.
func facts(p, inner apiextensionsv1.JSONSchemaProps, required bool) string {
	kind := cmpType(p)
	if p.Type == "array" {
		kind = "list of " + plural(cmpType(inner))
	}
	out := []string{"Type: " + kind}
	if required {
		out = append(out, "required")
	}
	each := ""
	for _, x := range []apiextensionsv1.JSONSchemaProps{p, inner} {
		if len(x.Enum) > 0 {
			values := make([]string, 0, len(x.Enum))
			for _, e := range x.Enum {
				values = append(values, "`"+strings.Trim(string(e.Raw), `"`)+"`")
			}
			out = append(out, "one of "+strings.Join(values, ", "))
		}
		if x.Default != nil {
			out = append(out, "default `"+compact(x.Default.Raw)+"`")
		}
		if x.Minimum != nil || x.Maximum != nil {
			out = append(out, bounds("", x.Minimum, x.Maximum))
		}
		if x.MinLength != nil || x.MaxLength != nil {
			out = append(out, bounds(" characters"+each, floatOf(x.MinLength), floatOf(x.MaxLength)))
		}
		if x.MinItems != nil || x.MaxItems != nil {
			out = append(out, bounds(" items", floatOf(x.MinItems), floatOf(x.MaxItems)))
		}
		if x.MaxProperties != nil {
			out = append(out, bounds(" entries", nil, floatOf(x.MaxProperties)))
		}
		if x.Pattern != "" {
			out = append(out, "must match `"+x.Pattern+"`")
		}
		if p.Type != "array" {
			break
		}
		each = " each"
	}
	return strings.Join(slices.Compact(out), "; ") + "."
}

// messages are what the API server says of objects that break rules, as a list.
func messages(rules apiextensionsv1.ValidationRules) string {
	var b strings.Builder
	for _, r := range rules {
		if r.Message != "" {
			fmt.Fprintf(&b, "- `%s`\n", r.Message)
		}
	}
	return b.String()
}

func cmpType(p apiextensionsv1.JSONSchemaProps) string {
	switch {
	case p.XIntOrString:
		return "integer or string"
	case p.Format == "date-time":
		return "time"
	case p.Type == "":
		return "any value"
	case p.Type == "object" && p.AdditionalProperties != nil:
		return "map of strings"
	}
	return p.Type
}

func plural(s string) string {
	if strings.HasSuffix(s, "s") || strings.Contains(s, " ") {
		return s
	}
	return s + "s"
}

func bounds(unit string, least, most *float64) string {
	switch {
	case least != nil && most != nil && *least == *most:
		return fmt.Sprintf("exactly %.0f%s", *most, unit)
	case least != nil && *least > 0 && most != nil:
		return fmt.Sprintf("%.0f to %.0f%s", *least, *most, unit)
	case most != nil:
		return fmt.Sprintf("at most %.0f%s", *most, unit)
	default:
		return fmt.Sprintf("at least %.0f%s", *least, unit)
	}
}

func floatOf(n *int64) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

func compact(raw []byte) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	b, _ := json.Marshal(v)
	return strings.Trim(string(b), `"`)
}

// prose is a comment as Markdown: its paragraphs, and what HTML would take escaped.
func prose(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	return strings.NewReplacer("<", "&lt;", "\n", "\n").Replace(s) + "\n\n"
}
