package interceptor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
)

// Name is the ClusterInterceptor's name.
const Name = "countersign"

// InlinePolicy reads a Gate that stands in the Trigger itself.
type InlinePolicy func(raw []byte) (approvals.Policy, error)

// ParseLine finds the countersign interceptor among a Trigger's and reads its
// params. It returns nil without one. Errors are CodeInvalid and name the param.
func ParseLine(chain []*triggersv1.TriggerInterceptor, inline InlinePolicy) (*approvals.Line, error) {
	i := slices.IndexFunc(chain, IsOurs)
	if i < 0 {
		return nil, nil
	}
	line := &approvals.Line{}
	for _, p := range chain[i].Params {
		if err := parseParam(line, p.Name, p.Value.Raw, inline); err != nil {
			return nil, approvals.Errorf(approvals.CodeInvalid, "interceptor %s, param %s: %v", Name, p.Name, err)
		}
	}
	if line.Gate == "" && line.Inline == nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "interceptor %s has no param gate: add {name: gate, value: NAME} for a Gate of the Trigger's namespace", Name)
	}
	return line, nil
}

// IsOurs says whether an interceptor of a Trigger is this one.
func IsOurs(ti *triggersv1.TriggerInterceptor) bool {
	return ti != nil && ti.Ref.Name == Name && (ti.Ref.Kind == triggersv1.ClusterInterceptorKind || ti.Ref.Kind == "")
}

func parseParam(line *approvals.Line, name string, raw []byte, inline InlinePolicy) error {
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
		var after struct {
			Pipeline string `json:"pipeline"`
		}
		if err := strict(raw, &after); err != nil {
			return err
		}
		if after.Pipeline == "" {
			return fmt.Errorf("it needs a pipeline: {pipeline: NAME}")
		}
		line.After = after.Pipeline
		return nil
	case "forward":
		var forward map[string]string
		if err := strict(raw, &forward); err != nil {
			return err
		}
		if len(forward) > approvals.MaxForward {
			return fmt.Errorf("it forwards %d params and the most is %d", len(forward), approvals.MaxForward)
		}
		for _, k := range slices.Sorted(maps.Keys(forward)) {
			line.Forward = append(line.Forward, approvals.Expression{Name: k, Expression: forward[k]})
		}
		return nil
	case "requester":
		return strict(raw, &line.Requester)
	default:
		return fmt.Errorf("unknown param: use gate, after, forward or requester")
	}
}

// strict decodes one JSON value and refuses fields it does not know, so that a
// misspelt field is an error and not a gate that does something else.
func strict(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the value")
	}
	return nil
}
