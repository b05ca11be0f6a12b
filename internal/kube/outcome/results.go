package outcome

import (
	"context"
	"log/slog"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
)

// Results works out the results of decisions by the expressions of their Gates. One that fails
// must not make a decision impossible: the default results stand in, Reports tells it on the
// Approval, and the part that reads a missing one is reported as not released. One that was
// interrupted says nothing, and the decision is tried again.
type Results struct {
	CEL     *mapping.Compiler
	Reports Reports
	Log     *slog.Logger
}

// Reports tells people what stands in for what.
type Reports interface {
	// ResultsFellBack says on a that its results are not those of its Gate, and why.
	ResultsFellBack(a approvals.Approval, err error)
}

var _ approvals.ResultEvaluator = (*Results)(nil)

// Results implements approvals.ResultEvaluator.
func (r *Results) Results(ctx context.Context, a approvals.Approval) ([]approvals.Param, error) {
	rs, err := r.evaluate(ctx, a)
	if err == nil || approvals.CodeOf(err) == approvals.CodeUnavailable {
		return rs, err
	}
	r.Log.Warn("results fall back to the defaults", "namespace", a.Namespace, "approval", a.Name, "reason", approvals.Message(err))
	r.Reports.ResultsFellBack(a, approvals.Errorf(approvals.CodeInvalid, "the default results are used, because the results of the Gate can't be evaluated: %s", approvals.Message(err)))
	return approvals.DefaultResults(a), nil
}

// evaluate gives the Gate's results. Whatever an Approval holds, it is an error of that one
// and ends nothing else: a panic too.
func (r *Results) evaluate(ctx context.Context, a approvals.Approval) (rs []approvals.Param, err error) {
	defer func() {
		if p := recover(); p != nil {
			rs, err = nil, approvals.Errorf(approvals.CodeInvalid, "internal error: %v", p)
		}
	}()
	vars, err := mapping.SourceVars(a.Namespace, a.Source)
	if err != nil {
		return nil, err
	}
	return r.CEL.Results(ctx, a, vars)
}
