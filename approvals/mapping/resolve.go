package mapping

import (
	"context"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// CheckLine says which expression of a Trigger's line does not compile.
func (c *Compiler) CheckLine(l approvals.InterceptorParams) error {
	for _, f := range l.Forward {
		if err := c.Check(f.Expression); err != nil {
			return within("forward "+f.Name, err)
		}
	}
	if l.Requester != "" {
		if err := c.Check(l.Requester); err != nil {
			return within("requester", err)
		}
	}
	return c.checkAbout(l.Title, l.Instructions, l.Links)
}

// CheckPolicy says which expression of a policy does not compile.
func (c *Compiler) CheckPolicy(p approvals.Policy) error {
	if p.SupersedeKey != "" {
		if err := c.Check(p.SupersedeKey); err != nil {
			return within("supersedeKey", err)
		}
	}
	if n := p.Release.Name; n != "" && !approvals.IsPlainName(n) {
		if err := c.Check(n); err != nil {
			return within("release: name", err)
		}
	}
	if err := c.checkAbout(p.Title, p.Instructions, p.Links); err != nil {
		return err
	}
	preset, _ := tasks.Find(p.Preset)
	for _, in := range p.Inputs {
		if slices.ContainsFunc(preset.Results, func(r approvals.Expression) bool { return r.Name == in.Name }) {
			return approvals.Errorf(approvals.CodeInvalid, "gate %q: input %q has the same name as a result of %s: rename the input", p.Gate, in.Name, p.Preset)
		}
	}
	for _, r := range p.Results {
		if err := c.Check(r.Expression); err != nil {
			return within("results "+r.Name, err)
		}
	}
	return nil
}

// Resolve resolves an Approval: what its source forwards by the Trigger's
// line, and under which policy. template is the digest of what the outcome will
// start. Every error is CodeInvalid and names the field to fix.
func (c *Compiler) Resolve(ctx context.Context, namespace, trigger string, l approvals.InterceptorParams, p approvals.Policy, s approvals.Source, template string) (*approvals.ResolvedSpec, error) {
	if err := c.CheckPolicy(p); err != nil {
		return nil, err
	}
	vars, err := SourceVars(namespace, s)
	if err != nil {
		return nil, err
	}
	asked, err := c.asked(ctx, l, vars, s)
	if err != nil {
		return nil, err
	}
	if err := p.ValidateFor(asked, c.People); err != nil {
		return nil, err
	}
	if err := p.CheckAsked(asked); err != nil {
		return nil, err
	}
	t := &approvals.ResolvedSpec{Policy: &p, Requester: asked.Who, RequesterProof: asked.Proof, RequesterAliases: asked.Also, TemplateDigest: template}
	for _, f := range l.Forward {
		value, err := c.String(ctx, f.Expression, vars)
		if err != nil {
			return nil, within("forward "+f.Name, err)
		}
		if strings.Contains(value, "\x00") {
			return nil, approvals.Errorf(approvals.CodeInvalid, "forward %s: the value contains a NUL character, which no container accepts: remove it with replace()", f.Name)
		}
		t.Params = append(t.Params, approvals.Param{Name: f.Name, Value: approvals.Neutral(value)})
	}
	for _, in := range p.Inputs {
		if slices.ContainsFunc(t.Params, func(x approvals.Param) bool { return x.Name == in.Name }) {
			return nil, approvals.Errorf(approvals.CodeInvalid, "input %s of gate %q is also a forwarded param of trigger %s: rename one", in.Name, p.Gate, trigger)
		}
	}
	if p.SupersedeKey != "" {
		if t.SupersedeKey, err = c.String(ctx, p.SupersedeKey, vars); err != nil {
			return nil, within("supersedeKey", err)
		}
	}
	if p.Release.Kind != "" {
		if t.Target, err = c.target(ctx, p.Release, vars); err != nil {
			return nil, err
		}
		t.TemplateDigest = "" // nothing is made of the Trigger
	}
	if t.About, err = c.about(ctx, trigger, l, p, s, vars, t.Params); err != nil {
		return nil, err
	}
	t.Summaries = summaries(p.Show, s.Results)
	t.Digest = t.ContentDigest(namespace, trigger, t.TemplateDigest, s)
	return t, nil
}

// target is the object that a release means for what vars has.
func (c *Compiler) target(ctx context.Context, r approvals.Release, v Vars) (*approvals.Target, error) {
	t := &approvals.Target{Kind: r.Kind, Name: r.Name, Key: r.Key}
	if !approvals.IsPlainName(r.Name) {
		var err error
		if t.Name, err = c.String(ctx, r.Name, v); err != nil {
			return nil, within("release: name", err)
		}
	}
	return t, t.Validate()
}
