package app

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
)

// resultsOf maps a decided Approval to its results. An expression that fails must
// not make a decision impossible: the default results stand in, say tells it on the
// Approval, and the part that reads a missing one is reported as not released. One that
// was interrupted says nothing, and the decision is tried again.
func resultsOf(cel *mapping.Compiler, o Options, say func(approvals.Approval, error)) func(context.Context, approvals.Approval) ([]approvals.Param, error) {
	return func(ctx context.Context, a approvals.Approval) ([]approvals.Param, error) {
		rs, err := evaluated(ctx, cel, a)
		if err == nil || approvals.CodeOf(err) == approvals.CodeUnavailable {
			return rs, err
		}
		o.Log.Warn("results fall back to the defaults", "namespace", a.Namespace, "approval", a.Name, "reason", approvals.Message(err))
		say(a, approvals.Errorf(approvals.CodeInvalid, "the results are the default ones, since those of the Gate can't be worked out: %s", approvals.Message(err)))
		return approvals.DefaultResults(a), nil
	}
}

// evaluated are the Gate's results. Whatever an Approval holds, it is an error of that one
// and ends nothing else: a panic too.
func evaluated(ctx context.Context, cel *mapping.Compiler, a approvals.Approval) (rs []approvals.Param, err error) {
	defer func() {
		if r := recover(); r != nil {
			rs, err = nil, approvals.Errorf(approvals.CodeInvalid, "internal error: %v", r)
		}
	}()
	vars, err := mapping.SourceVars(a.Namespace, a.Source)
	if err != nil {
		return nil, err
	}
	return cel.Results(ctx, a, vars)
}
