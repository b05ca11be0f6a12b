package mapping

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// Results evaluates the Gate's result expressions over a decided Approval and
// returns the default results, or its preset's, with those replaced or added. Text is
// neutralised.
func (c *Compiler) Results(ctx context.Context, a approvals.Approval, vars Vars) ([]approvals.Param, error) {
	out, more := approvals.DefaultResults(a), a.Resolved.Policy.Results
	if m, ok := tasks.Find(a.Resolved.Policy.Preset); ok {
		out, more = nil, slices.Concat(m.Results, more)
	}
	vars.Approval = ApprovalVars(a)
	for _, r := range more {
		value, err := c.String(ctx, r.Expression, vars)
		if err != nil {
			return nil, err
		}
		out = set(out, approvals.Param{Name: r.Name, Value: approvals.Neutral(value)})
	}
	return out, nil
}

func set(ps []approvals.Param, p approvals.Param) []approvals.Param {
	for i := range ps {
		if ps[i].Name == p.Name {
			ps[i] = p
			return ps
		}
	}
	return append(ps, p)
}

// ApprovalVars is the variable "approval": outcome, requester, decidedAt, trigger,
// strategy, inputs, summary (numbers of all that people decided on, such as destroy, and
// incomplete), and votes, a list of {voter, verdict, comment, at, breakGlass}.
func ApprovalVars(a approvals.Approval) map[string]any {
	votes := make([]any, 0, len(a.Votes))
	for _, v := range a.Votes {
		votes = append(votes, map[string]any{
			"voter": v.Voter, "verdict": string(v.Verdict), "comment": v.Comment, "at": v.At.UTC().Format(time.RFC3339), "breakGlass": v.BreakGlass,
		})
	}
	vars := map[string]any{
		"namespace": a.Namespace, "name": a.Name, "trigger": a.Trigger, "outcome": string(a.Outcome),
		"decidedAt": a.DecidedAt.UTC().Format(time.RFC3339), "votes": votes, "requester": "", "inputs": approvals.ByName(a.Inputs),
		"strategy": "", "summary": summaryVars(evidence.Summary{}),
	}
	if a.Resolved != nil {
		vars["requester"], vars["strategy"] = a.Resolved.Requester, string(a.Resolved.Policy.Strategy)
		vars["summary"] = summaryVars(a.Resolved.Sum())
	}
	return vars
}

func summaryVars(s evidence.Summary) map[string]any {
	vars := map[string]any{"incomplete": s.Incomplete, "text": s.Line()}
	for k, n := range s.Counts() {
		vars[k] = int64(n)
	}
	return vars
}

// maxSummaries bounds the summaries of an Approval. The CRD schema has it too.
const maxSummaries = 32

// summaries count what the results that are shown say.
func summaries(show []string, results []approvals.Param) []evidence.Summary {
	var out []evidence.Summary
	for _, name := range show {
		for _, r := range results {
			if r.Name != name || len(out) == maxSummaries {
				continue
			}
			if s := report.Summarize(report.Auto, r.Name, r.Value); s.Counted() {
				out = append(out, s)
			}
		}
	}
	return out
}

// SourceVars returns the variables of expressions over a source, with one budget for all of
// them. The error is CodeInvalid.
func SourceVars(namespace string, s approvals.Source) (Vars, error) {
	v := Vars{Budget: NewBudget()}
	if err := s.Whole(); err != nil {
		return v, err
	}
	if r := s.Run; r != nil {
		v.Params, v.Results = approvals.ByName(s.Params), approvals.ByName(s.Results)
		v.Run = map[string]any{
			"name": r.Name, "uid": r.UID, "namespace": cmp.Or(r.Namespace, namespace), "pipeline": r.Pipeline,
			"inline": r.Inline, "from": r.From,
			"labels": orEmpty(s.Labels), "annotations": orEmpty(s.Annotations),
			"claims": approvals.ByName(s.Claims),
		}
	}
	if t := s.Task; t != nil {
		v.Params = approvals.ByName(s.Params)
		v.Run = map[string]any{
			"name": t.Run.Name, "uid": t.Run.UID, "namespace": namespace, "pipeline": t.Run.Pipeline, "task": t.Task,
			"labels": orEmpty(s.Labels), "annotations": orEmpty(s.Annotations), "claims": map[string]string{},
		}
	}
	if e := s.Event; e != nil {
		v.RequestURL, v.Header = e.URL, map[string][]string{}
		for _, h := range e.Headers {
			v.Header[h.Name] = append(v.Header[h.Name], h.Value)
		}
		var err error
		if v.Body, err = decodeObject([]byte(e.Body)); err != nil {
			return Vars{}, approvals.Errorf(approvals.CodeInvalid, "the event's body is not a JSON object: %v", err)
		}
	}
	return v, nil
}
