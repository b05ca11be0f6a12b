package mapping

import (
	"context"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/forge"
)

func (c *Compiler) checkAbout(title, instructions string, links []approvals.Expression) error {
	all := slices.Concat([]approvals.Expression{{Name: "title", Expression: title}, {Name: "instructions", Expression: instructions}}, nil)
	for _, l := range links {
		all = append(all, approvals.Expression{Name: "link " + l.Name, Expression: l.Expression})
	}
	for _, e := range all {
		if e.Expression == "" {
			continue
		}
		if err := c.Check(e.Expression); err != nil {
			return within(e.Name, err)
		}
	}
	return nil
}

// about works out what approvers are told. The Trigger's title stands in the place of the
// Gate's: it knows what it delivers. Instructions and links of the Gate always stand, and
// before the Trigger's: those who own the environment have the first word.
func (c *Compiler) about(ctx context.Context, trigger string, l approvals.InterceptorParams, p approvals.Policy, s approvals.Source, vars Vars, params []approvals.Param) (approvals.About, error) {
	var out approvals.About
	for _, expr := range []string{l.Title, p.Title} {
		if expr == "" || out.Title != "" {
			continue
		}
		title, err := c.String(ctx, expr, vars)
		if err != nil {
			return out, within("title", err)
		}
		out.Title = approvals.CleanTitle(title)
	}
	if out.Title == "" && trigger != "" {
		out.Title = titleOf(trigger, s, params)
	}
	var said []string
	for _, expr := range []string{p.Instructions, l.Instructions} {
		if expr == "" {
			continue
		}
		text, err := c.String(ctx, expr, vars)
		if err != nil {
			return out, within("instructions", err)
		}
		if text = strings.TrimSpace(approvals.Printable(text)); text != "" {
			said = append(said, text)
		}
	}
	if out.Instructions = strings.Join(said, "\n\n"); len(out.Instructions) > approvals.MaxInstructions {
		return out, approvals.Errorf(approvals.CodeInvalid, "the instructions have %d bytes and the limit is %d: shorten them, and link to the rest", len(out.Instructions), approvals.MaxInstructions)
	}
	for _, x := range slices.Concat(p.Links, l.Links) {
		address, err := c.String(ctx, x.Expression, vars)
		if err != nil {
			return out, within("link "+x.Name, err)
		}
		if address == "" { // it has none in this case
			continue
		}
		link := approvals.Link{Name: x.Name, URL: address}
		if err := approvals.CheckLink(link); err != nil {
			return out, err
		}
		out.Links = append(out.Links, link)
	}
	if len(out.Links) > approvals.MaxLinks {
		return out, approvals.Errorf(approvals.CodeInvalid, "the gate and the trigger have %d links and the limit is %d together", len(out.Links), approvals.MaxLinks)
	}
	return out, nil
}

// titleOf is the Trigger's name with what tells this delivery from others, "" where nothing
// does.
func titleOf(trigger string, s approvals.Source, params []approvals.Param) string {
	version := approvals.VersionOf(params, s.Results, s.Params)
	if version == "" && s.Event != nil {
		version = forge.Read(s.Event.Body).Version()
	}
	if version == "" {
		return ""
	}
	return approvals.CleanTitle(trigger + " " + version)
}
