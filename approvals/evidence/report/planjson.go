package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// planDoc has the fields of a tfjson.Plan that are about changes. The rest, such as all values
// of the state, is as large again and is not decoded.
type planDoc struct {
	FormatVersion   string                 `json:"format_version"`
	ResourceChanges []*planResource        `json:"resource_changes"`
	ResourceDrift   []*planResource        `json:"resource_drift"`
	OutputChanges   map[string]*planChange `json:"output_changes"`
	Deferred        []json.RawMessage      `json:"deferred_changes"`
	Actions         []*planAction          `json:"action_invocations"`
	DeferredActions []json.RawMessage      `json:"deferred_action_invocations"`
	Errored         bool                   `json:"errored"`
	Complete        *bool                  `json:"complete"`
}

// planAction is an action of a provider that applying the plan invokes. What it is given may
// be secret, and is not decoded.
type planAction struct {
	Address string `json:"address"`
	Trigger struct {
		By    string `json:"triggering_resource_address"`
		Event string `json:"action_trigger_event"`
	} `json:"lifecycle_action_trigger"`
}

// planResource is tfjson.ResourceChange with values that are decoded only when they are shown: a plan
// may have thousands.
type planResource struct {
	Address         string              `json:"address"`
	PreviousAddress string              `json:"previous_address"`
	Mode            tfjson.ResourceMode `json:"mode"`
	Type            string              `json:"type"`
	Name            string              `json:"name"`
	DeposedKey      string              `json:"deposed"`
	ActionReason    tfjson.ActionReason `json:"action_reason"`
	Change          *planChange         `json:"change"`
}

// planChange is tfjson.Change, likewise.
type planChange struct {
	Actions         tfjson.Actions    `json:"actions"`
	Importing       *tfjson.Importing `json:"importing"`
	Before          json.RawMessage   `json:"before"`
	After           json.RawMessage   `json:"after"`
	AfterUnknown    json.RawMessage   `json:"after_unknown"`
	BeforeSensitive json.RawMessage   `json:"before_sensitive"`
	AfterSensitive  json.RawMessage   `json:"after_sensitive"`
	ReplacePaths    json.RawMessage   `json:"replace_paths"`
}

// whole decodes the values. Larger numbers than a float64 holds stay as they are.
func (c *planChange) whole() *tfjson.Change {
	out := &tfjson.Change{Actions: c.Actions}
	for raw, to := range map[*json.RawMessage]any{
		&c.Before: &out.Before, &c.After: &out.After, &c.AfterUnknown: &out.AfterUnknown,
		&c.BeforeSensitive: &out.BeforeSensitive, &c.AfterSensitive: &out.AfterSensitive, &c.ReplacePaths: &out.ReplacePaths,
	} {
		if len(*raw) > 0 {
			d := json.NewDecoder(bytes.NewReader(*raw))
			d.UseNumber()
			_ = d.Decode(to) // it is valid JSON; paths of another shape than terraform's are left out
		}
	}
	return out
}

// part returns p with the changing attributes as its text, which is made when it is read.
func (c *planResource) part(p Part) Part {
	p.paint = paintPlan
	p.load = func() string { return attributesOf(c.Change.whole(), c.Type, c.Name) }
	p.size = len(c.Change.Before) + len(c.Change.After)
	return p
}

// parsePlanJSON reads the output of terraform show -json, and returns false for other JSON. The Report
// does not have the values that terraform marks as sensitive.
func parsePlanJSON(text string) (Report, bool) {
	var doc planDoc
	d := json.NewDecoder(strings.NewReader(text))
	if d.Decode(&doc) != nil || doc.FormatVersion == "" {
		return Report{}, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Report{}, false
	}
	r := Report{Format: PlanJSON}
	for _, c := range doc.ResourceChanges {
		r.resource(c)
	}
	for _, c := range doc.ResourceDrift {
		if c == nil || c.Change == nil || c.Change.Actions.NoOp() {
			continue
		}
		note := "has changed"
		if c.Change.Actions.Delete() {
			note = "has been deleted"
		}
		r.Summary.Drift++
		r.Parts = append(r.Parts, c.part(Part{Action: Drift, Title: address(c), Note: note}))
	}
	if s := outputsOf(doc.OutputChanges); s != "" {
		r.Parts = append(r.Parts, Part{Action: Outputs, Title: "Outputs", Note: "change", Text: s, paint: paintPlan})
	}
	r.actions(doc.Actions)
	switch {
	case doc.Errored:
		r.Summary.Incomplete = true
		r.warn("Planning failed, so this shows only some of the changes.")
	case doc.Complete != nil && !*doc.Complete || len(doc.Deferred)+len(doc.DeferredActions) > 0:
		r.Summary.Incomplete = true
		r.warn("The plan is not complete: %s deferred to a later one.", puttingOff(len(doc.Deferred)+len(doc.DeferredActions)))
	}
	return r, true
}

