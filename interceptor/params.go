package interceptor

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
)

// Name is the ClusterInterceptor's name, which Triggers refer to, and the key of its extension.
const Name = "countersign"

// InlinePolicy reads a Gate that stands in the Trigger itself.
type InlinePolicy func(raw []byte) (approvals.Policy, error)

// ParseParams finds the countersign interceptor among a Trigger's and reads its
// params. It returns nil without one. Errors are CodeInvalid and name the param.
func ParseParams(chain []*triggersv1.TriggerInterceptor, inline InlinePolicy) (*approvals.InterceptorParams, error) {
	i, err := Place(chain)
	if err != nil || i < 0 {
		return nil, err
	}
	if err := checkOverlays(chain, i); err != nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "%v", err)
	}
	line := &approvals.InterceptorParams{}
	seen := map[string]bool{}
	for _, p := range chain[i].Params {
		if seen[p.Name] {
			return nil, approvals.Errorf(approvals.CodeInvalid, "interceptor %s has param %s twice: keep one", Name, p.Name)
		}
		seen[p.Name] = true
		if err := parseParam(line, p.Name, p.Value.Raw, inline); err != nil {
			return nil, approvals.Errorf(approvals.CodeInvalid, "interceptor %s, param %s: %v", Name, p.Name, err)
		}
	}
	if line.Gate == "" && line.Inline == nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "interceptor %s has no param gate: add {name: gate, value: NAME} for a Gate of the Trigger's namespace", Name)
	}
	return line, nil
}

// Place returns the index of this interceptor in a Trigger's chain, -1 for none. The error is
// about a chain that only looks like a gate and asks nobody, or that has a second one and
// looks stricter than it is.
func Place(chain []*triggersv1.TriggerInterceptor) (int, error) {
	at := -1
	for i, ti := range chain {
		switch {
		case IsOurs(ti) && at >= 0:
			return -1, approvals.Errorf(approvals.CodeInvalid,
				"it has the interceptor %[1]s twice, at positions %[2]d and %[3]d, but a Trigger uses one Gate: keep one, and list everybody who has to agree in its Gate, as rules", Name, at+1, i+1)
		case IsOurs(ti):
			at = i
		case at >= 0 && ti != nil && ti.Webhook == nil && ti.Ref.Kind == triggersv1.NamespacedInterceptorKind && !named(ti):
			return -1, approvals.Errorf(approvals.CodeInvalid,
				"its interceptor %d, %s, is a %s and comes after %[4]s: anyone who can edit it in the namespace would see the run's name before the run exists, and could change what starts after people approved it: put it before %[4]s, or make it a %s", i+1, ti.Ref.Name, ti.Ref.Kind, Name, triggersv1.ClusterInterceptorKind)
		case named(ti):
			return -1, approvals.Errorf(approvals.CodeInvalid,
				"its interceptor %d has the name %s but does not refer to this service, so it would not request approval: use ref: {kind: %s, name: %s}, without webhook", i+1, Name, triggersv1.ClusterInterceptorKind, Name)
		}
	}
	return at, nil
}

// CheckGroup returns CodeInvalid when this interceptor stands in a triggerGroup: it is asked once for
// all of the group's Triggers there, and can't know what would start.
func CheckGroup(g triggersv1.EventListenerTriggerGroup) error {
	for _, ti := range g.Interceptors {
		if IsOurs(ti) || named(ti) {
			return approvals.Errorf(approvals.CodeInvalid,
				"triggerGroup %s has the interceptor %s, which can't tell in a group what would start: remove it from the group and add it to each Trigger that needs approval", g.Name, Name)
		}
	}
	return nil
}

// IsOurs reports whether an interceptor of a Trigger is this one. With a webhook the
// EventListener calls that, whatever the reference says.
func IsOurs(ti *triggersv1.TriggerInterceptor) bool {
	return ti != nil && ti.Webhook == nil && ti.Ref.Name == Name && (ti.Ref.Kind == triggersv1.ClusterInterceptorKind || ti.Ref.Kind == "")
}

// named reports whether an interceptor has this one's name where somebody who reads the
// Trigger would look for it.
func named(ti *triggersv1.TriggerInterceptor) bool {
	if ti == nil {
		return false
	}
	return strings.EqualFold(ti.Ref.Name, Name) || ti.Webhook != nil && ti.Webhook.ObjectRef != nil && strings.EqualFold(ti.Webhook.ObjectRef.Name, Name)
}

