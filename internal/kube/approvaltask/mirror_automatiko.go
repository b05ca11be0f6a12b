package approvaltask

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// AutomatikoView keeps Automatiko's ApprovalTasks. page is the address of an Approval's
// page for people who can log in; nil when nobody can, so that no address leads nowhere.
func AutomatikoView(c client.Client, page func(namespace, name string) string) View {
	kind, _ := tasks.Find(tasks.Automatiko)
	return View{Client: c, Kind: kind, Say: func(cr *pipelinev1beta1.CustomRun, a approvals.Approval) Said {
		return Said{
			Labels: map[string]string{"decision": automatikoDecision(a.Outcome), "responses": fmt.Sprintf("%d_of_%d", len(a.Votes), needed(a))},
			Spec:   automatikoSpec(cr.Name, a.Source.Params), Status: automatikoStatus(a, kind, page),
		}
	}}
}

// automatikoDecision is the label. What was not decided in time is cancelled there.
func automatikoDecision(o approvals.Outcome) string {
	switch o {
	case approvals.Pending:
		return "pending"
	case approvals.Approved:
		return "approved"
	case approvals.Rejected:
		return "rejected"
	default:
		return "cancelled"
	}
}

func needed(a approvals.Approval) int {
	if a.Resolved == nil {
		return 0
	}
	return a.Resolved.Policy.Needed()
}

// automatikoSpec is the params with Automatiko's own defaults.
func automatikoSpec(name string, ps []approvals.Param) map[string]any {
	spec := map[string]any{
		"pipeline":    cmp.Or(tasks.Param(ps, "pipeline"), name),
		"description": cmp.Or(tasks.Param(ps, "description"), "empty"),
	}
	strategy := cmp.Or(strings.ToUpper(tasks.Param(ps, "strategy")), string(approvals.Single))
	if slices.Contains([]string{"SINGLE", "MULTI", "FOUR_EYES"}, strategy) { // a Gate may rule instead
		spec["strategy"] = strategy
	}
	for _, list := range []string{"approvers", "groups"} {
		if values := tasks.List(ps, list); len(values) > 0 {
			spec[list] = anyOf(values)
		}
	}
	for _, room := range []string{"notifyOnSlack", "notifyOnTeams"} {
		if value := tasks.Param(ps, room); value != "" {
			spec[room] = value
		}
	}
	return spec
}

func automatikoStatus(a approvals.Approval, kind tasks.Mapping, page func(namespace, name string) string) map[string]any {
	if !a.Decided() {
		address := ""
		if page != nil {
			address = page(a.Namespace, a.Name)
		}
		return map[string]any{
			"status": "pending", "reason": "Pending", "message": "Approval Task waits for a decision", "approvalUrl": address,
		}
	}
	e := kind.Ends[a.Outcome]
	status := "completed"
	if !e.Succeeded {
		status = "cancelled"
	}
	results := map[string]any{}
	for _, r := range a.Results {
		if slices.Contains([]string{approvals.ResultDecision, approvals.ResultComment, approvals.ResultApprovedBy, approvals.ResultRejectedBy}, r.Name) {
			results[r.Name] = r.Value
		}
	}
	return map[string]any{"status": status, "reason": e.Reason, "message": e.Text(""), "approvalUrl": "", "results": results}
}

func anyOf(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