// actions lists the actions that are invoked: nothing is counted of what they do.
func (r *Report) actions(all []*planAction) {
	var b strings.Builder
	n := 0
	for _, a := range all {
		if a == nil {
			continue
		}
		n++
		b.WriteString("\n  " + short(a.Address))
		if a.Trigger.By != "" {
			b.WriteString(" (" + short(strings.TrimSpace(a.Trigger.Event+" of "+a.Trigger.By)) + ")")
		}
	}
	if n > 0 {
		r.warn(invokes, someActions(n))
		r.Parts = append(r.Parts, Part{Text: "Actions to be invoked:" + b.String(), paint: paintPlain})
	}
}

func puttingOff(n int) string {
	if n == 0 {
		return "some changes are"
	}
	if n == 1 {
		return "1 change is"
	}
	return fmt.Sprintf("%d changes are", n)
}

func address(c *planResource) string {
	if c.DeposedKey != "" {
		return c.Address + " (deposed object " + c.DeposedKey + ")"
	}
	return c.Address
}

// resource takes up one planned change.
func (r *Report) resource(c *planResource) {
	if c == nil || c.Change == nil {
		return
	}
	s, a := &r.Summary, c.Change.Actions
	moved := c.PreviousAddress != "" && c.PreviousAddress != c.Address
	p := Part{Title: address(c)}
	switch {
	case a.Delete() && c.Mode == tfjson.DataResourceMode:
		return // terraform does not show it either
	case a.Delete():
		p.Action, p.Note = Destroy, "will be destroyed"
		s.Destroy++
	case a.Replace():
		p.Action, p.Note = Replace, "must be replaced"
		s.Add, s.Destroy, s.Replace = s.Add+1, s.Destroy+1, s.Replace+1
	case slices.Equal(a, tfjson.Actions{tfjson.ActionForget, tfjson.ActionCreate}): // OpenTofu
		p.Action, p.Note = Replace, "must be replaced"+notDestroyed
		s.Add, s.Forget, s.Replace = s.Add+1, s.Forget+1, s.Replace+1
	case a.Create():
		p.Action, p.Note = Add, "will be created"
		s.Add++
	case a.Update():
		p.Action, p.Note = Change, "will be updated in-place"
		s.Change++
	case a.Forget():
		p.Action, p.Note = Forget, "will no longer be managed, but will not be destroyed"
		s.Forget++
	case a.Read():
		p.Action, p.Note = Read, "will be read during apply"
	case a.NoOp() && moved:
		p.Action = Move
	case a.NoOp() && c.Change.Importing != nil:
		p.Action, p.Note = Import, "will be imported"
	case a.NoOp():
		return
	default:
		// What is not known counts as the worst that it can be.
		p.Action, p.Note = Replace, "has an unknown action"
		s.Destroy, s.Replace, s.Incomplete = s.Destroy+1, s.Replace+1, true
		if len(r.Warnings) < maxUnknown { // the others are shown first as well, with their notes
			r.warn("%s has an action that Countersign does not know: read the plan as Terraform shows it.", short(p.Title))
		}
	}
	if moved {
		p.Note = strings.TrimSpace(p.Note + " (moved from " + c.PreviousAddress + ")")
		s.Move++
	}
	if i := c.Change.Importing; i != nil {
		s.Import++
		if i.ID != "" && p.Action != Import {
			p.Note += " (imported from " + i.ID + ")"
		}
	}
	if why := reasons[string(c.ActionReason)]; why != "" {
		p.Note += " (" + why + ")"
	}
	r.Parts = append(r.Parts, c.part(p))
}

// maxUnknown resources are warned of, each by its name.
const maxUnknown = 10

// reasons has a text for terraform's action_reason, in the words of its own plans where it has some.
var reasons = map[string]string{
	"replace_because_tainted":           "it is tainted",
	"replace_by_request":                "as requested",
	"replace_by_triggers":               "due to changes in replace_triggered_by",
	"delete_because_no_resource_config": "it is not in configuration",
	"delete_because_no_module":          "its module is not in configuration",
	"delete_because_wrong_repetition":   "the resource uses count or for_each otherwise",
	"delete_because_count_index":        "its index is out of range for count",
	"delete_because_each_key":           "its key is not in the for_each map",
	"delete_because_no_move_target":     "what it was moved to is not in configuration",
}
