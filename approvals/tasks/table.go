package tasks

import (
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// The names of the kinds.
const (
	Automatiko         = "automatiko"
	ManualApprovalGate = "manual-approval-gate"
	KubeRocketCI       = "kuberocketci"
)

// Mapping is one kind of approval task.
type Mapping struct {
	Name string
	// APIVersion and Kind are what a task refers to.
	APIVersion, Kind string
	// CRD is the name under which the kind's own objects are defined.
	CRD string
	// Timeout is how long one waits when its CustomRun does not say; 0: for ever.
	Timeout time.Duration
	// Gate is the Gate that decides when the task names none and there is one of this
	// name; "": there is none.
	Gate string
	// Embedded: the task may also be written as a customSpec, whose spec has what else are
	// params.
	Embedded bool
	// Results are expressions over the decided Approval.
	Results []approvals.Expression
	// Ends is what each outcome makes of the CustomRun.
	Ends map[approvals.Outcome]End

	reads  []string // the params that say who decides, and are not shown
	policy func(params) (approvals.Policy, error)
}

// End is the condition with which a CustomRun ends.
type End struct {
	Succeeded bool
	Reason    string
	Message   string // {task} is the CustomRun's name
}

// Text is the message for one CustomRun.
func (e End) Text(customRun string) string { return strings.ReplaceAll(e.Message, "{task}", customRun) }

// Reasons that Tekton's contract asks for, by which a PipelineRun knows them.
const (
	reasonCancelled = "CustomRunCancelled"
	reasonTimedOut  = "CustomRunTimedOut"
)

// decision, comment, approvedBy and rejectedBy are what most read.
var common = []approvals.Expression{
	{Name: approvals.ResultDecision, Expression: `approval.outcome == 'Approved'`},
	{Name: approvals.ResultComment, Expression: comments},
	{Name: approvals.ResultApprovedBy, Expression: `approval.votes.filter(v, v.verdict == 'approve').map(v, v.voter).join('|')`},
	{Name: approvals.ResultRejectedBy, Expression: `approval.votes.filter(v, v.verdict == 'reject').map(v, v.voter).join('|')`},
}

const comments = `approval.votes.filter(v, v.comment != '').map(v, v.comment).join('|')`

// table is all kinds. What a user of each relies on is in docs/reference/approvaltask.md.
var table = [...]Mapping{
	{
		Name: Automatiko, APIVersion: "tekton.automatiko.io/v1beta1", Kind: "ApprovalTask", CRD: "approvaltasks.tekton.automatiko.io",
		Results: []approvals.Expression{
			common[0],
			// The second of four eyes writes over what the first said.
			{Name: approvals.ResultComment, Expression: `approval.strategy != 'FOUR_EYES' ? ` + comments +
				` : approval.votes.size() == 0 ? '' : approval.votes[approval.votes.size() - 1].comment`},
			common[2], common[3],
		},
		Ends: map[approvals.Outcome]End{
			approvals.Approved:   {true, "Succeeded", "Approval Task has been completed"},
			approvals.Rejected:   {true, "Succeeded", "Approval Task has been completed"}, // the pipeline reads decision
			approvals.Expired:    {false, reasonTimedOut, "Approval task has timed out"},
			approvals.Cancelled:  {false, reasonCancelled, "Approval task was cancelled"},
			approvals.Superseded: {false, reasonCancelled, "Approval task was cancelled: a newer one took its place"},
		},
		reads:  []string{"approvers", "groups", "strategy", "notifyOnSlack", "notifyOnTeams"},
		policy: automatiko,
	},
	{
		Name: ManualApprovalGate, APIVersion: "openshift-pipelines.org/v1alpha1", Kind: "ApprovalTask", CRD: "approvaltasks.openshift-pipelines.org",
		Timeout: time.Hour,
		Results: common,
		Ends: map[approvals.Outcome]End{
			approvals.Approved:   {true, "Succeeded", "TaskRun succeeded"},
			approvals.Rejected:   {false, "Failed", "Approval Task denied"},
			approvals.Expired:    {false, reasonTimedOut, "Approval task {task} is failed because of timeout"},
			approvals.Cancelled:  {false, reasonCancelled, "Approval task {task} was cancelled"},
			approvals.Superseded: {false, reasonCancelled, "Approval task {task} was cancelled: a newer one took its place"},
		},
		reads:  []string{"approvers", "numberOfApprovalsRequired", "timeout"},
		policy: manualApprovalGate,
	},
	{
		Name: KubeRocketCI, APIVersion: "edp.epam.com/v1alpha1", Kind: "ApprovalTask", CRD: "approvaltasks.edp.epam.com",
		Timeout: time.Hour, Gate: KubeRocketCI, Embedded: true,
		Results: []approvals.Expression{
			{Name: "approved", Expression: `approval.outcome == 'Approved'`},
			// Anyone who decided, either way: so it is there.
			{Name: approvals.ResultApprovedBy, Expression: `approval.votes.filter(v, v.verdict == (approval.outcome == 'Rejected' ? 'reject' : 'approve')).map(v, v.voter).join('|')`},
			{Name: approvals.ResultComment, Expression: comments},
		},
		Ends: map[approvals.Outcome]End{
			approvals.Approved:   {true, "Approved", "Pipeline run was approved"},
			approvals.Rejected:   {false, "Rejected", "Pipeline run was rejected"},
			approvals.Expired:    {false, reasonTimedOut, "Pipeline run was not decided in time"},
			approvals.Cancelled:  {false, reasonCancelled, "Pipeline run was canceled"},
			approvals.Superseded: {false, reasonCancelled, "Pipeline run was canceled: a newer one took its place"},
		},
		policy: kubeRocketCI,
	},
}

// All are the kinds, in a fixed order.
func All() []Mapping { return table[:] }

// Names are their names, for people.
func Names() []string {
	var out []string
	for _, m := range table {
		out = append(out, m.Name)
	}
	return out
}

// Find is the kind of a name.
func Find(name string) (Mapping, bool) {
	for _, m := range table {
		if m.Name == name {
			return m, true
		}
	}
	return Mapping{}, false
}

// Of is the kind that a task refers to. Case is nothing, as to Automatiko.
func Of(apiVersion, kind string) (Mapping, bool) {
	for _, m := range table {
		if strings.EqualFold(m.APIVersion, apiVersion) && strings.EqualFold(m.Kind, kind) {
			return m, true
		}
	}
	return Mapping{}, false
}
