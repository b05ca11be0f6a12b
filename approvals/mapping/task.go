package mapping

import (
	"context"
	"strconv"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// MaxShown is the most params of a task that are put before its approvers; the CRD
// schema has it too.
const MaxShown = 128

// ResolveTask resolves an Approval of a task: the policy that r amounts
// to, and as its params what is put before the approvers, which travels nowhere. Every
// error is CodeInvalid and names what to fix.
func (c *Compiler) ResolveTask(ctx context.Context, namespace string, m tasks.Mapping, r tasks.Request, s approvals.Source) (*approvals.ResolvedSpec, error) {
	p, err := m.Policy(r)
	if err != nil {
		return nil, err
	}
	shown := m.Shown(r.Params)
	if len(shown) > MaxShown {
		return nil, approvals.Errorf(approvals.CodeInvalid, "the task has %d params besides those that name the approvers, and the limit is %d", len(shown), MaxShown)
	}
	var l approvals.InterceptorParams
	for _, x := range shown {
		l.Forward = append(l.Forward, approvals.Expression{Name: x.Name, Expression: "params[" + strconv.Quote(x.Name) + "]"})
	}
	return c.Resolve(ctx, namespace, "", l, p, s, "")
}