// maxParamName bounds a forwarded param's name, in bytes. The Approval's schema has it too.
const maxParamName = 253

func parseParam(line *approvals.InterceptorParams, name string, raw []byte, inline InlinePolicy) error {
	switch name {
	case "gate":
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			p, err := inline(raw)
			if err != nil {
				return err
			}
			line.Inline = &p
			return nil
		}
		return strict(raw, &line.Gate)
	case "after":
		after, err := parseAfter(raw)
		line.After = after
		return err
	case "forward":
		var forward map[string]string
		if err := strict(raw, &forward); err != nil {
			return err
		}
		if len(forward) > approvals.MaxForward {
			return fmt.Errorf("it forwards %d params and the limit is %d", len(forward), approvals.MaxForward)
		}
		for _, k := range slices.Sorted(maps.Keys(forward)) {
			if k == "" || len(k) > maxParamName {
				return fmt.Errorf("it forwards a param whose name has %d bytes: use 1 to %d", len(k), maxParamName)
			}
			line.Forward = append(line.Forward, approvals.Expression{Name: k, Expression: forward[k]})
		}
		return nil
	case "requester":
		return strict(raw, &line.Requester)
	case "title":
		return strict(raw, &line.Title)
	case "instructions":
		return strict(raw, &line.Instructions)
	case "links":
		return parseLinks(line, raw)
	default:
		return fmt.Errorf("unknown param: use gate, after, forward, requester, title, instructions or links")
	}
}

// parseLinks reads links, each a name and its expression.
func parseLinks(line *approvals.InterceptorParams, raw []byte) error {
	var links map[string]string
	if err := strict(raw, &links); err != nil {
		return err
	}
	if len(links) > approvals.MaxLinks {
		return fmt.Errorf("it has %d links and the limit is %d", len(links), approvals.MaxLinks)
	}
	for _, k := range slices.Sorted(maps.Keys(links)) {
		if n := utf8.RuneCountInString(k); strings.TrimSpace(k) == "" || n > approvals.MaxLinkName {
			return fmt.Errorf("it has a link whose name has %d characters: use 1 to %d", n, approvals.MaxLinkName)
		}
		line.Links = append(line.Links, approvals.Expression{Name: k, Expression: links[k]})
	}
	return nil
}

// parseAfter reads which runs a Trigger waits for.
func parseAfter(raw []byte) (approvals.After, error) {
	var p struct {
		Pipeline          string `json:"pipeline"`
		PipelineNamespace string `json:"pipelineNamespace"`
		PipelineFrom      struct {
			URI        string `json:"uri"`
			EntryPoint string `json:"entryPoint"`
			Digest     string `json:"digest"`
		} `json:"pipelineFrom"`
		InlineRun string `json:"inlineRun"`
		Namespace string `json:"namespace"`
	}
	if err := strict(raw, &p); err != nil {
		return approvals.After{}, err
	}
	a := approvals.After{
		Pipeline: p.Pipeline, PipelineNamespace: p.PipelineNamespace, InlineRun: p.InlineRun, Namespace: p.Namespace,
		URI: p.PipelineFrom.URI, EntryPoint: p.PipelineFrom.EntryPoint, Digest: p.PipelineFrom.Digest,
	}
	return a, a.Validate()
}

// strict decodes one JSON value and refuses fields it does not know, so that a
// misspelt field is an error and not a gate that does something else.
func strict(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return inWords(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more text after the value")
	}
	return nil
}

// inWords says what is wrong with JSON as its author would, who knows nothing of Go's types.
func inWords(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		found, _, _ := strings.Cut(e.Value, " ") // a number has its value behind it
		is := map[string]string{"array": "a list", "object": "an object", "string": "a string", "number": "a number", "bool": "true or false"}[found]
		needed := map[reflect.Kind]string{reflect.String: "a string", reflect.Map: "an object", reflect.Struct: "an object"}[e.Type.Kind()]
		return fmt.Errorf("it has %s where %s is needed", cmp.Or(is, found), cmp.Or(needed, "something else"))
	}
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty")
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: "); ok {
		return errors.New(field)
	}
	return err
}
